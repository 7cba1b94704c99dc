import type { Entry } from '../model/entry.ts'
import { type AgentName, type Label, LIMITS, type Spans } from '../model/index.ts'

/** A stretch of time, epoch ms, both ends included. */
type Stretch = readonly [fromMs: number, toMs: number]

/**
 * Labels that the cells of each agent have seen, and when: files that they kept may hold it. Of one label so many times
 * are kept; past them the oldest become stretches of time, so that files of any moment between count as holding it.
 */
export class SeenLabels {
  readonly #times = new Map<AgentName, Map<Label, Stretch[]>>()

  take(entry: Entry): void {
    if (entry.kind !== 'label.seen') return
    const { agent, label, atMs } = entry
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

  /** What files hold that have lived these stretches of time. */
  in(agent: AgentName, lived: Spans): readonly Label[] {
    const isLived = ([fromMs, toMs]: Stretch) =>
      lived.some(([from, to]) => from <= toMs && (to === null || fromMs <= to))
    return [...(this.#times.get(agent) ?? [])].flatMap(([label, times]) => (times.some(isLived) ? [label] : []))
  }
}
