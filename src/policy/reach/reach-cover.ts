import { type Budget, maximum, sameKind, type Window } from '../../model/budget.ts'

/** Tells whether the old budgets let through all that the next ones do: each old budget is held by one of the next. */
export function budgetsCover(next: readonly Budget[], old: readonly Budget[]): boolean {
  return togetherCover([next], old)
}

/** The same of several holders with a budget each, in place of one. */
export function togetherCover(holders: readonly (readonly Budget[])[], old: readonly Budget[]): boolean {
  return holders.every((own) => currenciesCover(own, old)) && old.every((budget) => isHeld(holders, budget))
}

/** A holder that caps spending refuses every currency that it does not name. */
function currenciesCover(next: readonly Budget[], old: readonly Budget[]): boolean {
  const [allowed, before] = [currencies(next), currencies(old)]
  return before.size === 0 || (allowed.size > 0 && allowed.isSubsetOf(before))
}

function currencies(budgets: readonly Budget[]): ReadonlySet<string> {
  return new Set(budgets.flatMap((budget) => (budget.kind === 'spend' ? [budget.currency] : [])))
}

/**
 * Tells whether the holders together use no more than an old budget within its window. Of each holder the least that it
 * can use counts; a currency that it refuses counts as none.
 */
function isHeld(holders: readonly (readonly Budget[])[], old: Budget): boolean {
  let sum = 0n
  for (const budgets of holders) {
    if (old.kind === 'spend' && !currencies(budgets).has(old.currency)) continue
    const uses = budgets.filter((budget) => sameKind(budget, old)).map((budget) => most(budget, old.window))
    const known = uses.filter((use) => use !== undefined)
    if (known.length === 0) return false
    sum += known.reduce((least, use) => (use < least ? use : least))
  }
  return sum <= maximum(old)
}

/** The most that a budget lets through within such a window; undefined where that cannot be said. */
function most(budget: Budget, within: Window): bigint | undefined {
  const { window } = budget
  if (JSON.stringify(window) === JSON.stringify(within)) return maximum(budget)
  if (window.kind === 'total') return within.kind === 'task' ? undefined : maximum(budget)
  if (window.kind !== 'sliding' || within.kind !== 'sliding') return undefined
  // The book counts in 60ths of a window, and gives back up to one of them late.
  return maximum(budget) * BigInt(Math.ceil((within.ms * 61) / 60 / window.ms))
}
