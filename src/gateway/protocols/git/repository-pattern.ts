import { no, ok, type Result } from '../../../model/index.ts'
import { isRepositorySegment, REPOSITORY_SEGMENTS_MAX } from './git-request.ts'
import type { RefUpdate } from './push.ts'
import { type PushKind, possibleKinds } from './push-kind.ts'
import { isRefName } from './ref-name.ts'

/** Verbs that a person may allow for a repository. `push` makes branches and moves them forward; every other verb is named by itself. */
export const REPOSITORY_VERBS = ['fetch', 'push', 'force', 'delete', 'tag', 'lfs'] as const
export type RepositoryVerb = (typeof REPOSITORY_VERBS)[number]

/**
 * A permission for repositories and refs, as a configuration names it: `shop/*: fetch`, or
 * `shop/desk refs/heads/agent/*: push, delete`.
 *
 * - RP1  A `*` is one whole segment of a repository's path, or the end of a ref's name, of which it covers all that follows.
 * - RP2  Whatever changes refs names them; a fetch that names none is of all. LFS has no refs.
 */
export interface RepositoryPattern {
  /** The pattern as it was written, its name everywhere. */
  readonly text: string
  readonly repository: readonly (string | typeof ANY)[]
  /** A ref's full name, or its beginning with a slash at the end; undefined for all refs. */
  readonly ref: string | undefined
  readonly verbs: ReadonlySet<RepositoryVerb>
}

const ANY: unique symbol = Symbol('*')

/** Reads a pattern; the error says what is wrong with it. */
export function readRepositoryPattern(text: string): Result<RepositoryPattern, string> {
  const [, path, refText, verbText] = /^([^\s:]+)(?: ([^\s:]+))?: (\S.*)$/.exec(text) ?? []
  if (path === undefined || verbText === undefined)
    return no(
      'write a repository, a ref where it matters, and what may be done, like shop/desk refs/heads/agent/*: push',
    )
  const repository = path.split('/').map((each) => (each === '*' ? ANY : each))
  const wrong = repository.find((each) => each !== ANY && !isRepositorySegment(each))
  if (path.endsWith('.git')) return no(`write ${path.slice(0, -4)} without .git, which covers both`)
  if (wrong !== undefined || repository.length > REPOSITORY_SEGMENTS_MAX)
    return no(`${path} is no repository: write names with / between them, or * for one of them`)
  const ref = refText === undefined ? ok(undefined) : readRef(refText)
  if (!ref.ok) return ref
  const verbs = new Set<RepositoryVerb>()
  for (const each of verbText.split(', ')) {
    const verb = REPOSITORY_VERBS.find((one) => one === each)
    if (verb === undefined) return no(`${JSON.stringify(each)} is none of ${REPOSITORY_VERBS.join(', ')}`)
    if (verbs.has(verb)) return no(`${verb} stands there twice`)
    verbs.add(verb)
  }
  const changes = [...verbs].find((each) => each !== 'fetch' && each !== 'lfs')
  if (changes !== undefined && ref.value === undefined)
    return no(`${changes} names its refs: write ${path} refs/heads/*: ${changes}, or fewer of them`)
  if (verbs.has('lfs') && ref.value !== undefined) return no(`lfs has no refs: write ${path}: lfs`)
  if (verbs.has('tag') && ref.value !== undefined && !ref.value.startsWith('refs/tags/'))
    return no('tag makes tags: write refs/tags/*, or a tag')
  return ok({ text, repository, ref: ref.value, verbs })
}

function readRef(text: string): Result<string, string> {
  const isOpen = text.endsWith('/*')
  // Below `refs/` itself are the ends of other people's requests, notes, and replacements.
  const begins = isOpen && isRefName(`${text.slice(0, -1)}x`)
  if (begins || isRefName(text)) return ok(isOpen ? text.slice(0, -1) : text)
  return no(`${text} is no ref's full name: write refs/heads/main, or refs/heads/agent/*`)
}

/** Tells whether a pattern covers a repository, by its path without `.git`. */
export function coversRepository(pattern: RepositoryPattern, repository: string): boolean {
  const segments = repository.split('/')
  return (
    segments.length === pattern.repository.length &&
    pattern.repository.every((each, i) => each === ANY || each === segments[i])
  )
}

/** Tells whether a pattern covers a ref. */
export function coversRef({ ref }: RepositoryPattern, name: string): boolean {
  if (ref === undefined) return true
  return ref.endsWith('/') ? name.startsWith(ref) && name.length > ref.length : name === ref
}

/** The verb that each kind of change needs. */
const VERBS: Readonly<Record<PushKind, RepositoryVerb>> = {
  create: 'push',
  'fast-forward': 'push',
  force: 'force',
  delete: 'delete',
  tag: 'tag',
}

/** Returns the first pattern that lets a change be made; undefined where none does. */
export function patternFor(
  patterns: readonly RepositoryPattern[],
  repository: string,
  { ref, kind }: { readonly ref: string; readonly kind: PushKind },
): RepositoryPattern | undefined {
  return patterns.find(
    (each) => each.verbs.has(VERBS[kind]) && coversRepository(each, repository) && coversRef(each, ref),
  )
}

/** Tells whether a pattern lets refs be changed. */
export function changesRefs({ ref, verbs }: RepositoryPattern): boolean {
  return ref !== undefined && [...verbs].some((verb) => verb !== 'fetch')
}

/** Tells whether a pattern may let an update be made, of whatever kind it turns out to be. */
export function mayUpdate(patterns: readonly RepositoryPattern[], repository: string, update: RefUpdate): boolean {
  const { ref } = update
  return possibleKinds(update).some((kind) => patternFor(patterns, repository, { ref, kind }) !== undefined)
}

/** The refs of a repository that an asker may see. */
export interface FetchedRefs {
  readonly shows: (ref: string) => boolean
  readonly showsAll: boolean
  /** The patterns that say so, as one text. */
  readonly by: string
}

/** Returns the refs of a repository that patterns let be fetched; undefined where they let none. */
export function fetchedRefs(patterns: readonly RepositoryPattern[], repository: string): FetchedRefs | undefined {
  const own = patterns.filter((each) => each.verbs.has('fetch') && coversRepository(each, repository))
  if (own.length === 0) return undefined
  return {
    shows: (ref) => own.some((each) => coversRef(each, ref)),
    showsAll: own.some((each) => each.ref === undefined),
    by: own.map(({ text }) => text).join('\n'),
  }
}
