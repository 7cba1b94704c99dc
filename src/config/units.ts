import type { Budget } from '../model/index.ts'
import { decimalUnits } from '../model/index.ts'

const DURATIONS = { ms: 1, s: 1_000, min: 60_000, h: 3_600_000, d: 86_400_000 } as const
const WINDOWS = { s: 1_000, min: 60_000, hour: 3_600_000, day: 86_400_000 } as const
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

/** `60/min`. */
export function callBudget(text: string): Budget | undefined {
  const match = /^([1-9]\d{0,8})\/(s|min|hour|day)$/.exec(text)
  if (!match) return undefined
  return {
    kind: 'calls',
    max: Number(match[1]),
    window: { kind: 'sliding', ms: WINDOWS[match[2] as keyof typeof WINDOWS] },
  }
}

/** `500 EUR/day`, `49.90 EUR/hour`. */
export function spendBudget(text: string): Budget | undefined {
  const match = /^(\d{1,14}(?:\.\d{1,4})?) ([A-Z]{3})\/(s|min|hour|day)$/.exec(text)
  const units = match ? decimalUnits(match[1] ?? '') : undefined
  if (!match || !units?.ok || units.value <= 0n) return undefined
  const ms = WINDOWS[match[3] as keyof typeof WINDOWS]
  return { kind: 'spend', maxUnits: units.value, currency: match[2] ?? '', window: { kind: 'sliding', ms } }
}
