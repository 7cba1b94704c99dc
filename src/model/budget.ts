import type { CellId, DelegationId, GrantId } from './ids.ts'
import type { MeasureName } from './measure.ts'
import { decimalText } from './money.ts'
import type { Source } from './source.ts'

/** A cap on what is used over a window. */
export type Budget = Amount & { readonly window: Window }

export type Amount =
  | { readonly kind: MeasureName; readonly max: number }
  | { readonly kind: 'spend'; readonly maxUnits: bigint; readonly currency: string }

/**
 * `sliding` looks back from each moment; `calendar` begins anew with each day, week (on Monday) or month of a time zone;
 * `total` never returns anything. `task` is the share of one task: at most that much for it, and set aside for it from
 * the holder's other budgets of the same kind for as long as its cell lives.
 */
export type Window =
  | { readonly kind: 'sliding'; readonly ms: number }
  | { readonly kind: 'calendar'; readonly unit: CalendarUnit; readonly zone: string }
  | { readonly kind: 'total' }
  | { readonly kind: 'task' }

export type CalendarUnit = 'day' | 'week' | 'month'

/**
 * A bearer of budgets that a call is charged to: a grant, or a delegation between that grant and the cell that acts.
 */
export interface Holder {
  readonly id: HolderId
  readonly budgets: readonly Budget[]
  /** The cell whose task's share this call uses up. */
  readonly task?: CellId
  /** Absent where no person wrote it. */
  readonly source?: Source
}

export type HolderId = GrantId | DelegationId

/** Writes an amount with its unit: `12 calls`, `12.00 EUR`. */
export function amountText(budget: Amount, amount: bigint): string {
  if (budget.kind === 'spend') return `${decimalText(amount)} ${budget.currency}`
  return amount === 1n ? `1 ${budget.kind.slice(0, -1)}` : `${amount} ${budget.kind}`
}

/** Returns a budget as a person reads it: `500.00 EUR per day (Europe/Lisbon)`, `60 calls/min`. */
export function budgetText(budget: Budget): string {
  const { window } = budget
  const most = amountText(budget, maximum(budget))
  switch (window.kind) {
    case 'sliding':
      return `${most}/${SLIDING.find(([, ms]) => ms === window.ms)?.[0] ?? `${window.ms} ms`}`
    case 'calendar':
      return `${most} per ${window.unit} (${window.zone})`
    case 'total':
      return `${most} in total`
    case 'task':
      return `${most} for this task`
  }
}

/** The windows that look back, by the names that a configuration gives them. */
export const SLIDING: readonly (readonly [name: string, ms: number])[] = [
  ['s', 1_000],
  ['min', 60_000],
  ['hour', 3_600_000],
  ['day', 86_400_000],
]

export function maximum(budget: Amount): bigint {
  return budget.kind === 'spend' ? budget.maxUnits : BigInt(budget.max)
}

/** Tells whether two amounts can be subtracted from each other: rows from rows, euros from euros. */
export function sameKind(one: Amount, other: Amount): boolean {
  if (one.kind !== 'spend' || other.kind !== 'spend') return one.kind === other.kind
  return one.currency === other.currency
}

/** The most that a budget lets through in any 24 hours: so many windows cover a day. A task's share caps one task only. */
export function mostInADay(budget: Budget): bigint | undefined {
  switch (budget.window.kind) {
    case 'sliding':
      return maximum(budget) * BigInt(Math.ceil(86_400_000 / budget.window.ms))
    case 'calendar':
      // 24 hours may lie in two of them.
      return maximum(budget) * 2n
    case 'total':
      return maximum(budget)
    case 'task':
      return undefined
  }
}
