/** Milliseconds between two looks at what goes on coming in small pieces: one look reads again what a secret may have begun in. */
export const LOOK_PACE_MS = 5
/** Looks without a wait: words of a model come by the dozen in a second, and some at once. */
const CREDIT_MAX = 64

/** The pace at which what comes in pieces is looked at, so that byte by byte takes no more time than all at once. */
export class LookPace {
  /** Looks that it may have at once, as of `#creditedMs`: one more in `LOOK_PACE_MS`. */
  #credit = CREDIT_MAX
  #creditedMs = performance.now()

  /** Returns the milliseconds until one more look is due; none while there is credit, of which every look takes its part. */
  nextMs(): number {
    const nowMs = performance.now()
    this.#credit = Math.min(CREDIT_MAX, this.#credit + (nowMs - this.#creditedMs) / LOOK_PACE_MS)
    this.#creditedMs = nowMs
    // Whoever waits pays, too: else what is credited meanwhile is one more look for the same time.
    return this.#credit-- < 1 ? LOOK_PACE_MS : 0
  }
}
