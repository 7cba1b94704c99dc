import { isJsonObject, type JsonObject } from '../model/index.ts'
import { paramHeaderFault } from './protocols/mcp/headers.ts'
import { compileSchema } from './schema.ts'

/** Why a tool's definition cannot be accepted, whoever would accept it; nothing where it can. */
export function definitionFault({ inputSchema, outputSchema }: JsonObject): string | undefined {
  if (!isJsonObject(inputSchema)) return 'it has no input schema'
  const input = compileSchema(inputSchema, 'arguments')
  if (!input.ok) return `its input schema cannot be checked: ${input.reason}`
  const header = paramHeaderFault(inputSchema)
  if (header !== undefined) return header
  if (outputSchema === undefined) return undefined
  if (!isJsonObject(outputSchema)) return 'its output schema is not an object'
  const output = compileSchema(outputSchema, 'answer')
  return output.ok ? undefined : `its output schema cannot be checked: ${output.reason}`
}
