/**
 * Limits how many run at once; the others wait in order. What is called off while it waits is dropped, and nothing of it is
 * kept: in the queue of an HTTP client it would stay until its turn came.
 */
export class Slots {
  onIdle: (() => void) | undefined
  readonly #max: number
  #taken = 0
  readonly #waiting = new Map<() => void, () => void>()

  constructor(max: number) {
    this.#max = max
  }

  get idle(): boolean {
    return this.#taken === 0
  }

  /** One of both is called, once: `start`, which is followed by `give`, or `dropped`. */
  take(start: () => void, signal: AbortSignal, dropped: () => void): void {
    if (signal.aborted) return dropped()
    if (this.#taken < this.#max) {
      this.#taken++
      return start()
    }
    const onAbort = () => {
      this.#waiting.delete(go)
      dropped()
    }
    const go = () => {
      signal.removeEventListener('abort', onAbort)
      start()
    }
    signal.addEventListener('abort', onAbort, { once: true })
    this.#waiting.set(go, () => {
      signal.removeEventListener('abort', onAbort)
      dropped()
    })
  }

  give(): void {
    const [next] = this.#waiting.keys()
    if (next !== undefined) {
      this.#waiting.delete(next)
      return next()
    }
    if (--this.#taken === 0) this.onIdle?.()
  }

  /** Drops everything that waits. */
  drop(): void {
    const waiting = [...this.#waiting.values()]
    this.#waiting.clear()
    for (const dropped of waiting) dropped()
  }
}
