import { isJsonObject, type Json, type JsonObject } from '../../model/json.ts'

/** Returns the schemas that hold wherever this one does. */
export function sameOf({ $ref, $dynamicRef, $recursiveRef, allOf }: JsonObject, root: JsonObject): readonly Json[] {
  const referred = [$ref, $dynamicRef, $recursiveRef].flatMap((to) =>
    typeof to === 'string' ? referredTo(to, root) : [],
  )
  return [...referred, ...listOf(allOf)]
}

/** Returns the schemas that may hold where this one does. */
export function branchesOf(schema: JsonObject): readonly Json[] {
  const { anyOf, oneOf, if: condition, then, else: otherwise, dependentSchemas, dependencies } = schema
  return [anyOf, oneOf, condition, then, otherwise, valuesOf(dependentSchemas), valuesOf(dependencies)].flatMap(listOf)
}

/** Returns the schemas of items of a list. */
export function itemsOf({
  items,
  prefixItems,
  additionalItems,
  unevaluatedItems,
  contains,
}: JsonObject): readonly Json[] {
  return [items, prefixItems, additionalItems, unevaluatedItems, contains].flatMap(listOf)
}

/** Returns the schemas of members that no schema names. */
export function furtherOf({
  patternProperties,
  additionalProperties,
  unevaluatedProperties,
}: JsonObject): readonly Json[] {
  return [valuesOf(patternProperties), additionalProperties, unevaluatedProperties].flatMap(listOf)
}

function listOf(json: Json | undefined): readonly Json[] {
  if (json === undefined) return []
  return Array.isArray(json) ? json : [json]
}

function valuesOf(json: Json | undefined): Json[] {
  return isJsonObject(json) ? Object.values(json) : []
}

/** Returns the place of the same document that a reference names; of an anchor, all that have its name. */
function referredTo(reference: string, root: JsonObject): readonly Json[] {
  const fragment = /^#(.*)$/s.exec(reference)?.[1]
  if (fragment === undefined) return []
  if (fragment !== '' && !fragment.startsWith('/')) return anchored(fragment, root)
  let at: Json | undefined = root
  for (const part of fragment.split('/').slice(1)) {
    const name = unescaped(part).replaceAll('~1', '/').replaceAll('~0', '~')
    if (typeof at !== 'object' || at === null || !Object.hasOwn(at, name)) return []
    at = Array.isArray(at) ? at[Number(name)] : (at as JsonObject)[name]
  }
  return at === undefined ? [] : [at]
}

function unescaped(part: string): string {
  try {
    return decodeURIComponent(part)
  } catch {
    return part
  }
}

function anchored(name: string, json: Json): readonly Json[] {
  if (typeof json !== 'object' || json === null) return []
  const here = isJsonObject(json) && [json.$anchor, json.$dynamicAnchor].includes(name) ? [json] : []
  return [...here, ...Object.values(json).flatMap((inner: Json) => anchored(name, inner))]
}
