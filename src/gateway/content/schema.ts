import { Buffer } from 'node:buffer'
import { isJsonObject, type Json, type JsonObject, LIMITS, no, ok, type Result, stepText } from '../../model/index.ts'
import { cutShown } from './cut-shown.ts'
import { type CheckFault, TooManySteps } from './schema-check.ts'
import { compileChecks } from './schema-engine.ts'

/**
 * A JSON Schema that a person accepted, compiled once. `check` tells the first fault, with its path, or nothing.
 *
 * - The schema comes from an upstream, so that compiling is bounded: size, nesting, no reference out of the document (MCP
 *   2025-11-25, JSON Schema usage: it would be fetched from anywhere); and so is checking (`compileChecks`), so that no
 *   schema and no value can stall the gateway.
 * - For arguments the schema is *closed*, at every depth and through references: an argument that it does not declare is
 *   refused, unless it says itself that more are welcome. An argument declared as an object and nothing else is free.
 */
export interface CompiledSchema {
  readonly check: (value: Json) => SchemaFault | undefined
}

export interface SchemaFault {
  /** JSONPath, `$` for the whole value. */
  readonly path: string
  readonly problem: string
}

export function compileSchema(schema: JsonObject, use: 'arguments' | 'answer'): Result<CompiledSchema, string> {
  if (isNestedDeeper(schema, LIMITS.schemaNestingMax))
    return no(`it is nested more than ${LIMITS.schemaNestingMax} levels deep`)
  const bytes = Buffer.byteLength(JSON.stringify(schema))
  if (bytes > LIMITS.schemaBytesMax) return no(`it has ${bytes} bytes, and at most ${LIMITS.schemaBytesMax} are taken`)
  try {
    const { $schema, ...rest } = schema
    const old = typeof $schema === 'string' && /draft-0[34]/.test($schema)
    const check = compileChecks(use === 'arguments' ? close(rest, 'top') : rest, old)
    return ok({ check: (value) => faultIn(check, value) })
  } catch (error) {
    return no(error instanceof Error ? error.message : 'it cannot be compiled')
  }
}

/** The place of a schema: a branch of a composition stays open, and is closed by the schema that it is part of. */
type Place = 'top' | 'inner' | 'branch'

/** Keywords whose branches say what an object may have. */
const COMPOSED = [
  'allOf',
  'anyOf',
  'oneOf',
  '$ref',
  '$dynamicRef',
  '$recursiveRef',
  'dependentSchemas',
  'dependencies',
] as const
const SAYS_MORE = ['additionalProperties', 'unevaluatedProperties'] as const

/**
 * Adds `additionalProperties: false` (or `unevaluatedProperties: false` where the schema is composed) to every object
 * schema that says nothing about further properties.
 */
function close(schema: JsonObject, place: Place): JsonObject {
  const closed = Object.fromEntries(
    Object.entries(schema).map(([keyword, value]) => [keyword, closeKeyword(keyword, value, schema)]),
  )
  if (place === 'branch' || SAYS_MORE.some((keyword) => keyword in schema)) return closed
  if (COMPOSED.some((keyword) => keyword in schema) || 'if' in schema) {
    // Says nothing of text and numbers: what is composed of those alone is left as it is.
    return saysObject(schema) || !('type' in schema) ? { ...closed, unevaluatedProperties: false } : closed
  }
  const free = place === 'inner' && !namesMembers(schema)
  return saysObject(schema) && !free ? { ...closed, additionalProperties: false } : closed
}

function saysObject(schema: JsonObject): boolean {
  const { type } = schema
  return type === 'object' || (Array.isArray(type) && type.includes('object')) || namesMembers(schema)
}

/** Tells whether a schema names members, by a pattern too: what it names none of is then not one. */
function namesMembers({ properties, patternProperties }: JsonObject): boolean {
  return isJsonObject(properties) || isJsonObject(patternProperties)
}

function closeKeyword(keyword: string, value: Json, schema: JsonObject): Json {
  switch (keyword) {
    case 'properties':
    case 'patternProperties':
      return isJsonObject(value) ? mapValues(value, closeAs('inner')) : value
    case 'items':
    case 'additionalItems':
    case 'unevaluatedItems':
    case 'additionalProperties':
    case 'unevaluatedProperties':
    case 'prefixItems':
      return Array.isArray(value) ? value.map(closeAs('inner')) : closeAs('inner')(value)
    case 'anyOf':
    case 'oneOf':
      if (!Array.isArray(value)) return value
      // The alternatives of a schema that says nothing itself: an object and nothing else is free here as well.
      return value.map(saysObject(schema) ? closeAs('branch') : (item) => closeAs('branch')(freed(item)))
    case 'allOf':
      return Array.isArray(value) ? value.map(closeAs('branch')) : value
    case 'then':
    case 'else':
      return closeAs('branch')(value)
    case '$defs':
    case 'definitions':
    case 'dependentSchemas':
    case 'dependencies':
      // A reference is a branch; what lies deeper in what it refers to is closed here.
      return isJsonObject(value) ? mapValues(value, closeAs('branch')) : value
    default:
      return value
  }
}

function closeAs(place: Place): (value: Json) => Json {
  return (value) => (isJsonObject(value) ? close(value, place) : value)
}

function freed(item: Json): Json {
  if (!isJsonObject(item) || item.type !== 'object' || namesMembers(item)) return item
  const says = [...COMPOSED, ...SAYS_MORE].some((keyword) => keyword in item)
  return says ? item : { ...item, additionalProperties: true }
}

function mapValues(object: JsonObject, change: (value: Json) => Json): JsonObject {
  return Object.fromEntries(Object.entries(object).map(([key, value]) => [key, change(value)]))
}

function isNestedDeeper(value: Json, levels: number): boolean {
  if (value === null || typeof value !== 'object') return false
  return levels === 0 || Object.values(value).some((item: Json) => isNestedDeeper(item, levels - 1))
}

/** Returns the fault of a value, cut: it goes to a cell and into the ledger, and a cell chose the names in it. */
function faultIn(check: (value: Json) => CheckFault | undefined, value: Json): SchemaFault | undefined {
  try {
    const fault = check(value)
    if (fault === undefined) return undefined
    const path = `$${fault.keys.map(stepText).join('')}`
    return {
      path: cutShown(path, LIMITS.faultCharactersMax),
      problem: cutShown(fault.problem, LIMITS.faultCharactersMax),
    }
  } catch (error) {
    // A recursion that steps did not stop is one that goes on for too long as well.
    if (error instanceof TooManySteps || error instanceof RangeError)
      return { path: '$', problem: 'takes too long to check' }
    throw error
  }
}
