import { type CatalogueTool, isJsonObject, type Sha256 } from '../../../../model/index.ts'
import { answerSchema, argumentSchema } from '../../../content/accepted-schemas.ts'
import type { CompiledSchema } from '../../../content/schema.ts'
import type { Answer, Contract } from '../../../pipeline/line.ts'
import { McpAnswer } from './answer.ts'
import { definitionDigest } from './definition.ts'
import { type ParamHeader, paramHeaders } from './headers.ts'

/** A tool, resource or prompt that the configuration declares, with what was accepted of it. */
export interface McpContract extends Contract {
  /** Arguments that the tool asks to have repeated in headers (Streamable HTTP, "Custom headers"). */
  readonly paramHeaders: readonly ParamHeader[]
  /** Digest of the accepted definition without its words, made once: an upstream decides how often it is asked for. */
  readonly wordless: Sha256 | undefined
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
  let wordless: Sha256 | undefined
  return {
    declared,
    ...(pinned && { pinned }),
    paramHeaders: inputSchema === undefined ? [] : paramHeaders(inputSchema),
    get input() {
      if (inputSchema !== undefined) input ??= argumentSchema(inputSchema, tool)
      return input
    },
    get wordless() {
      if (definition !== undefined) wordless ??= definitionDigest(definition, true)
      return wordless
    },
    judge: (answer: Answer) => {
      if (!isJsonObject(definition?.outputSchema)) return undefined
      output ??= answerSchema(definition.outputSchema)
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
