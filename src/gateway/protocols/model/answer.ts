import { LIMITS, MODEL_CURRENCY } from '../../../model/index.ts'
import { GrowingBytes } from '../../fairness/growing-bytes.ts'
import type { Room } from '../../fairness/room.ts'
import type { AnswerHead, AnswerReader } from '../http/exchange.ts'
import type { ModelAsked } from './judge.ts'
import { type ModelPrices, whatItCost } from './prices.ts'
import { ModelAnswerReader } from './usage.ts'

/** Statuses of providers that are too busy to begin. */
const NOT_DONE: ReadonlySet<number> = new Set([503, 529])

/** The words for an answer of which the ledger has no bytes. */
const DROPPED = 'its answer is not kept: it is too long, or too much was being kept of its cell'

export interface ModelAnswersOptions {
  readonly asked: ModelAsked
  readonly prices: ModelPrices
  /** True where the ledger keeps what was answered. */
  readonly kept: boolean
  /** Room of the cell for what is held of its answers. */
  readonly room: Room
}

/**
 * Reads one answer of a provider on its way to the cell.
 *
 * - MA1  What is charged is what the usage at its end says, by the prices that the request was reserved by. An answer that
 *        broke off, or says nothing of it, stays charged as reserved.
 */
export class ModelAnswers implements AnswerReader {
  readonly #options: ModelAnswersOptions
  readonly #kept = new GrowingBytes()
  #keeps: boolean
  #isDropped = false
  #reader: ModelAnswerReader | undefined
  #failed = false
  #isFree = false

  constructor(options: ModelAnswersOptions) {
    this.#options = options
    this.#keeps = options.kept
  }

  begin({ status, headers }: AnswerHead): void {
    const { asked, room } = this.#options
    const { api, operation } = asked
    this.#failed = status >= 400
    this.#isFree = status < 500 || NOT_DONE.has(status)
    if (operation !== 'generate' || api === undefined || this.#failed) return
    const type = headers.find(([name]) => name === 'content-type')?.[1] ?? ''
    this.#reader = new ModelAnswerReader(api, /^text\/event-stream\b/i.test(type) ? 'events' : 'json', room)
  }

  push(piece: Uint8Array): void {
    this.#reader?.push(piece)
    if (!this.#keeps) return
    const { room } = this.#options
    if (this.#kept.length + piece.length <= LIMITS.answerBytesMax && room.take(piece.length)) this.#kept.push(piece)
    else this.#drop()
  }

  end(whole: boolean): ReturnType<AnswerReader['end']> {
    const { asked, prices } = this.#options
    const bytes = this.#keeps && this.#kept.length > 0 ? this.#kept.take() : undefined
    if (bytes !== undefined) this.#options.room.give(bytes.length)
    const kept = bytes !== undefined ? { bytes } : this.#isDropped ? { note: DROPPED } : {}
    // A provider charges nothing for what it refuses, or is too busy for; what else failed may have made tokens.
    if (this.#failed) {
      const isFree = whole && this.#isFree
      return isFree ? { ...kept, counted: { tokens: 0 }, spent: { units: 0n, currency: MODEL_CURRENCY } } : kept
    }
    if (this.#reader === undefined) return kept
    const { usage, calls } = this.#reader.end()
    const asks = calls.map(({ name, id, digest }) => ({ name, ...(id && { id }), ...(digest && { args: digest }) }))
    const told = asks.length === 0 ? kept : { ...kept, asks }
    // What came before it broke off may not be the last word, whatever it says.
    if (usage === undefined || !whole) return told
    const units = whatItCost(prices, asked, usage)
    const tokens = usage.input + usage.cacheRead + usage.cacheWrite + usage.cacheWriteLong + usage.output
    return {
      ...told,
      counted: { tokens },
      ...(units !== undefined && { spent: { units, currency: MODEL_CURRENCY } }),
    }
  }

  #drop(): void {
    this.#keeps = false
    this.#isDropped = true
    this.#options.room.give(this.#kept.length)
    this.#kept.take()
  }
}
