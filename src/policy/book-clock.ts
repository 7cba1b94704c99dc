/** How long a host has been up, its sleep included, and since which boot. */
export interface Uptime {
  /** Names the boot: another one's time says nothing about this one's. */
  readonly boot: string
  readonly nowMs: () => number
}

/** A moment at which a book stood, kept in the ledger so that the next book goes on from it. */
export interface ClockMark {
  /** The book's time, epoch ms. */
  readonly atMs: number
  readonly boot: string
  /** Whole ms since that boot. */
  readonly upMs: number
}

/**
 * The time that budgets are counted in. It follows the wall clock, but
 *
 * - BC1  it never steps back, over a restart neither: it is at least the time of everything that was counted;
 * - BC2  once started, it never runs ahead of the time that has passed by the host's uptime: a wall clock that is set
 *        forward returns nothing. Over restarts within one boot, a mark in the ledger holds it to the same; after a boot,
 *        the wall clock is believed.
 */
export class BookClock {
  #latestMs = 0
  #started: { readonly mark: ClockMark; readonly uptime: Uptime } | undefined

  /** What the next book has to know. `earlier` is what the last one said. */
  start(wallMs: number, uptime: Uptime, earlier?: ClockMark): ClockMark {
    const upMs = Math.ceil(uptime.nowMs())
    const passedMs = earlier?.boot === uptime.boot ? upMs - earlier.upMs : -1
    const atMs = earlier === undefined || passedMs < 0 ? wallMs : Math.min(wallMs, earlier.atMs + passedMs)
    const mark = { atMs, boot: uptime.boot, upMs }
    this.#started = { mark, uptime }
    return mark
  }

  /** The time of what was counted last. */
  get latestMs(): number {
    return this.#latestMs
  }

  /** Asking moves nothing. */
  at(wallMs: number): number {
    if (this.#started === undefined) return Math.max(this.#latestMs, wallMs)
    const { mark, uptime } = this.#started
    const passedMs = Math.max(0, Math.ceil(uptime.nowMs()) - mark.upMs)
    return Math.max(this.#latestMs, Math.min(wallMs, mark.atMs + passedMs))
  }

  /** Something is counted at this time, or at the latest that was. */
  moveTo(ms: number): number {
    this.#latestMs = Math.max(this.#latestMs, ms)
    return this.#latestMs
  }
}
