import { Buffer } from 'node:buffer'
import { NAME_PATTERN } from '../ids.ts'
import { normalForm } from './text.ts'

/** `${secret:name}` in a text, by its UTF-16 offsets: `text.slice(from, to)`. */
export interface Placeholder {
  readonly name: string
  readonly from: number
  readonly to: number
}

/** The kind of text that carries a placeholder: any text, or the `href` of a URL, whose path has its braces as `%7B` and `%7D`. */
export type Carrier = 'text' | 'url'

/**
 * Returns the placeholders of a text, in order. Nothing else in the code base finds one, so that what is judged, counted
 * and filled in are the same.
 */
export function placeholdersIn(text: string, carrier: Carrier = 'text'): readonly Placeholder[] {
  return [...text.matchAll(SPELLED[carrier])].flatMap(({ 0: whole, 1: plain, 2: encoded, index }) => {
    const name = plain ?? encoded ?? ''
    return NAME_PATTERN.test(name) ? [{ name, from: index, to: index + whole.length }] : []
  })
}

const SPELLED: Readonly<Record<Carrier, RegExp>> = {
  text: /\$\{secret:([a-z0-9-]+)\}/g,
  // WHATWG URL, path percent-encode set: a query keeps its braces.
  url: /\$\{secret:([a-z0-9-]+)\}|\$%7Bsecret:([a-z0-9-]+)%7D/g,
}

/**
 * Tells whether a text has what a reader would take for a placeholder and `placeholdersIn` does not: in another case, in
 * percents, with spaces, without a name, around another one. A shell's `${secret:-otherwise}` is none.
 */
export function hasStrayPlaceholder(text: string, carrier: Carrier = 'text'): boolean {
  return LOOKS_LIKE_ONE.test(normalForm(withoutPercents(replaced(text, carrier, () => '')), 'NFKC'))
}

const LOOKS_LIKE_ONE = /\$\s*\{\s*secret\s*:(?![-=+?])/i

/** Returns a text with its placeholders filled in; a value that is filled in is not looked at again. */
export function replaced(text: string, carrier: Carrier, value: (name: string) => string): string {
  let filled = ''
  let at = 0
  for (const { name, from, to } of placeholdersIn(text, carrier)) {
    const filledIn = value(name)
    filled += text.slice(at, from) + (carrier === 'url' ? encodeURIComponent(filledIn) : filledIn)
    at = to
  }
  return filled + text.slice(at)
}

/** Returns a text without its percents, and without those that they say, as often as anybody would decode it. */
function withoutPercents(text: string): string {
  let plain = text
  for (let i = 0; i < DECODED_MAX && plain.includes('%'); i++)
    plain = plain.replaceAll(/(?:%[0-9a-f]{2})+/gi, (run) =>
      Buffer.from(run.replaceAll('%', ''), 'hex').toString('utf8'),
    )
  return plain
}

const DECODED_MAX = 8
