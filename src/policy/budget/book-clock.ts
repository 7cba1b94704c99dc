/** How long a host has been up, its sleep included, and since which boot. */
export interface Uptime {
  /** Names the boot: another one's time says nothing about this one's. */
  readonly boot: string
  readonly nowMs: () => number
}

/** A moment that a book stood at, kept in the ledger so that the next book goes on from it. */
export interface ClockMark {
  /** Steady time. */
  readonly atMs: number
  readonly boot: string
  /** Whole ms since that boot. */
  readonly upMs: number
}

/** When something is counted, in both times of a book; epoch ms. */
export interface Moment {
  /** What has passed, whatever the wall clock says: for windows that look back. */
  readonly steadyMs: number
  /** What the wall clock says, as far as it is believed: for days, weeks and months. */
  readonly dateMs: number
}

/**
 * The times that budgets are counted in.
 *
 * - BC1  Neither steps back, over a restart neither: each is at least that of everything that was counted.
 * - BC2  Steady time goes on as the host's uptime does, over all restarts of one boot. A wall clock that is set forward, or
 *        back, or right again, changes nothing about it. After a boot it begins with the wall clock.
 * - BC3  A date is never ahead of steady time: a wall clock that is set forward begins no day early. Where it is behind, the
 *        old day goes on.
 */
export class BookClock {
  #latest: Moment = { steadyMs: 0, dateMs: 0 }
  /** Of the book before. */
  #mark: ClockMark | undefined
  #started: { readonly mark: ClockMark; readonly uptime: Uptime } | undefined

  /** From here on, time passes. Returns what the next book has to know. */
  start(wallMs: number, uptime: Uptime): ClockMark {
    const upMs = Math.ceil(uptime.nowMs())
    const earlier = this.#mark
    const goesOn = earlier?.boot === uptime.boot && earlier.upMs <= upMs
    const mark = goesOn ? earlier : { atMs: Math.max(wallMs, this.#latest.steadyMs), boot: uptime.boot, upMs }
    this.#started = { mark, uptime }
    return mark
  }

  /** Of what was counted last. */
  get latest(): Moment {
    return this.#latest
  }

  /** Asking moves nothing. */
  at(wallMs: number): Moment {
    const { steadyMs, dateMs } = this.#latest
    const passedMs = Math.max(steadyMs, this.#steadyMs(wallMs))
    return { steadyMs: passedMs, dateMs: Math.max(dateMs, Math.min(wallMs, passedMs)) }
  }

  /** Something is counted now. */
  count(wallMs: number): Moment {
    this.#latest = this.at(wallMs)
    return this.#latest
  }

  /** Something was counted by an earlier book, as the ledger has it. */
  recall(moment: Moment): Moment {
    const { steadyMs, dateMs } = this.#latest
    this.#latest = {
      steadyMs: Math.max(steadyMs, moment.steadyMs),
      dateMs: Math.max(dateMs, moment.dateMs),
    }
    return this.#latest
  }

  /** What an earlier book stood at when it started. */
  resume(mark: ClockMark): void {
    this.#mark = mark
  }

  /** Before the start, and in tests, the caller's clock is all there is. */
  #steadyMs(wallMs: number): number {
    if (this.#started === undefined) return wallMs
    const { mark, uptime } = this.#started
    return mark.atMs + Math.max(0, Math.floor(uptime.nowMs()) - mark.upMs)
  }
}
