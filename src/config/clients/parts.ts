import { hasStrayPlaceholder, no, ok, placeholdersIn, type Result } from '../../model/index.ts'

/**
 * A part of a text that a configuration will hold: what a client's file says, or a reference of ours. A file comes with
 * other people's projects: what it says never becomes a reference, whatever it is put together with.
 */
export type TextPart = { readonly literal: string } | { readonly secret: string }

/** Writes parts as one text; fails where that would be read as having other references than they have. */
export function composed(parts: readonly TextPart[]): Result<string, string> {
  let text = ''
  const meant: number[] = []
  for (const part of parts) {
    if ('secret' in part) meant.push(text.length)
    text += 'secret' in part ? `\${secret:${part.secret}}` : part.literal
  }
  const found = placeholdersIn(text)
  const same = found.length === meant.length && found.every(({ from }, i) => from === meant[i])
  return same && !hasStrayPlaceholder(text) ? ok(text) : no(NOT_ITS_OWN)
}

/** Takes a text of `composed` apart. */
export function partsOf(text: string): readonly TextPart[] {
  const parts: TextPart[] = []
  let at = 0
  for (const { name, from, to } of placeholdersIn(text)) {
    parts.push({ literal: text.slice(at, from) }, { secret: name })
    at = to
  }
  return [...parts, { literal: text.slice(at) }]
}

/** Tells whether an address, as it is sent, has the references of its text and nothing else that looks like one. */
export function keepsReferences(text: string): boolean {
  const { href } = new URL(text)
  const names = (found: ReturnType<typeof placeholdersIn>) => found.map(({ name }) => name).join()
  return names(placeholdersIn(text)) === names(placeholdersIn(href, 'url')) && !hasStrayPlaceholder(href, 'url')
}

export const NOT_ITS_OWN =
  'it holds what would be read as a reference to a secret of yours, which no list of servers may name'
