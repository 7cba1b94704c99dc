import { EMPTY_ROOT, type Tree } from '../seal/merkle.ts'
import { same } from '../seal/proof.ts'
import { leafBytes, type Record } from './record.ts'
import type { SegmentHeader } from './segments.ts'

/** The position of a reader in a log, which decides what the next record must be. */
export interface ReadPosition {
  readonly tree: Tree
  /** Number of the last record's batch. */
  batch: number
  /** True once that batch has ended. */
  committed: boolean
  /** Entries and payloads of that batch so far. */
  records: number
  bytes: number
  /** True where reading began within that batch, so that its earlier records are not known. */
  partial: boolean
}

/** Returns the state at the beginning of segment `index`; `tree` holds all entries before it. */
export function replayFrom(index: number, tree: Tree): ReadPosition {
  return { tree, batch: -1, committed: true, records: 0, bytes: 0, partial: index > 0 }
}

/**
 * Returns the reason for which this record cannot stand here, whatever its CRC says; undefined where it can. `fresh`:
 * nothing before it has been read.
 */
export function outOfPlace(record: Record, state: ReadPosition, fresh: boolean): string | undefined {
  if ((record.kind === 'segment') !== (record.at === 0)) return 'a segment begins here'
  const batch = state.committed ? state.batch + 1 : state.batch
  if (!fresh && record.batch !== batch) return `it belongs to batch ${record.batch}, and this is ${batch}`
  if (record.seq !== state.tree.size) return `it says ${record.seq}, and this is entry ${state.tree.size}`
  if (record.kind !== 'commit' || state.partial) return undefined
  const { records, bytes } = state.committed ? { records: 0, bytes: 0 } : state
  const body = Buffer.from(record.body)
  const whole = body.length === 8 && body.readUInt32BE(0) === records && body.readUInt32BE(4) === bytes
  return whole ? undefined : 'its batch is not whole'
}

export function step(state: ReadPosition, record: Record, bytes: Buffer): void {
  if (state.committed && state.batch !== -1) {
    state.partial = false
    state.records = 0
    state.bytes = 0
  }
  state.batch = record.batch
  state.committed = record.kind === 'commit'
  if (record.kind === 'entry' || record.kind === 'payload') {
    state.records++
    state.bytes += record.end - record.at
  }
  if (record.kind === 'entry') {
    state.tree.appendLeaf(leafBytes(bytes, record.at, record.body.length))
  }
}

export function samePeaks(header: SegmentHeader, tree: Tree): boolean {
  const peaks = tree.peaks()
  return header.peaks.length === peaks.length && header.peaks.every((peak, i) => same(peak, peaks[i] ?? EMPTY_ROOT))
}
