import { setImmediate as nextTurn } from 'node:timers/promises'
import { ok, type Result } from '../../../model/index.ts'
import { askedHistory } from './ask-history.ts'
import { BodyPieces, type NoPiece } from './body-pieces.ts'
import { answerProbe } from './git-refusal.ts'
import { bestOf, decidedBy, patternsOf } from './granted-patterns.ts'
import type { NamedPattern } from './line.ts'
import { PackWalk } from './pack/pack-walk.ts'
import { type GitPush, PushReader, unlistedMeanings, writePush } from './push.ts'
import { changesOf, isJudged, type KnownCommits, type RefChange } from './push-kind.ts'
import { changesRefs, mayUpdate, patternsFor } from './repository-pattern.ts'
import { answerGit, type GitGround, type RequestOf, refuseAsked, refusePushed, sendGit } from './sending.ts'

/** Capabilities that mean more than a push's refs say, and that may be used. */
export const ATOMIC: ReadonlySet<string> = new Set(['atomic'])

/** Serves a push: its head and as much of its pack as proves what it does are read before any of it leaves. */
export async function servePush(ground: GitGround, asked: RequestOf<'push'>): Promise<void> {
  const body = new BodyPieces(ground.request.body)
  try {
    await serveBody(ground, asked, body)
  } finally {
    void body.leave()
  }
}

async function serveBody(ground: GitGround, asked: RequestOf<'push'>, body: BodyPieces): Promise<void> {
  const { reply, room } = ground
  const { repository } = asked
  const head = await readHead(body)
  if (!head.ok) return refuseAsked(ground, asked, head.reason)
  // Whoever has broken it off is told nothing, and nothing was asked yet.
  if (head.value === 'broken' || reply.gone.aborted) return
  const patterns = patternsOf(ground, repository)
  if (head.value === 'probe') {
    // Git asks so whether it may send more; nothing is said yet, and nobody outside is asked.
    return patterns.some(changesRefs)
      ? answerGit(ground, answerProbe(), undefined)
      : refuseAsked(ground, asked, `${repository} is none of the repositories that it may push to`)
  }
  const { push, rest } = head.value
  // Where the ref alone says no, its pack is read by nobody.
  const never = push.updates.filter((update) => !mayUpdate(patterns, repository, update))
  if (never.length > 0) {
    const reasons = never.map(
      ({ ref }) => [ref, `it changes ${ref} of ${repository}, which it is not granted`] as const,
    )
    return refuseFor(ground, asked, push, reasons)
  }
  const walk = new PackWalk(push.format, room)
  const late: Uint8Array[] = []
  try {
    if (rest.length > 0 && !walk.push(rest)) late.push(rest)
    const came = await walked(walk, push, body, late)
    if (came === 'it broke off' || reply.gone.aborted) return
    if (came === 'it stood still') return await refusePushed(ground, asked, push, { problem: came })
    await decidePush(ground, asked, { push, patterns, walk, late, rest: came === 'ended' ? undefined : body })
  } finally {
    walk.leave()
  }
}

/** Reads what stands before the pack of a push; the error says what is wrong with it. */
async function readHead(
  body: BodyPieces,
): Promise<Result<{ readonly push: GitPush; readonly rest: Uint8Array } | 'probe' | 'broken', string>> {
  const reader = new PushReader()
  for (;;) {
    const next = await body.next()
    if (!next.ok) return next.reason === 'it broke off' ? ok('broken') : next
    if (next.value === undefined) return reader.end()
    const read = reader.push(next.value)
    if (!read.ok) return read
    if (read.value !== undefined) return ok({ push: read.value, rest: reader.rest() })
  }
}

