import { type Amount, type Budget, decimalUnits, SLIDING, type Window } from '../model/index.ts'

const DURATIONS = { ms: 1, s: 1_000, min: 60_000, h: 3_600_000, d: 86_400_000 } as const
const SIZES = { KiB: 1_024, MiB: 1_048_576, GiB: 1_073_741_824 } as const

/** `30s`, `5min`, `8h`, `2d`: milliseconds, from one second to 366 days. */
export function duration(text: string): number | undefined {
  const match = /^([1-9]\d{0,8})(ms|s|min|h|d)$/.exec(text)
  if (!match) return undefined
  const ms = Number(match[1]) * DURATIONS[match[2] as keyof typeof DURATIONS]
  return ms >= 1_000 && ms <= 366 * DURATIONS.d ? ms : undefined
}

/** `512MiB`, `1GiB`: bytes. */
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
    const amount = match ? AMOUNTS[kind](match[1] ?? '') : undefined
    const window = match ? windowFrom(match[2] ?? '', match[3] ?? '') : undefined
    return amount && window && { ...amount, window }
  }
}

/** The share of each task: `50 EUR`, `20 calls`, `1000 rows`, `5MiB`. */
export function share(text: string): Budget | undefined {
  const window = { kind: 'task' } as const
  const counted = /^(\d+) (calls|rows)$/.exec(text)
  const kind = counted?.[2] === 'calls' ? 'calls' : 'rows'
  const amount = counted ? AMOUNTS[kind](counted[1] ?? '') : (AMOUNTS.spend(text) ?? AMOUNTS.bytes(text))
  return amount && { ...amount, window }
}

const AMOUNTS: { readonly [kind in Amount['kind']]: (text: string) => Amount | undefined } = {
  calls: (text) => counted('calls', text),
  rows: (text) => counted('rows', text),
  bytes: (text) => {
    const max = size(text)
    return max === undefined ? undefined : { kind: 'bytes', max }
  },
  spend: (text) => {
    const match = /^(\d{1,14}(?:\.\d{1,4})?) ([A-Z]{3})$/.exec(text)
    const units = decimalUnits(match?.[1] ?? '')
    if (!match || !units.ok || units.value <= 0n) return undefined
    return { kind: 'spend', maxUnits: units.value, currency: match[2] ?? '' }
  },
}

function counted(kind: 'calls' | 'rows', text: string): Amount | undefined {
  return /^[1-9]\d{0,11}$/.test(text) ? { kind, max: Number(text) } : undefined
}

function windowFrom(separator: string, rest: string): Window | undefined {
  if (separator === ' total') return { kind: 'total' }
  if (separator === '/') {
    const ms = SLIDING.find(([name]) => name === rest)?.[1]
    return ms === undefined ? undefined : { kind: 'sliding', ms }
  }
  const [unit = '', zone = 'UTC', ...more] = rest.split(' ')
  if ((unit !== 'day' && unit !== 'week' && unit !== 'month') || more.length > 0 || !isTimeZone(zone)) return undefined
  return { kind: 'calendar', unit, zone }
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
