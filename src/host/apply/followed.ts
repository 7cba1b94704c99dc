import type { EnvironmentName } from '../../model/index.ts'
import { countsAlike } from '../../policy/index.ts'
import { grantsIn, type Judged } from '../prepare/setup.ts'
import { type ChangedPart, changedParts } from '../reach/parts.ts'

/**
 * Returns why a gateway that serves an environment cannot follow a change of the configuration, in words: it was opened
 * with something that it keeps until its end. Empty where it can. Parts that no gateway keeps (grants, conditions,
 * policies, labels, owners, delegates, decoys, and whether the environment is hardened) are followed.
 */
export function keptUntilItsEnd(
  before: Judged,
  after: Judged,
  name: EnvironmentName,
  changed: readonly ChangedPart[] = changedParts(before, after),
): readonly string[] {
  if (!before.config.environments.has(name) || !after.config.environments.has(name)) return ['the environment itself']
  const kept = changed.flatMap((each) =>
    [each.before?.kept, each.after?.kept].flatMap((part) => (part?.environments.includes(name) ? [part.what] : [])),
  )
  // Told of an upstream by its number, a gateway keeps their order, too.
  const isMoved =
    !kept.some((what) => what.startsWith('upstream ')) && orderText(before, name) !== orderText(after, name)
  return [
    ...new Set([...kept, ...uncountedBudgets(before, after, name), ...(isMoved ? ['the order of its upstreams'] : [])]),
  ]
}

function orderText({ config }: Judged, environment: EnvironmentName): string {
  return [...config.upstreams.values()].flatMap((each) => (each.environment === environment ? [each.name] : [])).join()
}

/** Returns the grants whose budgets count what was not counted before: only the ledger tells how much of them is used. */
function uncountedBudgets(before: Judged, after: Judged, environment: EnvironmentName): readonly string[] {
  const old = new Map(grantsIn(before, environment).map((grant) => [grant.id, grant.budgets]))
  const uncounted = grantsIn(after, environment).filter(
    ({ id, budgets }) => !budgets.every((budget) => old.get(id)?.some((known) => countsAlike(known, budget))),
  )
  return uncounted.map(({ id }) => `the budget of ${id}`)
}
