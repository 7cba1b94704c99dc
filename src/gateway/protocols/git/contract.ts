import {
  type CatalogueTool,
  type DeclaredTool,
  type JsonObject,
  operationIn,
  type ToolName,
} from '../../../model/index.ts'
import { ownOperations } from '../http/origin-line.ts'
import { type RepositoryPattern, readRepositoryPattern } from './repository-pattern.ts'

/** Returns what may be granted of a git server: what a person has declared of repositories and refs. */
export function gitToolsOf(tools: Iterable<DeclaredTool>): ReadonlyMap<ToolName, CatalogueTool> {
  return ownOperations(tools, () => INPUT)
}

/** Returns the pattern that the name of a tool is. @throws {Error} of one that was not judged before. */
export function patternOf(name: ToolName): RepositoryPattern {
  const pattern = readRepositoryPattern(operationIn(name).tool)
  if (!pattern.ok) throw new Error(`${name}: ${pattern.reason}`)
  return pattern.value
}

const INPUT: JsonObject = {
  type: 'object',
  properties: {
    repository: { type: 'string' },
    what: { type: 'string' },
    wants: { type: 'integer' },
    haves: { type: 'integer' },
    digest: { type: 'string' },
    objects: { type: 'integer' },
    bytes: { type: 'integer' },
    object: { type: 'string' },
    place: { type: 'string' },
    changes: {
      type: 'array',
      items: {
        type: 'object',
        properties: {
          ref: { type: 'string' },
          kind: { type: 'string' },
          from: { type: 'string' },
          to: { type: 'string' },
        },
        additionalProperties: false,
      },
    },
  },
  additionalProperties: false,
}
