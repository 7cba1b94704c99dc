import type { Json } from '../../model/json.ts'
import { no, ok, type Result } from '../../model/result.ts'
import { numberText, WrittenNumber } from '../../model/text/number.ts'
import { LEDGER_LIMITS } from './limits.ts'

export interface NotCanonical {
  readonly kind: 'not-canonical'
  readonly problem: 'a number that is not finite' | 'a lone surrogate' | 'not JSON' | 'nested too deep'
}

/**
 * The RFC 8785 form of a value: keys in order of their UTF-16 code units, no space, ECMAScript's shortest numbers and
 * minimal escapes. Two values have one form exactly if they are the same JSON, so its bytes can be hashed.
 *
 * RFC 8785 has doubles only. A number that is kept as it was written has the form of the double that is exactly it, or
 * else all of its digits: one form for one number, however it was written.
 *
 * `depthMax` bounds its nesting. A property that is `undefined` is absent, as in JSON.stringify. What I-JSON cannot hold is refused, never repaired.
 */
export function canonicalText(
  value: Json,
  depthMax: number = LEDGER_LIMITS.entryDepthMax,
): Result<string, NotCanonical> {
  try {
    return ok(textOf(value, depthMax))
  } catch (error) {
    if (error instanceof Refusal) return no({ kind: 'not-canonical', problem: error.problem })
    throw error
  }
}

/** A problem on its way out of the recursion; never leaves this file. */
class Refusal extends Error {
  readonly problem: NotCanonical['problem']
  constructor(problem: NotCanonical['problem']) {
    super(problem)
    this.problem = problem
  }
}

/** A cell chooses most strings in an entry, and all keys of its arguments. */
function textOf(value: Json, levels: number): string {
  switch (typeof value) {
    case 'string':
      return UNUSUAL.test(value) ? escaped(value) : `"${value}"`
    case 'number':
      if (!Number.isFinite(value)) throw new Refusal('a number that is not finite')
      return String(value)
    case 'boolean':
      return value ? 'true' : 'false'
    case 'object':
      if (value === null) return 'null'
      if (value instanceof WrittenNumber) return numberText(value)
      if (levels <= 0) throw new Refusal('nested too deep')
      return Array.isArray(value) ? arrayText(value, levels - 1) : objectText(value as Members, levels - 1)
    default:
      throw new Refusal('not JSON')
  }
}

/**
 * Characters that RFC 8785 section 3.2.2.2 escapes, and surrogates, which may be alone. Most strings have none of them.
 */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for.
const UNUSUAL = /[\u0000-\u001f"\\\ud800-\udfff]/

function escaped(text: string): string {
  if (!text.isWellFormed()) throw new Refusal('a lone surrogate')
  return JSON.stringify(text)
}

function arrayText(items: readonly Json[], levels: number): string {
  let text = '['
  for (let i = 0; i < items.length; i++) text += `${i === 0 ? '' : ','}${textOf(items[i] as Json, levels)}`
  return `${text}]`
}

interface Members {
  readonly [key: string]: Json
}

function objectText(object: Members, levels: number): string {
  const { keys, heads } = shapeOf(object)
  let text = ''
  for (let i = 0; i < keys.length; i++) {
    const value = object[keys[i] as string]
    if (value !== undefined) text += `${text === '' ? '{' : ','}${heads[i]}${textOf(value, levels)}`
  }
  return text === '' ? '{}' : `${text}}`
}

interface Shape {
  /** Keys in the order that the object has them. */
  readonly given: readonly string[]
  /** In canonical order. */
  readonly keys: readonly string[]
  /** The same, as they stand before their values. */
  readonly heads: readonly string[]
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
  const shape = { given, keys, heads: keys.map((key) => `${escaped(key)}:`) }
  if (known && known.length < SHAPES_MAX) known.push(shape)
  return shape
}

function sameKeys(a: readonly string[], b: readonly string[]): boolean {
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false
  return true
}
