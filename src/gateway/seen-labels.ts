import type { Entry } from '../model/entry.ts'
import { type AgentName, inSpans, type Label, type Spans } from '../model/index.ts'

/** What the cells of each agent have seen, and when: files that they kept may hold it. */
export class SeenLabels {
  readonly #times = new Map<AgentName, Map<Label, number[]>>()

  take(entry: Entry): void {
    if (entry.kind !== 'label.seen') return
    const { agent, label, atMs } = entry
    const labels = this.#times.get(agent) ?? new Map<Label, number[]>()
    this.#times.set(agent, labels)
    const times = labels.get(label)
    if (times === undefined) labels.set(label, [atMs])
    else times.push(atMs)
  }

  /** What files hold that have lived these stretches of time. */
  in(agent: AgentName, lived: Spans): readonly Label[] {
    return [...(this.#times.get(agent) ?? [])].flatMap(([label, times]) =>
      times.some((atMs) => inSpans(lived, atMs)) ? [label] : [],
    )
  }
}
