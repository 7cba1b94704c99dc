import { Buffer } from 'node:buffer'
import {
  type ActionOutcome,
  type Amounts,
  amountsIn,
  type Cost,
  type Json,
  LIMITS,
  type Money,
  moneyText,
  pathText,
} from '../../model/index.ts'
import { chargedIn, type Reservation, type Rows, rowsIn } from '../../policy/index.ts'
import type { Answer, Contract, Passage, Sent } from './line.ts'

/**
 * Returns the most that one operation may take: reserved at its intent, and withheld or cut beyond. What leaves with it
 * passes beside an answer of the usual size; `maxBytes` is the most of both together.
 */
export function mostOf({ declared, most }: Contract, leaving = 0): Amounts & { readonly bytes: number } {
  const { maxBytes = LIMITS.answerBytesMax + leaving, maxRows } = declared
  return { bytes: maxBytes, ...(maxRows !== undefined && { rows: maxRows }), ...most }
}

/**
 * The bill of one action: what it costs in the end, against what was reserved for it.
 *
 * - BL1  More than was reserved never reaches the cell: what is said meanwhile and the answer are measured as they are
 *        passed on, and an answer that is too large, or whose rows cannot be counted, is withheld and stays paid in full.
 * - BL2  What we counted ourselves is charged as counted. What the upstream says it charged is believed where it is more,
 *        and where it is less only if the configuration says `settlesDown`.
 */
export class Bill {
  readonly #known: Contract
  readonly #reserved: Cost
  /** Kinds of the budgets that it is taken from. */
  readonly #counted: ReadonlySet<string>
  readonly #bytesMax: number
  #bytes = 0
  #rows: Rows | undefined

  constructor(known: Contract, { cost, holders }: Reservation) {
    this.#known = known
    this.#reserved = cost
    this.#counted = new Set(holders.flatMap(({ budgets }) => budgets.map(({ kind }) => kind)))
    this.#bytesMax = mostOf(known).bytes
  }

  /** Tells whether what the upstream says meanwhile may be passed on; then it counts. */
  passes(params: Json): boolean {
    if (!this.#measures) return true
    const bytes = Buffer.byteLength(JSON.stringify(params))
    if (this.#bytes + bytes > this.#bytesMax) return false
    this.#bytes += bytes
    return true
  }

  /** Returns why an answer is withheld. `shown` is what the cell would see of it. */
  excess(answer: Answer, shown: Answer): string | undefined {
    const { rows: path, maxRows = 0 } = this.#known.declared
    if (path !== undefined && !answer.failed) {
      this.#rows = rowsIn(path, answer.reading.values ?? [null])
      if (this.#rows === undefined) return `its rows cannot be counted: nothing to count at ${pathText(path)}`
      if (this.#rows.rows > maxRows) return `it has ${this.#rows.rows} rows, and ${maxRows} were reserved`
    }
    if (this.passes(shown.said)) return undefined
    return `with it, more than the ${this.#bytesMax} bytes that were reserved would reach the cell`
  }

  /** Returns what is charged in the end. `sent`: what came, passed on or not. */
  settle(outcome: ActionOutcome['outcome'], sent: Sent | Passage): Settlement {
    const answer = sent.kind === 'answered' ? sent.answer : undefined
    const told = 'counted' in sent && sent.counted !== undefined ? this.#differing(sent.counted) : {}
    const passed = outcome === 'done' || outcome === 'failed'
    const { rows, bytes } = this.#reserved
    const counted = outcome === 'done' && (this.#rows?.counted || this.#known.declared.settlesDown === true)
    const spend = 'spent' in sent && sent.spent !== undefined ? this.#spent(sent.spent) : this.#spend(passed, answer)
    const cost: Cost = {
      ...(spend.units !== undefined && { spend: { ...spend.reserved, units: spend.units } }),
      ...(this.#counted.has('rows') && counted && this.#rows && this.#rows.rows !== rows && { rows: this.#rows.rows }),
      ...(this.#counted.has('bytes') && passed && answer && this.#bytes !== bytes && { bytes: this.#bytes }),
      ...told,
    }
    const { units, note } = spend
    const up = units !== undefined && units > (this.#reserved.spend?.units ?? 0n)
    return { cost: Object.keys(cost).length === 0 ? undefined : cost, up, note }
  }

  /** Returns the counted amounts that a budget holds and that differ from what was reserved. */
  #differing(counted: Amounts): Amounts {
    const all = Object.entries(amountsIn(counted))
    const reserved = new Map<string, number>(Object.entries(amountsIn(this.#reserved)))
    return Object.fromEntries(all.filter(([name, amount]) => this.#counted.has(name) && reserved.get(name) !== amount))
  }

  get #measures(): boolean {
    return this.#counted.has('bytes') || this.#known.declared.maxBytes !== undefined
  }

  /** Takes what its protocol has counted: less than was reserved comes back, more is charged and told. */
  #spent(spent: Money): { readonly reserved: Money; readonly units?: bigint; readonly note: string } {
    const reserved = this.#reserved.spend
    if (reserved === undefined || spent.units === reserved.units) return { reserved: spent, note: '' }
    const note =
      spent.units > reserved.units ? `it cost ${moneyText(spent)}, and ${moneyText(reserved)} was reserved` : ''
    return { reserved, units: spent.units, note }
  }

  #spend(passed: boolean, answer: Answer | undefined) {
    const { settles, settlesDown } = this.#known.declared
    const reserved = this.#reserved.spend ?? { units: 0n, currency: '' }
    const values = answer?.reading.values
    if (settles === undefined || this.#reserved.spend === undefined || values === undefined) {
      return { reserved, note: '' }
    }
    const charged = chargedIn(settles, values)
    if (!charged.ok)
      return { reserved, note: `what it says was charged, at ${pathText(settles)}, is ${charged.reason}` }
    const said = moneyText({ ...reserved, units: charged.value })
    if (charged.value > reserved.units) {
      return { reserved, units: charged.value, note: `it charged ${said}, and ${moneyText(reserved)} was reserved` }
    }
    if (charged.value === reserved.units) return { reserved, note: '' }
    if (settlesDown && passed) return { reserved, units: charged.value, note: '' }
    return { reserved, note: `it says that it charged ${said}: ${moneyText(reserved)} stays spent` }
  }
}

export interface Settlement {
  /** The difference to the reservation; undefined where there is none. */
  readonly cost: Cost | undefined
  /** More was charged than was reserved. */
  readonly up: boolean
  readonly note: string
}
