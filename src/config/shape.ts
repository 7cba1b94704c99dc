import { isAlias, isMap, isScalar, isSeq, type Node } from 'yaml'
import { isJsonObject, type Json, type JsonObject, LIMITS, type Problem, type Source } from '../model/index.ts'

/**
 * A described shape: one value that both reads a YAML node and tells what it would have accepted, so that the loader,
 * its messages and the published JSON Schema cannot drift apart.
 *
 * `read` returns `undefined` after it has reported a problem; it never repairs, guesses or falls back.
 */
export interface Shape<T> {
  readonly read: (node: Node | null | undefined, at: Reader) => T | undefined
  readonly schema: JsonObject
  /** The expected form, as a person is told it. */
  readonly expected: string
}

/** The receiver of problems, which also knows the line of each node. */
export interface Reader {
  readonly source: (node: Node | null | undefined) => Source
  readonly report: (problem: Problem) => void
}

/** A value together with where it is written, for what is judged only later (conditions, names of other things). */
export interface Written<T> {
  readonly value: T
  readonly source: Source
}

export interface Field<T, Required extends boolean> {
  readonly shape: Shape<T>
  readonly required: Required
  /** Meaning of the key for the author of the file; editors show it. */
  readonly about?: string
}

export function required<T>(shape: Shape<T>, about?: string): Field<T, true> {
  return { shape, required: true, ...(about !== undefined && { about }) }
}

export function optional<T>(shape: Shape<T>, about?: string): Field<T, false> {
  return { shape, required: false, ...(about !== undefined && { about }) }
}

type Fields = Readonly<Record<string, Field<unknown, boolean>>>
type Read<F extends Fields> = {
  readonly [K in keyof F as F[K]['required'] extends true ? K : never]: F[K] extends Field<infer T, boolean> ? T : never
} & {
  readonly [K in keyof F as F[K]['required'] extends true ? never : K]?: F[K] extends Field<infer T, boolean>
    ? T
    : never
}

/** A mapping with exactly these keys: an unknown one is a problem that names the known ones. */
export function object<F extends Fields>(what: string, fields: F): Shape<Read<F>> {
  const names = Object.keys(fields)
  return {
    expected: what,
    schema: {
      type: 'object',
      description: what,
      additionalProperties: false,
      required: names.filter((name) => fields[name]?.required === true),
      properties: Object.fromEntries(names.map((name) => [name, describedSchema(fields[name])])),
    },
    read(node, at) {
      const pairs = readPairs(node, at, what)
      if (pairs === undefined) return undefined
      const value: Record<string, unknown> = {}
      let whole = true
      for (const { key, keyNode, valueNode } of pairs) {
        const field = Object.hasOwn(fields, key) ? fields[key] : undefined
        if (field === undefined) {
          at.report({
            source: at.source(keyNode),
            message: `unknown key "${key}"`,
            expected: `one of: ${names.join(', ')}`,
          })
          whole = false
          continue
        }
        const read = field.shape.read(valueNode ?? keyNode, at)
        if (read === undefined) whole = false
        else value[key] = read
      }
      for (const name of names) {
        if (fields[name]?.required !== true || pairs.some((pair) => pair.key === name)) continue
        at.report({ source: at.source(node), message: `"${name}" is missing`, expected: fields[name].shape.expected })
        whole = false
      }
      // Every required key was read and no other key was let in: the record has the type that the fields describe.
      return whole ? (value as Read<F>) : undefined
    },
  }
}

function describedSchema(field: Field<unknown, boolean> | undefined): JsonObject {
  if (field === undefined) return {}
  const { shape, about } = field
  return about === undefined ? shape.schema : { ...shape.schema, description: `${about} (${shape.expected})` }
}

/** A mapping from names that `key` accepts. */
export function map<K extends string, T>(what: string, key: Shape<K>, shape: Shape<T>): Shape<ReadonlyMap<K, T>> {
  return {
    expected: what,
    schema: { type: 'object', description: what, propertyNames: key.schema, additionalProperties: shape.schema },
    read(node, at) {
      const pairs = readPairs(node, at, what)
      if (pairs === undefined) return undefined
      const value = new Map<K, T>()
      let whole = true
      for (const { keyNode, valueNode } of pairs) {
        const name = key.read(keyNode, at)
        const read = shape.read(valueNode ?? keyNode, at)
        // Two keys can be one in the form in which they are kept: X-A and x-a.
        const isTwice = name !== undefined && value.has(name)
        if (isTwice) wrong(keyNode, at, `a name that stands there once; "${name}" is another key’s`)
        if (name === undefined || read === undefined || isTwice) whole = false
        else value.set(name, read)
      }
      return whole ? value : undefined
    },
  }
}

