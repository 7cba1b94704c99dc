import type { ReleaseVerdict } from '../rules/package-policy.ts'

/** A list of a package as its cell sees it: what is refused stays in it, and says so. */
export interface MarkedList {
  /** The document that is shown; the bytes of everything that is not refused are those that came. */
  readonly bytes: Uint8Array
  /** Everything that stands in the list and can be asked for. */
  readonly releases: readonly DecidedRelease[]
  /** The newest version that is offered to whoever names none, where that is not the one that came. */
  readonly latest?: { readonly was: string; readonly is: string }
}

/** A version, or of PyPI a file, that stands in a list. */
export interface DecidedRelease {
  readonly version: string
  /** The place of its file, as the list says: a URL, or a path beside the list. */
  readonly url: string
  /** Digests that the list tells of its file. */
  readonly integrity: readonly string[]
  readonly verdict: ReleaseVerdict
  /** The sentence with which it is refused, in the list and as the reason phrase of its file; undefined of an allowed one. */
  readonly refusal: string | undefined
}

/** Returns the release whose file is asked for by a path; undefined where the list has none, and where two have that path. */
export function releaseAt<Release extends Pick<DecidedRelease, 'url'>>(
  releases: readonly Release[],
  target: string,
): Release | undefined {
  const found = releases.filter(({ url }) => pathOf(url) === target)
  return found.length === 1 ? found[0] : undefined
}

function pathOf(url: string): string | undefined {
  const path = /^https?:\/\/[^/?#\\]+(\/[^?#\\]*)(?:#.*)?$/.exec(url)?.[1]
  return path?.replaceAll('%2b', '%2B').replaceAll('+', '%2B').replaceAll('%40', '@').replace(/%2f/i, '/')
}

/** Characters of a sentence in a status line or a list. */
const SENTENCE_CHARACTERS_MAX = 500

/**
 * Returns the sentence with which a version or a file is refused, in its list and in the status line of its file (npm and pip
 * show that; RFC 9112, 4: visible ASCII and spaces, whatever its parts were).
 */
export function refusalOf(what: string, why: string): string {
  const text = `refused by Firebreak: ${what.slice(0, 200)}: ${why}`.replaceAll(/[^\x20-\x7e]/g, '?')
  return text.length > SENTENCE_CHARACTERS_MAX ? `${text.slice(0, SENTENCE_CHARACTERS_MAX - 3)}...` : text
}

/** Returns the epoch ms of a time as registries write it (RFC 3339); undefined of any other text. */
export function timeIn(text: string | undefined): number | undefined {
  if (text === undefined) return undefined
  if (!/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:Z|[+-]\d\d:\d\d)$/.test(text)) return undefined
  const ms = Date.parse(text)
  return Number.isNaN(ms) ? undefined : ms
}
