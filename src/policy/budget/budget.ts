/**
 * The budgets of all holders in one book. It is long because what a window counts, what is reserved and why there is no
 * room must agree, and stand together.
 */
import { isDeepStrictEqual } from 'node:util'
import {
  type Amount,
  amountText,
  type Budget,
  type Holder,
  type HolderId,
  maximum,
  sameKind,
} from '../../model/budget.ts'
import type { Reason } from '../../model/decision.ts'
import type { CellId } from '../../model/ids.ts'
import { type Cost, type MeasureName, measured } from '../../model/measure.ts'
import { no, ok, type Result } from '../../model/result.ts'
import { BookClock, type Moment } from './book-clock.ts'
import { usedWindow } from './budget-window.ts'
import type { UsedWindow } from './used-window.ts'

export type BudgetReason = Extract<Reason, { kind: 'budget' | 'spend' }>

/** The questions that a decision may ask of the book. Asking changes nothing. */
export interface BudgetView {
  /** Returns every budget of every holder that this step would break. */
  refusals(holders: readonly Holder[], cost: Cost, nowMs: number): readonly BudgetReason[]
  /** Returns how much of a measure all of these holders have left; undefined where none of them counts it. */
  room(holders: readonly Holder[], measure: MeasureName, nowMs: number): bigint | undefined
}

/** An intent that counts, at one time, with every holder in its chain. */
export interface Reservation {
  readonly holders: readonly Holder[]
  readonly cost: Cost
  readonly at: Moment
}

/**
 * The use of each holder's budgets.
 *
 * - B1  The sum over any window never exceeds a budget. Old use of a sliding window returns up to 1/60 of the window late,
 *       never early; of a calendar window with its end; of a total never.
 * - B2  A chain is charged whole or not at all, in one tick.
 * - B3  A reservation returns only through `release`, whose caller knows that nothing was sent, and once; `settle` changes
 *       it to what was charged in the end, over the maximum too. What became of an unknown outcome stays spent.
 * - B4  The book's clock never steps back, and nothing that is done to the wall clock returns anything (`BookClock`).
 * - B5  What is set aside for a task is counted as used by everyone but that task, from `setAside` until `endTask`.
 * - B6  Memory is bounded by the budgets in the configuration, 60 sums for each, and by the cells and calls under way.
 * - B7  Where the maxima of a holder's budgets become others, all that was counted stays counted, and so does what was set
 *        aside. A budget that counts in another window begins with what the ledger tells: in a new book.
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
    return holders.flatMap((holder) => this.#refusalsOf(holder, cost, at, nowMs))
  }

  room(holders: readonly Holder[], measure: MeasureName, nowMs: number): bigint | undefined {
    const at = this.clock.at(nowMs)
    const left = holders.flatMap((holder) => this.#of(holder).room(measure, holder.task, at))
    return left.reduce<bigint | undefined>(
      (least, each) => (least === undefined || each < least ? each : least),
      undefined,
    )
  }

  /**
   * Charges a call in the same tick as its decision, so that no other call comes between; or returns the budgets that
   * it would break.
   */
  reserve(holders: readonly Holder[], cost: Cost, nowMs: number): Result<Reservation, readonly BudgetReason[]> {
    const refusals = this.refusals(holders, cost, nowMs)
    if (refusals.length > 0) return no(refusals)
    // A step that takes nothing of a budget was not asked whether there is room for the share of its task.
    this.setAside(holders, nowMs)
    return ok(this.#charge(holders, cost, this.clock.count(nowMs)))
  }

  /**
   * Charges a call that an earlier process let through, as its ledger has it. No budget refuses it: spent stays spent.
   */
  recall(holders: readonly Holder[], cost: Cost, at: Moment): Reservation {
    return this.#charge(holders, cost, this.clock.recall(at))
  }

  /**
   * Gives a reservation back, for outcome `not-sent` only. One that was given back or settled before is not given back
   * again.
   */
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

  /** Closes a reservation as it stands, for an unknown outcome or an answer that changes nothing. */
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
    for (const used of this.#used.values()) used.endTask(task)
  }

  /**
   * Takes other maxima for the budgets of holders; those that they have no more are dropped (B7). Throws, and changes
   * nothing, where one of them would count what was not counted.
   */
  rebudget(holders: readonly Holder[]): void {
    const known = holders.flatMap((holder) => {
      const used = this.#used.get(holder.id)
      return used === undefined ? [] : [{ holder, used }]
    })
    const unknown = known.find(({ holder, used }) => !used.counts(holder.budgets))
    if (unknown !== undefined) throw new Error(`${unknown.holder.id} has a budget that was not counted`)
    for (const { holder, used } of known) used.rebudget(holder.budgets)
  }

  /** A holder that will never be charged again. */
  forget(id: HolderId): void {
    this.#used.delete(id)
  }

  /** Returns what is left of each budget of a holder, in the order of its budgets. */
  left(holder: Holder, nowMs: number): readonly string[] {
    const used = this.#of(holder)
    const at = this.clock.at(nowMs)
    return used.lines.map((line) => amountText(line.budget, atLeast(used.left(line, holder.task, at), 0n)))
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
    const { task } = holder
    const bad = refusedCost(holder, cost)
    if (bad !== undefined) return [bad]
    const used = this.#of(holder)
    return used.lines.flatMap((line) => {
      const asked = taken(line.budget, cost)
      if (asked === undefined || (line.window === undefined && task === undefined)) return []
      // A share that is set aside was taken before; one that is not has to be, whole.
      const need = used.needed(line, task) ?? asked
      const left = used.left(line, task, at)
      return need <= left ? [] : [refusal(holder, line, left, atLeast(asked, need), used, at, nowMs)]
    })
  }

  #hasRoom(holder: Holder, at: Moment): boolean {
    const { task } = holder
    const used = this.#of(holder)
    return used.lines.every((line) => (used.needed(line, task) ?? 0n) <= used.left(line, task, at))
  }

  #setAside(holder: Holder): void {
    if (holder.task !== undefined) this.#of(holder).setAside(holder.task)
  }

  #charge(holders: readonly Holder[], cost: Cost, at: Moment): Reservation {
    const reservation: Reservation = { holders, cost, at }
    this.#open.add(reservation)
    for (const holder of holders) {
      const used = this.#of(holder)
      if (holder.task !== undefined) used.share(holder.task)
      used.count(holder.task, (budget) => taken(budget, cost) ?? 0n, at, at)
    }
    return reservation
  }

  /** A holder that was forgotten meanwhile stays so. */
  #recount(holder: Holder, amount: (budget: Budget) => bigint, at: Moment, now: Moment): void {
    this.#used.get(holder.id)?.count(holder.task, amount, at, now)
  }
}

