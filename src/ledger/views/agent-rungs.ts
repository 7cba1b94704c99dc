import type { Entry } from '../../model/entry.ts'
import { type AgentName, type CellId, lowest, type Rung } from '../../model/index.ts'

/**
 * Rungs on which the entries of a log leave its agents, whatever stands in a fence: what was said of their cells counts,
 * and a person's word, from which on counting begins anew. A signal may be there without the rung that followed.
 */
export class AgentRungs {
  readonly #rungs = new Map<AgentName, Rung>()
  readonly #isMeant: (cell: CellId) => boolean

  /** @param isMeant tells whether entries about a cell count; those about all cells do where it is absent. */
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

  /** Takes an entry of the gateway that serves now: its warden itself holds whatever lowers an agent under it. */
  takeNew(entry: Entry): void {
    if (entry.kind === 'rung.changed' && entry.cell === undefined) this.take(entry)
  }

  /** Rungs of the agents that any entry speaks of. */
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
