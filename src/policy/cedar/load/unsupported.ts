import { isJsonObject, type Json } from '../../../model/json.ts'
import { BINARY, EXTENSION, UNARY } from '../operators.ts'
import { SMUGGLING_NAMES } from '../vocabulary.ts'

/** Levels of one condition: each evaluates inside the one above it. A conjunction of n terms has n. */
export const CONDITION_DEPTH_MAX = 64

export interface Unsupported {
  readonly problem: string
  readonly expected: string
}

/** The first thing in a condition that the compiler does not know, or cannot hold exactly. Nothing if it can be compiled. */
export function unsupportedIn(json: Json, depth = 0): Unsupported | undefined {
  if (depth > CONDITION_DEPTH_MAX) {
    return { problem: `more than ${CONDITION_DEPTH_MAX} levels`, expected: 'several shorter "when" clauses' }
  }
  if (!isJsonObject(json)) return notKnown(json)
  const [name, ...others] = Object.keys(json)
  if (name === undefined || others.length > 0) return notKnown(json)
  const body = json[name] ?? null
  switch (name) {
    case 'Value':
      return unsupportedLiteral(body)
    case 'Var':
      return ['principal', 'action', 'resource', 'context'].includes(String(body)) ? undefined : notKnown(json)
    case 'Set':
      return firstIn(Array.isArray(body) ? body : [null], depth)
    case 'Record':
      return isJsonObject(body) ? (smuggled(Object.keys(body)) ?? firstIn(Object.values(body), depth)) : notKnown(json)
    case '.':
    case 'has':
      return isJsonObject(body)
        ? (smuggled([body.attr ?? null].flat()) ?? firstIn([body.left ?? null], depth))
        : notKnown(json)
    case 'like':
      return isJsonObject(body) ? firstIn([body.left ?? null], depth) : notKnown(json)
    case 'is':
      return isJsonObject(body)
        ? firstIn([body.left ?? null, ...(body.in === undefined ? [] : [body.in])], depth)
        : notKnown(json)
    case 'if-then-else':
      return operands(body, ['if', 'then', 'else'], depth)
  }
  if (Object.hasOwn(BINARY, name)) return operands(body, ['left', 'right'], depth)
  if (Object.hasOwn(UNARY, name)) return operands(body, ['arg'], depth)
  if (Object.hasOwn(EXTENSION, name) && Array.isArray(body) && body.length === EXTENSION[name]?.arity) {
    return firstIn(body, depth)
  }
  return notKnown(name)
}

function operands(body: Json, names: readonly string[], depth: number): Unsupported | undefined {
  if (!isJsonObject(body) || Object.keys(body).length !== names.length) return notKnown(body)
  return firstIn(
    names.map((name) => body[name] ?? null),
    depth,
  )
}

function firstIn(parts: readonly Json[], depth: number): Unsupported | undefined {
  for (const part of parts) {
    const found = unsupportedIn(part, depth + 1)
    if (found) return found
  }
  return undefined
}

/**
 * Refuses Longs that are not exact: Cedar's JSON form carries them as floats, and beyond 2^53 the digits that a person
 * wrote are already gone.
 */
function unsupportedLiteral(value: Json): Unsupported | undefined {
  if (typeof value === 'number' && !Number.isSafeInteger(value)) {
    return { problem: 'an integer past 2^53', expected: `at most ${Number.MAX_SAFE_INTEGER}` }
  }
  if (['boolean', 'number', 'string'].includes(typeof value)) return undefined
  const entity = isJsonObject(value) && Object.keys(value).length === 1 ? value.__entity : undefined
  return isJsonObject(entity) && typeof entity.type === 'string' && typeof entity.id === 'string'
    ? undefined
    : notKnown(value)
}

function smuggled(names: readonly Json[]): Unsupported | undefined {
  const name = names.find((each) => SMUGGLING_NAMES.has(String(each)))
  return name === undefined
    ? undefined
    : { problem: `the name ${name}`, expected: 'a name that no argument may have either' }
}

function notKnown(what: Json): Unsupported {
  const shown = typeof what === 'string' ? what : JSON.stringify(what)
  return {
    problem: `"${shown}" is not supported here`,
    expected: `one of ${Object.keys({ ...BINARY, ...UNARY, ...EXTENSION }).join(' ')}`,
  }
}
