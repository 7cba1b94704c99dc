import { isJsonObject, type Json, type JsonObject } from '../../model/json.ts'
import { decimalUnits, type Money } from '../../model/money.ts'
import { no, ok, type Result } from '../../model/result.ts'
import { doubleOf, isNumber, numberText, type WrittenNumber } from '../../model/text/number.ts'
import type { DeclaredTool } from '../../model/tool.ts'

export interface SpendProblem {
  readonly path: string
  readonly problem: string
}

/**
 * Reads the cost of a spending tool's call from the arguments that its declaration names: `amount: $.amount`,
 * `currency: $.currency` or a fixed `currency: EUR`. Never guessed: an amount that cannot be read exactly is a refusal.
 */
export function readSpend(declared: DeclaredTool, args: JsonObject): Result<Money, SpendProblem> {
  const { amount: path, currency: currencyPath } = declared
  if (path === undefined)
    return no({ path: '$', problem: 'the configuration does not say which argument is the amount' })
  const units = amountUnits(at(args, path))
  if (typeof units === 'string') return no({ path, problem: units })
  if (currencyPath === undefined) return no({ path, problem: 'the configuration does not say in which currency it is' })
  const currency = CURRENCY.test(currencyPath) ? currencyPath : at(args, currencyPath)
  if (typeof currency !== 'string' || !CURRENCY.test(currency)) {
    return no({ path: currencyPath, problem: currency === undefined ? 'missing' : 'not three capital letters' })
  }
  return ok({ units, currency })
}

const CURRENCY = /^[A-Z]{3}$/

/**
 * Reads an amount into units, or returns the reason for which it cannot be told. `-0.00`, `0050.00` and an exponent are
 * such, and so is a number with places that a double of its size does not hold.
 */
export function amountUnits(value: Json | undefined): bigint | string {
  if (value === undefined || value === null) return 'missing'
  if (!isNumber(value) && typeof value !== 'string') return 'not a number'
  const text = typeof value === 'string' ? value : numberText(value)
  if (text.startsWith('-')) return 'negative'
  if (/^0\d/.test(text)) return 'not a decimal'
  if (typeof value !== 'string' && isInexact(value)) return 'inexact as a number'
  const units = decimalUnits(text)
  return units.ok ? units.value : units.reason
}

function isInexact(value: number | WrittenNumber): boolean {
  const double = doubleOf(value)
  return double === undefined || (!Number.isSafeInteger(double) && double > EXACT_MAX)
}

/** Below, no two amounts with four places are the same double. */
const EXACT_MAX = Number.MAX_SAFE_INTEGER / 10_000

/** Returns the member at a path like `$.a.b`, through objects only. */
function at(args: JsonObject, path: string): Json | undefined {
  let found: Json | undefined = args
  for (const name of path.replace(/^\$\.?/, '').split('.')) {
    if (!isJsonObject(found) || !Object.hasOwn(found, name)) return undefined
    found = found[name]
  }
  return found
}
