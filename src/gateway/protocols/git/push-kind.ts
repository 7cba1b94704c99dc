import { type DescentOptions, descent, LOOK_COMMITS_MAX, type Parents } from './pack/pack-walk.ts'
import type { RefUpdate } from './push.ts'
import { isNoObject } from './ref-name.ts'

/**
 * The kinds of change that a push makes to one ref: `create` and `fast-forward` lose nothing, `force` may lose commits,
 * `delete` takes a ref away, `tag` makes a tag. A tag that was there and is moved is a `force`.
 */
export const PUSH_KINDS = ['create', 'fast-forward', 'force', 'delete', 'tag'] as const
export type PushKind = (typeof PUSH_KINDS)[number]

/** One change of a push, as it is decided and recorded. */
export interface RefChange extends RefUpdate {
  readonly kind: PushKind
}

/** Returns the kinds that an update may turn out to be, by its names alone; most are known by these. */
export function possibleKinds({ ref, from, to }: RefUpdate): readonly [PushKind, ...PushKind[]] {
  if (isNoObject(to)) return ['delete']
  const isTag = ref.startsWith('refs/tags/')
  if (isNoObject(from)) return [isTag ? 'tag' : 'create']
  return isTag ? ['force'] : ['fast-forward', 'force']
}

/** Commits that are known, and those of them at which a shallow clone says that its history ends. */
export interface KnownCommits {
  readonly parents: Parents
  readonly shallow: ReadonlySet<string>
}

/** A question that only the upstream can answer: whether it holds `older` among the ancestors of one of these commits. */
export interface HistoryQuestion {
  readonly older: string
  /** Commits that the pack goes on from and does not have. */
  readonly newer: readonly string[]
}

/** The kind of one change; or, while a fast-forward is neither proven nor given up, what has to be asked. */
export type JudgedUpdate =
  | { readonly kind: 'known'; readonly change: RefChange }
  | { readonly kind: 'ask'; readonly update: RefUpdate; readonly question: HistoryQuestion }

/** Commits that one question names. */
export const QUESTION_COMMITS_MAX = 32

/**
 * Judges one update by the commits that are known. The name that a push says that a ref has now is compared by the server
 * when it changes it, so that a fast-forward from that name is one of the ref, or fails.
 */
export function judgeUpdate(
  update: RefUpdate,
  { parents, shallow }: KnownCommits,
  look: DescentOptions['look'] = { left: LOOK_COMMITS_MAX },
): JudgedUpdate {
  const { from, to } = update
  const known = (kind: PushKind) => ({ kind: 'known', change: { ...update, kind } }) as const
  const [kind, ...others] = possibleKinds(update)
  if (others.length === 0) return known(kind)
  // A server may take a commit that the push calls shallow for one without parents: nothing is proven through it.
  const { isProven, unknown } = descent(parents, to, from, { ends: shallow, look })
  if (isProven) return known('fast-forward')
  if (unknown.length === 0 || unknown.length > QUESTION_COMMITS_MAX) return known('force')
  return { kind: 'ask', update, question: { older: from, newer: unknown } }
}

/** Returns the kind of every change, where nothing more will be known: what is not proven may lose commits. */
export function changesOf(updates: readonly RefUpdate[], commits: KnownCommits): readonly RefChange[] {
  const look = { left: LOOK_COMMITS_MAX }
  return updates.map((update) => {
    const judged = judgeUpdate(update, commits, look)
    return judged.kind === 'known' ? judged.change : { ...update, kind: 'force' }
  })
}

/** Tells whether nothing that is still to come of a pack changes the kind of any update. */
export function isJudged(updates: readonly RefUpdate[], commits: KnownCommits): boolean {
  const look = { left: LOOK_COMMITS_MAX }
  return updates.every((update) => {
    const judged = judgeUpdate(update, commits, look)
    // A force of a branch may turn out to be none; one of a tag does not.
    return judged.kind === 'known' && (judged.change.kind !== 'force' || update.ref.startsWith('refs/tags/'))
  })
}
