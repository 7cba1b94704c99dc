import type { EnvironmentName, Result } from '../../model/index.ts'
import type { HoldAnswer, Mailbox } from './mailbox.ts'

type Deliver = (answer: HoldAnswer) => Promise<Result<void, string>>

export interface AnswerBoxOptions {
  readonly mailbox: Mailbox
  readonly environment: EnvironmentName
  /** Resolves when the answer is in the ledger; with an error where the gateway does not take it. */
  readonly deliver: Deliver
}

/**
 * The answers that wait in a state for the gateway of one environment. It is looked at when somebody says that one lies
 * there, and for as long as one could not be delivered.
 */
export class AnswerBox {
  readonly #options: AnswerBoxOptions
  #looking: Promise<void> = Promise.resolve()
  #again: NodeJS.Timeout | undefined
  #closed = false

  constructor(options: AnswerBoxOptions) {
    this.#options = options
  }

  /** Delivers what lies there, after whatever is being delivered; resolves when each was tried once. */
  look(): Promise<void> {
    const looked = this.#looking.then(() => this.#look())
    this.#looking = looked.catch(() => undefined)
    return this.#looking
  }

  close(): void {
    this.#closed = true
    clearTimeout(this.#again)
  }

  async #look(): Promise<void> {
    if (this.#closed) return
    let isLeft = false
    // One that fails is tried again at the next look, and keeps no other back.
    for (const answer of await this.#options.mailbox.list(this.#options.environment))
      isLeft = !(await this.#deliver(answer).catch(() => false)) || isLeft
    clearTimeout(this.#again)
    if (isLeft && !this.#closed) this.#again = setTimeout(() => void this.look(), LOOK_AGAIN_MS)
  }

  /** Delivers one answer; false where another has taken its place meanwhile, which is for the next look. */
  async #deliver(answer: HoldAnswer): Promise<boolean> {
    const delivered = await this.#options.deliver(answer)
    return this.#options.mailbox.take(answer, delivered.ok)
  }
}

const LOOK_AGAIN_MS = 200
