import { isJsonObject, type Json } from '../../model/json.ts'
import type { JsonPath } from '../../model/text/path.ts'
import { FieldTree } from './field-tree.ts'
import { branchesOf, itemsOf, sameOf } from './schema-parts.ts'

/**
 * Returns the names of members that a definition gives to its arguments, at their places, whatever alternative they are
 * of; and those of `further` paths. Any other name is what the caller chose. Of a definition with more places than are
 * looked at, the deepest are left out.
 */
export function schemaNames(schema: Json | undefined, further: readonly JsonPath[] = []): FieldTree<undefined> {
  const found: (readonly [JsonPath, undefined])[] = further.map((path) => [path, undefined])
  if (!isJsonObject(schema)) return new FieldTree<undefined>(found)
  let left = PLACES_MAX
  let places: readonly (readonly [Json, JsonPath])[] = [[schema, []]]
  for (let depth = 0; depth <= DEPTH_MAX; depth++) {
    const next: (readonly [Json, JsonPath])[] = []
    for (const [here, path] of places) {
      if (!isJsonObject(here)) continue
      if (--left < 0) break
      found.push([path, undefined])
      if (isJsonObject(here.properties)) {
        for (const [name, inner] of Object.entries(here.properties)) next.push([inner, [...path, { name }]])
      }
      for (const items of itemsOf(here)) next.push([items, [...path, 'items']])
      for (const other of [...sameOf(here, schema), ...branchesOf(here)]) next.push([other, path])
    }
    places = next
  }
  return new FieldTree<undefined>(found)
}

const DEPTH_MAX = 16
const PLACES_MAX = 4_096
