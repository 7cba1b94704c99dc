import type { CatalogueTool, DeclaredTool, JsonObject, ToolName } from '../../../model/index.ts'
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

/** Methods whose requests have a body that is judged. */
const BODIED: ReadonlySet<string> = new Set(['POST', 'PUT', 'PATCH', 'DELETE'])

/** Returns the schema of a request's arguments: what stands in its path by name, its query, and its body. */
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
      ...(BODIED.has(method) && { body: {} }),
    },
    ...(inPath.length > 0 && { required: inPath }),
    additionalProperties: false,
  }
}
