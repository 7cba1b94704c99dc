import { type CatalogueTool, isJsonObject, type JsonObject, LIMITS } from '../../../../model/index.ts'
import { argumentNames } from '../../../../policy/index.ts'
import { cutShown } from '../../../content/cut-shown.ts'
import { type CompiledSchema, compileSchema } from '../../../content/schema.ts'
import type { Answer, Contract } from '../../../pipeline/line.ts'
import { McpAnswer } from './answer.ts'
import { type ParamHeader, paramHeaders } from './headers.ts'

/** A tool, resource or prompt that the configuration declares, with what was accepted of it. */
export interface McpContract extends Contract {
  /** Arguments that the tool asks to have repeated in headers (Streamable HTTP, "Custom headers"). */
  readonly paramHeaders: readonly ParamHeader[]
}

/**
 * Returns the contract of an operation. Schemas are compiled at the first use: most cells use few of an upstream's
 * tools.
 */
export function contractOf(tool: CatalogueTool): McpContract {
  const { declared, pinned } = tool
  const definition = pinned?.definition
  const inputSchema = isJsonObject(definition?.inputSchema) ? definition.inputSchema : undefined
  let input: CompiledSchema | undefined
  let output: CompiledSchema | undefined
  return {
    declared,
    ...(pinned && { pinned }),
    paramHeaders: inputSchema === undefined ? [] : paramHeaders(inputSchema),
    get input() {
      if (inputSchema !== undefined) input ??= unambiguous(compiled(inputSchema, 'arguments'), tool)
      return input
    },
    judge: (answer: Answer) => {
      if (!isJsonObject(definition?.outputSchema)) return undefined
      output ??= compiled(definition.outputSchema, 'answer')
      const result = answer instanceof McpAnswer ? answer.said.result : undefined
      const structured = isJsonObject(result) ? result.structuredContent : undefined
      if (structured === undefined) return 'it lacks the structured content that its definition promises'
      const fault = output.check(structured)
      return fault === undefined
        ? undefined
        : `its structured content breaks its definition: ${fault.path} ${fault.problem}`
    },
  }
}

/**
 * Refuses also a name that is another one of its place but for case or forms of Unicode, which only a schema that is open
 * would let pass: there are servers that take one for the other, and what was judged is that there is none.
 */
function unambiguous({ check }: CompiledSchema, tool: CatalogueTool): CompiledSchema {
  const names = argumentNames(tool)
  return {
    check: (value) => {
      const fault = check(value)
      const path = fault === undefined ? names.respelled(value) : undefined
      if (path === undefined) return fault
      return {
        path: cutShown(path, LIMITS.faultCharactersMax),
        problem: 'is another spelling of an argument that is declared',
      }
    },
  }
}

/** `accept` lets no definition through that does not compile; one that slipped by refuses every value. */
function compiled(schema: JsonObject, use: 'arguments' | 'answer'): CompiledSchema {
  const result = compileSchema(schema, use)
  return result.ok ? result.value : { check: () => ({ path: '$', problem: `cannot be checked: ${result.reason}` }) }
}
