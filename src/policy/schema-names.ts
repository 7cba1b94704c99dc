import { isJsonObject, type Json, type JsonObject } from '../model/json.ts'
import type { JsonPath } from '../model/path.ts'
import { FieldTree } from './field-tree.ts'
import { resolved } from './schema-reference.ts'

/**
 * Returns the names of members that a definition gives to its arguments, at their places, whatever alternative they are
 * of. Any other name is what the caller chose. Of a definition with more places than are looked at the rest is left out.
 */
export function schemaNames(schema: Json | undefined): FieldTree<undefined> {
  const found: (readonly [JsonPath, undefined])[] = []
  if (!isJsonObject(schema)) return new FieldTree<undefined>(found)
  let left = PLACES_MAX
  const look = (json: Json | undefined, path: JsonPath, depth: number): void => {
    const here = resolved(json, schema)
    if (here === undefined || depth > DEPTH_MAX || --left < 0) return
    found.push([path, undefined])
    if (isJsonObject(here.properties)) {
      for (const [name, inner] of Object.entries(here.properties)) look(inner, [...path, { name }], depth + 1)
    }
    for (const items of [here.items, here.prefixItems].flat()) look(items, [...path, 'items'], depth + 1)
    for (const other of alternatives(here)) look(other, path, depth + 1)
  }
  look(schema, [], 0)
  return new FieldTree<undefined>(found)
}

function alternatives({ anyOf, oneOf, allOf, then, else: otherwise }: JsonObject): readonly (Json | undefined)[] {
  return [anyOf, oneOf, allOf, then, otherwise].flat()
}

const DEPTH_MAX = 12
const PLACES_MAX = 4_096
