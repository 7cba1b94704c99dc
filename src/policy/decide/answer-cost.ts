import { isJsonObject, type Json } from '../../model/json.ts'
import { no, ok, type Result } from '../../model/result.ts'
import { doubleOf } from '../../model/text/number.ts'
import type { JsonPath } from '../../model/text/path.ts'
import { amountUnits } from './spend.ts'

/** The number of rows in an answer. `counted`: we counted the items of a list; else the upstream gave the number. */
export interface Rows {
  readonly rows: number
  readonly counted: boolean
}

/**
 * The rows at a path in what an answer carries; the most, where it says so twice (as text and as structured content).
 * Undefined where they cannot be told.
 */
export function rowsIn(path: JsonPath, values: readonly Json[]): Rows | undefined {
  let most: Rows | undefined
  for (const value of values) {
    const found = at(value, path)
    if (found.length === 0) continue
    let rows = 0
    let counted = true
    for (const each of found) {
      if (Array.isArray(each)) rows += each.length
      else {
        const said = doubleOf(each)
        if (said === undefined || !Number.isSafeInteger(said) || said < 0) return undefined
        rows += said
        counted = false
      }
    }
    if (most === undefined || rows > most.rows) most = { rows, counted }
  }
  return most
}

/**
 * Returns the amount that an answer says was charged; the most, where several values say one. An upstream may lie: the
 * caller decides what to believe.
 */
export function chargedIn(path: JsonPath, values: readonly Json[]): Result<bigint, string> {
  let most: bigint | undefined
  let problem = 'missing'
  for (const value of values) {
    for (const each of at(value, path)) {
      const units = amountUnits(each)
      if (typeof units === 'string') problem = units
      else if (most === undefined || units > most) most = units
    }
  }
  return most === undefined ? no(problem) : ok(most)
}

function at(value: Json, path: JsonPath, from = 0): readonly Json[] {
  const step = path[from]
  if (step === undefined) return [value]
  if (step === 'items') return Array.isArray(value) ? value.flatMap((item: Json) => at(item, path, from + 1)) : []
  if (!isJsonObject(value) || !Object.hasOwn(value, step.name)) return []
  return at(value[step.name] ?? null, path, from + 1)
}
