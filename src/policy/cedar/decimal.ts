import { fits } from './long.ts'
import { Decimal, Fault } from './value.ts'

/**
 * Parses a decimal as Cedar does: digits on both sides of the point, at most four of them after it, and no more than 64
 * bits.
 */
export function parsedDecimal(text: string): Decimal | Fault {
  const match = /^(-?\d+)\.(\d{1,4})$/.exec(text)
  if (!match) return new Fault('extension', `${JSON.stringify(text)} is not a decimal with one to four places`)
  const [, whole = '', fraction = ''] = match
  const units = BigInt(`${whole}${fraction.padEnd(4, '0')}`)
  return fits(units) ? new Decimal(units) : new Fault('extension', `${text} is too large for a decimal`)
}
