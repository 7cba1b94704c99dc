/** A clock of the host's uptime, its sleep included, since one boot. */
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

/** A time in the two clocks of a book; epoch ms. */
export interface Moment {
  /** Steady time: it goes on with the host's uptime, whatever the wall clock says. Sliding windows use it. */
  readonly steadyMs: number
  /** The wall clock's time, as far as it is believed. Calendar windows (days, weeks, months) use it. */
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
  /** The mark that the book before this one left. */
  #mark: ClockMark | undefined
  #started: { readonly mark: ClockMark; readonly uptime: Uptime } | undefined

  /** Starts the clock. Before, time stands at the caller's. Returns the mark that the next book goes on from. */
  start(wallMs: number, uptime: Uptime): ClockMark {
    const upMs = Math.ceil(uptime.nowMs())
    const earlier = this.#mark
    const goesOn = earlier?.boot === uptime.boot && earlier.upMs <= upMs
    const mark = goesOn ? earlier : { atMs: Math.max(wallMs, this.#latest.steadyMs), boot: uptime.boot, upMs }
    this.#started = { mark, uptime }
    return mark
  }

  /** The latest moment at which anything was counted. */
  get latest(): Moment {
    return this.#latest
  }

  /** Returns the moment at a wall-clock time, and changes nothing. */
  at(wallMs: number): Moment {
    const { steadyMs, dateMs } = this.#latest
    const passedMs = Math.max(steadyMs, this.#steadyMs(wallMs))
    return { steadyMs: passedMs, dateMs: Math.max(dateMs, Math.min(wallMs, passedMs)) }
  }

  /** Returns the moment at which something is counted now, and moves the clock to it. */
  count(wallMs: number): Moment {
    this.#latest = this.at(wallMs)
    return this.#latest
  }

  /** Moves the clock to a moment at which an earlier book counted something, as the ledger has it. */
  recall(moment: Moment): Moment {
    const { steadyMs, dateMs } = this.#latest
    this.#latest = {
      steadyMs: Math.max(steadyMs, moment.steadyMs),
      dateMs: Math.max(dateMs, moment.dateMs),
    }
    return this.#latest
  }

  /** Takes the mark that an earlier book made when it started. */
  resume(mark: ClockMark): void {
    this.#mark = mark
  }

  /** Returns steady time; before the start, and in tests, that is the caller's clock. */
  #steadyMs(wallMs: number): number {
    if (this.#started === undefined) return wallMs
    const { mark, uptime } = this.#started
    return mark.atMs + Math.max(0, Math.floor(uptime.nowMs()) - mark.upMs)
  }
}
