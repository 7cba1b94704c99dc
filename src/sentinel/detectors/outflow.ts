import { isJsonObject } from '../../model/index.ts'
import { type Detector, NOTHING } from '../detector.ts'
import { RecentValues, WindowSum } from '../recent.ts'

interface State {
  /** Upstreams that confidential data came from, and the entries that say so, by tree. */
  readonly read: RecentValues<{ readonly from: Set<string>; readonly seqs: number[] }>
  readonly bytes: WindowSum
  readonly writes: WindowSum
}

/**
 * Sees: bytes and calls with an effect that go to other upstreams than the one that confidential data came from, by trees
 * that have seen such data; added up over all trees of an agent and a day, so that many small ones are one large one.
 *
 * Source: our own; the lethal trifecta (S. Willison, 2025) is what labels hold at the moment, and this is what adds up.
 *
 * Blind to: data that no configuration calls confidential; what goes back to the upstream that it came from; how much of
 * what was written is what was read: it counts all of it.
 */
export const outflow: Detector<'outflow', State> = {
  name: 'outflow',
  scope: 'agent',
  kinds: ['label.seen', 'action.intent'],
  initial: () => ({ read: new RecentValues(), bytes: new WindowSum(), writes: new WindowSum() }),
  fold: ({ read, bytes, writes }, entry, { tree, call }, thresholds) => {
    if (entry.kind === 'label.seen') {
      if (!entry.label.startsWith('confidential')) return NOTHING
      const seen = read.use(tree, () => ({ from: new Set(), seqs: [] }))
      if (seen.from.size < FROM_MAX) seen.from.add(upstreamIn(entry.from))
      if (seen.seqs.length < FROM_MAX) seen.seqs.push(entry.seq)
      return NOTHING
    }
    if (call === undefined || call.effect === 'read' || !read.has(tree)) return NOTHING
    const { from, seqs } = read.use(tree, () => ({ from: new Set(), seqs: [] }))
    if (from.size === 1 && from.has(call.name.slice(0, call.name.indexOf('/')))) return NOTHING
    const flown = bytes.add(entry.atMs, entry.seq, call.bytes, thresholds.window)
    const times = writes.add(entry.atMs, entry.seq, 1, thresholds.window)
    if (flown < thresholds.bytes && times < thresholds.writes) return NOTHING
    const evidence = [...seqs, ...bytes.seqs, entry.seq]
    return [{ what: `${flown} bytes in ${times} calls went elsewhere after confidential data was read`, evidence }]
  },
}

const FROM_MAX = 8

function upstreamIn(from: unknown): string {
  const tool = typeof from === 'object' && from !== null && isJsonObject(from as never) ? Reflect.get(from, 'tool') : ''
  const text = String(tool)
  return text.slice(0, Math.max(0, text.indexOf('/')))
}
