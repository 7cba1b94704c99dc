import {
  type Amount,
  type Budget,
  decimalUnits,
  MEASURE_NAMES,
  MEASURES,
  SLIDING,
  type Window,
} from '../model/index.ts'

const SIZES = { KiB: 1_024, MiB: 1_048_576, GiB: 1_073_741_824 } as const

/** Units of time, the longest first, with the spellings that people give them. */
const TIMES: readonly { readonly ms: number; readonly names: readonly string[] }[] = [
  { ms: 604_800_000, names: ['w', 'wk', 'wks', 'week', 'weeks'] },
  { ms: 86_400_000, names: ['d', 'day', 'days'] },
  { ms: 3_600_000, names: ['h', 'hr', 'hrs', 'hour', 'hours'] },
  { ms: 60_000, names: ['m', 'min', 'mins', 'minute', 'minutes'] },
  { ms: 1_000, names: ['s', 'sec', 'secs', 'second', 'seconds'] },
  { ms: 1, names: ['ms', 'msec', 'millisecond', 'milliseconds'] },
]

const DURATION_MS_MAX = 366 * 86_400_000

/**
 * Reads a stretch of time as people write it: `30s`, `5min`, `2m`, `1h30m`, `2 h`, `1.5 hours`, `PT1H30M`. A longer unit
 * stands before a shorter one, and each once. Returns milliseconds, from one second to 366 days; undefined for all else, a
 * number without a unit among it.
 */
export function duration(text: string): number | undefined {
  const iso = /^P(?=.)(?:\d+D)?(?:T(?=.)(?:\d+H)?(?:\d+M)?(?:\d+S)?)?$/.test(text)
  const written = iso ? text.replaceAll(/[PT]/g, '').toLowerCase() : text
  if (!/^(?:\d{1,9}(?:\.\d{1,3})? ?[A-Za-z]+(?: (?=\d)|(?=\d|$)))+$/.test(written)) return undefined
  const parts = [...written.matchAll(/([\d.]+) ?([A-Za-z]+)/g)]
  let ms = 0
  let longer = -1
  for (const [, count = '', unit = ''] of parts) {
    const at = TIMES.findIndex(({ names }) => names.includes(nameOf(unit)))
    if (at <= longer) return undefined
    longer = at
    ms += Number(count) * (TIMES[at]?.ms ?? 0)
  }
  ms = Math.round(ms)
  return ms >= 1_000 && ms <= DURATION_MS_MAX ? ms : undefined
}

/** Returns a unit's name in small letters, but for a lone capital `M`: it is a month to some, and no unit here. */
function nameOf(unit: string): string {
  return unit === 'M' ? unit : unit.toLowerCase()
}

/** Reads a size in bytes: `512MiB`, `1GiB`. */
export function size(text: string): number | undefined {
  const match = /^([1-9]\d{0,6})(KiB|MiB|GiB)$/.exec(text)
  return match ? Number(match[1]) * SIZES[match[2] as keyof typeof SIZES] : undefined
}

/**
 * A budget of one kind: an amount, and over what. `60/min` looks back from each moment; `500 EUR per day Europe/Lisbon`
 * begins anew with each day, week or month of a time zone (UTC where none is named); `100 EUR total` never returns.
 */
export function budget(kind: Amount['kind']): (text: string) => Budget | undefined {
  return (text) => {
    const match = /^(.*?)(\/| per | total$)(.*)$/.exec(text)
    const amount = match ? amountIn(kind, match[1] ?? '') : undefined
    const window = match ? windowFrom(match[2] ?? '', match[3] ?? '') : undefined
    return amount && window && { ...amount, window }
  }
}

/** The share of each task: `50 EUR`, `20 calls`, `1000 rows`, `5MiB`. */
export function share(text: string): Budget | undefined {
  const window = { kind: 'task' } as const
  const [, number = '', unit] = /^(\d+) ([a-z]+)$/.exec(text) ?? []
  const kind = MEASURE_NAMES.find((name) => (MEASURES[name].written === 'size' ? unit === undefined : name === unit))
  const amount = money(text) ?? (kind && amountIn(kind, unit === undefined ? text : number))
  return amount && { ...amount, window }
}

function amountIn(kind: Amount['kind'], text: string): Amount | undefined {
  if (kind === 'spend') return money(text)
  const max = MEASURES[kind].written === 'size' ? size(text) : counted(text)
  return max === undefined ? undefined : { kind, max }
}

function money(text: string): Amount | undefined {
  const match = /^(\d{1,14}(?:\.\d{1,4})?) ([A-Z]{3})$/.exec(text)
  const units = decimalUnits(match?.[1] ?? '')
  if (!match || !units.ok || units.value <= 0n) return undefined
  return { kind: 'spend', maxUnits: units.value, currency: match[2] ?? '' }
}

function counted(text: string): number | undefined {
  return /^[1-9]\d{0,11}$/.test(text) ? Number(text) : undefined
}

function windowFrom(separator: string, rest: string): Window | undefined {
  if (separator === ' total') return { kind: 'total' }
  if (separator === '/') return slidingOver(rest)
  const [unit = '', zone = 'UTC', ...more] = rest.split(' ')
  if (zone === 'UTC' && !/^(?:day|week|month)\b/.test(rest)) return slidingOver(rest)
  if ((unit !== 'day' && unit !== 'week' && unit !== 'month') || more.length > 0 || !isTimeZone(zone)) return undefined
  return { kind: 'calendar', unit, zone }
}

/** Returns the sliding window of `60/min`, and of its other spellings: `60/m`, `60/minute`, `60 per hour`. */
function slidingOver(unit: string): Window | undefined {
  const ms = TIMES.find(({ names }) => names.includes(unit))?.ms
  return ms !== undefined && SLIDING.some(([, known]) => known === ms) ? { kind: 'sliding', ms } : undefined
}

/** A name that this host's calendar knows; no offsets, which know no summer. */
function isTimeZone(name: string): boolean {
  if (!/^[A-Z][A-Za-z_]*(?:\/[A-Za-z0-9_+-]+)*$/.test(name)) return false
  try {
    new Intl.DateTimeFormat('en', { timeZone: name })
    return true
  } catch {
    return false
  }
}
