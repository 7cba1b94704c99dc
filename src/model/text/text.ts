/** Cuts a text to at most this many characters, never half of one: what is cut stays well-formed. */
export function cutText(text: string, characters: number): string {
  if (text.length <= characters) return text.toWellFormed()
  const splitsPair = (text.charCodeAt(characters - 1) & 0xfc00) === 0xd800
  return text.slice(0, splitsPair ? characters - 1 : characters).toWellFormed()
}

/**
 * Characters that would move a terminal's cursor, end our line, hide text, turn its direction or look like a plain
 * space. Unicode's own properties name them: controls, formats, unassigned and private characters (C), separators other
 * than the space (Z), and what renderers leave out (Default_Ignorable_Code_Point: fillers, joiners, variation
 * selectors, tags). Blanks and placeholders that Unicode counts as symbols or letters stand there by name; a combining
 * mark is not seen for itself where it has no letter, number or symbol of its own to stand on, or stands on four
 * others.
 */
const UNSEEN =
  /(?! )[\p{C}\p{Z}\p{Default_Ignorable_Code_Point}\u2800\ufffc\u{13441}\u{13442}\u{16fe4}\u{1d159}]|(?<![\p{L}\p{N}\p{M}\p{So}])\p{M}|(?<=\p{M}{4})\p{M}/gu

/** Returns `text` with each character of it that cannot be seen, or moves what can, written by `as`. */
export function withUnseen(text: string, as: (character: string) => string): string {
  return text.replaceAll(UNSEEN, as)
}

/**
 * Returns somebody else's text with every character visible: one that does not show, or that moves others, stands as
 * its escape.
 */
export function visibleText(text: string): string {
  return withUnseen(text, (character) => `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`)
}

/**
 * Returns visible text for what a person decides about: of spaces, and of escapes, that repeat, their number stands there, so that
 * nothing is pushed out of sight.
 */
export function plain(text: string, spacesMax = 2): string {
  return visibleText(text)
    .replaceAll(/ {2,}/g, (spaces) => (spaces.length > spacesMax ? `[${spaces.length} spaces]` : spaces))
    .replaceAll(/(\\u\{[0-9a-f]+\}|\\[nrt])\1{3,}/g, (run, one: string) => `${one}[${run.length / one.length} times]`)
}

/** Returns a name that others chose: one that could be taken for more than a name stands in quotes. */
export function named(name: string): string {
  return /^[\p{L}\p{N}_.$/@][\p{L}\p{N}\p{M}_.$/@+=~:-]*(?<!:)$/u.test(name) && visibleText(name) === name
    ? name
    : plain(JSON.stringify(name))
}

/** Returns a value as visible JSON, which escapes less by itself. */
export function visibleJson(value: unknown, indent = 0): string {
  return withUnseen(JSON.stringify(value, null, indent), (character) =>
    character === '\n' ? '\n' : escaped(character),
  )
}

function escaped(character: string): string {
  return [...Array(character.length).keys()]
    .map((i) => `\\u${character.charCodeAt(i).toString(16).padStart(4, '0')}`)
    .join('')
}

/** Returns a text without those of its last characters that are among `characters`: in one pass, however many there are. */
export function withoutEnd(text: string, characters: string): string {
  let end = text.length
  while (end > 0 && characters.includes(text.charAt(end - 1))) end--
  return text.slice(0, end)
}

/** More marks than stand on any letter: U+FF9E and U+FF9F become marks. */
const MANY_MARKS = /[\p{M}\uff9e\uff9f]{30}/gu
/** Characters of which no text has as many marks in a row, nor as many long letters, when it is shorter. */
const MARKS_MAX = 30

/** Two letters that become eighteen and eight: others become seven at most. */
const LONG_LETTERS = /[\ufdfa\ufdfb]/g
const LONG_LETTERS_MAX = 256

/**
 * Returns `text` in a normal form, with U+034F after each thirtieth mark in a row, as Unicode's stream-safe format has it:
 * without it the platform's sorting of marks takes the square of their number. Of U+FDFA and U+FDFB more than 256 become
 * U+FDD0, which is none: no name is as long, and a text of them alone would take eighteen times its own time.
 */
export function normalForm(text: string, form: 'NFKC' | 'NFKD'): string {
  if (text.length < MARKS_MAX) return text.normalize(form)
  const long = text.match(LONG_LETTERS)?.length ?? 0
  const bounded = long > LONG_LETTERS_MAX ? text.replaceAll(LONG_LETTERS, '\ufdd0') : text
  return bounded.replaceAll(MANY_MARKS, '$&\u034f').normalize(form)
}

/** Returns a text without case and forms of Unicode: letters of which only one case has a pair of its own are equal, too. */
export function caseless(text: string): string {
  if (/^[\0-\x7f]*$/.test(text)) return text.toLowerCase()
  return normalForm(normalForm(text, 'NFKC').toUpperCase().toLowerCase(), 'NFKC')
}
