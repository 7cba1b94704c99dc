/** A parsed JSON value. What a strict parser returned: no duplicate key, no unsafe number, no lone surrogate was in it. */
export type Json = null | boolean | number | string | readonly Json[] | JsonObject

export interface JsonObject {
  readonly [key: string]: Json
}

export function isJsonObject(value: Json | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** What a value says once it is text: no undefined, no methods. For what goes into the ledger or over a socket. */
export function asJson(value: object): JsonObject {
  return JSON.parse(JSON.stringify(value)) as JsonObject
}
