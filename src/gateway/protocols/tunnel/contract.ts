import type { CatalogueTool, DeclaredTool, JsonObject, ToolName } from '../../../model/index.ts'
import { ownOperations } from '../http/origin-line.ts'

/** Returns what may be granted of an origin that is reached by tunnels: connecting to it. */
export function tunnelToolsOf(tools: Iterable<DeclaredTool>): ReadonlyMap<ToolName, CatalogueTool> {
  return ownOperations(tools, () => INPUT)
}

const INPUT: JsonObject = {
  type: 'object',
  properties: { place: { type: 'string' } },
  required: ['place'],
  additionalProperties: false,
}
