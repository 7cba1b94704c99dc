import type { ToolName } from './ids.ts'
import { isJsonObject, type Json, type JsonObject } from './json.ts'
import { type JsonPath, jsonPath } from './text/path.ts'

/**
 * The compensation of an effect by a tool of the same upstream. `args` are that tool's arguments: literals, and texts
 * that stand for a value of the effect (`TEMPLATE_TEXT`).
 */
export interface Undo {
  readonly tool: ToolName
  readonly args: JsonObject
}

/** The check of an effect: a reading tool of the same upstream that tells whether the effect stands. */
export interface Check {
  readonly tool: ToolName
  readonly args: JsonObject
  /** The effect does not stand where each of these fields of the answer says one of its values. */
  readonly undone: readonly { readonly path: JsonPath; readonly values: readonly Json[] }[]
}

/** A text of a template that stands for a value. */
export type Reference =
  | { readonly of: 'result' | 'args'; readonly path: JsonPath }
  /** The same for every attempt at compensating one effect, and for no other: its upstream takes it once. */
  | { readonly of: 'undo' }

/** The forms that a template's text can have, as messages say them. */
export const TEMPLATE_TEXT =
  'a literal, or $result.<field> (what the effect’s answer said), $args.<name> (what it was asked with), $undo (one key for each effect)'

/** Reads a text of a template: undefined for a literal, `false` for one that begins like a reference and is none. */
export function referenceOf(text: string): Reference | false | undefined {
  if (!text.startsWith('$')) return undefined
  if (text === '$undo') return { of: 'undo' }
  const [, of, rest = ''] = /^\$(result|args)(.*)$/s.exec(text) ?? []
  const path = jsonPath(`$${rest}`)
  if ((of !== 'result' && of !== 'args') || path === undefined || path.includes('items')) return false
  return { of, path }
}

/** Returns every reference of a template; `false` for each text that begins like one and is none. */
export function referencesIn(template: Json): readonly (Reference | false)[] {
  if (typeof template === 'string') {
    const reference = referenceOf(template)
    return reference === undefined ? [] : [reference]
  }
  if (Array.isArray(template)) return template.flatMap(referencesIn)
  return isJsonObject(template) ? Object.values(template).flatMap(referencesIn) : []
}

/** Tells whether an upstream that is asked twice acts once, by the key that the configuration gives it. */
export function isRepeatable({ args }: Undo): boolean {
  return referencesIn(args).some((reference) => reference !== false && reference.of === 'undo')
}
