import { budgetText } from '../../model/budget.ts'
import type { Grant } from '../../model/grant.ts'
import type { Json } from '../../model/json.ts'
import { sourceText } from '../../model/source.ts'
import type { ReachedOperation, ReachInput } from './reach.ts'
import { budgetsCover, togetherCover } from './reach-cover.ts'
import { conjunctsOf, entailsAll } from './reach-entails.ts'
import { oneLine, rankOf, type Sides } from './reach-sides.ts'

/**
 * Compares the ways in which an operation is permitted: each must have been one before, with no weaker a condition, no
 * larger a budget, no longer a life, and the same account: a budget is counted by the name of its grant.
 */
export function comparePermits(operation: ReachedOperation, earlier: ReachedOperation, sides: Sides): void {
  const { id } = operation
  const rank = rankOf(operation)
  const olds = grantsOf(earlier, sides.before)
  for (const grant of grantsOf(operation, sides.after)) {
    const implied = olds.filter((old) =>
      entailsAll(conditionOf(grant, operation, sides.after), conditionOf(old, earlier, sides.before)),
    )
    if (implied.length === 0) {
      sides.wider(
        rank,
        id,
        `is permitted ${whenText(grant, operation)}; it was only ${olds.map((old) => whenText(old, earlier)).join(', or ')}`,
      )
      continue
    }
    const capped = implied.filter((old) => budgetsCover(grant.budgets, old.budgets))
    if (capped.length === 0) {
      const was = implied.map(({ budgets }) => budgetsText(budgets)).join(', or ')
      sides.wider(
        Math.min(rank, 2),
        id,
        `has the budget ${budgetsText(grant.budgets)}; it was ${was} (${sourceText(grant.source)})`,
      )
      continue
    }
    const lasting = capped.filter((old) => old.expiresAtMs >= grant.expiresAtMs)
    const own = lasting.find((old) => old.id === grant.id)
    const unlimited = lasting.find(({ budgets }) => budgets.length === 0)
    const [other] = lasting
    if (own === undefined && unlimited === undefined && other !== undefined) {
      const text = `counts ${budgetsText(grant.budgets)} in the account of ${grant.id}; it was counted in that of ${other.id}`
      sides.wider(Math.min(rank, 2), id, `${text} (${sourceText(grant.source)})`)
    }
    const chosen = own ?? unlimited ?? other
    if (chosen === undefined) {
      sides.wider(
        5,
        id,
        `lasts ${minutes(grant.expiresAtMs)} of a run; it was ${minutes(Math.max(...capped.map(({ expiresAtMs }) => expiresAtMs)))}`,
      )
    } else sides.assigned.set(chosen, (sides.assigned.get(chosen) ?? new Set()).add(grant))
  }
  const kept = grantsOf(operation, sides.after)
  for (const old of olds) {
    const still = kept.some(
      (grant) =>
        entailsAll(conditionOf(old, earlier, sides.before), conditionOf(grant, operation, sides.after)) &&
        budgetsCover(old.budgets, grant.budgets),
    )
    if (!still)
      sides.narrower(
        rank,
        id,
        `is no longer permitted as it was by ${old.id}: ${whenText(old, earlier)}, ${budgetsText(old.budgets)}`,
      )
  }
}

/** Judges the grants that stand in for one old grant together: they have a budget each, where it had one. */
export function judgeTogether({ assigned, wider }: Sides): void {
  for (const [old, grants] of assigned) {
    if (
      grants.size < 2 ||
      togetherCover(
        [...grants].map(({ budgets }) => budgets),
        old.budgets,
      )
    )
      continue
    const names = [...grants].map(({ id, budgets }) => `${id} (${budgetsText(budgets)})`).join(' and ')
    wider(2, old.upstream, `${names} together allow more than ${old.id} did: ${budgetsText(old.budgets)}`)
  }
}

function grantsOf({ permits }: ReachedOperation, { grants }: ReachInput): readonly Grant[] {
  const permitting = new Set(permits.map(({ grant }) => grant))
  return grants.filter(({ id }) => permitting.has(id))
}

/** Returns what a grant asks of an operation: of one that it implies, nothing. */
function conditionOf({ id }: Grant, { permits }: ReachedOperation, { policies }: ReachInput): readonly Json[] {
  if (permits.find(({ grant }) => grant === id)?.when === undefined) return []
  return conjunctsOf(policies.policies.find(({ grant }) => grant === id)?.json)
}

function whenText({ id, source }: Grant, { permits }: ReachedOperation): string {
  const when = permits.find(({ grant }) => grant === id)?.when
  return `${when === undefined ? 'unconditionally' : `if ${oneLine(when)}`} (${sourceText(source)})`
}

function budgetsText(budgets: Grant['budgets']): string {
  return budgets.length === 0 ? 'unlimited' : budgets.map(budgetText).join(' and ')
}

function minutes(ms: number): string {
  return `${Math.round(ms / 60_000)} minutes`
}
