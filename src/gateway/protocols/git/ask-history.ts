import { setImmediate as nextTurn } from 'node:timers/promises'
import type { WebReply } from '../../web/web-request.ts'
import { HISTORY_HEADERS, HistoryAnswer, historyRequest, joined } from './history.ts'
import type { NamedPattern } from './line.ts'
import type { Parents } from './pack/pack-walk.ts'
import type { GitPush } from './push.ts'
import { type HistoryQuestion, judgeUpdate } from './push-kind.ts'
import { coversRepository } from './repository-pattern.ts'
import { type GitGround, performGit } from './sending.ts'

/** Questions that one push has asked about the history that its upstream holds. */
const QUESTIONS_MAX = 4

/**
 * Returns the commits that are known where a push does not prove its fast-forwards by itself: its own, and those that its
 * upstream is asked for. Asking is a fetch, an action of its own, and nobody is asked whom no pattern lets be fetched from.
 */
export async function askedHistory(
  ground: GitGround,
  repository: string,
  push: GitPush,
  own: Parents,
  patterns: readonly NamedPattern[],
): Promise<Parents> {
  const by = patterns.find((pattern) => pattern.verbs.has('fetch') && coversRepository(pattern, repository))
  if (by === undefined) return own
  const questions = push.updates.flatMap((update) => {
    const judged = judgeUpdate(update, own)
    return judged.kind === 'ask' ? [judged.question] : []
  })
  let all = own
  for (const question of questions.slice(0, QUESTIONS_MAX))
    all = joined(all, await answerOf(ground, repository, push, question, by))
  return all
}

async function answerOf(
  ground: GitGround,
  repository: string,
  { format }: GitPush,
  question: HistoryQuestion,
  { tool }: NamedPattern,
): Promise<Parents> {
  const answer = new HistoryAnswer(format)
  const performed = await performGit(ground, {
    by: tool,
    args: { repository, what: 'history', wants: question.newer.length },
    method: 'POST',
    path: `/${repository}.git/git-upload-pack`,
    headers: HISTORY_HEADERS.flat(),
    body: { kind: 'whole', bytes: historyRequest(question, format) },
    sink: new ReadingReply(ground.reply.gone, (piece) => void answer.push(piece)),
  })
  answer.end()
  while (answer.step()) await nextTurn()
  return performed.kind === 'passed' ? answer.parents : new Map()
}

/** Takes an answer that no cell is shown. */
class ReadingReply implements WebReply {
  readonly gone: AbortSignal
  readonly #read: (piece: Uint8Array) => void
  #begun = false
  #reads = false

  constructor(gone: AbortSignal, read: (piece: Uint8Array) => void) {
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
    if (this.#reads) this.#read(piece)
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
