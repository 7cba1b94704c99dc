import type { Json } from '../model/json.ts'
import { no, ok, type Result } from '../model/result.ts'
import { LEDGER_LIMITS } from './limits.ts'

export interface NotCanonical {
  readonly kind: 'not-canonical'
  readonly problem: 'a number that is not finite' | 'a lone surrogate' | 'not JSON' | 'nested too deep'
}

/**
 * The RFC 8785 form of a value: keys in order of their UTF-16 code units, no space, ECMAScript's shortest numbers and
 * minimal escapes. Two values have one form exactly if they are the same JSON, so its bytes can be hashed.
 *
 * A property that is `undefined` is absent, as in JSON.stringify. What I-JSON cannot hold is refused, never repaired.
 */
export function canonicalText(value: Json): Result<string, NotCanonical> {
  try {
    return ok(text(value, 0))
  } catch (error) {
    if (error instanceof Refusal) return no({ kind: 'not-canonical', problem: error.problem })
    throw error
  }
}

/** Carries the problem out of the recursion; never leaves this file. */
class Refusal extends Error {
  readonly problem: NotCanonical['problem']
  constructor(problem: NotCanonical['problem']) {
    super(problem)
    this.problem = problem
  }
}

function text(value: Json, depth: number): string {
  switch (typeof value) {
    case 'string':
      return quoted(value)
    case 'number':
      if (!Number.isFinite(value)) throw new Refusal('a number that is not finite')
      return String(value)
    case 'boolean':
      return value ? 'true' : 'false'
    case 'object':
      if (value === null) return 'null'
      if (depth >= LEDGER_LIMITS.entryDepthMax) throw new Refusal('nested too deep')
      return Array.isArray(value) ? arrayText(value, depth) : objectText(value as { [key: string]: Json }, depth)
    default:
      throw new Refusal('not JSON')
  }
}

/** Nothing to escape, and no surrogate at all: the common case, copied as it is. */
const PLAIN = /^[ !#-[\]-\u{D7FF}]*$/u

/** A cell chooses most strings in an entry. */
function quoted(string: string): string {
  if (PLAIN.test(string)) return `"${string}"`
  if (!string.isWellFormed()) throw new Refusal('a lone surrogate')
  return JSON.stringify(string)
}

function arrayText(items: readonly Json[], depth: number): string {
  let out = '['
  for (let i = 0; i < items.length; i++) {
    if (i > 0) out += ','
    out += text(items[i] as Json, depth + 1)
  }
  return `${out}]`
}

function objectText(object: { readonly [key: string]: Json }, depth: number): string {
  const { keys, labels } = shapeOf(object)
  let out = ''
  for (let i = 0; i < keys.length; i++) {
    const value = object[keys[i] as string]
    if (value === undefined) continue
    out += (out === '' ? '{' : ',') + labels[i] + text(value, depth + 1)
  }
  return out === '' ? '{}' : `${out}}`
}

interface Shape {
  /** In canonical order. */
  readonly keys: readonly string[]
  /** `"key":`, for each. */
  readonly labels: readonly string[]
}

/** Entries come in few shapes; sorting and quoting their keys again would be a third of the work. */
const shapes = new Map<string, Shape>()
const SHAPES_MAX = 512

/**
 * A cell chooses the keys of its arguments, so that two shapes could be made to share a name (a key may hold a comma):
 * a shape counts only if it has as many keys as the object and the object has each of them.
 */
function shapeOf(object: { readonly [key: string]: Json }): Shape {
  const keys = Object.keys(object)
  const name = keys.length < 32 ? keys.join() : undefined
  const known = name === undefined ? undefined : shapes.get(name)
  if (known?.keys.length === keys.length && known.keys.every((key) => Object.hasOwn(object, key))) return known
  keys.sort()
  const shape = { keys, labels: keys.map((key) => `${quoted(key)}:`) }
  if (name !== undefined && name.length < 1_024 && shapes.size < SHAPES_MAX) shapes.set(name, shape)
  return shape
}
