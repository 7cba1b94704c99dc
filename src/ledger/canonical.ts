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
    const sorted = inOrder(value, 0)
    // JSON.stringify keeps the order of keys and writes strings and numbers as RFC 8785 wants them: a third of the time.
    return ok(sorted === undefined ? text(value) : JSON.stringify(sorted))
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

/**
 * The same value with its keys in canonical order, checked on the way. Undefined where no JavaScript object can have that
 * order. A cell chooses most strings in an entry, and all keys of its arguments.
 */
function inOrder(value: Json, depth: number): Json | undefined {
  switch (typeof value) {
    case 'string':
      if (!value.isWellFormed()) throw new Refusal('a lone surrogate')
      return value
    case 'number':
      if (!Number.isFinite(value)) throw new Refusal('a number that is not finite')
      return value
    case 'boolean':
      return value
    case 'object':
      if (value === null) return value
      if (depth >= LEDGER_LIMITS.entryDepthMax) throw new Refusal('nested too deep')
      return Array.isArray(value) ? arrayInOrder(value, depth) : objectInOrder(value as Members, depth)
    default:
      throw new Refusal('not JSON')
  }
}

interface Members {
  readonly [key: string]: Json
}

function arrayInOrder(items: readonly Json[], depth: number): Json | undefined {
  const sorted: Json[] = []
  let whole = true
  for (let i = 0; i < items.length; i++) {
    const item = inOrder(items[i] as Json, depth + 1)
    if (item === undefined) whole = false
    else sorted.push(item)
  }
  return whole ? sorted : undefined
}

function objectInOrder(object: Members, depth: number): Json | undefined {
  const { keys, orderly } = shapeOf(object)
  const sorted: { [key: string]: Json } = {}
  let whole = orderly
  for (let i = 0; i < keys.length; i++) {
    const key = keys[i] as string
    const value = object[key]
    if (value === undefined) continue
    const member = inOrder(value, depth + 1)
    if (member === undefined) whole = false
    else if (whole) sorted[key] = member
  }
  return whole ? sorted : undefined
}

interface Shape {
  /** As an object has them. */
  readonly given: readonly string[]
  /** In canonical order. */
  readonly keys: readonly string[]
  /** Whether an object can be made that has them in this order: integers always come first, `__proto__` is special. */
  readonly orderly: boolean
}

/** Entries come in few shapes; sorting their keys each time would be a third of the work. By number of keys. */
const shapes: Shape[][] = Array.from({ length: 32 }, () => [])
/** A cell can make as many shapes as it likes; the first few are remembered, and it loses only speed. */
const SHAPES_MAX = 16

function shapeOf(object: Members): Shape {
  const given = Object.keys(object)
  const known = shapes[given.length]
  for (const shape of known ?? []) if (sameKeys(shape.given, given)) return shape
  const keys = given.toSorted()
  if (!keys.every((key) => key.isWellFormed())) throw new Refusal('a lone surrogate')
  const shape = { given, keys, orderly: !keys.some((key) => key === '__proto__' || /^\d+$/.test(key)) }
  if (known && known.length < SHAPES_MAX) known.push(shape)
  return shape
}

function sameKeys(a: readonly string[], b: readonly string[]): boolean {
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false
  return true
}

/** The plain way, for a value that `inOrder` has checked and could not put in order. */
function text(value: Json): string {
  if (typeof value !== 'object' || value === null) return JSON.stringify(value)
  if (Array.isArray(value)) return `[${value.map(text).join()}]`
  const object = value as Members
  const members = Object.keys(object).sort()
  const present = members.filter((key) => object[key] !== undefined)
  return `{${present.map((key) => `${JSON.stringify(key)}:${text(object[key] as Json)}`).join()}}`
}
