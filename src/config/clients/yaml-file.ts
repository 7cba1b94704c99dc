import { parseDocument } from 'yaml'
import { isJsonObject, type Json } from '../../model/index.ts'

/** Reads a client's file that is YAML, as Continue and Goose have it; undefined where it is none, or says no more than a word. */
export function plainYaml(text: string): Json | undefined {
  const document = parseDocument(text.replace(/^\uFEFF/, ''), { schema: 'core', maxAliasCount: 0 } as object)
  if (document.errors.length > 0) return undefined
  try {
    // Of the core schema: nothing but what JSON has.
    const value = document.toJS({ maxAliasCount: 0 }) as Json
    return isJsonObject(value) || Array.isArray(value) ? value : undefined
  } catch {
    return undefined
  }
}
