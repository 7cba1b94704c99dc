import { no, ok, type Result } from './result.ts'

/**
 * An exact decimal amount with four places, as Cedar's `decimal`: `units` is the amount × 10,000.
 * Never a float: `0.1 + 0.2` is `0.3` here.
 */
export interface Money {
  readonly units: bigint
  /** Three upper-case letters, ISO 4217. */
  readonly currency: string
}

/** Largest absolute value of a Cedar `decimal`, in units. */
const UNITS_MAX = 2n ** 63n - 1n

/** Plain decimal notation only: an exponent, a sign other than `-`, spaces and a fifth place are refused, not rounded. */
export function decimalUnits(text: string): Result<bigint, 'not a decimal' | 'too many places' | 'too large'> {
  const match = /^(-?)(\d{1,20})(?:\.(\d+))?$/.exec(text)
  if (!match) return no('not a decimal')
  const [, sign, whole = '', fraction = ''] = match
  if (fraction.length > 4) return no('too many places')
  const units = BigInt(whole) * 10_000n + BigInt(fraction.padEnd(4, '0'))
  if (units > UNITS_MAX) return no('too large')
  return ok(sign === '-' ? -units : units)
}

/** The shortest exact form with at least two places: `50.00`, `0.1234`. */
export function decimalText(units: bigint): string {
  const sign = units < 0n ? '-' : ''
  const digits = (units < 0n ? -units : units).toString().padStart(5, '0')
  const fraction = digits.slice(-4).replace(/0{1,2}$/, '')
  return `${sign}${digits.slice(0, -4)}.${fraction}`
}

export function moneyText(money: Money): string {
  return `${decimalText(money.units)} ${money.currency}`
}

/** Reads an amount that `moneyText` wrote; undefined for any other text. */
export function moneyFrom(text: string): Money | undefined {
  const [amount = '', currency = '', ...rest] = text.split(' ')
  const units = decimalUnits(amount)
  return units.ok && /^[A-Z]{3}$/.test(currency) && rest.length === 0 ? { units: units.value, currency } : undefined
}
