import { doubleOf, WrittenNumber } from './text/number.ts'
import { stepText } from './text/path.ts'

/** A parsed JSON value. What a strict parser returned: no duplicate key, no lone surrogate was in it, and no unsafe number but as it was written. */
export type Json = null | boolean | number | string | WrittenNumber | readonly Json[] | JsonObject

export interface JsonObject {
  readonly [key: string]: Json
}

export function isJsonObject(value: Json | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof WrittenNumber)
}

/** Returns the same value, in which only those numbers are kept as written that no double is exactly. */
export function withDoubles(value: Json): Json {
  if (value instanceof WrittenNumber) return doubleOf(value) ?? value
  if (value === null || typeof value !== 'object') return value
  return Array.isArray(value) ? value.map(withDoubles) : objectWithDoubles(value as JsonObject)
}

export function objectWithDoubles(object: JsonObject): JsonObject {
  return Object.fromEntries(Object.entries(object).map(([key, item]) => [key, withDoubles(item)]))
}

/** Returns the path of a number that is kept as it was written; undefined where there is none. */
export function writtenNumberIn(value: Json, path = '$'): string | undefined {
  if (value instanceof WrittenNumber) return path
  if (value === null || typeof value !== 'object') return undefined
  const list = Array.isArray(value)
  for (const [key, item] of Object.entries(value)) {
    const found = writtenNumberIn(item as Json, `${path}${stepText(list ? Number(key) : key)}`)
    if (found !== undefined) return found
  }
  return undefined
}
