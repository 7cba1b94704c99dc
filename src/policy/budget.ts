import type { Reason } from '../model/decision.ts'
import type { Budget, Grant } from '../model/grant.ts'
import type { GrantId } from '../model/ids.ts'
import { decimalText, type Money } from '../model/money.ts'
import { no, ok, type Result } from '../model/result.ts'
import { SlidingWindow } from './sliding-window.ts'

export type BudgetReason = Extract<Reason, { kind: 'budget' | 'spend' }>

/** What a decision may ask of the book. Asking changes nothing. */
export interface BudgetView {
  /** Every budget of the grant that this call would break. */
  refusals(grant: Grant, spend: Money | undefined, nowMs: number): readonly BudgetReason[]
}

/** An intent that counts. Given back only if not one byte of it left. */
export interface Reservation {
  readonly grant: GrantId
  readonly atMs: number
  readonly spend?: Money
}

/**
 * What was used of each grant's budgets, over sliding windows.
 *
 * - B1  The sum over any window never exceeds a budget. Old use returns up to 1/60 of the window late, never early.
 * - B2  A reservation returns only through `release`, whose caller knows that nothing was sent; what became of an
 *       unknown outcome stays spent.
 * - B3  The book's clock never steps back: an earlier time counts as the latest it has seen.
 * - B4  Memory is bounded by the budgets in the configuration: 60 sums for each.
 */
export class BudgetBook implements BudgetView {
  readonly #windows = new Map<GrantId, readonly SlidingWindow[]>()
  #latestMs = 0

  refusals(grant: Grant, spend: Money | undefined, nowMs: number): readonly BudgetReason[] {
    const atMs = Math.max(nowMs, this.#latestMs)
    const badSpend = spend && refusedSpend(grant, spend)
    if (badSpend) return [badSpend]
    return grant.budgets.flatMap((budget, index) => {
      const asked = cost(budget, spend)
      if (asked === undefined) return []
      const window = this.#windows.get(grant.id)?.[index]
      const used = window?.sum(atMs) ?? 0n
      const max = maximum(budget)
      if (used + asked <= max) return []
      const returnsAtMs = asked <= max ? window?.belowAtMs(max - asked, atMs) : undefined
      return [
        {
          kind: 'budget' as const,
          grant: grant.id,
          source: grant.source,
          budget,
          // A budget that shrank may be overspent already; nothing is left of it, not less.
          left: amountText(budget, used > max ? 0n : max - used),
          asked: amountText(budget, asked),
          ...(returnsAtMs !== undefined && { returnsAtMs }),
        },
      ]
    })
  }

  /** In the same tick as the decision, so that no other call comes between. */
  reserve(grant: Grant, spend: Money | undefined, nowMs: number): Result<Reservation, readonly BudgetReason[]> {
    const refusals = this.refusals(grant, spend, nowMs)
    if (refusals.length > 0) return no(refusals)
    this.#latestMs = Math.max(nowMs, this.#latestMs)
    const reservation = { grant: grant.id, atMs: this.#latestMs, ...(spend && { spend }) }
    this.#count(grant, reservation, 1n)
    return ok(reservation)
  }

  /** Only for `not-sent`. Calling it twice for one reservation is a bug of the caller. */
  release(grant: Grant, reservation: Reservation): void {
    this.#count(grant, reservation, -1n)
  }

  /**
   * Counts what an earlier process let through: every intent in the ledger but those whose outcome is `not-sent`, in
   * their order. Budgets may have shrunk since: what was spent stays spent, over the maximum too.
   */
  restore(grants: ReadonlyMap<GrantId, Grant>, intents: Iterable<PastIntent>): void {
    for (const { grantId, timeMs, spend } of intents) {
      const grant = grants.get(grantId)
      this.#latestMs = Math.max(timeMs, this.#latestMs)
      if (grant) this.#count(grant, { grant: grantId, atMs: this.#latestMs, ...(spend && { spend }) }, 1n)
    }
  }

  #count(grant: Grant, { atMs, spend }: Reservation, sign: bigint): void {
    const windows = this.#windows.get(grant.id) ?? grant.budgets.map(({ windowMs }) => new SlidingWindow(windowMs))
    this.#windows.set(grant.id, windows)
    for (const [index, budget] of grant.budgets.entries()) {
      const used = cost(budget, spend)
      if (used !== undefined) windows[index]?.add(atMs, used * sign, this.#latestMs)
    }
  }
}

export interface PastIntent {
  readonly grantId: GrantId
  readonly timeMs: number
  readonly spend?: Money
}

/** A grant that caps spending caps it in the currencies it names: every other one is refused, not converted. */
function refusedSpend(grant: Grant, spend: Money): BudgetReason | undefined {
  if (spend.units < 0n) return { kind: 'spend', path: '$', problem: 'negative' }
  const currencies = grant.budgets.flatMap((budget) => (budget.kind === 'spend' ? [budget.currency] : []))
  if (currencies.length === 0 || currencies.includes(spend.currency)) return undefined
  return {
    kind: 'spend',
    path: '$',
    problem: `${spend.currency} has no budget in ${grant.id}, only ${currencies.join(', ')}`,
  }
}

/** What a call takes from a budget; nothing if the budget is not about it. */
function cost(budget: Budget, spend: Money | undefined): bigint | undefined {
  if (budget.kind === 'calls') return 1n
  return spend?.currency === budget.currency ? spend.units : undefined
}

function maximum(budget: Budget): bigint {
  return budget.kind === 'calls' ? BigInt(budget.max) : budget.maxUnits
}

function amountText(budget: Budget, amount: bigint): string {
  return budget.kind === 'calls' ? `${amount} calls` : `${decimalText(amount)} ${budget.currency}`
}
