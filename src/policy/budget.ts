import {
  type Amount,
  amountText,
  type Budget,
  type Cost,
  type Holder,
  type HolderId,
  maximum,
  sameKind,
} from '../model/budget.ts'
import type { Reason } from '../model/decision.ts'
import type { CellId } from '../model/ids.ts'
import { no, ok, type Result } from '../model/result.ts'
import { BookClock, type Moment } from './book-clock.ts'
import { type UsedWindow, usedWindow } from './budget-window.ts'

export type BudgetReason = Extract<Reason, { kind: 'budget' | 'spend' }>

/** What a decision may ask of the book. Asking changes nothing. */
export interface BudgetView {
  /** Every budget of every holder that this call would break. */
  refusals(holders: readonly Holder[], cost: Cost, nowMs: number): readonly BudgetReason[]
}

/** An intent that counts, at one time, with every holder in its chain. */
export interface Reservation {
  readonly holders: readonly Holder[]
  readonly cost: Cost
  readonly at: Moment
}

/**
 * What was used of each holder's budgets.
 *
 * - B1  The sum over any window never exceeds a budget. Old use of a sliding window returns up to 1/60 of the window late,
 *       never early; of a calendar window with its end; of a total never.
 * - B2  A chain is charged whole or not at all, in one tick.
 * - B3  A reservation returns only through `release`, whose caller knows that nothing was sent, and once; `settle` changes
 *       it to what was charged in the end, over the maximum too. What became of an unknown outcome stays spent.
 * - B4  The book's clock never steps back, and nothing that is done to the wall clock returns anything (`BookClock`).
 * - B5  What is set aside for a task is counted as used by everyone but that task, from `setAside` until `endTask`.
 * - B6  Memory is bounded by the budgets in the configuration, 60 sums for each, and by the cells and calls under way.
 */
export class BudgetBook implements BudgetView {
  readonly clock: BookClock
  readonly #used = new Map<HolderId, Used>()
  readonly #open = new Set<Reservation>()

  constructor(clock: BookClock = new BookClock()) {
    this.clock = clock
  }

  refusals(holders: readonly Holder[], cost: Cost, nowMs: number): readonly BudgetReason[] {
    const at = this.clock.at(nowMs)
    const [only] = holders
    if (holders.length === 1 && only !== undefined) return this.#refusalsOf(only, cost, at, nowMs)
    return holders.flatMap((holder) => this.#refusalsOf(holder, cost, at, nowMs))
  }

  /** In the same tick as the decision, so that no other call comes between. */
  reserve(holders: readonly Holder[], cost: Cost, nowMs: number): Result<Reservation, readonly BudgetReason[]> {
    const refusals = this.refusals(holders, cost, nowMs)
    if (refusals.length > 0) return no(refusals)
    for (const holder of holders) this.#setAside(holder)
    return ok(this.#charge(holders, cost, this.clock.count(nowMs)))
  }

  /** What an earlier process let through, as its ledger has it. It is asked of no budget: what was spent stays spent. */
  recall(holders: readonly Holder[], cost: Cost, at: Moment): Reservation {
    for (const holder of holders) if (holder.task !== undefined) this.#of(holder).share(holder.task)
    return this.#charge(holders, cost, this.clock.recall(at))
  }

  /** Only for `not-sent`. What was given back or settled before is not given back again. */
  release(reservation: Reservation): void {
    if (!this.#open.delete(reservation)) return
    const { holders, cost, at } = reservation
    for (const holder of holders) this.#recount(holder, (budget) => -(taken(budget, cost) ?? 0n), at, this.clock.latest)
  }

  /**
   * The reservation is what `actual` says now, and no longer open. More counts from now on, past the maximum where it has
   * to; less returns where it was taken from. Whether less may be believed is the caller's to know.
   */
  settle(reservation: Reservation, actual: Cost, nowMs: number): Moment {
    const later = this.clock.count(nowMs)
    this.#resettle(reservation, actual, later)
    return later
  }

  /** The same, by an earlier book. */
  recallSettled(reservation: Reservation, actual: Cost, at: Moment): void {
    this.#resettle(reservation, actual, this.clock.recall(at))
  }

  /** It stays as it is: an unknown outcome, or an answer that changes nothing. */
  keep(reservation: Reservation): void {
    this.#open.delete(reservation)
  }

  /** A task begins: its share is set aside, whole or not at all. Where there is no room now, its first call asks again. */
  setAside(holders: readonly Holder[], nowMs: number): readonly HolderId[] {
    const at = this.clock.at(nowMs)
    const roomy = holders.filter((holder) => this.#hasRoom(holder, at))
    for (const holder of roomy) this.#setAside(holder)
    return roomy.map(({ id }) => id)
  }

  /** A task is over: what it did not spend is everyone's again. */
  endTask(task: CellId): void {
    for (const used of this.#used.values()) {
      const share = used.shares.get(task)
      if (share?.setAside) used.change(share, -1n)
      used.shares.delete(task)
    }
  }

  /** A holder that will never be charged again. */
  forget(id: HolderId): void {
    this.#used.delete(id)
  }

  /** What is left of each budget of a holder, in its order. */
  left(holder: Holder, nowMs: number): readonly string[] {
    const used = this.#of(holder)
    const at = this.clock.at(nowMs)
    return holder.budgets.map((budget, i) => amountText(budget, atLeast(used.left(i, holder.task, at), 0n)))
  }

  #resettle(reservation: Reservation, actual: Cost, later: Moment): void {
    if (!this.#open.delete(reservation)) return
    const { holders, cost, at } = reservation
    const charged = { ...cost, ...actual }
    const more = (budget: Budget) => (taken(budget, charged) ?? 0n) - (taken(budget, cost) ?? 0n)
    for (const holder of holders) {
      this.#recount(holder, (budget) => atLeast(more(budget), 0n), later, later)
      this.#recount(holder, (budget) => -atLeast(-more(budget), 0n), at, later)
    }
  }

  #of(holder: Holder): Used {
    let used = this.#used.get(holder.id)
    if (used === undefined) {
      used = new Used(holder.budgets)
      this.#used.set(holder.id, used)
    }
    return used
  }

  #refusalsOf(holder: Holder, cost: Cost, at: Moment, nowMs: number): readonly BudgetReason[] {
    const { budgets, task } = holder
    const bad = refusedCost(holder, cost)
    if (bad !== undefined) return [bad]
    const used = this.#of(holder)
    let refusals: BudgetReason[] | undefined
    for (const [i, budget] of budgets.entries()) {
      const asked = taken(budget, cost)
      if (asked === undefined || (budget.window.kind === 'task' && task === undefined)) continue
      // A share that is set aside was taken before; one that is not has to be, whole.
      const need = used.needed(i, task) ?? asked
      const left = used.left(i, task, at)
      if (need <= left) continue
      refusals ??= []
      refusals.push(refusal(holder, i, left, need > asked ? need : asked, used, at, nowMs))
    }
    return refusals ?? NONE
  }

  #hasRoom(holder: Holder, at: Moment): boolean {
    const { budgets, task } = holder
    const used = this.#of(holder)
    return budgets.every((_, i) => (used.needed(i, task) ?? 0n) <= used.left(i, task, at))
  }

  #setAside(holder: Holder): void {
    if (holder.task === undefined) return
    const used = this.#of(holder)
    const share = used.share(holder.task)
    if (share === undefined || share.setAside) return
    share.setAside = true
    used.change(share, 1n)
  }

