import type { CellStarted, Entry } from '../../model/entry.ts'
import { type AgentName, type Label, LIMITS, type Spans } from '../../model/index.ts'

/** A stretch of time, epoch ms, both ends included. */
type Stretch = readonly [fromMs: number, toMs: number]

/**
 * Labels that the cells of each agent have begun with or seen, and when: files that they kept may hold it. Of one label so many times
 * are kept; past them the oldest become stretches of time, so that files of any moment between count as holding it.
 */
export class SeenLabels {
  readonly #times = new Map<AgentName, Map<Label, Stretch[]>>()
  /** Labels that cells of each agent began with, and since when one did; epoch ms. */
  readonly #begun = new Map<AgentName, Map<Label, number>>()

  take(entry: Entry): void {
    if (entry.kind === 'cell.started') this.#begin(entry)
    if (entry.kind === 'label.seen') this.#add(entry)
  }

  #add({ agent, label, atMs }: { readonly agent: AgentName; readonly label: Label; readonly atMs: number }): void {
    const labels = this.#times.get(agent) ?? new Map<Label, Stretch[]>()
    this.#times.set(agent, labels)
    const times = labels.get(label) ?? []
    labels.set(label, times)
    times.push([atMs, atMs])
    const [first, second] = times
    if (times.length <= LIMITS.seenLabelTimesMax || first === undefined || second === undefined) return
    // A clock that went back leaves them in another order.
    times.splice(0, 2, [Math.min(first[0], second[0]), Math.max(first[1], second[1])])
  }

  #begin({ agent, labels = [], delegation, atMs }: Entry & CellStarted): void {
    const begun = this.#begun.get(agent) ?? new Map<Label, number>()
    this.#begun.set(agent, begun)
    for (const label of labels) {
      begun.set(label, Math.min(atMs, begun.get(label) ?? atMs))
      // What was delegated has a workspace that nobody had before.
      if (delegation === undefined) this.#add({ agent, label, atMs })
    }
  }

  /**
   * Returns what the landed work of an agent may hold: what its cells saw, and what they began with. Of an agent that no
   * entry here speaks of, all that it could have seen.
   */
  landed({ agent, untilMs, elsewhere, otherwise }: LandedWork): readonly Label[] {
    const begun = this.#begun.get(agent)
    if (elsewhere || begun === undefined) return otherwise
    const before = [...begun].flatMap(([label, sinceMs]) => (sinceMs <= untilMs ? [label] : []))
    return [...new Set([...before, ...this.in(agent, [[0, untilMs]])])]
  }

  /** Returns the labels that files may hold which have lived these stretches of time. */
  in(agent: AgentName, lived: Spans): readonly Label[] {
    const isLived = ([fromMs, toMs]: Stretch) =>
      lived.some(([from, to]) => from <= toMs && (to === null || fromMs <= to))
    return [...(this.#times.get(agent) ?? [])].flatMap(([label, times]) => (times.some(isLived) ? [label] : []))
  }
}

/** Work of an agent's cells that has landed in files of the host, and may hold what they had seen until `untilMs`. */
export interface LandedWork {
  readonly agent: AgentName
  /** Epoch ms. */
  readonly untilMs: number
  /** True where the work is of another environment, whose ledger is not here. */
  readonly elsewhere: boolean
  /** Every label that it could have seen by the configuration, for where the ledger does not tell. */
  readonly otherwise: readonly Label[]
}
