import { isJsonObject, type Json } from '../../model/json.ts'
import { compileExpression, entityLiteral, type Known } from './expression.ts'
import type { Evaluate } from './operators.ts'

/**
 * A comparison with a literal that a policy evaluates before anything else. If it is false the policy is false; if its
 * subject faults, the policy faults: so policies with equal subjects can be looked up by their literals.
 */
export interface ConditionGuard {
  /** Key of the guard's subject; equal for equal subjects. */
  readonly subjectKey: string
  readonly subject: Evaluate
  /** The literal: exactly one of the two. */
  readonly text?: string
  readonly entityKey?: string
}

/** Returns the guard of a policy's conditions (`conditions` as in Cedar's JSON policy format). */
export function guardOf(conditions: readonly Json[], known: Known): ConditionGuard | undefined {
  const [first] = conditions
  if (!isJsonObject(first) || first.kind !== 'when') return undefined
  const comparison = firstEvaluated(first.body)
  if (!isJsonObject(comparison)) return undefined
  const { left = null, right = null } = comparison
  return guardFrom(left, right, known) ?? guardFrom(right, left, known)
}

/** The operands of the `==` that is leftmost under `&&`. */
function firstEvaluated(body: Json | undefined): Json | undefined {
  let at = body
  while (isJsonObject(at) && isJsonObject(at['&&'])) at = at['&&'].left
  return isJsonObject(at) ? at['=='] : undefined
}

function guardFrom(subject: Json, literal: Json, known: Known): ConditionGuard | undefined {
  if (!isPath(subject) || !isJsonObject(literal)) return undefined
  const value = literal.Value
  const base = { subjectKey: JSON.stringify(subject), subject: compileExpression(subject, known) }
  if (typeof value === 'string') return { ...base, text: value }
  return isJsonObject(value) ? { ...base, entityKey: entityLiteral(value.__entity).key } : undefined
}

/** A variable, or attributes of one: the same text always has the same value in one request. */
function isPath(json: Json | undefined): boolean {
  if (!isJsonObject(json)) return false
  return typeof json.Var === 'string' || (isJsonObject(json['.']) && isPath(json['.'].left))
}
