import { type Budget, type Holder, type HolderId, maximum } from '../../model/budget.ts'
import { ok, type Result } from '../../model/result.ts'

/** The part of one budget that a gateway may use without asking again. */
export interface Allotment {
  readonly holder: HolderId
  readonly budget: Budget
  /** In units of the budget, over its window: all that this gateway has used of it counts against it. */
  readonly amount: bigint
  /** Exclusive, epoch ms: from then on nothing of it may be used, unless it was renewed. */
  readonly untilMs: number
}

/**
 * The shared store of budgets, as one gateway has it. A port: with one gateway the allotment is everything (`SOLE_ESCROW`); in
 * tests several share one in memory (`memory-escrow.ts`). `test/stores` asks the same of each.
 *
 * - ES1  What is allotted of a budget to all gateways is never more than its maximum, whatever crashes: so no budget is
 *        exceeded while each gateway keeps to its own (S7).
 * - ES2  More is allotted whole or not at all, and durable before it is told.
 * - ES3  It returns only from the gateway that has it. One that died keeps it, for the next gateway of its name, which has
 *        read in its ledger what was spent.
 * - ES4  It lasts as long as it is renewed: whoever cannot renew may use nothing.
 */
export interface Escrow {
  /** Returns what this gateway has, for as long from now on as a renewal lasts. */
  renew(nowMs: number): Promise<Result<readonly Allotment[], string>>
  /** Allots so much more of a budget, in its units; refused where so much is not left. */
  allot(holder: Holder, budget: Budget, more: bigint, nowMs: number): Promise<Result<Allotment, string>>
  /** Gives so much of a budget back, which is not used: others may be allotted it. */
  giveBack(holder: Holder, budget: Budget, amount: bigint, nowMs: number): Promise<Result<Allotment, string>>
}

/** The answer to how much of a budget this gateway may use over its window; asked in the tick that decides. */
export type AllottedAmount = (holder: HolderId, budget: Budget, nowMs: number) => bigint

/** Allots the whole of each budget: there is no other gateway. */
export const WHOLE: AllottedAmount = (_, budget) => maximum(budget)

export const SOLE_ESCROW: Escrow = {
  renew: async () => ok([]),
  allot: async (holder, budget) => ok(wholeOf(holder, budget)),
  giveBack: async (holder, budget) => ok(wholeOf(holder, budget)),
}

function wholeOf({ id }: Holder, budget: Budget): Allotment {
  return { holder: id, budget, amount: maximum(budget), untilMs: Number.POSITIVE_INFINITY }
}

/** The allotments of one gateway, as its escrow told them last: what is not there, or has lapsed, is nothing. */
export class Allotments {
  readonly #known = new Map<string, Allotment>()

  take(allotment: Allotment): void {
    this.#known.set(budgetKey(allotment.holder, allotment.budget), allotment)
  }

  readonly amount: AllottedAmount = (holder, budget, nowMs) => {
    const known = this.#known.get(budgetKey(holder, budget))
    if (known === undefined || nowMs >= known.untilMs) return 0n
    // A maximum that was lowered since holds at once.
    return known.amount < maximum(budget) ? known.amount : maximum(budget)
  }
}

/** Returns what tells two budgets apart: whose they are, what they count, and over which window; their maximum may change. */
export function budgetKey(holder: HolderId, budget: Budget): string {
  return JSON.stringify([holder, budget.kind, budget.kind === 'spend' ? budget.currency : '', budget.window])
}
