import { setImmediate as nextTurn } from 'node:timers/promises'
import { shortDigest } from '../../../model/index.ts'
import type { WebReply } from '../../web/web-request.ts'
import { bestOf, decidedBy, usableOf } from './granted-patterns.ts'
import { HISTORY_HEADERS, HistoryAnswer, historyRequest, joined } from './history.ts'
import { inTurns } from './in-turns.ts'
import type { NamedPattern } from './line.ts'
import { LOOK_COMMITS_MAX, type Parents } from './pack/pack-walk.ts'
import type { GitPush } from './push.ts'
import { type HistoryQuestion, judgeUpdate, type KnownCommits } from './push-kind.ts'
import { patternsFor } from './repository-pattern.ts'
import { type GitGround, performGit } from './sending.ts'
import { fetchedBy } from './shown/fetched-by.ts'

/** Questions that one push has asked about the history that its upstream holds. */
const QUESTIONS_MAX = 4

/**
 * Returns the commits that are known where a push does not prove its fast-forwards by itself: its own, and those that its
 * upstream is asked for. Asking is a fetch, an action of its own.
 *
 * - AH1  Nobody is asked but where the kinds of its changes are all that is missing: each is let be made if it is a fast-forward,
 *        and all others are let be made as they are.
 * - AH2  Nobody is asked for what lists have not shown to the cell, unless everything may be fetched: the answer tells what is there.
 */
export async function askedHistory(
  ground: GitGround,
  repository: string,
  push: GitPush,
  own: KnownCommits,
  patterns: readonly NamedPattern[],
): Promise<KnownCommits> {
  const usable = usableOf(ground, patterns)
  const fetching = usable.filter(({ verbs }) => verbs.has('fetch'))
  if (fetching.length === 0) return own
  const look = { left: LOOK_COMMITS_MAX }
  const judged = push.updates.map((update) => judgeUpdate(update, own, look))
  const mayAll = judged.every((each) => {
    const change = each.kind === 'known' ? each.change : ({ ref: each.update.ref, kind: 'fast-forward' } as const)
    return patternsFor(usable, repository, change).length > 0
  })
  if (!mayAll) return own
  const questions = judged.flatMap((each) => (each.kind === 'ask' ? [each.question] : []))
  const answers: HistoryAnswer[] = []
  try {
    let parents = own.parents
    for (const question of questions.slice(0, QUESTIONS_MAX)) {
      const answer = new HistoryAnswer(push.format, ground.room)
      answers.push(answer)
      parents = joined(parents, await answerOf(ground, repository, push, question, { fetching, answer }))
    }
    return { ...own, parents }
  } finally {
    for (const each of answers) each.leave()
  }
}

async function answerOf(
  ground: GitGround,
  repository: string,
  { format }: GitPush,
  question: HistoryQuestion,
  { fetching, answer }: { readonly fetching: readonly NamedPattern[]; readonly answer: HistoryAnswer },
): Promise<Parents> {
  const bytes = historyRequest(question, format)
  const digest = shortDigest(bytes)
  const args = { repository, what: 'history', wants: question.newer.length, digest }
  const best = bestOf(ground, args, bytes.length)
  const asked = { wants: question.newer, wantedRefs: [], unwantedRefs: [] }
  const by = await inTurns(ground, fetchedBy({ repository, fetching, shown: ground.line.shown, best }, asked))
  if (!by.ok) return new Map()
  const performed = await performGit(ground, {
    ...decidedBy(by.value),
    args,
    method: 'POST',
    path: `/${repository}.git/git-upload-pack`,
    headers: HISTORY_HEADERS.flat(),
    body: { kind: 'whole', bytes },
    sink: new ReadingReply(ground.reply.gone, (piece) => answer.push(piece)),
  })
  answer.end()
  while (answer.step()) await nextTurn()
  return performed.kind === 'passed' ? answer.parents : new Map()
}

/** Takes an answer that no cell is shown, until `read` says false: the rest need not come. */
class ReadingReply implements WebReply {
  readonly gone: AbortSignal
  hasEnough = false
  readonly #read: (piece: Uint8Array) => boolean
  #begun = false
  #reads = false

  constructor(gone: AbortSignal, read: (piece: Uint8Array) => boolean) {
    this.gone = gone
    this.#read = read
  }

  get hasBegun(): boolean {
    return this.#begun
  }

  begin(status: number): boolean {
    this.#begun = true
    this.#reads = status === 200
    return true
  }

  write(piece: Uint8Array): boolean {
    if (this.#reads && !this.#read(piece)) this.hasEnough = true
    return true
  }

  drained(then: () => void): void {
    then()
  }

  end(): void {
    // What was read is all.
  }

  cut(): void {
    this.#reads = false
  }

  refuse(): void {
    this.#reads = false
  }
}
