import type {
  ActionId,
  CellId,
  DefinitionSeen,
  Entry,
  ListCut,
  Rung,
  RungChanged,
  UpstreamName,
} from '../../model/index.ts'

/** Matters of one run that a person should look at, of its cell and of all that it delegated to. */
export interface RunTold {
  /** Number of actions that wait for a person. */
  readonly waits: number
  readonly refused: number
  /** Upstreams that could not be reached, with the problem; `later`: they could be, later on. */
  readonly left: ReadonlyMap<UpstreamName, { readonly problem: string; readonly later: boolean }>
  /** The lowest rung that Firebreak itself has moved the cell to, and what it had seen; absent where it has not. */
  readonly lowered?: { readonly to: Rung; readonly what: string }
  /** Parts of upstreams' lists that the cell could not be shown, each once. */
  readonly cuts: readonly (DefinitionSeen | ListCut)[]
}

/** A fold over a log that sums up the run of one cell, from the cell's start on. */
export class RunSummary {
  readonly #cell: CellId
  readonly #left = new Map<UpstreamName, { readonly problem: string; readonly later: boolean }>()
  readonly #holds = new Set<ActionId>()
  readonly #cuts = new Map<string, DefinitionSeen | ListCut>()
  /** Observations of detectors, by the sequence numbers of their signals. */
  readonly #signals = new Map<number, string>()
  #lowered: RunTold['lowered']
  #begun = false
  #refused = 0

  constructor(cell: CellId) {
    this.#cell = cell
  }

  take(entry: Entry): void {
    this.#begun ||= entry.kind === 'cell.started' && entry.cell === this.#cell
    // A server that does not start at all is known before its cell does.
    if (entry.kind === 'gateway.started' && entry.replaces === undefined) this.#left.clear()
    if (entry.kind === 'upstream.seen') {
      const before = this.#left.get(entry.upstream)
      if (entry.problem !== undefined) this.#left.set(entry.upstream, { problem: entry.problem, later: false })
      else if (before !== undefined) this.#left.set(entry.upstream, { ...before, later: true })
    }
    if (this.#begun) this.#takeBegun(entry)
  }

  get value(): RunTold {
    return {
      waits: this.#holds.size,
      refused: this.#refused,
      left: this.#left,
      cuts: [...this.#cuts.values()],
      ...(this.#lowered && { lowered: this.#lowered }),
    }
  }

  #takeBegun(entry: Entry): void {
    if (entry.kind === 'action.held') this.#holds.add(entry.hold)
    else if (entry.kind === 'action.intent' && entry.hold !== undefined) this.#holds.delete(entry.hold)
    else if (entry.kind === 'hold.answered' && !entry.approved) this.#holds.delete(entry.hold)
    else if (entry.kind === 'action.refused') this.#refused += 1 + (entry.more ?? 0)
    else if (entry.kind === 'signal.raised') this.#signals.set(entry.seq, entry.what)
    else if (entry.kind === 'rung.changed') this.#lower(entry)
    else if (entry.kind === 'definition.seen' || entry.kind === 'list.cut') {
      const { seq: _, atMs: __, ...body } = entry
      const key = JSON.stringify(body)
      if (!this.#cuts.has(key)) this.#cuts.set(key, entry)
    }
  }

  #lower({ cell, by, to, why, signal }: RungChanged): void {
    if (cell !== this.#cell || by !== 'firebreak') return
    const what = (signal === undefined ? undefined : this.#signals.get(signal)) ?? why
    this.#lowered = { to, what }
  }
}
