import { isDeepStrictEqual } from 'node:util'
import { type Amount, type Budget, maximum, sameKind } from '../../model/budget.ts'
import type { CellId } from '../../model/ids.ts'
import { type Cost, type MeasureName, measured } from '../../model/measure.ts'
import type { Moment } from './book-clock.ts'
import { usedWindow } from './budget-window.ts'
import type { UsedWindow } from './used-window.ts'

/** The use of one holder's budgets. */
export class Used {
  lines: readonly BudgetLine[]
  readonly #shares = new Map<CellId | undefined, Share>()

  constructor(budgets: readonly Budget[], allotted: LineAllotted) {
    this.lines = withShares(budgets.map((budget) => new BudgetLine(budget, allotted)))
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
  needed(line: BudgetLine, task: CellId | undefined): bigint | undefined {
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

  left(line: BudgetLine, task: CellId | undefined, at: Moment): bigint {
    if (line.window === undefined) return leftOf(line, this.#shares.get(task))
    return line.leftOf(line.allotted(line.budget, at), at)
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

/** The part of a holder's budget that may be used here. */
export type LineAllotted = (budget: Budget, at: Moment) => bigint

/** One budget of a holder, with its use. */
export class BudgetLine {
  budget: Budget
  /** The window that use is counted in; absent for the shares of tasks. */
  readonly window: UsedWindow | undefined
  /** The share of a task that comes out of it. */
  share: BudgetLine | undefined
  /** The amount that is set aside for tasks and not spent by them yet. */
  aside = 0n

  readonly allotted: LineAllotted

  constructor(budget: Budget, allotted: LineAllotted) {
    this.budget = budget
    this.allotted = allotted
    this.window = usedWindow(budget.window)
  }

  /** Returns what is left of so much of it. */
  leftOf(most: bigint, at: Moment): bigint {
    return most - (this.window?.sum(timeOf(this.budget, at)) ?? 0n) - this.aside
  }

  /** Returns the wall-clock time at which `need` will be free; undefined for never. */
  enoughAtMs(need: bigint, at: Moment, nowMs: number): number | undefined {
    const time = timeOf(this.budget, at)
    const enoughMs = this.window?.belowAtMs(this.allotted(this.budget, at) - need - this.aside, time)
    return enoughMs === undefined || this.budget.window.kind === 'calendar' ? enoughMs : enoughMs - time + nowMs
  }
}

/** Tells each line the share of a task that comes out of it. */
function withShares(lines: readonly BudgetLine[]): readonly BudgetLine[] {
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
  readonly left: Map<BudgetLine, bigint>
  setAside: boolean
}

function leftOf(line: BudgetLine, share: Share | undefined): bigint {
  return share?.left.get(line) ?? maximum(line.budget)
}

function timeOf({ window }: Budget, { steadyMs, dateMs }: Moment): number {
  return window.kind === 'calendar' ? dateMs : steadyMs
}

/** Returns what a step takes from a budget; undefined where the budget is about something else. */
export function taken(budget: Amount, cost: Cost): bigint | undefined {
  if (budget.kind === 'spend') return cost.spend?.currency === budget.currency ? cost.spend.units : undefined
  const amount = measured(budget.kind, cost)
  return typeof amount === 'bigint' ? amount : undefined
}

export function atLeast(amount: bigint, least: bigint): bigint {
  return amount < least ? least : amount
}
