import { type Budget, type HolderId, maximum } from '../../model/budget.ts'
import { no, ok } from '../../model/result.ts'
import { type Allotment, budgetKey, type Escrow } from './escrow.ts'

/** An escrow that several gateways of one process share, for tests: it outlives them, and not the process. */
export class MemoryEscrow {
  /** A fault to plant: the store does not answer. */
  away?: string
  readonly #leaseMs: number
  /** The budgets that were ever allotted, and what each gateway has of them, by its name. */
  readonly #kept = new Map<string, { holder: HolderId; budget: Budget; readonly amounts: Map<string, bigint> }>()

  /** @param leaseMs how long an allotment may be used without being renewed. */
  constructor(leaseMs: number) {
    this.#leaseMs = leaseMs
  }

  /** Returns the sum of what is allotted of a budget. */
  allotted(holder: HolderId, budget: Budget): bigint {
    return sumOf(this.#kept.get(budgetKey(holder, budget))?.amounts ?? new Map())
  }

  /** Returns the escrow as the gateway of one name has it. */
  as(gateway: string): Escrow {
    const change: Escrow['allot'] = async ({ id }, budget, more, nowMs) => {
      if (this.away !== undefined) return no(this.away)
      const key = budgetKey(id, budget)
      const kept = this.#kept.get(key) ?? { holder: id, budget, amounts: new Map() }
      const amount = (kept.amounts.get(gateway) ?? 0n) + more
      if (amount < 0n) return no('it has not so much of it')
      if (more > 0n && sumOf(kept.amounts) + more > maximum(budget)) return no('so much is not left')
      kept.budget = budget
      kept.amounts.set(gateway, amount)
      this.#kept.set(key, kept)
      return ok({ holder: id, budget, amount, untilMs: nowMs + this.#leaseMs })
    }
    return {
      renew: async (nowMs) => {
        if (this.away !== undefined) return no(this.away)
        const all = [...this.#kept.values()].flatMap(({ holder, budget, amounts }): readonly Allotment[] => {
          const amount = amounts.get(gateway)
          return amount === undefined ? [] : [{ holder, budget, amount, untilMs: nowMs + this.#leaseMs }]
        })
        return ok(all)
      },
      allot: async (holder, budget, more, nowMs) =>
        more < 0n ? no('less is given back') : change(holder, budget, more, nowMs),
      giveBack: async (holder, budget, amount, nowMs) =>
        amount < 0n ? no('more is allotted') : change(holder, budget, -amount, nowMs),
    }
  }
}

function sumOf(amounts: ReadonlyMap<string, bigint>): bigint {
  return [...amounts.values()].reduce((sum, each) => sum + each, 0n)
}
