import type { Entry } from '../../model/entry.ts'
import { type AgentName, type CellId, lowest, type Rung } from '../../model/index.ts'

/**
 * Follows where the entries of a ledger leave its agents, whatever stands in a fence: by what was said of cells, and by a
 * person's word, which counts from there on. A signal may be there without the rung that followed.
 */
export class PastAgents {
  readonly #rungs = new Map<AgentName, Rung>()
  readonly #isMeant: (cell: CellId) => boolean

  /** @param isMeant tells of a cell whether what was said of it counts; all do where it is absent. */
  constructor(isMeant: (cell: CellId) => boolean = () => true) {
    this.#isMeant = isMeant
  }

  take(entry: Entry): void {
    if (entry.kind === 'signal.raised') {
      if (entry.mode === 'enforce' && this.#isMeant(entry.cell)) this.#lower(entry.agent, entry.rung ?? 'normal')
    } else if (entry.kind === 'rung.changed') {
      if (entry.cell === undefined) this.#rungs.set(entry.agent, entry.to)
      else if (this.#isMeant(entry.cell)) this.#lower(entry.agent, entry.to)
    }
  }

  /** Takes an entry of the gateway that serves: what lowers an agent under it its warden holds itself. */
  takeNew(entry: Entry): void {
    if (entry.kind === 'rung.changed' && entry.cell === undefined) this.take(entry)
  }

  /** Agents of which something was said. */
  get rungs(): ReadonlyMap<AgentName, Rung> {
    return this.#rungs
  }

  rungOf(agent: AgentName): Rung {
    return this.#rungs.get(agent) ?? 'normal'
  }

  #lower(agent: AgentName, to: Rung): void {
    this.#rungs.set(agent, lowest(this.rungOf(agent), to))
  }
}
