import {
  type ActionOutcome,
  type Amounts,
  amountsIn,
  type Charge,
  type Cost,
  type Money,
  moneyFrom,
  moneyText,
} from '../../model/index.ts'
import type { Moment, Reservation } from '../../policy/index.ts'

/**
 * Returns the part of a reservation that the ledger needs beside its call and its spend, so that the next book counts
 * the same.
 */
export function chargeOf({ holders, cost, at }: Reservation, nowMs: number): Charge | undefined {
  const kinds = new Set<string>(holders.flatMap(({ budgets }) => budgets.map(({ kind }) => kind)))
  const counted = Object.entries(amountsIn(cost)).filter(([name]) => kinds.has(name) || name === 'connections')
  const task = holders.find((holder) => holder.task !== undefined)?.task
  const charge: Charge = {
    ...((holders.length > 1 || holders[0]?.id.startsWith('d_')) && { holders: holders.map(({ id }) => id) }),
    ...(task !== undefined && { task }),
    ...Object.fromEntries(counted),
    ...timesOf(at, nowMs),
  }
  return Object.keys(charge).length === 0 ? undefined : charge
}

/** Returns the part of a settlement that the ledger needs. */
export function settledOf(cost: Cost, at: Moment, nowMs: number): NonNullable<ActionOutcome['settled']> {
  return {
    ...(cost.spend && { spend: moneyText(cost.spend) }),
    ...amountsIn(cost),
    ...timesOf(at, nowMs),
  }
}

/** The other way. A gateway wrote it: money that cannot be read there was never spent. */
export function costFrom(written: Amounts & { readonly spend?: string }): Cost {
  const spend: Money | undefined = written.spend === undefined ? undefined : moneyFrom(written.spend)
  return { ...(spend && { spend }), ...amountsIn(written) }
}

function timesOf({ steadyMs, dateMs }: Moment, nowMs: number): Pick<Charge, 'atMs' | 'dateMs'> {
  return { ...(steadyMs !== nowMs && { atMs: steadyMs }), ...(dateMs !== nowMs && { dateMs }) }
}

export function momentFrom(written: Pick<Charge, 'atMs' | 'dateMs'> | undefined, entryMs: number): Moment {
  return { steadyMs: written?.atMs ?? entryMs, dateMs: written?.dateMs ?? entryMs }
}
