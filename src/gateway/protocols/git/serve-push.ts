import { setImmediate as nextTurn } from 'node:timers/promises'
import { askedHistory } from './ask-history.ts'
import { answerProbe } from './git-refusal.ts'
import type { NamedPattern } from './line.ts'
import { PackWalk } from './pack/pack-walk.ts'
import { type GitPush, PushReader, unlistedMeanings, writePush } from './push.ts'
import { changesOf, isJudged, type RefChange } from './push-kind.ts'
import { patternFor } from './repository-pattern.ts'
import { answerGit, type GitGround, patternsOf, type RequestOf, refuseAsked, refusePushed, sendGit } from './sending.ts'

/** Capabilities that mean more than a push's refs say, and that may be used. */
export const ATOMIC: ReadonlySet<string> = new Set(['atomic'])

/** Serves a push: its head and as much of its pack as proves what it does are read before any of it leaves. */
export async function servePush(ground: GitGround, asked: RequestOf<'push'>): Promise<void> {
  const { request, reply, room } = ground
  const { repository } = asked
  const patterns = patternsOf(ground, repository)
  const pieces = request.body[Symbol.asyncIterator]() as AsyncIterator<Uint8Array>
  const reader = new PushReader()
  let push: GitPush | undefined
  for (;;) {
    const next = await pieces.next()
    if (reply.gone.aborted) return
    if (next.done === true) {
      const probe = reader.end()
      if (!probe.ok) return refuseAsked(ground, asked, probe.reason)
      // Git asks so whether it may send more; nothing is said yet, and nobody outside is asked.
      return patterns.length === 0
        ? refuseAsked(ground, asked, `${repository} is none of the repositories that it may push to`)
        : answerGit(ground, answerProbe(), undefined)
    }
    const read = reader.push(next.value)
    if (!read.ok) {
      request.body.resume()
      return refuseAsked(ground, asked, read.reason)
    }
    push = read.value
    if (push !== undefined) break
  }
  const walk = new PackWalk(push.format)
  const late: Uint8Array[] = []
  let held = 0
  try {
    const rest = reader.rest()
    held = rest.length
    if (!room.take(held)) {
      held = 0
      request.body.resume()
      return await refusePushed(ground, push, 'too much is being read of its cell at once', new Map())
    }
    if (rest.length > 0 && !walk.push(rest)) late.push(rest)
    const isEnded = await walked(walk, push, pieces, {
      take: (bytes) => {
        if (!room.take(bytes)) return false
        held += bytes
        return true
      },
      late,
    })
    if (reply.gone.aborted) return
    await decidePush(ground, asked, { push, patterns, walk, late, rest: isEnded ? undefined : pieces })
  } finally {
    room.give(held)
  }
}

/** Reads of a pack what proves each change; true where the pack has ended. */
async function walked(
  walk: PackWalk,
  push: GitPush,
  pieces: AsyncIterator<Uint8Array>,
  { take, late }: { readonly take: (bytes: number) => boolean; readonly late: Uint8Array[] },
): Promise<boolean> {
  let lookAt = 0
  for (;;) {
    while (walk.step()) await nextTurn()
    if (late.length > 0 || walk.isOver) return false
    // At each doubling: every ref is looked at anew, in all that is known by then.
    if (walk.heldBytes >= lookAt) {
      if (isJudged(push.updates, walk.parents)) return false
      lookAt = 2 * walk.heldBytes
    }
    const next = await pieces.next()
    if (next.done === true) {
      walk.end()
      while (walk.step()) await nextTurn()
      return true
    }
    if (!take(next.value.length) || !walk.push(next.value)) late.push(next.value)
  }
}

interface Pushing {
  readonly push: GitPush
  readonly patterns: readonly NamedPattern[]
  readonly walk: PackWalk
  /** Pieces that came after what the walk has taken. */
  readonly late: readonly Uint8Array[]
  /** Pieces that are still to come; absent where the pack is here. */
  readonly rest: AsyncIterator<Uint8Array> | undefined
}

async function decidePush(ground: GitGround, asked: RequestOf<'push'>, pushing: Pushing): Promise<void> {
  const { push, patterns, walk, late, rest } = pushing
  const { repository } = asked
  const meant = unlistedMeanings(push, ATOMIC)
  const parents = await askedHistory(ground, repository, push, walk.parents, patterns)
  if (ground.reply.gone.aborted) return
  const changes = changesOf(push.updates, parents)
  const found = changes.map((change) => [change, patternFor(patterns, repository, change)] as const)
  const reasons = new Map(
    found.flatMap(([change, pattern]) =>
      pattern === undefined ? [[change.ref, whyNot(repository, change)] as const] : [],
    ),
  )
  const [wrong] = reasons.values()
  if (wrong !== undefined || meant.length > 0) {
    const problem = wrong ?? `it brings ${meant.join(', ')}, which is not passed on`
    return refusePushed(ground, push, problem, reasons)
  }
  const tools = [
    ...new Set(found.flatMap(([, pattern]) => patterns.find(({ text }) => text === pattern?.text)?.tool ?? [])),
  ]
  const [by, ...alongside] = tools
  if (by === undefined) return refusePushed(ground, push, 'it changes nothing', reasons)
  const head = writePush(push)
  await sendGit(ground, asked, {
    by,
    alongside,
    args: { repository, changes: changes.map(({ ref, kind, from, to }) => ({ ref, kind, from, to })) },
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
  rest: AsyncIterator<Uint8Array> | undefined,
): AsyncGenerator<Uint8Array, void> {
  for (const piece of [head, held, ...late]) if (piece.length > 0) yield piece
  for (let next = await rest?.next(); next !== undefined && next.done !== true; next = await rest?.next())
    yield next.value
}
