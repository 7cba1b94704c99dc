import { isJsonObject, type Json, type JsonObject } from '../../model/json.ts'

/** Follows one reference into the same document; another one behind it is left alone. */
export function resolved(json: Json | undefined, root: JsonObject): JsonObject | undefined {
  if (!isJsonObject(json)) return undefined
  if (typeof json.$ref !== 'string') return json
  const name = /^#\/(?:\$defs|definitions)\/([^/~%]+)$/.exec(json.$ref)?.[1]
  const definitions = json.$ref.startsWith('#/$defs') ? root.$defs : root.definitions
  const target = name !== undefined && isJsonObject(definitions) ? definitions[name] : undefined
  return isJsonObject(target) && target.$ref === undefined ? target : undefined
}
