import type { CheckpointId } from '../model/index.ts'
import type { Checkpoint, Occasion } from './checkpoint.ts'

export interface Bounds {
  /** Checkpoints without a name that are kept of each occasion. */
  readonly keep: number
  /** Bytes of all of one workspace's checkpoints together, on the host's disk. */
  readonly bytesMax: number
}

export const BOUNDS_DEFAULT: Bounds = { keep: 20, bytesMax: 16 * 1024 ** 3 }

/** Named ones never go by themselves, so a person can have so many of one workspace. */
export const NAMED_MAX = 100

/**
 * Returns the checkpoints that go after `newest` was made, the oldest first; never that one, or one that bears a name.
 *
 * An agent that does irreversible things decides how often one is made before them, and how large they are. So each
 * occasion has places of its own, and where bytes are short the occasion that takes the most gives: what an agent causes
 * does not push out what was made on a schedule or by a person.
 */
export function surplus(checkpoints: readonly Checkpoint[], newest: CheckpointId, bounds: Bounds): CheckpointId[] {
  const kept = new Map<Occasion, Checkpoint[]>([
    ['asked', []],
    ['scheduled', []],
    ['before', []],
  ])
  const sorted = checkpoints.toSorted((a, b) => a.madeAtMs - b.madeAtMs)
  for (const each of sorted) if (each.name === undefined) kept.get(each.occasion)?.push(each)
  const gone: CheckpointId[] = []
  let bytes = sorted.reduce((sum, each) => sum + each.bytes, 0)
  const drop = (from: Checkpoint[]): boolean => {
    const at = from.findIndex(({ id }) => id !== newest)
    const [oldest] = at === -1 ? [] : from.splice(at, 1)
    if (oldest === undefined) return false
    bytes -= oldest.bytes
    gone.push(oldest.id)
    return true
  }
  for (const each of kept.values()) while (each.length > bounds.keep && drop(each));
  while (bytes > bounds.bytesMax) {
    const most = [...kept.values()].toSorted((a, b) => droppable(b, newest) - droppable(a, newest))[0]
    if (most === undefined || !drop(most)) break
  }
  return gone
}

function droppable(checkpoints: readonly Checkpoint[], newest: CheckpointId): number {
  return checkpoints.reduce((sum, { id, bytes }) => (id === newest ? sum : sum + bytes), 0)
}

/** Returns the reason for which a checkpoint cannot be made, however many others went; undefined where it can. */
export function unfit(
  checkpoints: readonly Checkpoint[],
  wanted: { readonly name?: string; readonly bytes: number },
  bounds: Bounds,
): string | undefined {
  const named = checkpoints.filter(({ name }) => name !== undefined)
  if (wanted.name !== undefined && named.some(({ name }) => name === wanted.name))
    return `there is one that is called "${wanted.name}" already: choose another name, or firebreak checkpoint --remove it`
  if (wanted.name !== undefined && named.length >= NAMED_MAX)
    return `${NAMED_MAX} of this workspace have a name, and none of them goes by itself: firebreak checkpoint --remove one`
  const held = named.reduce((sum, { bytes }) => sum + bytes, 0)
  if (held + wanted.bytes <= bounds.bytesMax) return undefined
  const besides = held === 0 ? '' : `, beside the ${held} of those that have a name`
  return `it takes ${wanted.bytes} bytes${besides}: more than the ${bounds.bytesMax} that all of this workspace may (cell: checkpoints: size)`
}
