import { setImmediate as nextTurn } from 'node:timers/promises'
import type { WebReply } from '../../web/web-request.ts'
import { HISTORY_HEADERS, HistoryAnswer, historyRequest, joined } from './history.ts'
import type { NamedPattern } from './line.ts'
import { LOOK_COMMITS_MAX, type Parents } from './pack/pack-walk.ts'
import type { GitPush } from './push.ts'
import { type HistoryQuestion, judgeUpdate, type KnownCommits } from './push-kind.ts'
import { coversRepository, fetchedRefs, patternFor } from './repository-pattern.ts'
import { type GitGround, performGit } from './sending.ts'

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
  const by = patterns.find((pattern) => pattern.verbs.has('fetch') && coversRepository(pattern, repository))
  const fetched = fetchedRefs(patterns, repository)
  if (by === undefined || fetched === undefined) return own
  const look = { left: LOOK_COMMITS_MAX }
  const judged = push.updates.map((update) => judgeUpdate(update, own, look))
  const mayAll = judged.every((each) => {
    const change = each.kind === 'known' ? each.change : ({ ref: each.update.ref, kind: 'fast-forward' } as const)
    return patternFor(patterns, repository, change) !== undefined
  })
  if (!mayAll) return own
  const shown = ground.line.shown.of(repository, fetched.by)
  const questions = judged.flatMap((each) => (each.kind === 'ask' ? [each.question] : []))
  const answers: HistoryAnswer[] = []
  try {
    let parents = own.parents
    for (const question of questions.slice(0, QUESTIONS_MAX)) {
      if (!fetched.showsAll && !question.newer.every((each) => shown.has(each))) continue
      const answer = new HistoryAnswer(push.format, ground.room)
      answers.push(answer)
      parents = joined(parents, await answerOf(ground, repository, push, question, { by, answer }))
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
  { by, answer }: { readonly by: NamedPattern; readonly answer: HistoryAnswer },
): Promise<Parents> {
  const performed = await performGit(ground, {
    by: by.tool,
    args: { repository, what: 'history', wants: question.newer.length },
    method: 'POST',
    path: `/${repository}.git/git-upload-pack`,
    headers: HISTORY_HEADERS.flat(),
    body: { kind: 'whole', bytes: historyRequest(question, format) },
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
