import { type CatalogueTool, type JsonObject, LIMITS } from '../../model/index.ts'
import { argumentNames } from '../../policy/index.ts'
import { cutShown } from './cut-shown.ts'
import { type CompiledSchema, compileSchema } from './schema.ts'

/** Returns what judges the arguments of an operation by the schema that a person has accepted of it. */
export function argumentSchema(schema: JsonObject, tool: CatalogueTool): CompiledSchema {
  return unambiguous(compiled(schema, 'arguments'), tool)
}

/** Returns what judges the answers of an operation by the schema that a person has accepted of them. */
export function answerSchema(schema: JsonObject): CompiledSchema {
  return compiled(schema, 'answer')
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
