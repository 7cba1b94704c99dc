import { isJsonObject, type Json, type JsonObject } from '../../model/index.ts'

/** A place in an OpenAPI document, and what of it cannot be taken. */
export interface DocumentProblem {
  /** JSON Pointer (RFC 6901), beginning with `#`. */
  readonly place: string
  readonly problem: string
}

/** An error for a part of a document that cannot be taken; it is thrown within this room, and becomes a value at its door. */
export class NotTaken extends Error {
  readonly place: string

  constructor(place: string, problem: string) {
    super(problem)
    this.place = place
  }
}

/** Schemas of one operation: those that are referred to stand once, under `$defs`. */
const ONE = ['not', 'if', 'then', 'else', 'contains', 'propertyNames', 'additionalProperties', 'items'] as const
const ONE_NEW = ['unevaluatedProperties', 'unevaluatedItems'] as const
const LIST = ['allOf', 'anyOf', 'oneOf', 'prefixItems'] as const
const MAP = ['properties', 'patternProperties', 'dependentSchemas'] as const

/** Keywords that a schema of OpenAPI has beside those of JSON Schema, and that judge nothing. */
const WORDS: ReadonlySet<string> = new Set([
  'example',
  'examples',
  'xml',
  'externalDocs',
  'discriminator',
  'deprecated',
  'readOnly',
  'writeOnly',
  'nullable',
])
/** Keywords by which a schema is found elsewhere than at its place: references by them are not followed. */
const ELSEWHERE = ['$id', '$anchor', '$dynamicAnchor', '$dynamicRef', '$recursiveRef', '$recursiveAnchor'] as const
const DEPTH_MAX = 64
const DEFINITIONS_MAX = 1_000

/** Reads the schemas of one operation of a document into JSON Schema 2020-12. */
export class SchemaReader {
  readonly #document: JsonObject
  /** True for OpenAPI 3.0, whose schemas are a dialect of their own. */
  readonly #isOld: boolean
  readonly #definitions = new Map<string, JsonObject | undefined>()
  /** Names of the definitions by the references that lead to them. */
  readonly #names = new Map<string, string>()

  constructor(document: JsonObject, isOld: boolean) {
    this.#document = document
    this.#isOld = isOld
  }

