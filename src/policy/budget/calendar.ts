import type { CalendarUnit } from '../../model/budget.ts'

/** `[startMs, endMs)`: a day, a week from Monday on, or a month, as the clocks on the walls of a time zone have it. */
export interface Period {
  readonly startMs: number
  readonly endMs: number
}

/**
 * The period that a moment is in. It begins with the first moment of its first date: where clocks are set forward over
 * midnight, that is not 00:00. Asked once for each period: it takes about a millisecond.
 */
export function periodAt(nowMs: number, unit: CalendarUnit, zone: string): Period {
  const clock = wallClock(zone)
  const here = new Date(clock(nowMs))
  const [year, month, day] = [here.getUTCFullYear(), here.getUTCMonth(), here.getUTCDate()]
  const back = unit === 'month' ? day - 1 : unit === 'week' ? (here.getUTCDay() + 6) % 7 : 0
  const next = unit === 'month' ? Date.UTC(year, month + 1, 1) : Date.UTC(year, month, day - back + LENGTH[unit])
  return { startMs: firstMoment(clock, Date.UTC(year, month, day - back)), endMs: firstMoment(clock, next) }
}

const LENGTH = { day: 1, week: 7, month: 0 } as const

/** Clocks are never more than 15 hours away from UTC. */
const AWAY_MS_MAX = 16 * 3_600_000

/** The first moment at which the clock shows `wallMs` or later: found by halving. */
function firstMoment(clock: (ms: number) => number, wallMs: number): number {
  let before = wallMs - AWAY_MS_MAX
  let after = wallMs + AWAY_MS_MAX
  while (after - before > 1) {
    const middle = Math.floor((before + after) / 2)
    if (clock(middle) < wallMs) before = middle
    else after = middle
  }
  return after
}

/** Returns a function from a time to what a wall clock in this zone shows then, to the second, as if that were UTC. */
function wallClock(zone: string): (ms: number) => number {
  const format = new Intl.DateTimeFormat('en-u-ca-iso8601', {
    timeZone: zone,
    hourCycle: 'h23',
    year: 'numeric',
    month: 'numeric',
    day: 'numeric',
    hour: 'numeric',
    minute: 'numeric',
    second: 'numeric',
  })
  return (ms) => {
    const shown = Object.fromEntries(format.formatToParts(ms).map(({ type, value }) => [type, Number(value)]))
    const { year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0 } = shown
    return Date.UTC(year, month - 1, day, hour, minute, second)
  }
}
