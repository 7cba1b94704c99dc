import { type Budget, mostInADay } from '../../model/budget.ts'
import type { Grant } from '../../model/grant.ts'
import { MEASURE_NAMES, type MeasureName } from '../../model/measure.ts'
import { decimalText } from '../../model/money.ts'
import type { DeclaredTool } from '../../model/tool.ts'

/** The most that may be spent in any 24 hours; without `perDay` nothing limits it. */
export interface SpendPerDay {
  /** Three capital letters, or `any`. */
  readonly currency: string
  readonly perDay?: string
}

/** The most of each in any 24 hours; absent: nothing limits it. */
export type LimitsPerDay = Readonly<Partial<Record<MeasureName, number>>>

export const ANY_CURRENCY = 'any'

/**
 * Sums the spending per day over all grants that let one of these tools spend, each counted once. A grant that caps
 * spending refuses currencies that it does not name; one that caps none spends without a limit, in whatever currency
 * its tool is asked for.
 */
export function spendPerDay(
  spending: readonly (readonly [tool: DeclaredTool, grant: Grant])[],
): readonly SpendPerDay[] {
  const caps = new Map<string, Map<string, bigint | undefined>>()
  for (const [{ currency: fixed = '' }, grant] of spending) {
    for (const [currency, units] of capsOf(grant, CURRENCY.test(fixed) ? fixed : undefined)) {
      caps.set(currency, (caps.get(currency) ?? new Map<string, bigint | undefined>()).set(grant.id, units))
    }
  }
  if (caps.has(ANY_CURRENCY)) return [{ currency: ANY_CURRENCY }]
  return [...caps].sort(unlimitedFirst).map(([currency, byGrant]) => {
    const units = sum([...byGrant.values()])
    return { currency, ...(units !== undefined && { perDay: decimalText(units) }) }
  })
}

const CURRENCY = /^[A-Z]{3}$/

/** The currencies in which a grant lets a tool spend, and how much of each in a day. */
function capsOf({ budgets }: Grant, fixed: string | undefined): ReadonlyMap<string, bigint | undefined> {
  const spends = budgets.flatMap((budget) => (budget.kind === 'spend' ? [budget] : []))
  if (spends.length === 0) return new Map([[fixed ?? ANY_CURRENCY, undefined]])
  const byCurrency = Map.groupBy(spends, ({ currency }) => currency)
  return new Map(
    [...byCurrency]
      .filter(([currency]) => fixed === undefined || currency === fixed)
      .map(([currency, own]) => [currency, tightest(own)]),
  )
}

export function limitsPerDay(grants: readonly Grant[]): LimitsPerDay {
  const limits = MEASURE_NAMES.flatMap((kind) => {
    const units = sum(grants.map(({ budgets }) => tightest(budgets.filter((budget) => budget.kind === kind))))
    return units === undefined ? [] : [[kind, Number(units)]]
  })
  return Object.fromEntries(limits) as LimitsPerDay // its names are those of measures
}

function tightest(budgets: readonly Budget[]): bigint | undefined {
  const limits = budgets.map(mostInADay).filter((units) => units !== undefined)
  return limits.reduce<bigint | undefined>(
    (least, units) => (least === undefined || units < least ? units : least),
    undefined,
  )
}

/** Adds units; undefined if one of them is. */
function sum(units: readonly (bigint | undefined)[]): bigint | undefined {
  return units.reduce((total, each) => (total === undefined || each === undefined ? undefined : total + each), 0n)
}

function unlimitedFirst(
  [a, ofA]: readonly [string, ReadonlyMap<string, bigint | undefined>],
  [b, ofB]: readonly [string, ReadonlyMap<string, bigint | undefined>],
): number {
  const rank = (byGrant: ReadonlyMap<string, bigint | undefined>) => (sum([...byGrant.values()]) === undefined ? 0 : 1)
  return rank(ofA) - rank(ofB) || (a < b ? -1 : 1)
}