  #charge(holders: readonly Holder[], cost: Cost, at: Moment): Reservation {
    const reservation: Reservation = { holders, cost, at }
    this.#open.add(reservation)
    for (const holder of holders) {
      this.#of(holder).count(holder.task, (budget) => taken(budget, cost) ?? 0n, at, at)
    }
    return reservation
  }

  /** A holder that was forgotten meanwhile stays so. */
  #recount(holder: Holder, amount: (budget: Budget) => bigint, at: Moment, now: Moment): void {
    this.#used.get(holder.id)?.count(holder.task, amount, at, now)
  }
}

/** What was used of one holder's budgets. */
class Used {
  readonly #budgets: readonly Budget[]
  /** One for each budget, but for shares. */
  readonly #windows: readonly (UsedWindow | undefined)[]
  /** What is set aside of each budget for tasks that have not spent it yet. */
  readonly #aside: bigint[]
  /** For each budget the share of the same kind, where there is one. */
  readonly #shareOf: readonly (number | undefined)[]
  readonly shares = new Map<CellId, Share>()

  constructor(budgets: readonly Budget[]) {
    this.#budgets = budgets
    this.#windows = budgets.map(({ window }) => (window.kind === 'task' ? undefined : usedWindow(window)))
    this.#aside = budgets.map(() => 0n)
    this.#shareOf = budgets.map((budget) => {
      const share = budgets.findIndex((other) => other.window.kind === 'task' && sameKind(budget, other))
      return share < 0 || budget.window.kind === 'task' ? undefined : share
    })
  }

  /** The share of a task, where the holder has any for tasks. */
  share(task: CellId): Share | undefined {
    let share = this.shares.get(task)
    if (share === undefined && this.#budgets.some(({ window }) => window.kind === 'task')) {
      share = {
        left: this.#budgets.map((budget) => (budget.window.kind === 'task' ? maximum(budget) : 0n)),
        setAside: false,
      }
      this.shares.set(task, share)
    }
    return share
  }

  /** What has to be free for a task's call, whatever that takes: nothing of a share that is set aside, else all of it. */
  needed(i: number, task: CellId | undefined): bigint | undefined {
    const of = this.#shareOf[i]
    if (of === undefined || task === undefined) return undefined
    const share = this.share(task)
    return share?.setAside ? 0n : atLeast(share?.left[of] ?? 0n, 0n)
  }

  left(i: number, task: CellId | undefined, at: Moment): bigint {
    const budget = this.#budgets[i]
    if (budget === undefined) return 0n
    const window = this.#windows[i]
    if (window === undefined)
      return (task === undefined ? undefined : this.shares.get(task)?.left[i]) ?? maximum(budget)
    return maximum(budget) - window.sum(timeOf(budget, at)) - (this.#aside[i] ?? 0n)
  }

  setAside(i: number): bigint {
    return this.#aside[i] ?? 0n
  }

  /** By the wall clock. */
  enoughAtMs(i: number, need: bigint, at: Moment, nowMs: number): number | undefined {
    const budget = this.#budgets[i]
    const window = this.#windows[i]
    if (budget === undefined) return undefined
    const time = timeOf(budget, at)
    const enoughMs = window?.belowAtMs(maximum(budget) - need - (this.#aside[i] ?? 0n), time)
    return enoughMs === undefined || budget.window.kind === 'calendar' ? enoughMs : enoughMs - time + nowMs
  }

  count(task: CellId | undefined, amount: (budget: Budget) => bigint, at: Moment, now: Moment): void {
    const share = task === undefined ? undefined : this.shares.get(task)
    if (share?.setAside) this.change(share, -1n)
    for (const [i, budget] of this.#budgets.entries()) {
      const window = this.#windows[i]
      const used = amount(budget)
      if (used === 0n) continue
      if (window !== undefined) window.add(timeOf(budget, at), used, timeOf(budget, now))
      else if (share !== undefined) share.left[i] = (share.left[i] ?? 0n) - used
    }
    if (share?.setAside) this.change(share, 1n)
  }

  /** What a share has left is set aside (1) or not any more (-1). */
  change(share: Share, sign: bigint): void {
    for (const [i, of] of this.#shareOf.entries()) {
      if (of !== undefined) this.#aside[i] = (this.#aside[i] ?? 0n) + atLeast(share.left[of] ?? 0n, 0n) * sign
    }
  }
}

interface Share {
  /** One for each budget of the holder; below nothing where an answer said more than was left. */
  readonly left: bigint[]
  setAside: boolean
}

const NONE: readonly BudgetReason[] = []

function refusal(
  { id, source, budgets, task }: Holder,
  index: number,
  left: bigint,
  asked: bigint,
  used: Used,
  at: Moment,
  nowMs: number,
): BudgetReason {
  const budget = budgets[index]
  if (budget === undefined) throw new RangeError('no such budget')
  const setAside = used.setAside(index)
  const returnsAtMs = used.enoughAtMs(index, used.needed(index, task) ?? asked, at, nowMs)
  return {
    kind: 'budget',
    holder: id,
    ...(source && { source }),
    budget,
    left: amountText(budget, atLeast(left, 0n)),
    asked: amountText(budget, asked),
    ...(setAside > 0n && { setAside: amountText(budget, setAside) }),
    ...(returnsAtMs !== undefined && { returnsAtMs }),
  }
}

/** A holder that caps spending caps it in the currencies it names: every other one is refused, not converted. */
function refusedCost({ id, budgets }: Holder, { spend, rows, bytes }: Cost): BudgetReason | undefined {
  if (spend !== undefined && spend.units < 0n) return { kind: 'spend', path: '$', problem: 'negative' }
  let capped = false
  let named = false
  for (const budget of budgets) {
    if (budget.kind === 'spend') {
      capped = true
      named ||= budget.currency === spend?.currency
    } else if ((budget.kind === 'rows' && rows === undefined) || (budget.kind === 'bytes' && bytes === undefined)) {
      return {
        kind: 'spend',
        path: '$',
        problem: `nothing says how many ${budget.kind} it may bring, and ${id} counts them`,
      }
    }
  }
  if (spend === undefined || !capped || named) return undefined
  const currencies = new Set(budgets.flatMap((budget) => (budget.kind === 'spend' ? [budget.currency] : [])))
  return {
    kind: 'spend',
    path: '$',
    problem: `${spend.currency} has no budget in ${id}, only ${[...currencies].join(', ')}`,
  }
}

function timeOf({ window }: Budget, { steadyMs, dateMs }: Moment): number {
  return window.kind === 'calendar' ? dateMs : steadyMs
}

/** What a call takes from a budget; nothing if the budget is not about it. */
function taken(budget: Amount, { spend, rows, bytes }: Cost): bigint | undefined {
  switch (budget.kind) {
    case 'calls':
      return 1n
    case 'spend':
      return spend?.currency === budget.currency ? spend.units : undefined
    case 'rows':
      return rows === undefined ? undefined : BigInt(rows)
    case 'bytes':
      return bytes === undefined ? undefined : BigInt(bytes)
  }
}

function atLeast(amount: bigint, least: bigint): bigint {
  return amount < least ? least : amount
}
