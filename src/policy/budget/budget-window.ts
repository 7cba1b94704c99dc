import type { CalendarUnit, Window } from '../../model/budget.ts'
import { type Period, periodAt } from './calendar.ts'
import { SlidingWindow } from './sliding-window.ts'
import type { UsedWindow } from './used-window.ts'

/** Makes the window of a budget; a share of a task has none, since it lasts as long as the task. */
export function usedWindow(window: Window): UsedWindow | undefined {
  switch (window.kind) {
    case 'sliding':
      return new SlidingWindow(window.ms)
    case 'calendar':
      return new CalendarWindow(window.unit, window.zone)
    case 'total':
      return new TotalWindow()
    case 'task':
      return undefined
  }
}

/** A window that begins anew with each period. An amount that is given back to an earlier period is lost. */
class CalendarWindow implements UsedWindow {
  readonly #unit: CalendarUnit
  readonly #zone: string
  #period: Period = { startMs: 0, endMs: 0 }
  #sum = 0n

  constructor(unit: CalendarUnit, zone: string) {
    this.#unit = unit
    this.#zone = zone
  }

  add(atMs: number, amount: bigint, nowMs: number): void {
    if (nowMs >= this.#period.endMs) {
      this.#period = periodAt(nowMs, this.#unit, this.#zone)
      this.#sum = 0n
    }
    if (atMs >= this.#period.startMs) this.#sum += amount
  }

  sum(nowMs: number): bigint {
    return nowMs < this.#period.endMs ? this.#sum : 0n
  }

  belowAtMs(limit: bigint, nowMs: number): number | undefined {
    if (this.sum(nowMs) <= limit) return nowMs
    return limit < 0n ? undefined : this.#period.endMs
  }
}

/** A window over all time, from which use never returns. */
class TotalWindow implements UsedWindow {
  #sum = 0n

  add(_: number, amount: bigint): void {
    this.#sum += amount
  }

  sum(): bigint {
    return this.#sum
  }

  belowAtMs(limit: bigint, nowMs: number): number | undefined {
    return this.#sum <= limit ? nowMs : undefined
  }
}
