import type { CatalogueTool, DeclaredTool, JsonObject, ToolName } from '../../../model/index.ts'
import { ownOperations } from '../http/origin-line.ts'

/** Returns what may be granted of a provider of models. */
export function modelToolsOf(tools: Iterable<DeclaredTool>): ReadonlyMap<ToolName, CatalogueTool> {
  return ownOperations(tools, () => INPUT)
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
    method: { type: 'string' },
    path: { type: 'string' },
    query: {
      type: 'object',
      additionalProperties: { type: ['string', 'array'], items: { type: 'string' } },
    },
    leftBehind: { type: 'array', items: { type: 'string' } },
    table: { type: 'string' },
    prices: { type: 'string' },
  },
  additionalProperties: false,
}
