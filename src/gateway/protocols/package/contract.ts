import { createHash } from 'node:crypto'
import { type CatalogueTool, type DeclaredTool, type JsonObject, sha256, type ToolName } from '../../../model/index.ts'
import { compileSchema } from '../../content/schema.ts'
import type { Contract } from '../../pipeline/line.ts'

/** Returns what may be granted of a registry of packages. There is no definition to accept: what is asked is part of this program. */
export function packageToolsOf(tools: Iterable<DeclaredTool>): ReadonlyMap<ToolName, CatalogueTool> {
  return new Map(
    [...tools].map((declared) => {
      const { name } = declared
      const definition: JsonObject = { name, input: INPUT }
      const digest = sha256(createHash('sha256').update(JSON.stringify(definition)).digest('hex'))
      return [name, { declared, pinned: { name, digest, definition, input: INPUT } }] as const
    }),
  )
}

/** Returns the contract of an operation, by which the pipeline judges it. */
export function packageContractOf({ declared, pinned }: CatalogueTool): Contract {
  const schema = compileSchema(INPUT, 'arguments')
  if (!schema.ok) throw new Error(schema.reason)
  return { declared, ...(pinned && { pinned }), input: schema.value, judge: () => undefined }
}

const INPUT: JsonObject = {
  type: 'object',
  properties: {
    name: { type: 'string' },
    version: { type: 'string' },
    file: { type: 'string' },
    what: { type: 'string' },
  },
  additionalProperties: false,
}
