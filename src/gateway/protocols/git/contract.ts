import { createHash } from 'node:crypto'
import {
  type CatalogueTool,
  type DeclaredTool,
  type JsonObject,
  operationIn,
  sha256,
  type ToolName,
} from '../../../model/index.ts'
import { compileSchema } from '../../content/schema.ts'
import type { Contract } from '../../pipeline/line.ts'
import { type RepositoryPattern, readRepositoryPattern } from './repository-pattern.ts'

/**
 * Returns what may be granted of a git server: what a person has declared of repositories and refs. There is no definition to
 * accept but the pattern itself. @throws {Error} where a name is no pattern.
 */
export function gitToolsOf(tools: Iterable<DeclaredTool>): ReadonlyMap<ToolName, CatalogueTool> {
  return new Map(
    [...tools].map((declared) => {
      const { name } = declared
      patternOf(name)
      const definition: JsonObject = { name, input: INPUT }
      const digest = sha256(createHash('sha256').update(JSON.stringify(definition)).digest('hex'))
      return [name, { declared, pinned: { name, digest, definition, input: INPUT } }] as const
    }),
  )
}

/** Returns the contract of an operation, by which the pipeline judges it. */
export function gitContractOf({ declared, pinned }: CatalogueTool): Contract {
  const schema = compileSchema(INPUT, 'arguments')
  if (!schema.ok) throw new Error(schema.reason)
  return { declared, ...(pinned && { pinned }), input: schema.value, judge: () => undefined }
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
