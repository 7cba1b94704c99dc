import { isJsonObject, type Json, type JsonObject } from '../../model/json.ts'
import { decimalText, decimalUnits } from '../../model/money.ts'

/** One clause of a condition with another literal, so that an action's own argument meets it. */
export interface FittedClause {
  readonly clause: Json
  /** The change as a person reads it: from the old clause to the new. */
  readonly text: string
}

/**
 * Fits a clause to an action's own argument by changing its literal. Undefined for a clause that does not compare an
 * argument with a literal. The clause may hold already.
 */
export function fitted(clause: Json, args: JsonObject): FittedClause | undefined {
  const [name, body] = isJsonObject(clause) ? (Object.entries(clause)[0] ?? []) : []
  if (name === undefined) return undefined
  const [left = null, right = null] = Array.isArray(body)
    ? body
    : isJsonObject(body)
      ? [body.left ?? null, body.right ?? null]
      : []
  if (name === 'contains') return fittedList(clause, left, argumentAt(right, args))
  const value = argumentAt(left, args)
  const literal = literalFor(value, right, NUDGE[name])
  if (literal === undefined || (name !== '==' && NUDGE[name] === undefined)) return undefined
  const changed: Json = { [name]: Array.isArray(body) ? [left, literal] : { left, right: literal } }
  return { clause: changed, text: `${clauseText(clause)} → ${clauseText(changed)}` }
}

/** Distance between the value and a literal that lets it pass, in the smallest steps, by operator. */
const NUDGE: Readonly<Record<string, bigint>> = {
  lessThanOrEqual: 0n,
  lessThan: 1n,
  greaterThanOrEqual: 0n,
  greaterThan: -1n,
  '<=': 0n,
  '<': 1n,
  '>=': 0n,
  '>': -1n,
}

function fittedList(clause: Json, set: Json, value: Json | undefined): FittedClause | undefined {
  if (!isJsonObject(set) || !Array.isArray(set.Set) || typeof value !== 'string') return undefined
  const changed: Json = { contains: { left: { Set: [...set.Set, { Value: value }] }, right: rightOf(clause) } }
  return { clause: changed, text: `${clauseText(clause)} → ${clauseText(changed)}` }
}

function rightOf(clause: Json): Json {
  const body = isJsonObject(clause) ? clause.contains : undefined
  return isJsonObject(body) ? (body.right ?? null) : null
}

/**
 * Returns a value as a literal of the same type as `literal`, moved by `nudge` smallest steps; undefined where it has
 * no such type.
 */
function literalFor(value: Json | undefined, literal: Json, nudge = 0n): Json | undefined {
  if (!isJsonObject(literal) || value === undefined) return undefined
  if (Array.isArray(literal.decimal)) {
    const units = typeof value === 'number' ? decimalUnits(String(value)) : undefined
    return units?.ok ? { decimal: [{ Value: decimalText(units.value + nudge) }] } : undefined
  }
  if (typeof literal.Value === 'number')
    return Number.isSafeInteger(value) ? { Value: Number(value) + Number(nudge) } : undefined
  return typeof literal.Value === 'string' && typeof value === 'string' ? { Value: value } : undefined
}

/** Returns what `context.args.a.b` is in these arguments. */
function argumentAt(subject: Json, args: JsonObject): Json | undefined {
  const names: string[] = []
  let at: Json = subject
  for (;;) {
    const step: Json | undefined = isJsonObject(at) ? at['.'] : undefined
    if (!isJsonObject(step) || typeof step.attr !== 'string') break
    names.unshift(step.attr)
    at = step.left ?? null
  }
  if (!isJsonObject(at) || at.Var !== 'context' || names.shift() !== 'args') return undefined
  return names.reduce<Json | undefined>(
    (found, name) => (isJsonObject(found) && Object.hasOwn(found, name) ? found[name] : undefined),
    args,
  )
}

/** A clause in Cedar's own words, as far as they are known here; else its JSON. */
export function clauseText(json: Json): string {
  const [name, body] = isJsonObject(json) ? (Object.entries(json)[0] ?? []) : []
  if (name === undefined || body === undefined) return JSON.stringify(json)
  const of = isJsonObject(body) ? body : {}
  const text = (part: Json | undefined) => clauseText(part ?? null)
  switch (name) {
    case 'Var':
      return String(body)
    case 'Value':
      return JSON.stringify(body)
    case '.':
      return `${text(of.left)}.${String(of.attr)}`
    case 'has':
      return `${text(of.left)} has ${Array.isArray(of.attr) ? of.attr.join('.') : String(of.attr)}`
    case '!':
      return `!(${text(of.arg)})`
    case 'Set':
      return `[${(Array.isArray(body) ? body : []).map(clauseText).join(', ')}]`
    case 'contains':
    case 'containsAny':
    case 'containsAll':
      return `${text(of.left)}.${name}(${text(of.right)})`
  }
  if (isJsonObject(body) && 'left' in body && 'right' in body) return `${text(of.left)} ${name} ${text(of.right)}`
  const [first, ...rest] = Array.isArray(body) ? body : []
  if (first === undefined) return JSON.stringify(json)
  return rest.length === 0 ? `${name}(${text(first)})` : `${text(first)}.${name}(${rest.map(clauseText).join(', ')})`
}