/** The use of one holder's budgets. */
class Used {
  lines: readonly Line[]
  readonly #shares = new Map<CellId | undefined, Share>()

  constructor(budgets: readonly Budget[]) {
    this.lines = withShares(budgets.map((budget) => new Line(budget)))
  }

  /** Tells whether each of these is counted already, under another maximum or the same. */
  counts(budgets: readonly Budget[]): boolean {
    return budgets.every((budget) => this.lines.some((line) => countsAlike(line.budget, budget)))
  }

  rebudget(budgets: readonly Budget[]): void {
    const aside = [...this.#shares.values()].filter((share) => share.setAside)
    for (const share of aside) this.#change(share, -1n)
    this.lines = withShares(
      budgets.flatMap((budget) => {
        const line = this.lines.find((each) => countsAlike(each.budget, budget))
        if (line === undefined) return []
        const more = maximum(budget) - maximum(line.budget)
        for (const { left } of this.#shares.values()) if (left.has(line)) left.set(line, (left.get(line) ?? 0n) + more)
        line.budget = budget
        return [line]
      }),
    )
    for (const share of aside) this.#change(share, 1n)
  }

  share(task: CellId): Share {
    const share = this.#shares.get(task) ?? { left: new Map(), setAside: false }
    this.#shares.set(task, share)
    return share
  }

  setAside(task: CellId): void {
    const share = this.share(task)
    if (share.setAside) return
    share.setAside = true
    this.#change(share, 1n)
  }

  endTask(task: CellId): void {
    const share = this.#shares.get(task)
    if (share?.setAside) this.#change(share, -1n)
    this.#shares.delete(task)
  }

  /**
   * Returns what has to be free for a task's call, whatever the call takes: nothing of a share that is set aside, else
   * all of it. Undefined where the line has no share.
   */
  needed(line: Line, task: CellId | undefined): bigint | undefined {
    if (line.share === undefined || task === undefined) return undefined
    const share = this.#shares.get(task)
    return share?.setAside ? 0n : atLeast(leftOf(line.share, share), 0n)
  }

  /** Returns what is left of each budget of a measure that a step's own amount is held against. */
  room(measure: MeasureName, task: CellId | undefined, at: Moment): readonly bigint[] {
    return this.lines
      .filter(({ budget, window }) => budget.kind === measure && (window !== undefined || task !== undefined))
      .filter((line) => this.needed(line, task) === undefined)
      .map((line) => this.left(line, task, at))
  }

  left(line: Line, task: CellId | undefined, at: Moment): bigint {
    if (line.window === undefined) return leftOf(line, this.#shares.get(task))
    return maximum(line.budget) - line.window.sum(timeOf(line.budget, at)) - line.aside
  }

  count(task: CellId | undefined, amount: (budget: Budget) => bigint, at: Moment, now: Moment): void {
    const share = this.#shares.get(task)
    if (share?.setAside) this.#change(share, -1n)
    for (const line of this.lines) {
      const used = amount(line.budget)
      if (line.window !== undefined) line.window.add(timeOf(line.budget, at), used, timeOf(line.budget, now))
      else share?.left.set(line, leftOf(line, share) - used)
    }
    if (share?.setAside) this.#change(share, 1n)
  }

  /** Sets aside (1) what a share has left, or frees it again (-1). */
  #change(share: Share, sign: bigint): void {
    for (const line of this.lines) {
      if (line.share !== undefined) line.aside += atLeast(leftOf(line.share, share), 0n) * sign
    }
  }
}

/** One budget of a holder, with its use. */
class Line {
  budget: Budget
  /** The window that use is counted in; absent for the shares of tasks. */
  readonly window: UsedWindow | undefined
  /** The share of a task that comes out of it. */
  share: Line | undefined
  /** The amount that is set aside for tasks and not spent by them yet. */
  aside = 0n

  constructor(budget: Budget) {
    this.budget = budget
    this.window = usedWindow(budget.window)
  }

  /** Returns the wall-clock time at which `need` will be free; undefined for never. */
  enoughAtMs(need: bigint, at: Moment, nowMs: number): number | undefined {
    const time = timeOf(this.budget, at)
    const enoughMs = this.window?.belowAtMs(maximum(this.budget) - need - this.aside, time)
    return enoughMs === undefined || this.budget.window.kind === 'calendar' ? enoughMs : enoughMs - time + nowMs
  }
}

/** Tells each line the share of a task that comes out of it. */
function withShares(lines: readonly Line[]): readonly Line[] {
  const shares = lines.filter(({ window }) => window === undefined)
  for (const line of lines) line.share = line.window && shares.find(({ budget }) => sameKind(budget, line.budget))
  return lines
}

/** Tells whether two budgets count the same over the same window: they differ in their maxima at most. */
export function countsAlike(one: Budget, other: Budget): boolean {
  return sameKind(one, other) && isDeepStrictEqual(one.window, other.window)
}

/** The shares of one task. */
interface Share {
  /** Amount left of each line's share; negative where an answer said more than was left. */
  readonly left: Map<Line, bigint>
  setAside: boolean
}

function leftOf(line: Line, share: Share | undefined): bigint {
  return share?.left.get(line) ?? maximum(line.budget)
}

function refusal(
  { id, source, task }: Holder,
  line: Line,
  left: bigint,
  asked: bigint,
  used: Used,
  at: Moment,
  nowMs: number,
): BudgetReason {
  const { budget, aside } = line
  const returnsAtMs = line.enoughAtMs(used.needed(line, task) ?? asked, at, nowMs)
  return {
    kind: 'budget',
    holder: id,
    ...(source && { source }),
    budget,
    left: amountText(budget, atLeast(left, 0n)),
    asked: amountText(budget, asked),
    ...(aside > 0n && { setAside: amountText(budget, aside) }),
    ...(returnsAtMs !== undefined && { returnsAtMs }),
  }
}

/** A holder that caps spending caps it in the currencies it names: every other one is refused, not converted. */
function refusedCost({ id, budgets }: Holder, cost: Cost): BudgetReason | undefined {
  const { spend } = cost
  if (spend !== undefined && spend.units < 0n) return { kind: 'spend', path: '$', problem: 'negative' }
  let capped = false
  let named = false
  for (const budget of budgets) {
    if (budget.kind === 'spend') {
      capped = true
      named ||= budget.currency === spend?.currency
    } else if (measured(budget.kind, cost) === 'unsaid') {
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

/** Returns what a step takes from a budget; undefined where the budget is about something else. */
function taken(budget: Amount, cost: Cost): bigint | undefined {
  if (budget.kind === 'spend') return cost.spend?.currency === budget.currency ? cost.spend.units : undefined
  const amount = measured(budget.kind, cost)
  return typeof amount === 'bigint' ? amount : undefined
}

function atLeast(amount: bigint, least: bigint): bigint {
  return amount < least ? least : amount
}