/** Reads of a pack what proves each change; tells whether the pack has ended or goes on, or why nothing more of it came. */
async function walked(
  walk: PackWalk,
  push: GitPush,
  body: BodyPieces,
  late: Uint8Array[],
): Promise<'ended' | 'goes on' | NoPiece> {
  const commits = commitsOf(walk, push)
  let lookAt = 0
  for (;;) {
    while (walk.step()) await nextTurn()
    if (late.length > 0 || walk.isOver) return 'goes on'
    // At each doubling: every ref is looked at anew, in all that is known by then.
    if (walk.heldBytes >= lookAt) {
      if (isJudged(push.updates, commits)) return 'goes on'
      lookAt = 2 * walk.heldBytes
    }
    const next = await body.next()
    if (!next.ok) return next.reason
    if (next.value === undefined) {
      walk.end()
      while (walk.step()) await nextTurn()
      return 'ended'
    }
    if (!walk.push(next.value)) late.push(next.value)
  }
}

function commitsOf({ parents }: PackWalk, { shallow }: GitPush): KnownCommits {
  return { parents, shallow: new Set(shallow) }
}

interface Pushing {
  readonly push: GitPush
  readonly patterns: readonly NamedPattern[]
  readonly walk: PackWalk
  /** Pieces that came after what the walk has taken. */
  readonly late: readonly Uint8Array[]
  /** Pieces that are still to come; absent where the pack is here. */
  readonly rest: BodyPieces | undefined
}

async function decidePush(ground: GitGround, asked: RequestOf<'push'>, pushing: Pushing): Promise<void> {
  const { push, patterns, walk, late, rest } = pushing
  const { repository } = asked
  const meant = unlistedMeanings(push, ATOMIC)
  if (meant.length > 0)
    return refusePushed(ground, asked, push, { problem: `it brings ${meant.join(', ')}, which is not passed on` })
  const commits = await askedHistory(ground, repository, push, commitsOf(walk, push), patterns)
  if (ground.reply.gone.aborted) return
  const changes = changesOf(push.updates, commits).map(({ ref, kind, from, to }) => ({ ref, kind, from, to }))
  const args = { repository, changes }
  const best = bestOf(ground, args)
  const found = changes.map((change) => [change, best(patternsFor(patterns, repository, change)).patterns[0]] as const)
  const refused = found.flatMap(([change, pattern]) =>
    pattern === undefined ? [[change.ref, whyNot(repository, change)] as const] : [],
  )
  if (refused.length > 0) return refuseFor(ground, asked, push, refused)
  const by = [...new Set(found.flatMap(([, pattern]) => pattern ?? []))]
  if (by.length === 0) return refusePushed(ground, asked, push, { problem: 'it changes nothing' })
  const head = writePush(push)
  await sendGit(ground, asked, {
    ...decidedBy(by),
    args,
    method: 'POST',
    path: `/${repository}.git/git-receive-pack`,
    headers: [
      'content-type',
      'application/x-git-receive-pack-request',
      'accept',
      'application/x-git-receive-pack-result',
    ],
    body: { kind: 'streamed', head, pieces: piecesOf(head, walk.take(), late, rest) },
    sink: ground.reply,
    push,
  })
}

/** Refuses a push, and says of some of its refs why. */
function refuseFor(
  ground: GitGround,
  asked: RequestOf<'push'>,
  push: GitPush,
  why: readonly (readonly [ref: string, problem: string])[],
): Promise<void> {
  const reasons = new Map(why)
  const [problem = ''] = reasons.values()
  return refusePushed(ground, asked, push, { problem, reasons })
}

function whyNot(repository: string, { ref, kind }: RefChange): string {
  const means = {
    create: 'makes',
    'fast-forward': 'moves',
    force: 'may lose commits of',
    delete: 'takes away',
    tag: 'makes',
  }
  return `it ${means[kind]} ${ref} of ${repository} (${kind}), which it is not granted`
}

async function* piecesOf(
  head: Uint8Array,
  held: Uint8Array,
  late: readonly Uint8Array[],
  rest: BodyPieces | undefined,
): AsyncGenerator<Uint8Array, void> {
  for (const piece of [head, held, ...late]) if (piece.length > 0) yield piece
  for (;;) {
    const next = await rest?.next()
    // It ends the exchange, of which a part has left.
    if (next?.ok === false) throw new Error(next.reason)
    if (next?.value === undefined) return
    yield next.value
  }
}
