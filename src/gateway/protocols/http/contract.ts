import {
  type CatalogueTool,
  type DeclaredTool,
  isJsonObject,
  type Json,
  type JsonObject,
  type ToolName,
  WEBSOCKET,
} from '../../../model/index.ts'
import { ownOperations } from './origin-line.ts'
import { type RequestPattern, readPattern } from './pattern.ts'

/**
 * Returns the requests that an origin takes, by the names that grants and policies know them by: the pattern in the
 * configuration is what a person accepted. @throws {Error} where a name is no pattern.
 */
export function requestsOf(tools: Iterable<DeclaredTool>): ReadonlyMap<ToolName, CatalogueTool> {
  return ownOperations(tools, ({ name }) => inputOf(patternNamed(name)))
}

/** Returns the pattern that a name is. @throws {Error} of one that was not judged before. */
export function patternNamed(name: string): RequestPattern {
  const pattern = readPattern(name)
  if (!pattern.ok) throw new Error(`${name}: ${pattern.reason}`)
  return pattern.value
}

/** Returns the pattern of an operation; where a document says which query it may have, with that one. */
export function patternOf(name: string, input: JsonObject | undefined): RequestPattern {
  const pattern = patternNamed(name)
  const query = memberOf(memberOf(input, 'properties'), 'query')
  const names = Object.entries(memberOf(query, 'properties') ?? {})
  if (pattern.query.size > 0 || names.length === 0) return pattern
  return { ...pattern, query: new Map(names.map(([each, schema]) => [each, isList(schema) ? 'often' : 'once'])) }
}

function memberOf(value: Json | undefined, name: string): JsonObject | undefined {
  const member = isJsonObject(value) ? value[name] : undefined
  return isJsonObject(member) ? member : undefined
}

function isList(schema: Json): boolean {
  return isJsonObject(schema) && schema.type === 'array'
}

/** Returns the headers that are arguments of an operation, in lower case: those that its document names. */
export function headersIn(input: JsonObject | undefined): readonly string[] {
  return Object.keys(memberOf(memberOf(memberOf(input, 'properties'), 'headers'), 'properties') ?? {})
}

/** Methods whose requests have a body. */
const BODIED: ReadonlySet<string> = new Set(['POST', 'PUT', 'PATCH', 'DELETE'])

/** The schema of what is known of a body that nobody reads: an argument of its own, which no rule for `body` lets through. */
const STREAM: JsonObject = {
  type: 'object',
  properties: { type: { type: 'string' }, length: { type: 'integer' } },
  required: ['type'],
  additionalProperties: false,
}

/**
 * Returns the schema of a request's arguments: what stands in its path by name, its query, and its body; of a WebSocket the
 * subprotocols that it offers.
 */
function inputOf({ method, segments, query }: RequestPattern): JsonObject {
  const inPath = segments.flatMap((part) => (part.kind === 'text' ? [] : [part.name]))
  const text: JsonObject = { type: 'string' }
  const inQuery = [...query].map(
    ([name, times]) => [name, times === 'once' ? text : { type: 'array', items: text }] as const,
  )
  return {
    type: 'object',
    properties: {
      ...Object.fromEntries(inPath.map((name) => [name, { type: 'string', minLength: 1 }])),
      ...(inQuery.length > 0 && {
        query: { type: 'object', properties: Object.fromEntries(inQuery), additionalProperties: false },
      }),
      ...(BODIED.has(method) && { body: {}, stream: STREAM }),
      ...(method === WEBSOCKET && !inPath.includes('protocols') && { protocols: { type: 'array', items: text } }),
    },
    ...(inPath.length > 0 && { required: inPath }),
    additionalProperties: false,
  }
}
