/**
 * Cuts texts that people are shown. What a cut leaves of a secret is not found any more: so each text is searched before it
 * is cut, as far as what is left may hold a beginning, wherever that happens, for every secret that this process knows.
 */
import { cutText } from '../../model/index.ts'
import { coveredText } from './cover.ts'
import type { Secrets } from './secrets.ts'

type Search = Pick<Secrets, 'leakIn' | 'partIn'>

/** Secrets of this process: of its one environment, or of the one inspection that it is for. */
const searches = new Set<Search>()

/** Has every text that is cut from now on searched for these secrets; returns how that ends. */
export function searchBeforeCuts(secrets: Search): () => void {
  searches.add(secrets)
  return () => void searches.delete(secrets)
}

/** Characters behind a cut that are searched: of a secret that begins before it, in encodings within each other, too. */
const BEHIND_CHARACTERS = 65_536

/**
 * Returns at most so many characters of a text that is searched by whoever shows it; one that has more, and holds a secret
 * in those or begins one, is replaced by the secret's name.
 */
export function cutShown(text: string, characters: number): string {
  if (text.length <= characters) return cutText(text, characters)
  let clean = text.slice(0, characters + BEHIND_CHARACTERS)
  for (const secrets of searches) clean = coveredText(clean, secrets)
  return cutText(clean, characters)
}

/** Cuts a text as `cutShown` does; a text that was cut says so, and how long it was. */
export function cutMarked(text: string, characters: number): string {
  const cut = cutShown(text, characters)
  return text.length <= characters ? cut : `${cut}… (of ${text.length} characters)`
}
