import type { HoldReason, Reason } from '../../model/decision.ts'

export type PermitReason = Extract<Reason, { kind: 'permit' }>
export type ApprovedReason = Extract<Reason, { kind: 'approved' }>
export type Refusal = Exclude<Reason, PermitReason | ApprovedReason>

/**
 * - D1  An allow names at least one grant that permits; the first of them is charged. There is no other allow. Of an action
 *       with further operations each is permitted by a grant, and one of those is charged for it.
 * - D2  A denial names every check that failed, in the order of the checks.
 * - D3  A hold is what would be an allow if a person agreed to each of its reasons. Its `permits` are those grants.
 */
export type Decided = Allowed | Denied | Held
export interface Allowed {
  readonly verdict: 'allow'
  readonly reasons: readonly [PermitReason, ...PermitReason[]]
}
export interface Denied {
  readonly verdict: 'deny'
  readonly reasons: readonly [Refusal, ...Refusal[]]
}
export interface Held {
  readonly verdict: 'hold'
  readonly reasons: readonly [HoldReason, ...HoldReason[]]
  readonly permits: Allowed['reasons']
}

/** Returns the grants that permit what is decided: none of a denial. */
export function permitsOf(decided: Decided): readonly PermitReason[] {
  return decided.verdict === 'deny' ? [] : decided.verdict === 'hold' ? decided.permits : decided.reasons
}

/** Returns the decision that some permits, refusals and holds make together. */
export function decidedBy(
  [first, ...others]: readonly PermitReason[],
  refusals: readonly Refusal[],
  holds: readonly HoldReason[],
): Decided {
  if (refusals.length > 0 || first === undefined) return denied([...refusals, ...holds])
  const [hold, ...more] = holds
  if (hold !== undefined) return { verdict: 'hold', reasons: [hold, ...more], permits: [first, ...others] }
  return { verdict: 'allow', reasons: [first, ...others] }
}

/** Makes a denial. Called with no refusal only if a check forgot to give its reason: still a denial, and a bug. */
function denied(refusals: readonly Refusal[]): Decided {
  const [first, ...others] = refusals
  if (first === undefined) throw new Error('a denial without a reason')
  return { verdict: 'deny', reasons: [first, ...others] }
}
