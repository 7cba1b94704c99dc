/** The one decision on an action of several operations: each is decided alone, and all together are allowed or none is. */
import type { Action } from '../../model/action.ts'
import type { Reason } from '../../model/decision.ts'
import type { GrantId } from '../../model/ids.ts'
import { type Decided, decidedBy, permitsOf } from './decided.ts'

/** Returns an action as each of its operations would be asked for alone; its own is the first. */
export function operationsOf(action: Action): readonly [Action, ...Action[]] {
  if (action.alongside === undefined) return [action]
  const { alongside, ...own } = action
  return [own, ...alongside.map((further) => ({ ...own, ...further }))]
}

/** Returns the decision on all of several operations: an allow where each of them is allowed. */
export function together(all: readonly Decided[]): Decided {
  const [only, ...others] = all
  if (only !== undefined && others.length === 0) return only
  const refusals = all.some(({ verdict }) => verdict === 'deny')
    ? all.flatMap((each) => (each.verdict === 'allow' ? [] : each.reasons))
    : []
  const holds = all.flatMap((each) => (each.verdict === 'hold' ? each.reasons : []))
  return decidedBy(differing(all.flatMap(permitsOf)), differing(refusals), refusals.length > 0 ? [] : differing(holds))
}

/** Returns reasons without those that say the same as one before. */
export function differing<R extends Reason>(reasons: readonly R[]): readonly R[] {
  const plain = (_: string, value: unknown) => (typeof value === 'bigint' ? String(value) : value)
  return [...new Map(reasons.map((each) => [JSON.stringify(each, plain), each])).values()]
}

/**
 * Returns the grants that are charged for an action: for each of its operations the first of those that let it through,
 * where none of them is charged for another already. `open` has those of each operation, its own first.
 */
export function chargedFor(open: readonly (readonly GrantId[])[]): readonly GrantId[] {
  const charged = new Set<GrantId>()
  for (const ids of open) {
    const [first] = ids
    if (first !== undefined && !ids.some((id) => charged.has(id))) charged.add(first)
  }
  return [...charged]
}
