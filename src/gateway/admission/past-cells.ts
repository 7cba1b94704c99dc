import type { Entry } from '../../model/entry.ts'
import {
  type AgentName,
  type CellId,
  type DelegationId,
  isBelow,
  type Label,
  type Rung,
  raised,
} from '../../model/index.ts'
import type { Sentinel, Signal } from '../../sentinel/index.ts'

/** A cell that an earlier gateway served, as the ledger tells of it. */
export interface PastCell {
  readonly agent: AgentName
  readonly rung: Rung
  readonly labels: ReadonlySet<Label>
  /** Delegations of the cell that have not ended. */
  readonly given: ReadonlySet<DelegationId>
}

interface Kept {
  readonly agent: AgentName
  rung: Rung
  readonly labels: Set<Label>
  readonly given: Set<DelegationId>
}

/**
 * The cells that the gateway before this one served last, so that this one can go on with them.
 *
 * - PC1  No cell of a gateway further back, none that has ended, and none that something was delegated to: of a delegation
 *        the ledger keeps what a person reads, and not every limit.
 * - PC2  A cell stands where the last entry left it, and not higher than the signals of the entries put it: the entry of a
 *        signal may be missing where that of its action is there.
 * - PC3  Once.
 */
export class PastCells {
  readonly #sentinel: Pick<Sentinel, 'hasLeft'>
  #cells = new Map<CellId, Kept>()
  #before = new Map<CellId, Kept>()

  constructor(sentinel: Pick<Sentinel, 'hasLeft'>) {
    this.#sentinel = sentinel
  }

  /** One entry, and what the sentinel makes of it. */
  take(entry: Entry, signals: readonly Signal[]): void {
    this.#follow(entry)
    for (const { tree, raised } of signals) {
      if (raised.mode === 'observe') continue
      for (const id of [tree, raised.cell]) lower(this.#cells.get(id), raised.rung)
    }
  }

  /** After this gateway's own start is in the ledger. Undefined where the cell cannot be gone on with. */
  takeOver(id: CellId, agent: AgentName): PastCell | undefined {
    const cell = this.#before.get(id)
    this.#before.delete(id)
    return cell?.agent === agent && this.#sentinel.hasLeft(id, agent) ? cell : undefined
  }

  #follow(entry: Entry): void {
    switch (entry.kind) {
      case 'gateway.started':
        this.#before = this.#cells
        this.#cells = new Map()
        break
      case 'cell.started': {
        const { cell, agent, delegation } = entry
        if (delegation === undefined)
          this.#cells.set(cell, { agent, rung: 'normal', labels: new Set(), given: new Set() })
        break
      }
      case 'cell.taken-over': {
        const before = this.#before.get(entry.cell)
        if (before === undefined) break
        this.#cells.set(entry.cell, { ...before, rung: entry.rung, labels: new Set(entry.labels), given: new Set() })
        break
      }
      case 'cell.ended':
        this.#cells.delete(entry.cell)
        break
      case 'label.seen':
        this.#cells.get(entry.cell)?.labels.add(entry.label)
        break
      case 'delegation.made':
        this.#cells.get(entry.cell)?.given.add(entry.delegation)
        break
      case 'delegation.ended':
        for (const { given } of this.#cells.values()) given.delete(entry.delegation)
        break
      case 'rung.changed':
        if (entry.cell !== undefined) lower(this.#cells.get(entry.cell), entry.to)
        // A person's word about an agent: what was cut stays cut.
        else
          for (const cell of this.#cells.values())
            if (cell.agent === entry.agent) cell.rung = raised(cell.rung, entry.to)
        break
    }
  }
}

function lower(cell: Kept | undefined, to: Rung): void {
  if (cell !== undefined && isBelow(to, cell.rung)) cell.rung = to
}
