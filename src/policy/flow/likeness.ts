import { LOOKALIKES } from '../../model/text/lookalikes.ts'
import { normalForm } from '../../model/text/text.ts'

/** A value that is looked for in texts that were seen: folded and decoded once, however many they are. */
export interface Likeness {
  /** Characters that each place of a text is compared with: those of all forms of the value. */
  readonly characters: number
  /**
   * Describes how the value resembles a text, in words for a person; undefined where it does not. It only explains a hold:
   * nothing is ever permitted because it is like something.
   */
  readonly in: (text: string) => string | undefined
}

/** Returns what a value is found by in texts. */
export function likeness(value: string): Likeness {
  const forms: (readonly [as: string, form: string])[] = []
  if (value.length >= 3) {
    forms.push(['the same letters, written otherwise', folded(value)])
    for (const [name, decoded] of decodings(value))
      if (decoded.length >= 3) forms.push([`${name} of a part of it`, folded(decoded)])
  }
  return {
    characters: forms.reduce((sum, [, form]) => sum + form.length, value.length),
    in: (text) => {
      if (text.includes(value)) return 'a part of it'
      if (forms.length === 0) return undefined
      const plainText = folded(text)
      return forms.find(([, form]) => plainText.includes(form))?.[0]
    },
  }
}

/**
 * Returns a function that tells whether a value has the letters of something in a text, as a person reads them, and is not
 * in it.
 */
export function looksLike(value: string): (text: string) => boolean {
  const plain = value.length > LOOKED_AT_MAX ? '' : folded(value)
  return (text) => plain.length >= 3 && !text.includes(value) && folded(text).includes(plain)
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
