import type { CatalogueTool, DeclaredTool, JsonObject, ToolName } from '../../../model/index.ts'
import { ownOperations } from '../http/origin-line.ts'

/** Returns what may be granted of a registry of packages. */
export function packageToolsOf(tools: Iterable<DeclaredTool>): ReadonlyMap<ToolName, CatalogueTool> {
  return ownOperations(tools, () => INPUT)
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
