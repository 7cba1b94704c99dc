import { createHash } from 'node:crypto'
import { type CatalogueTool, type DeclaredTool, type JsonObject, sha256, type ToolName } from '../../../model/index.ts'
import { compileSchema } from '../../content/schema.ts'
import type { Contract } from '../../pipeline/line.ts'

/**
 * Returns what may be granted of a provider of models. There is no definition to accept: the provider's table is part of this
 * program.
 */
export function modelToolsOf(tools: Iterable<DeclaredTool>): ReadonlyMap<ToolName, CatalogueTool> {
  return new Map(
    [...tools].map((declared) => {
      const { name } = declared
      const definition: JsonObject = { name, input: INPUT }
      const digest = sha256(createHash('sha256').update(JSON.stringify(definition)).digest('hex'))
      return [name, { declared, pinned: { name, digest, definition, input: INPUT } }] as const
    }),
  )
}

/** Returns the contract of an operation, by which the pipeline judges and charges it. */
export function modelContractOf({ declared, pinned }: CatalogueTool): Contract {
  const schema = compileSchema(INPUT, 'arguments')
  if (!schema.ok) throw new Error(schema.reason)
  return { declared, ...(pinned && { pinned }), input: schema.value, judge: () => undefined }
}

/** The arguments that policies see: what is asked, and the most that it takes. The conversation itself is in the payload. */
const INPUT: JsonObject = {
  type: 'object',
  properties: {
    model: { type: 'string' },
    stream: { type: 'boolean' },
    tools: { type: 'integer' },
    waysOut: { type: 'array', items: { type: 'string' } },
    inputTokensMax: { type: 'integer' },
    outputTokensMax: { type: 'integer' },
    path: { type: 'string' },
  },
  additionalProperties: false,
}
