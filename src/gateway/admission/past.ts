import type { LedgerFault } from '../../ledger/log/fault.ts'
import type { Log } from '../../ledger/store.ts'
import type { Entry } from '../../model/entry.ts'
import {
  type ActionId,
  type ActionIntent,
  type ActionOutcome,
  type CellId,
  type Holder,
  type HolderId,
  no,
  ok,
  type Result,
} from '../../model/index.ts'
import type { BudgetBook, Reservation } from '../../policy/index.ts'
import { costFrom, momentFrom } from '../pipeline/charge.ts'
import { HoldBook } from '../pipeline/holds.ts'
import { reasonsFrom } from '../pipeline/record.ts'

/** The part of a ledger's past that still counts; what earlier gateways let through is in the book. */
export interface Past {
  readonly holds: HoldBook
}

/**
 * Counts in `book` what earlier gateways let through, in their order, for the holders that there still are. `onEntry` hears
 * of each entry in the same pass.
 */
export async function readPast(
  log: Log,
  book: BudgetBook,
  holders: ReadonlyMap<HolderId, Holder>,
  onEntry: (entry: Entry) => void = () => undefined,
): Promise<Result<Past, LedgerFault>> {
  const holds = new HoldBook()
  const spending = new PastSpending(book, holders)
  for await (const read of log.read()) {
    if (!read.ok) return no(read.reason)
    const entry = read.value
    onEntry(entry)
    holds.restore(entry)
    spending.take(entry)
  }
  return ok({ holds })
}

/**
 * The book of a gateway that is gone, made anew of its entries.
 *
 * - PS1  An intent counts in full from its entry on: what became of it may never have been written.
 * - PS2  Only `not-sent` gives it back, and only a settlement changes it. When its gateway is gone, neither can come.
 * - PS3  A task's share ends with its cell, and with its gateway: then its listener is gone. A cell that the next gateway
 *        serves again goes on with what it had left.
 */
export class PastSpending {
  readonly #book: BudgetBook
  readonly #holders: ReadonlyMap<HolderId, Holder>
  readonly #open = new Map<ActionId, Reservation>()
  /** Tasks whose cells the gateway that wrote these entries served, and those of the one before. */
  #tasks = new Set<CellId>()
  #earlier = new Set<CellId>()

  constructor(book: BudgetBook, holders: ReadonlyMap<HolderId, Holder>) {
    this.#book = book
    this.#holders = holders
  }

  take(entry: Entry): void {
    switch (entry.kind) {
      case 'gateway.started':
        if (entry.clock !== undefined) this.#book.clock.resume(entry.clock)
        this.#open.clear()
        for (const task of this.#earlier) if (!this.#tasks.has(task)) this.#book.endTask(task)
        this.#earlier = this.#tasks
        this.#tasks = new Set()
        break
      case 'cell.started':
        if (entry.task !== undefined) this.#tasks.add(entry.cell)
        break
      case 'cell.taken-over':
        if (this.#earlier.has(entry.cell)) this.#tasks.add(entry.cell)
        break
      case 'cell.ended':
        this.#tasks.delete(entry.cell)
        this.#book.endTask(entry.cell)
        break
      case 'action.intent':
        this.#intent(entry)
        break
      case 'action.outcome':
        this.#outcome(entry)
        break
    }
  }

  #intent(entry: ActionIntent & { readonly atMs: number }): void {
    const { action, atMs, charge } = entry
    const [charged] = reasonsFrom(entry.reasons)
    const grant = charged?.kind === 'permit' || charged?.kind === 'approved' ? charged.grant : undefined
    const ids = charge?.holders ?? (grant === undefined ? [] : [grant])
    const holders = ids.flatMap((id) => this.#holders.get(id) ?? [])
    if (holders.length === 0) return
    const task = charge?.task
    const chain = task === undefined ? holders : holders.map((holder) => ({ ...holder, task }))
    this.#open.set(
      action,
      this.#book.recall(
        chain,
        costFrom({ ...charge, ...(entry.spend !== undefined && { spend: entry.spend }) }),
        momentFrom(charge, atMs),
      ),
    )
  }

  #outcome({ action, atMs, outcome, settled }: ActionOutcome & { readonly atMs: number }): void {
    const reservation = this.#open.get(action)
    if (reservation === undefined) return
    this.#open.delete(action)
    if (outcome === 'not-sent') this.#book.release(reservation)
    else if (settled !== undefined) this.#book.recallSettled(reservation, costFrom(settled), momentFrom(settled, atMs))
    else this.#book.keep(reservation)
  }
}
