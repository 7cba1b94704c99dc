import { isJsonObject, type Json, type JsonObject } from '../../model/index.ts'
import { NotASchema } from './schema-check.ts'

/** The parts of a schema that a reference can name beside their place in it. */
export interface Addresses {
  /** Parts by `$anchor`, `$dynamicAnchor`, and in drafts 04 to 07 by an `id` that is a fragment. */
  readonly anchors: ReadonlyMap<string, JsonObject>
  /** Parts by an `$id` or `id` of their own. */
  readonly named: ReadonlyMap<string, JsonObject>
}

/**
 * Returns the parts of a schema by their names. Throws where two parts have one `$anchor`, or where a part of another
 * address refers to places within itself. An `id` without a dollar is an address in drafts 03 and 04 (`old`), and
 * elsewhere a member like any other.
 */
export function addressesIn(root: JsonObject, old: boolean): Addresses {
  const anchors = new Map<string, JsonObject>()
  const named = new Map<string, JsonObject>()
  const add = (to: Map<string, JsonObject>, name: Json | undefined, schema: JsonObject) => {
    if (typeof name !== 'string') return
    if (to.has(name) && to.get(name) !== schema) throw new NotASchema(`it has two parts called "${name}"`)
    to.set(name, schema)
  }
  /**
   * Names that stand twice. What looks like a schema may be none: two of one name are a fault only where somebody
   * refers to them.
   */
  const twice = new Set<string>()
  const addOnce = (to: Map<string, JsonObject>, name: string, schema: JsonObject) => {
    if (to.has(name)) twice.add(name)
    if (twice.has(name)) to.delete(name)
    else to.set(name, schema)
  }
  walkSchemas(root, (schema) => {
    for (const keyword of ['$anchor', '$dynamicAnchor']) add(anchors, schema[keyword], schema)
    const id = idOf(schema, old)
    if (id === undefined) return
    if (/^#[^/]/.test(id)) return addOnce(anchors, id.slice(1), schema)
    if (schema !== root && refersWithin(schema))
      throw new NotASchema('a part of it has an address of its own ($id), and refers to places within itself')
    addOnce(named, id.replace(/#$/, ''), schema)
  })
  return { anchors, named }
}

/** Returns the reference without the document's own address, where it begins with that; else undefined. */
export function withoutAddress(reference: string, root: JsonObject, old: boolean): string | undefined {
  const own = idOf(root, old)?.replace(/#$/, '')
  if (own === undefined || own === '' || !reference.startsWith(own)) return undefined
  const rest = reference.slice(own.length)
  return rest === '' ? '#' : rest.startsWith('#') ? rest : undefined
}

function idOf({ $id, id }: JsonObject, old: boolean): string | undefined {
  if (typeof $id === 'string') return $id
  return typeof id === 'string' && (old || id.startsWith('#')) ? id : undefined
}

function refersWithin(schema: JsonObject): boolean {
  let found = false
  walkSchemas(schema, ({ $ref, $dynamicRef, $recursiveRef }) => {
    found ||= [$ref, $dynamicRef, $recursiveRef].some((to) => typeof to === 'string' && to.startsWith('#'))
  })
  return found
}

/** Keywords with literal values, which are no schemas, whatever they look like. */
const LITERAL: ReadonlySet<string> = new Set(['enum', 'const', 'default', 'examples'])

/** Keywords whose members have names that the schema gives, and that are no keywords themselves. */
const NAMING: ReadonlySet<string> = new Set([
  'properties',
  'patternProperties',
  'dependentSchemas',
  'dependencies',
  'dependentRequired',
  '$defs',
  'definitions',
])

/** Visits every object in a schema that may be one itself. */
function walkSchemas(schema: JsonObject, visit: (schema: JsonObject) => void): void {
  const walk = (value: Json, names: boolean) => {
    if (Array.isArray(value)) for (const item of value) walk(item, false)
    if (!isJsonObject(value)) return
    if (!names) visit(value)
    for (const [key, item] of Object.entries(value)) {
      if (names || !LITERAL.has(key)) walk(item, !names && NAMING.has(key))
    }
  }
  walk(schema, false)
}
