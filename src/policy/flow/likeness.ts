import { LOOKALIKES } from '../../model/text/lookalikes.ts'
import { normalForm } from '../../model/text/text.ts'

/**
 * Describes how a value resembles a text that was seen, in words for a person; undefined where it does not. It only
 * explains a hold: nothing is ever permitted because it is like something.
 */
export function likeness(value: string, text: string): string | undefined {
  if (text.includes(value)) return 'a part of it'
  if (value.length < 3) return undefined
  const [plainValue, plainText] = [folded(value), folded(text)]
  if (plainText.includes(plainValue)) return 'the same letters, written otherwise'
  for (const [name, decoded] of decodings(value)) {
    if (decoded.length >= 3 && plainText.includes(folded(decoded))) return `${name} of a part of it`
  }
  return undefined
}

/** Tells whether a value has the letters of something in a text, as a person reads them, and is not in it. */
export function looksLike(value: string, text: string): boolean {
  if (value.length > LOOKED_AT_MAX || text.includes(value)) return false
  const plain = folded(value)
  return plain.length >= 3 && folded(text).includes(plain)
}

/** Characters of a value that a person would take for another. */
const LOOKED_AT_MAX = 2_048

/** Folds case, width, accents, marks that cannot be seen, spaces, and letters of other scripts that look the same. */
function folded(text: string): string {
  // A hundred times faster, and the same: nothing of it but case, spaces and punctuation occurs in ASCII.
  if (!/[^\0-\x7f]/.test(text)) return text.toLowerCase().replaceAll(/[\s._-]+/g, '')
  return [...normalForm(text, 'NFKD').toLowerCase()]
    .filter((character) => !/[\p{M}\p{Cf}\s._-]/u.test(character))
    .map((character) => LOOKALIKES.get(character) ?? character)
    .join('')
}

function decodings(value: string): readonly (readonly [string, string])[] {
  return [
    ['base64', Buffer.from(value, 'base64').toString('latin1')],
    ['hexadecimal', /^(?:[0-9a-f]{2})+$/i.test(value) ? Buffer.from(value, 'hex').toString('latin1') : ''],
    ['the reverse', [...value].reverse().join('')],
    ['rot13', value.replaceAll(/[a-z]/gi, rotated)],
    ['percent-encoding', percentDecoded(value)],
  ]
}

function rotated(letter: string): string {
  const code = letter.charCodeAt(0)
  const first = code < 97 ? 65 : 97
  return String.fromCharCode(((code - first + 13) % 26) + first)
}

function percentDecoded(value: string): string {
  try {
    return value.includes('%') ? decodeURIComponent(value) : ''
  } catch {
    return ''
  }
}
