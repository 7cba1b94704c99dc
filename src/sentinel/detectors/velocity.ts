import { type Detector, type DetectorFinding, NOTHING } from '../detector.ts'
import type { EventTime } from '../recent.ts'

/** The rule of a chart: spans that are only learned from, slack per span, and the sum over it that is a finding. */
interface ChartLimits {
  readonly learn: number
  readonly slack: number
  readonly limit: number
}

/** Page's chart over the sums of equal spans of time, with the mean and deviation of the agent's own past. */
class Chart {
  readonly #spanMs: number
  #span = Number.NEGATIVE_INFINITY
  #sum = 0
  #seqs: number[] = []
  /** Spans that had any use, counted as long as they are not suspicious. */
  #spans = 0
  #mean = 0
  #squares = 0
  /** The sum of what exceeded the expectation in the spans before this one. */
  #over = 0

  constructor(spanMs: number) {
    this.#spanMs = spanMs
  }

  /** The entries of the spans that add up, where the limit is passed. */
  add({ atMs, seq }: EventTime, amount: number, { learn, slack, limit }: ChartLimits): readonly number[] {
    const span = Math.floor(atMs / this.#spanMs)
    if (span > this.#span) this.#close(span - this.#span, learn, slack)
    this.#span = Math.max(span, this.#span)
    this.#sum += amount
    this.#seqs.push(seq)
    if (this.#seqs.length > SEQS_MAX) this.#seqs.shift()
    if (this.#spans < learn) return []
    if (this.#over + this.#excess(this.#sum, slack) <= limit) return []
    const evidence = this.#seqs
    this.#over = 0
    this.#seqs = []
    return evidence
  }

  #close(passed: number, learn: number, slack: number): void {
    if (this.#sum > 0) {
      if (this.#spans >= learn) this.#over = Math.max(0, this.#over + this.#excess(this.#sum, slack))
      if (this.#over === 0) this.#learn(this.#sum)
    }
    // Spans without anything count as far below the mean as they are.
    if (passed > 1) this.#over = Math.max(0, this.#over - (passed - 1) * (this.#mean / this.#deviation + slack))
    if (this.#over === 0) this.#seqs = []
    this.#sum = 0
  }

  #excess(sum: number, slack: number): number {
    return (sum - this.#mean) / this.#deviation - slack
  }

  /** Returns the deviation, never less than counts scatter by themselves (Poisson), nor than a tenth of the mean. */
  get #deviation(): number {
    const variance = this.#spans > 1 ? this.#squares / (this.#spans - 1) : 0
    return Math.max(Math.sqrt(variance), Math.sqrt(Math.max(this.#mean, 1)), this.#mean / 10)
  }

  /**
   * Updates mean and deviation by Welford's method, with a memory of so many spans: an agent's usual may change,
   * slowly.
   */
  #learn(sum: number): void {
    this.#spans++
    const weight = 1 / Math.min(this.#spans, SPANS_REMEMBERED)
    const off = sum - this.#mean
    this.#mean += off * weight
    const kept = this.#spans > SPANS_REMEMBERED ? 1 - weight : 1
    this.#squares = this.#squares * kept + off * (sum - this.#mean)
  }
}

interface State {
  readonly actions: Chart
  /** Spending charts by currency. */
  readonly spending: Map<string, Chart>
}

/**
 * Sees: actions by the minute and money by the hour that rise above what is usual for the agent, at once or little by
 * little. The hard caps are budgets; this is what stands beside them.
 *
 * Source: the cumulative sum chart (E. S. Page, "Continuous Inspection Schemes", Biometrika 41, 1954).
 *
 * Blind to: what never rises, however much it is; an agent's first minutes and hours; a rise so slow that the usual
 * follows it, which takes weeks; currencies past the eighth.
 */
export const velocity: Detector<'velocity', State> = {
  name: 'velocity',
  scope: 'agent',
  kinds: ['action.intent'],
  initial: () => ({ actions: new Chart(60_000), spending: new Map() }),
  fold: ({ actions, spending }, entry, { call }, limits) => {
    const findings: DetectorFinding[] = []
    const many = actions.add(entry, 1, limits)
    if (many.length > 0) findings.push({ what: 'many more actions than is usual for it', evidence: many })
    const [, amount = '', currency = ''] = /^(\d+(?:\.\d+)?) ([A-Z]{3})$/.exec(call?.spend ?? '') ?? []
    if (currency === '' || (spending.size >= CURRENCIES_MAX && !spending.has(currency))) {
      return findings.length === 0 ? NOTHING : findings
    }
    const chart = spending.get(currency) ?? new Chart(3_600_000)
    spending.set(currency, chart)
    const much = chart.add(entry, Number(amount), limits)
    if (much.length > 0) findings.push({ what: `much more ${currency} than is usual for it`, evidence: much })
    return findings
  },
}

const SEQS_MAX = 20
const SPANS_REMEMBERED = 1_000
const CURRENCIES_MAX = 8
