import fc from 'fast-check'

/**
 * Makes code points for `fc.string({ unit })`, every one but half of a pair. fast-check's own `binary` and `grapheme`
 * build a table of all that there is, which takes two seconds of each process that asks for them.
 */
export const CODE_POINT: fc.Arbitrary<string> = fc.oneof(
  { weight: 1, arbitrary: fc.integer({ min: 0, max: 0x7f }).map((code) => String.fromCodePoint(code)) },
  {
    weight: 2,
    arbitrary: fc
      .integer({ min: 0, max: 0x10ffff - 0x800 })
      .map((code) => String.fromCodePoint(code < 0xd800 ? code : code + 0x800)),
  },
)

/** Makes what a person takes for one letter: of ASCII, of other scripts, of several code points. */
export const GRAPHEME: fc.Arbitrary<string> = fc.oneof(
  fc.integer({ min: 0x20, max: 0x7e }).map((code) => String.fromCodePoint(code)),
  fc.integer({ min: 0xa1, max: 0x2ff }).map((code) => String.fromCodePoint(code)),
  fc.integer({ min: 0x4e00, max: 0x9fff }).map((code) => String.fromCodePoint(code)),
  fc.integer({ min: 0x1f300, max: 0x1f5ff }).map((code) => String.fromCodePoint(code)),
  fc
    .tuple(fc.constantFrom('e', 'n', 'Å', 'क', 'ひ', 'я'), fc.constantFrom('\u0301', '\u0308', '\u093f', '\u3099'))
    .map(([letter, mark]) => letter + mark),
  fc.constantFrom('👩‍🚀', '🇩🇪', '👨‍👩‍👧', '각', '✊🏽', 'ﷺ', '뮤', 'ǆ'),
)
