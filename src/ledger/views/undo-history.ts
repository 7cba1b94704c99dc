import type { Entry } from '../../model/entry.ts'
import { type CellId, type DelegationId, isConnection } from '../../model/index.ts'
import { EffectHistory, isQuestion } from './effects.ts'

/** A fold over one log that knows its effects, and who delegated to whom: all that planning an undo needs. */
export class UndoHistory {
  readonly history = new EffectHistory()
  readonly #cells = new Map<CellId, DelegationId | undefined>()
  readonly #givers = new Map<DelegationId, CellId>()
  readonly #undos = new Set<string>()
  /** The reason why an action that is no effect has nothing to undo. */
  readonly #others = new Map<string, string>()

  take(entry: Entry): void {
    this.history.take(entry)
    if (entry.kind === 'cell.started') this.#cells.set(entry.cell, entry.delegation)
    else if (entry.kind === 'delegation.made') this.#givers.set(entry.delegation, entry.cell)
    else if (entry.kind === 'undo.started') this.#undos.add(entry.cell)
    else if (entry.kind === 'action.intent' && entry.undoes !== undefined) this.#undos.add(entry.action)
    else if (entry.kind === 'action.intent' && !this.history.effects.has(entry.action))
      this.#others.set(
        entry.action,
        isConnection(entry.operation)
          ? 'is a connection of a relay'
          : isQuestion(entry)
            ? 'is a question to a model'
            : 'only read',
      )
  }

  /** Returns the reason for which a name selects nothing; undefined where it selects something, or could. */
  fault(of: string): string | undefined {
    if (this.#undos.has(of)) return `${of} is an undo: nothing undoes an undo`
    const other = this.#others.get(of)
    if (other !== undefined) return `${of} ${other}: it has nothing to undo`
    return undefined
  }

  /** Tells whether another cell, and not a person, had this cell started. */
  wasDelegated(cell: CellId): boolean {
    return this.#cells.get(cell) !== undefined
  }

  knows(of: string): boolean {
    const names: readonly ReadonlyMap<string, unknown>[] = [this.#cells, this.#givers, this.history.effects]
    return names.some((known) => known.has(of))
  }

  /** Tells whether a cell is the named one, has the named delegation, or stands below either. */
  isOf(cell: CellId, of: string): boolean {
    for (let here: CellId | undefined = cell, depth = 0; here !== undefined && depth < CHAIN_MAX; depth++) {
      if (here === of) return true
      const delegation: DelegationId | undefined = this.#cells.get(here)
      if (delegation === of) return true
      here = delegation && this.#givers.get(delegation)
    }
    return false
  }
}

/** Length of a chain of delegations that none exceeds. */
const CHAIN_MAX = 64