export function list<T>(what: string, shape: Shape<T>): Shape<readonly T[]> {
  return {
    expected: what,
    schema: { type: 'array', description: what, items: shape.schema },
    read(node, at) {
      if (!isSeq(node)) return wrong(node, at, what)
      const items = node.items.map((item) => shape.read(item as Node, at))
      return items.every((item) => item !== undefined) ? items : undefined
    },
  }
}

/** A list with a limit. */
export function atMost<T>(count: number, shape: Shape<readonly T[]>): Shape<readonly T[]> {
  const expected = `${shape.expected}, at most ${count}`
  return {
    expected,
    schema: { ...shape.schema, maxItems: count },
    read(node, at) {
      const items = shape.read(node, at)
      return items !== undefined && items.length > count ? wrong(node, at, expected) : items
    },
  }
}

/** A list, or a mapping that says more of each of its items; `from` turns the short form into the long one. */
export function listOr<A, B>(short: Shape<readonly A[]>, long: Shape<B>, from: (items: readonly A[]) => B): Shape<B> {
  return {
    expected: `${short.expected}, or ${long.expected}`,
    schema: { anyOf: [short.schema, long.schema] },
    read(node, at) {
      if (!isSeq(node)) return isMap(node) ? long.read(node, at) : wrong(node, at, this.expected)
      const items = short.read(node, at)
      return items === undefined ? undefined : from(items)
    },
  }
}

/** Accepts one value, or a list of them. */
export function oneOrMore<T>(shape: Shape<T>): Shape<readonly T[]> {
  const more = list(`${shape.expected}; or a list of such`, shape)
  return {
    expected: more.expected,
    schema: { anyOf: [shape.schema, more.schema] },
    read(node, at) {
      if (isSeq(node)) return more.read(node, at)
      const one = shape.read(node, at)
      return one === undefined ? undefined : [one]
    },
  }
}

/** Accepts a text that `accept` turns into a value; `accept` returns `undefined` for a text that it rejects. */
export function text<T>(what: string, accept: (text: string) => T | undefined, schema: JsonObject = {}): Shape<T> {
  return {
    expected: what,
    schema: { type: 'string', description: what, ...schema },
    read(node, at) {
      const written = isScalar(node) && typeof node.value === 'string' ? accept(node.value) : undefined
      return written === undefined ? wrong(node, at, what) : written
    },
  }
}

export function oneOf<T extends string>(what: string, values: readonly T[]): Shape<T> {
  const expected = `${what}: ${values.join(', ')}`
  return text(expected, (written) => values.find((value) => value === written), { enum: values })
}

export function whole(what: string, min: number, max: number): Shape<number> {
  return {
    expected: `${what}: a whole number from ${min} to ${max}`,
    schema: { type: 'integer', description: what, minimum: min, maximum: max },
    read(node, at) {
      const value = isScalar(node) ? node.value : undefined
      if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < min || value > max)
        return wrong(node, at, this.expected)
      return value
    },
  }
}

export function decimal(what: string, min: number, max: number): Shape<number> {
  return {
    expected: `${what}: a number from ${min} to ${max}`,
    schema: { type: 'number', description: what, minimum: min, maximum: max },
    read(node, at) {
      const value = isScalar(node) ? node.value : undefined
      if (typeof value !== 'number' || !(value >= min && value <= max)) return wrong(node, at, this.expected)
      return value
    },
  }
}

export function bool(what: string): Shape<boolean> {
  return {
    expected: `${what}: true or false`,
    schema: { type: 'boolean', description: what },
    read(node, at) {
      if (!isScalar(node) || typeof node.value !== 'boolean') return wrong(node, at, this.expected)
      return node.value
    },
  }
}