  /** Returns all schemas that were referred to, by their names under `$defs`. */
  get definitions(): JsonObject {
    return Object.fromEntries([...this.#definitions].map(([name, schema]) => [name, schema ?? {}]))
  }

  /** Returns a schema as JSON Schema. @throws {NotTaken} */
  read(schema: Json, place: string, depth = 0): Json {
    if (typeof schema === 'boolean') return schema
    if (!isJsonObject(schema)) throw new NotTaken(place, 'it is no schema')
    if (depth > DEPTH_MAX) throw new NotTaken(place, `it is nested more than ${DEPTH_MAX} levels deep`)
    const { $ref } = schema
    if (typeof $ref === 'string') {
      const reference = { $ref: `#/$defs/${this.#define($ref, place)}` }
      const { $ref: _, ...beside } = schema
      // In OpenAPI 3.0 what stands beside a reference is not looked at.
      return this.#isOld || Object.keys(beside).length === 0
        ? reference
        : { allOf: [reference, this.read(beside, place, depth + 1)] }
    }
    for (const key of ELSEWHERE)
      if (schema[key] !== undefined) throw new NotTaken(`${place}/${key}`, `${key} is not followed`)
    const read: Record<string, Json> = {}
    for (const [key, value] of Object.entries(schema)) if (!WORDS.has(key) && !key.startsWith('x-')) read[key] = value
    const at = (key: string, value: Json) => this.read(value, `${place}/${pointed(key)}`, depth + 1)
    for (const key of this.#isOld ? ONE : [...ONE, ...ONE_NEW]) {
      const value = read[key]
      if (value !== undefined && !Array.isArray(value)) read[key] = at(key, value)
    }
    for (const key of LIST) {
      const value = read[key]
      if (Array.isArray(value)) read[key] = value.map((each, i) => at(`${key}/${i}`, each))
    }
    for (const key of MAP) {
      const value = read[key]
      if (isJsonObject(value))
        read[key] = Object.fromEntries(
          Object.entries(value).map(([name, each]) => [name, at(`${key}/${pointed(name)}`, each)]),
        )
    }
    return this.#isOld ? ofOld(read, schema.nullable === true) : read
  }

  /** Returns the name of what a reference leads to, which is read once. */
  #define(reference: string, place: string): string {
    if (!reference.startsWith('#/'))
      throw new NotTaken(place, `it refers to ${reference}, which is not in this document`)
    const known = this.#names.get(reference)
    if (known !== undefined) return known
    const plain = reference.slice(2).replaceAll(/[^A-Za-z0-9._-]/g, '.')
    // Another one has that name where they differ in what a name cannot have.
    let name = plain
    for (let count = 2; this.#definitions.has(name); count++) name = `${plain}-${count}`
    if (this.#definitions.size >= DEFINITIONS_MAX)
      throw new NotTaken(place, `it refers to more than ${DEFINITIONS_MAX} schemas`)
    // One that refers to itself finds its name.
    this.#names.set(reference, name)
    this.#definitions.set(name, undefined)
    const found = this.read(resolved(this.#document, reference, place), reference)
    this.#definitions.set(name, isJsonObject(found) ? found : { not: {} })
    if (found === true) this.#definitions.set(name, {})
    return name
  }
}

/** Returns a schema of OpenAPI 3.0 as JSON Schema 2020-12: bounds that are flags there, and what may be null. */
function ofOld(read: Record<string, Json>, isNullable: boolean): Json {
  for (const [flag, bound] of [
    ['exclusiveMinimum', 'minimum'],
    ['exclusiveMaximum', 'maximum'],
  ] as const) {
    const { [flag]: isExclusive, [bound]: value } = read
    if (typeof isExclusive !== 'boolean') continue
    delete read[flag]
    if (!isExclusive || value === undefined) continue
    read[flag] = value
    delete read[bound]
  }
  if (!isNullable) return read
  return { anyOf: [{ type: 'null' }, read] }
}

/** Returns what a local reference leads to. @throws {NotTaken} where it leads nowhere, or round. */
function resolved(document: JsonObject, reference: string, place: string): Json {
  let at: Json = document
  const seen = new Set<string>()
  for (let pointer = reference; ; ) {
    if (!pointer.startsWith('#/')) throw new NotTaken(place, `it refers to ${pointer}, which is not in this document`)
    if (seen.has(pointer)) throw new NotTaken(place, `${pointer} refers to itself`)
    seen.add(pointer)
    at = document
    for (const raw of pointer.slice(2).split('/')) {
      const key = unpointed(raw)
      const next: Json | undefined = Array.isArray(at)
        ? at[Number(key)]
        : isJsonObject(at) && Object.hasOwn(at, key)
          ? at[key]
          : undefined
      if (next === undefined) throw new NotTaken(place, `it refers to ${pointer}, and there is no such place`)
      at = next
    }
    if (!isJsonObject(at) || typeof at.$ref !== 'string') return at
    pointer = at.$ref
  }
}

/** Returns a part of a document, or what it refers to where it is a reference. @throws {NotTaken} where that leads nowhere, or round. */
export function followed(document: JsonObject, part: Json, place: string): Json {
  return isJsonObject(part) && typeof part.$ref === 'string' ? resolved(document, part.$ref, place) : part
}

/** Returns a name as a JSON Pointer has it (RFC 6901, 3). */
export function pointed(name: string): string {
  return name.replaceAll('~', '~0').replaceAll('/', '~1')
}

/** Reads a part of a pointer that stands in a URI: it may be percent-encoded, too. */
function unpointed(part: string): string {
  let text = part
  try {
    text = decodeURIComponent(part)
  } catch {
    // It stands for itself.
  }
  return text.replaceAll('~1', '/').replaceAll('~0', '~')
}
