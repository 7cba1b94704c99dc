/**
 * The budgets of all holders in one book. It is long because what a window counts, what is reserved and why there is no
 * room must agree, and stand together.
 */
import { amountText, type Budget, type Holder, type HolderId, maximum } from '../../model/budget.ts'
import type { Reason } from '../../model/decision.ts'
import type { CellId } from '../../model/ids.ts'
import { type Cost, type MeasureName, measured } from '../../model/measure.ts'
import { no, ok, type Result } from '../../model/result.ts'
import { BookClock, type Moment } from './book-clock.ts'
import { type AllottedAmount, WHOLE } from './escrow.ts'
import { atLeast, type BudgetLine, taken, Used } from './used.ts'

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
 * - B8  Of each budget no more is used here than is allotted; with one gateway that is its maximum. What is allotted is asked
 *       for in the tick that charges it.
 */
export class BudgetBook implements BudgetView {
  readonly clock: BookClock
  readonly #used = new Map<HolderId, Used>()
  readonly #open = new Set<Reservation>()
  readonly #allotted: AllottedAmount

  /** @param allotted what of each budget may be used here; with one gateway all of it. */
  constructor(clock: BookClock = new BookClock(), allotted: AllottedAmount = WHOLE) {
    this.clock = clock
    this.#allotted = allotted
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

  /**
   * Returns what would have to be allotted beside what is, so that a call breaks no budget: nothing where what it would
   * break is a maximum.
   */
  lacking(holders: readonly Holder[], cost: Cost, nowMs: number): readonly Lacking[] {
    const at = this.clock.at(nowMs)
    return holders.flatMap((holder) => {
      const used = this.#of(holder)
      return used.lines.flatMap((line) => {
        const asked = line.window === undefined ? undefined : taken(line.budget, cost)
        if (asked === undefined) return []
        const need = used.needed(line, holder.task) ?? asked
        const more = need - used.left(line, holder.task, at)
        return more > 0n && need <= line.leftOf(maximum(line.budget), at) ? [{ holder, budget: line.budget, more }] : []
      })
    })
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
      used = new Used(holder.budgets, (budget, at) => this.#allotted(holder.id, budget, at.steadyMs))
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

/** An amount that would have to be allotted before a call is let through. */
export interface Lacking {
  readonly holder: Holder
  readonly budget: Budget
  readonly more: bigint
}

function refusal(
  { id, source, task }: Holder,
  line: BudgetLine,
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
