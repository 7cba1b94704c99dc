import { Ajv, type Options, type ValidateFunction } from 'ajv'
import { Ajv2020 } from 'ajv/dist/2020.js'
import { RE2JS } from 're2js'
import { isJsonObject, type Json, type JsonObject, LIMITS, no, ok, type Result } from '../model/index.ts'

/**
 * A JSON Schema that a person accepted, compiled once. `check` tells the first fault, with its path, or nothing.
 *
 * - The schema comes from an upstream, so that compiling is bounded: size, depth, number of values, no reference out of
 *   the document, and patterns run on an engine without backtracking (RE2), so that none can stall the gateway.
 * - For arguments the schema is *closed*: an argument that it does not declare is refused, unless it says itself that
 *   more are welcome.
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
  if (JSON.stringify(schema).length > LIMITS.schemaBytesMax)
    return no(`it is larger than ${LIMITS.schemaBytesMax} bytes`)
  const outside = referenceOut(schema)
  if (outside !== undefined) return no(`it refers to ${JSON.stringify(outside)}, which is not in it`)
  try {
    const { $schema, $id: _, ...rest } = schema
    const closed = use === 'arguments' ? close(rest, false) : rest
    const validate = engineFor($schema).compile(closed)
    return ok({ check: (value) => (validate(value) ? undefined : faultOf(validate)) })
  } catch (error) {
    return no(error instanceof Error ? error.message : 'it cannot be compiled')
  }
}

const OPTIONS: Options = {
  strict: false,
  // One fault is enough to refuse, and collecting all lets a hostile value buy time.
  allErrors: false,
  validateFormats: false,
  validateSchema: true,
  logger: false,
  code: { regExp: Object.assign((pattern: string) => linearPattern(pattern), { code: 'new RegExp' }) },
}

/** A fresh engine for each schema: definitions from one upstream never meet those of another. */
function engineFor(dialect: Json | undefined): Ajv | Ajv2020 {
  if (typeof dialect === 'string' && /draft-0[67]/.test(dialect)) return new Ajv(OPTIONS)
  return new Ajv2020(OPTIONS)
}

/** Throws for what RE2 cannot do in linear time (look-around, back-references): such a definition cannot be accepted. */
function linearPattern(pattern: string): { test: (text: string) => boolean; toString: () => string } {
  const compiled = RE2JS.compile(pattern)
  return { test: (text) => compiled.matcher(text).find(), toString: () => pattern }
}

const COMPOSED = ['allOf', 'anyOf', 'oneOf', 'not', 'if', '$ref', '$dynamicRef', 'dependentSchemas'] as const

/**
 * Adds `additionalProperties: false` (or `unevaluatedProperties: false` where the schema is composed) to every object
 * schema that says nothing about further properties. Branches of a composition stay open: the outermost schema closes
 * over what they evaluated together.
 */
function close(schema: JsonObject, inBranch: boolean): JsonObject {
  const closed: Record<string, Json> = {}
  for (const [keyword, value] of Object.entries(schema)) {
    closed[keyword] = closeKeyword(keyword, value)
  }
  const isObject = schema.type === 'object' || isJsonObject(schema.properties)
  const silent =
    !('additionalProperties' in schema) && !('unevaluatedProperties' in schema) && !('patternProperties' in schema)
  const composed = COMPOSED.some((keyword) => keyword in schema)
  if (isObject && silent && !inBranch) closed[composed ? 'unevaluatedProperties' : 'additionalProperties'] = false
  return closed
}

function closeKeyword(keyword: string, value: Json): Json {
  const inEach = (branch: boolean) => (item: Json) => (isJsonObject(item) ? close(item, branch) : item)
  switch (keyword) {
    case 'properties':
    case 'patternProperties':
      return isJsonObject(value) ? mapValues(value, inEach(false)) : value
    case 'items':
    case 'additionalProperties':
    case 'unevaluatedProperties':
      return Array.isArray(value) ? value.map(inEach(false)) : inEach(false)(value)
    case 'prefixItems':
      return Array.isArray(value) ? value.map(inEach(false)) : value
    case 'allOf':
    case 'anyOf':
    case 'oneOf':
      return Array.isArray(value) ? value.map(inEach(true)) : value
    default:
      // `$defs` stay as they are: a reference is a branch, closed by the schema that refers.
      return value
  }
}

function mapValues(object: JsonObject, change: (value: Json) => Json): JsonObject {
  return Object.fromEntries(Object.entries(object).map(([key, value]) => [key, change(value)]))
}

/** External references are never followed (MCP 2025-11-25, JSON Schema usage): they would be fetched from anywhere. */
function referenceOut(value: Json): string | undefined {
  if (value === null || typeof value !== 'object') return undefined
  for (const [key, item] of Object.entries(value)) {
    const isReference = key === '$ref' || key === '$dynamicRef'
    if (isReference && typeof item === 'string' && !item.startsWith('#')) return item
    const inner = referenceOut(item as Json)
    if (inner !== undefined) return inner
  }
  return undefined
}

function faultOf(validate: ValidateFunction): SchemaFault {
  const error = validate.errors?.[0]
  const path = `$${(error?.instancePath ?? '').replaceAll('/', '.')}`
  const extra = error?.params.additionalProperty ?? error?.params.unevaluatedProperty
  if (typeof extra === 'string') return { path: `${path}.${extra}`, problem: 'is not declared' }
  return { path, problem: error?.message ?? 'does not match its schema' }
}
