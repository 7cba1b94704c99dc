/**
 * Names of files as text. To the kernel a name is bytes, which need not be UTF-8 (an old archive has Latin-1): a byte that
 * is none stands as a lone surrogate, U+DC80 to U+DCFF, as in Python's PEP 383. So every name is a text of its own, and a
 * name that is UTF-8 is that text.
 */

/** Returns the text of a name or path that was read as `latin1`, which keeps every byte. */
export function nameText(latin1: string): string {
  return /[\x80-\xff]/.test(latin1) ? latin1.replaceAll(NO_ASCII, textOf) : latin1
}

/** Returns what the system takes for a name or path of such text. */
export function nameBytes(text: string): string | Buffer {
  return text.isWellFormed() ? text : bytesOf(text)
}

/** Returns the bytes of such text, of one name or of many. */
export function bytesOf(text: string): Buffer {
  if (text.isWellFormed()) return Buffer.from(text)
  const latin1 = text.replaceAll(/[^\0-\x7f]/gu, (character) =>
    isByte(character) ? String.fromCharCode(character.charCodeAt(0) & 0xff) : Buffer.from(character).toString('latin1'),
  )
  return Buffer.from(latin1, 'latin1')
}

/** Returns such text for a person: a byte that is no UTF-8 stands as `\xe9`. */
export function shownName(text: string): string {
  return text.replaceAll(/[\udc80-\udcff]/gu, (byte) => `\\x${(byte.charCodeAt(0) & 0xff).toString(16)}`)
}

/** Sequences of UTF-8 that are well-formed, and every byte that is in none. Unicode, table 3-7 */
const NO_ASCII =
  /[\xc2-\xdf][\x80-\xbf]|\xe0[\xa0-\xbf][\x80-\xbf]|[\xe1-\xec\xee\xef][\x80-\xbf]{2}|\xed[\x80-\x9f][\x80-\xbf]|\xf0[\x90-\xbf][\x80-\xbf]{2}|[\xf1-\xf3][\x80-\xbf]{3}|\xf4[\x80-\x8f][\x80-\xbf]{2}|[\x80-\xff]/g

function textOf(latin1: string): string {
  if (latin1.length > 1) return Buffer.from(latin1, 'latin1').toString()
  return String.fromCharCode(0xdc00 + latin1.charCodeAt(0))
}

function isByte(character: string): boolean {
  return /^[\udc80-\udcff]$/u.test(character)
}
