import type { CellId, DelegationId, Entry, JsonObject } from '../../model/index.ts'

/** The entries of a log about cells that were stopped. */
export interface StoppedTold {
  /**
   * Actions of these cells, and of all that was delegated from them, that were sent and have no outcome that is known:
   * they may still land. At most IN_FLIGHT_MAX: first those without any outcome, of each kind the newest first, so that
   * none is buried under others.
   */
  readonly mayLand: readonly JsonObject[]
  /** Number of such actions in all. */
  readonly mayLandInAll: number
  /** The last entries of each cell, at most ENTRIES_MAX of each and ENTRIES_BYTES_MAX of all. */
  readonly entries: readonly Entry[]
}

const IN_FLIGHT_MAX = 1_000
const ENTRIES_MAX = 1_000
const ENTRIES_BYTES_MAX = 16_777_216

/** A fold that follows cells which were stopped: their last entries, and their actions in flight. */
export class StoppedCells {
  readonly #meant: Set<CellId>
  readonly #given = new Set<DelegationId>()
  readonly #open = new Map<string, InFlight>()
  readonly #last: ReadonlyMap<CellId, Entry[]>

  constructor(cells: readonly CellId[]) {
    this.#meant = new Set(cells)
    this.#last = new Map(cells.map((cell) => [cell, []]))
  }

  take(entry: Entry): void {
    this.#keep(entry)
    if (entry.kind === 'delegation.made' && this.#meant.has(entry.cell)) this.#given.add(entry.delegation)
    else if (entry.kind === 'cell.started' && entry.delegation !== undefined && this.#given.has(entry.delegation))
      this.#meant.add(entry.cell)
    else if (entry.kind === 'action.intent' && this.#meant.has(entry.cell)) {
      const { action, upstream, tool, effect, seq } = entry
      this.#open.set(action, { cell: entry.cell, seq, settled: false, shown: { action, seq, upstream, tool, effect } })
    } else if (entry.kind === 'action.outcome') {
      const sent = this.#open.get(entry.action)
      if (entry.outcome !== 'unknown') this.#open.delete(entry.action)
      else if (sent !== undefined) this.#open.set(entry.action, { ...sent, settled: true })
    }
  }

  get value(): StoppedTold {
    const entries = [...this.#last.values()].flatMap((each) => each.slice(-ENTRIES_MAX))
    const first = [...this.#open.values()].toSorted((a, b) => Number(a.settled) - Number(b.settled) || b.seq - a.seq)
    const mayLand = first.slice(0, IN_FLIGHT_MAX).map(({ shown }) => shown)
    return { mayLand, mayLandInAll: this.#open.size, entries: newest(entries) }
  }

  #keep(entry: Entry): void {
    // An outcome names only its action.
    const cell =
      'cell' in entry ? entry.cell : entry.kind === 'action.outcome' ? this.#open.get(entry.action)?.cell : undefined
    const mine = cell === undefined ? undefined : this.#last.get(cell)
    // Twice as many before half of them go: not one move of all for each entry.
    if (mine !== undefined && mine.push(entry) > 2 * ENTRIES_MAX) mine.splice(0, ENTRIES_MAX)
  }
}

/** An action that was sent and has no outcome, or one that is unknown (`settled`). */
interface InFlight {
  readonly cell: CellId
  readonly seq: number
  readonly settled: boolean
  readonly shown: JsonObject
}

/** Returns the newest entries, in their order, that fit into ENTRIES_BYTES_MAX. */
function newest(entries: readonly Entry[]): readonly Entry[] {
  const kept: Entry[] = []
  let bytes = 0
  for (const entry of entries.toSorted((a, b) => b.seq - a.seq)) {
    bytes += JSON.stringify(entry).length
    if (bytes > ENTRIES_BYTES_MAX) break
    kept.push(entry)
  }
  return kept.toReversed()
}
