import { createHash } from 'node:crypto'
import { type CatalogueTool, type DeclaredTool, type JsonObject, sha256, type ToolName } from '../../../model/index.ts'
import { compileSchema } from '../../content/schema.ts'
import type { Contract } from '../../pipeline/line.ts'
import { type RequestPattern, readPattern } from './pattern.ts'

/**
 * Returns the requests that an origin takes, by the names that grants and policies know them by. There is no definition to
 * accept: the pattern in the configuration is what a person accepted. @throws {Error} where a name is no pattern.
 */
export function requestsOf(tools: Iterable<DeclaredTool>): ReadonlyMap<ToolName, CatalogueTool> {
  return new Map(
    [...tools].map((declared) => {
      const { name } = declared
      const input = inputOf(patternNamed(name))
      const definition: JsonObject = { name, input }
      const digest = sha256(createHash('sha256').update(JSON.stringify(definition)).digest('hex'))
      return [name, { declared, pinned: { name, digest, definition, input } }] as const
    }),
  )
}

/** Returns the contract of a request, by which the pipeline judges and charges it. */
export function contractOf({ declared, pinned }: CatalogueTool): Contract {
  const schema = compileSchema(pinned?.input ?? {}, 'arguments')
  if (!schema.ok) throw new Error(schema.reason)
  return { declared, ...(pinned && { pinned }), input: schema.value, judge: () => undefined }
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
