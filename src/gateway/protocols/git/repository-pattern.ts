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
  if (/\.git$/i.test(path)) return no(`write ${path.slice(0, -4)} without .git, which covers both`)
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

/**
 * Returns how a repository is written where the texts of a pattern have it in other letters: most servers take both for one.
 * Undefined where none has, or where one that says as much of it has its own letters.
 */
export function writtenAs(patterns: readonly RepositoryPattern[], repository: string): string | undefined {
  const segments = repository.split('/')
  const exact = patterns.filter((each) => coversRepository(each, repository))
  const others = patterns.flatMap(({ repository: parts }) => {
    const text = parts.map((part, i) => (part === ANY ? segments[i] : part)).join('/')
    if (text === repository || text.toLowerCase() !== repository.toLowerCase()) return []
    if (exact.some((each) => parts.every((part, i) => part === ANY || each.repository[i] !== ANY))) return []
    return [{ text, names: parts.filter((part) => part !== ANY).length }]
  })
  return others.toSorted((a, b) => b.names - a.names)[0]?.text
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

/** Returns the patterns that let a change be made: each of them does by itself. */
export function patternsFor<Pattern extends RepositoryPattern>(
  patterns: readonly Pattern[],
  repository: string,
  { ref, kind }: { readonly ref: string; readonly kind: PushKind },
): readonly Pattern[] {
  return patterns.filter(
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
  return possibleKinds(update).some((kind) => patternsFor(patterns, repository, { ref, kind }).length > 0)
}

/**
 * Tells whether a pattern may cover a ref whose name begins so. What stands behind HEAD is a branch, whichever: it is shown
 * where its branch is.
 */
export function mayCover(pattern: RepositoryPattern, beginning: string): boolean {
  const { ref } = pattern
  if (ref === undefined || ref.startsWith(beginning) || (ref.endsWith('/') && beginning.startsWith(ref))) return true
  return 'HEAD'.startsWith(beginning) && mayCover(pattern, 'refs/heads/')
}

/** The refs that patterns show together. */
export interface FetchedRefs {
  readonly shows: (ref: string) => boolean
  /** True where one of them shows every ref: objects that no ref leads to may be fetched by it, too. */
  readonly showsAll: boolean
  /** Returns the patterns that show a ref, of those that name refs, as one text; empty where none does. */
  readonly by: (ref: string) => string
}

/** Returns the refs that patterns with `fetch` show together. */
export function fetchedRefs(patterns: readonly RepositoryPattern[]): FetchedRefs {
  const naming = patterns.filter(({ ref }) => ref !== undefined)
  // A list has many refs, and few texts.
  const texts = new Map<string, string>()
  const shared = (text: string) => {
    const known = texts.get(text) ?? text
    texts.set(text, known)
    return known
  }
  return {
    shows: (ref) => patterns.some((each) => coversRef(each, ref)),
    showsAll: naming.length < patterns.length,
    by: (ref) => shared(textOf(naming.filter((each) => coversRef(each, ref)))),
  }
}

/** Returns patterns as one text, by which they are remembered. */
function textOf(patterns: readonly RepositoryPattern[]): string {
  return patterns.map(({ text }) => text).join('\n')
}

/** Returns two texts of patterns as one that has each once. */
export function unitedText(one: string, other: string): string {
  return one === other ? one : [...new Set([...one.split('\n'), ...other.split('\n')])].join('\n')
}

/** Tells whether a text of patterns has one. */
export function isIn(text: string, pattern: RepositoryPattern): boolean {
  return text.split('\n').includes(pattern.text)
}
