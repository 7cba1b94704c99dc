import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { ADVERSARIAL, assertLinear } from '../../../test/kit/linear.ts'
import { bareAddress, knownHosts, placesOf } from '../host/this-host.ts'
import { normalForm, parseJson, visibleJson, visibleText, withoutEnd } from '../index.ts'

/** One character of each kind that shows nothing, or looks like a space, whatever Unicode files it under. */
const HIDDEN = [
  ...['\u3164', '\u115f', '\u1160', '\uffa0', '\u17b4', '\u2800', '\u{1d159}', '\u{13441}', '\u{16fe4}', '\ufffc'],
  ...['\ufe00', '\ufe0f', '\u{e0100}', '\u{e01ef}', '\u180b', '\u034f', '\u{e0001}', '\u{e0041}', '\u{e007f}'],
  ...['\u00a0', '\u1680', '\u2003', '\u2009', '\u202f', '\u205f', '\u3000', '\u2028', '\u2029', '\u0085', '\t'],
  ...['\u00ad', '\u061c', '\u180e', '\u200b', '\u200d', '\u202e', '\u2060', '\u2064', '\u2066', '\ufeff', '\u{1bca0}'],
  ...['\ue000', '\u0378', '\u{10fffd}', '\ud800'],
]

const code = (character: string) => (character.codePointAt(0) ?? 0).toString(16)

describe('text of others, as a person is shown it', () => {
  it('has an escape for every character that does not show', () => {
    for (const character of HIDDEN) {
      assert.equal(visibleText(`pay${character}`), `pay\\u{${code(character)}}`, code(character))
      const json = visibleJson({ [`pay${character}`]: 1 })
      assert.match(json, /^[\x20-\x7e]+$/, code(character))
    }
  })

  it('holds nothing that Unicode calls ignorable, a control, or a space other than the plain one', () => {
    for (let point = 0; point <= 0x10ffff; point++) {
      const character = String.fromCodePoint(point)
      if (!/[\p{Default_Ignorable_Code_Point}\p{White_Space}\p{Cc}\p{Cf}]/u.test(character) || character === ' ')
        continue
      if (visibleText(`a${character}b`).includes(character)) assert.fail(code(character))
    }
  })

  it('shows a mark that stands on nothing of its own text, or on too much', () => {
    assert.equal(visibleText('\u0338pay'), '\\u{338}pay')
    assert.equal(visibleText('pay: \u0338'), 'pay: \\u{338}')
    assert.equal(visibleText(`a${'\u0338'.repeat(6)}`), `a${'\u0338'.repeat(4)}\\u{338}\\u{338}`)
  })

  it('leaves what people write in any language as it is', () => {
    for (const text of ['naïve — “漢字” 😀', 'e\u0301te\u0301', 'हिन्दी', 'العربية', 'ภาษาไทย', '1\u20e3', 'a  b'])
      assert.equal(visibleText(text), text)
  })

  it('is the same value as JSON', () => {
    const texts = fc.array(fc.constantFrom(...HIDDEN, 'a', '"', '\\', '\n', ' ')).map((parts) => parts.join(''))
    fc.assert(
      fc.property(fc.dictionary(texts, fc.array(texts)), fc.constantFrom(0, 2), (value, indent) => {
        assert.deepEqual(parseJson(visibleJson(value, indent)), parseJson(JSON.stringify(value)))
      }),
      { numRuns: 50 },
    )
  })
})

describe('S17: what others wrote is read in a time that grows as its length does', () => {
  const readers: Readonly<Record<string, (text: string) => unknown>> = {
    'as it is shown': (text) => [visibleText(text), visibleJson(text)],
    'in its normal forms': (text) => [normalForm(text, 'NFKC'), normalForm(text, 'NFKD')],
    'as the name of a host': (text) => [bareAddress(text), ...placesOf(text, 80, knownHosts())],
  }
  for (const [what, read] of Object.entries(readers)) {
    it(`S17: ${what}`, () => {
      for (const [name, text] of Object.entries(ADVERSARIAL)) assertLinear(`${what}: ${name}`, text, read)
    })
  }

  it('S17: a normal form is the platform’s, and a row of too many marks is cut by one that shows nothing', () => {
    for (const text of ['', 'ﬁ ｘ é', `e${'\u0301'.repeat(29)}`, 'か\uff9e']) {
      assert.equal(normalForm(text, 'NFKC'), text.normalize('NFKC'))
      assert.equal(normalForm(text, 'NFKD'), text.normalize('NFKD'))
    }
    assert.equal(normalForm('\ufdfa'.repeat(256), 'NFKC').length, 256 * 18)
    assert.equal(
      normalForm('\ufdfa\ufdfb'.repeat(129), 'NFKD'),
      '\ufdd0'.repeat(258),
      'no text takes eighteen times its own',
    )
    const [cut = ''] = normalForm(`e${'\u0301'.repeat(61)}`, 'NFKC').match(/\u034f/g) ?? []
    assert.equal(cut, '\u034f')
    assert.equal(withoutEnd('a.b.,..', '.,'), 'a.b')
    assert.equal(withoutEnd('...', '.'), '')
  })
})