/** A text, a number that JSON carries exactly, true or false. */
export function scalar(what: string): Shape<string | number | boolean> {
  return {
    expected: `${what}: text, a number, true or false`,
    schema: { type: ['string', 'number', 'boolean'], description: what },
    read(node, at) {
      const value = isScalar(node) ? node.value : undefined
      if (typeof value === 'string' || typeof value === 'boolean') return value
      return typeof value === 'number' && isJson(value, 0) ? value : wrong(node, at, this.expected)
    },
  }
}

/** Makes a shape like `scalar`'s that takes null, too. */
export function scalarOrNull<T>(
  what: string,
  accept: (value: string | number | boolean | null) => T | undefined,
): Shape<T> {
  return {
    expected: `${what}: text, a number, true, false or null`,
    schema: { type: ['string', 'number', 'boolean', 'null'], description: what },
    read(node, at) {
      const value = isScalar(node) ? node.value : undefined
      const taken = value === null ? accept(null) : acceptScalar(value, accept)
      return taken === undefined ? wrong(node, at, this.expected) : taken
    },
  }
}

function acceptScalar<T>(value: unknown, accept: (value: string | number | boolean) => T | undefined): T | undefined {
  if (typeof value === 'string' || typeof value === 'boolean') return accept(value)
  return typeof value === 'number' && isJson(value, 0) ? accept(value) : undefined
}

/** A text, or a mapping that says more. */
export function either<A extends string, B>(short: Shape<A>, long: Shape<B>, from: (text: A) => B): Shape<B> {
  return {
    expected: `${short.expected}, or ${long.expected}`,
    schema: { anyOf: [short.schema, long.schema] },
    read(node, at) {
      if (!isScalar(node)) return long.read(node, at)
      const value = short.read(node, at)
      return value === undefined ? undefined : from(value)
    },
  }
}

/**
 * Accepts arguments as a cell sends them: any JSON object. Numbers that JSON would not carry exactly are no arguments.
 */
export function jsonObject(what: string): Shape<JsonObject> {
  return {
    expected: `${what}: an object`,
    schema: { type: 'object', description: what },
    read(node, at) {
      const value = node === null || node === undefined ? undefined : jsonOf(node)
      if (value !== undefined && isJsonObject(value)) return value
      at.report({
        source: at.source(node),
        message: 'found no JSON object',
        expected: `${what}: names and JSON values`,
      })
      return undefined
    },
  }
}

function jsonOf(node: Node): Json | undefined {
  const plain: unknown = node.toJSON()
  return isJson(plain, 0) ? plain : undefined
}

function isJson(value: unknown, depth: number): value is Json {
  if (depth > LIMITS.jsonDepthMax) return false
  if (value === null || typeof value === 'string' || typeof value === 'boolean') return true
  if (typeof value === 'number')
    return Number.isFinite(value) && (!Number.isInteger(value) || Number.isSafeInteger(value))
  if (typeof value !== 'object') return false
  return Object.values(value).every((each) => isJson(each, depth + 1))
}

/** Accepts a value and keeps the place where it stands. */
export function written<T>(shape: Shape<T>): Shape<Written<T>> {
  return {
    ...shape,
    read(node, at) {
      const value = shape.read(node, at)
      return value === undefined ? undefined : { value, source: at.source(node) }
    },
  }
}

interface ReadPair {
  readonly key: string
  readonly keyNode: Node
  readonly valueNode: Node | undefined
}

function readPairs(node: Node | null | undefined, at: Reader, what: string): readonly ReadPair[] | undefined {
  if (!isMap(node)) return wrong(node, at, what)
  const pairs: ReadPair[] = []
  for (const pair of node.items) {
    const keyNode = pair.key as Node
    if (!isScalar(keyNode) || typeof keyNode.value !== 'string') return wrong(keyNode, at, 'a name as key')
    pairs.push({ key: keyNode.value, keyNode, valueNode: (pair.value as Node | null) ?? undefined })
  }
  return pairs
}

function wrong(node: Node | null | undefined, at: Reader, expected: string): undefined {
  const found = isAlias(node)
    ? 'an alias: write the value out'
    : isScalar(node)
      ? JSON.stringify(node.value)
      : isMap(node)
        ? 'a mapping'
        : isSeq(node)
          ? 'a list'
          : 'nothing'
  at.report({ source: at.source(node), message: `found ${found}`, expected })
  return undefined
}
