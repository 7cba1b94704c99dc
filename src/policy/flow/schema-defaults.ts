import { isJsonObject, type Json, type JsonObject } from '../../model/json.ts'
import type { JsonPath } from '../../model/text/path.ts'
import { branchesOf, furtherOf, itemsOf, sameOf } from './schema-parts.ts'

/** The values that an accepted definition gives a destination that is left out. */
export interface SchemaDefaults {
  /** The defaults of the destination itself and of whatever it lies in. */
  readonly values: readonly Json[]
  /** A default of its own holds in every case; else that nothing is named is to be judged, too. */
  readonly always: boolean
}

interface Place {
  readonly schema: JsonObject
  /** Steps of the path that led here. */
  readonly depth: number
  /** True where one of several branches that may hold was taken on the way. */
  readonly isBranch: boolean
}

/**
 * Returns the defaults that a schema has for a place, or for something around it: of any level, in any branch, and behind
 * references. Which of them a server takes is its own affair, so each of them counts.
 */
export function defaultsAt(schema: Json | undefined, path: JsonPath): SchemaDefaults {
  if (!isJsonObject(schema)) return { values: [], always: false }
  const values: Json[] = []
  let always = false
  const seen = Array.from({ length: path.length + 1 }, () => new Set<JsonObject>())
  // Roads without a branch first: what is met again by a branch is not looked at again.
  const [plain, branched]: [Place[], Place[]] = [[], []]
  const go = (json: Json | undefined, depth: number, isBranch: boolean): void => {
    if (isJsonObject(json)) (isBranch ? branched : plain).push({ schema: json, depth, isBranch })
  }
  go(schema, 0, false)
  for (let place = plain.pop(); place !== undefined; place = plain.pop() ?? branched.pop()) {
    const { schema: here, depth, isBranch } = place
    if (seen[depth]?.has(here)) continue
    seen[depth]?.add(here)
    if (here.default !== undefined) {
      values.push(...valuesAt(here.default, path, depth))
      always ||= depth === path.length && !isBranch
    }
    for (const same of sameOf(here, schema)) go(same, depth, isBranch)
    for (const branch of branchesOf(here)) go(branch, depth, true)
    const step = path[depth]
    if (step === undefined) continue
    if (step === 'items') for (const inner of itemsOf(here)) go(inner, depth + 1, isBranch)
    else {
      const { properties } = here
      if (isJsonObject(properties) && Object.hasOwn(properties, step.name))
        go(properties[step.name], depth + 1, isBranch)
      for (const inner of furtherOf(here)) go(inner, depth + 1, true)
    }
  }
  return { values, always }
}

/** Returns what a value has at the rest of a path; what is of another shape, and not empty, is told itself. */
function valuesAt(value: Json, path: JsonPath, depth: number): readonly Json[] {
  const step = path[depth]
  if (step === undefined) return [value]
  if (step === 'items' && Array.isArray(value)) return value.flatMap((item: Json) => valuesAt(item, path, depth + 1))
  if (step !== 'items' && isJsonObject(value)) {
    const inner = Object.hasOwn(value, step.name) ? value[step.name] : undefined
    return inner === undefined ? [] : valuesAt(inner, path, depth + 1)
  }
  return value === null || (typeof value === 'object' && Object.keys(value).length === 0) ? [] : [value]
}
