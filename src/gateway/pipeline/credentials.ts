import type { UpstreamName } from '../../model/index.ts'
import type { Secrets } from '../content/secrets.ts'

/** Milliseconds that the warden may take to read a secret again: a command has ten seconds. */
const ANSWER_MS_MAX = 12_000

export interface CredentialsOptions {
  readonly secrets: Secrets
  /** Asks the warden to read once more what this upstream is sent. */
  readonly ask: (upstream: UpstreamName) => void
}

/**
 * The credentials of one gateway while they change.
 *
 * - CR1  A new value is injected from the tick on in which the warden tells it; the ones before it are looked for in
 *        answers like the new one (S10).
 * - CR2  Of one upstream the warden is asked one thing at a time, however many calls wait for it.
 */
export class Credentials {
  readonly #options: CredentialsOptions
  readonly #waiting = new Map<UpstreamName, { readonly renewed: Promise<boolean>; readonly settle: () => void }>()
  /** Count of the values that were new. */
  #values = 0

  constructor(options: CredentialsOptions) {
    this.#options = options
  }

  /** Asks for another credential of an upstream that has refused its own. Resolves with whether there is one to try. */
  renew(upstream: UpstreamName): Promise<boolean> {
    const waiting = this.#waiting.get(upstream)
    if (waiting !== undefined) return waiting.renewed
    const before = this.#values
    const { promise, resolve } = Promise.withResolvers<boolean>()
    const settle = () => {
      clearTimeout(timer)
      this.#waiting.delete(upstream)
      resolve(this.#values > before)
    }
    const timer = setTimeout(settle, ANSWER_MS_MAX)
    timer.unref()
    this.#waiting.set(upstream, { renewed: promise, settle })
    this.#options.ask(upstream)
    return promise
  }

  /**
   * Takes values that the warden has read: for this upstream, which asked, or because their time had come. True where
   * one is new.
   */
  take(values: readonly (readonly [name: string, value: string])[], upstream: UpstreamName | undefined): boolean {
    let some = false
    for (const [name, value] of values) if (this.#options.secrets.renew(name, value)) some = true
    if (some) this.#values++
    if (upstream !== undefined) this.#waiting.get(upstream)?.settle()
    return some
  }
}
