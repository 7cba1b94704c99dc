import type { Money } from './money.ts'

/** A step of a cell that budgets count: a call, or a connection that a relay makes on its word. */
export type Step = 'call' | 'connection'

/** A unit that budgets count in, beside money. */
export interface Measure {
  /** Steps that take something of it. */
  readonly of: readonly Step[]
  /** True where each step is one of it; else its protocol says how much one takes. */
  readonly each: boolean
  /** The form in which a configuration writes it: a number, or a size in bytes. */
  readonly written: 'number' | 'size'
  /** Help for whoever writes a configuration. */
  readonly expected: string
  readonly about: string
  /** The word before its limit in the text of `reach`. */
  readonly verb: string
}

/**
 * The measures of budgets. Configuration, budgets, ledger and `reach` read this table, so that a measure is added here and
 * in the protocol that counts it (`answerMax` and `Bill` in `gateway/pipeline/bill.ts`), and nowhere else.
 */
export const MEASURES = {
  calls: {
    of: ['call'],
    each: true,
    written: 'number',
    expected: 'calls over a window, like 60/min, 1000 per day or 5000 total',
    about: 'how many calls',
    verb: 'CALLS',
  },
  rows: {
    of: ['call'],
    each: false,
    written: 'number',
    expected: 'rows over a window, like 10000/day or 10000 per day',
    about: 'how many rows its answers have; with rows: and maxRows: under the tool',
    verb: 'READS',
  },
  tokens: {
    of: ['call'],
    each: false,
    written: 'number',
    expected: 'tokens over a window, like 2000000/day or 50000000 per month',
    about: 'how many tokens of a model it may use, read and written together',
    verb: 'READS AND WRITES',
  },
  bytes: {
    of: ['call', 'connection'],
    each: false,
    written: 'size',
    expected: 'bytes over a window, like 50MiB/day or 1GiB per week',
    about: 'how large its answers are, and what passes through the connections of a relay, both ways',
    verb: 'READS',
  },
  connections: {
    of: ['connection'],
    each: true,
    written: 'number',
    expected: 'connections over a window, like 100/hour or 1000 per day',
    about: 'how many connections a relay makes on its word',
    verb: 'CONNECTS',
  },
} as const satisfies Readonly<Record<string, Measure>>

export type MeasureName = keyof typeof MEASURES

export const MEASURE_NAMES: readonly MeasureName[] = Object.keys(MEASURES) as MeasureName[] // the keys of a constant

/** Numbers of each measure; absent: not said. */
export type Amounts = Readonly<Partial<Record<Exclude<MeasureName, 'calls'>, number>>>

/**
 * The amounts that one step takes from budgets. One that says its `connections` is a connection, any other a call. `rows`
 * and `bytes` are the most that it may bring.
 */
export interface Cost extends Amounts {
  readonly spend?: Money
}

/** Returns the measured amounts of what an entry or a cost has, and nothing else of it. */
export function amountsIn(said: Amounts): Amounts {
  const amounts: Partial<Record<keyof Amounts, number>> = {}
  for (const name of SAID) {
    const amount = said[name]
    if (amount !== undefined) amounts[name] = amount
  }
  return amounts
}

const SAID = MEASURE_NAMES.filter((name) => name !== 'calls')

/** Returns the step that a cost is of. */
export function stepOf({ connections }: Cost): Step {
  return connections === undefined ? 'call' : 'connection'
}

/** Returns what a step takes of a measure: `none` where it takes nothing, `unsaid` where nobody says how much. */
export function measured(name: MeasureName, cost: Cost): bigint | 'none' | 'unsaid' {
  const { of, each }: Measure = MEASURES[name]
  if (!of.includes(stepOf(cost))) return 'none'
  const said = name === 'calls' ? undefined : cost[name]
  if (said !== undefined) return BigInt(said)
  return each ? 1n : 'unsaid'
}
