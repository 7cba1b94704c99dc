import { no, ok, type Result } from '../../model/result.ts'
import { Tree } from '../seal/merkle.ts'
import { commitRecord } from './commit.ts'
import { type Disk, type DiskFile, segmentIndex, segmentPath } from './disk.ts'
import type { LedgerFault } from './fault.ts'
import { outOfPlace, type ReadPosition, replayFrom, samePeaks, step } from './replay.ts'
import { blankFrom, nextRecord, recordsFrom } from './scan.ts'
import { type CurrentSegment, headerRecord, prepareSegment, readHeader, type SegmentHeader } from './segments.ts'

export interface Recovered {
  readonly tree: Tree
  readonly nextBatch: number
  readonly current: CurrentSegment
}

/**
 * Brings a log back after whatever ended its last writer.
 *
 * - R1  Everything that was acknowledged is there, in order; of what was not, a prefix may be.
 * - R2  Only the last batch may be damaged, and only beyond `sealedSize`: it is cut off. Any other damage is an error,
 *       because no power loss makes it, and it is for a person to look at.
 * - R3  Interrupted and begun again, it comes to the same end.
 *
 * Reads back to the segment that holds `sealedSize`, so that the witness can be shown how the log grew from there.
 */
export async function recover(
  disk: Disk,
  directory: string,
  origin: string,
  sealedSize: number,
  firstBytes: number,
): Promise<Result<Recovered, LedgerFault>> {
  const opened: DiskFile[] = []
  const recovered = await recoverFrom(opened, disk, directory, origin, sealedSize, firstBytes)
  const kept = recovered.ok ? recovered.value.current.file : undefined
  for (const file of opened) if (file !== kept) await file.close()
  return recovered
}

async function recoverFrom(
  opened: DiskFile[],
  disk: Disk,
  directory: string,
  origin: string,
  sealedSize: number,
  firstBytes: number,
): Promise<Result<Recovered, LedgerFault>> {
  const found = await usedSegments(opened, disk, directory, origin, sealedSize)
  if (!found.ok) return found
  const [first] = found.value
  if (!first)
    return sealedSize > 0 ? no(missing(directory, 0, sealedSize)) : ok(await begin(disk, directory, origin, firstBytes))

  const { index, firstSeq, peaks } = first.header
  const state = replayFrom(index, Tree.fromPeaks(firstSeq, peaks))
  let end = 0
  for (const [i, segment] of found.value.entries()) {
    const replayed = replay(segment, state, found.value[i + 1], i === 0)
    if (!replayed.ok) return replayed
    end = replayed.value
  }
  const last = found.value[found.value.length - 1] ?? first
  if (state.tree.size < sealedSize) {
    const problem = `entries up to ${sealedSize} are under a seal, and the log ends here`
    return no({ kind: 'damaged', file: last.path, at: end, seq: state.tree.size, problem })
  }
  const blank = blankFrom(last.bytes, end)
  if (blank > end) await last.file.writeDurably(Buffer.alloc(blank - end), end)
  if (!state.committed) {
    const commit = commitRecord(state.batch, state.tree.size, state.records, state.bytes)
    await last.file.writeDurably(commit, end)
    end += commit.length
  }
  const current = { index: last.header.index, file: last.file, bytes: last.bytes.length, end }
  return ok({ tree: state.tree, nextBatch: state.batch + 1, current })
}

interface UsedSegment {
  readonly path: string
  readonly file: DiskFile
  readonly bytes: Buffer
  readonly header: SegmentHeader
}

/**
 * Returns the segments from the one that holds `sealedSize` to the newest. Segments that were prepared and never used
 * are removed.
 */
async function usedSegments(
  opened: DiskFile[],
  disk: Disk,
  directory: string,
  origin: string,
  sealedSize: number,
): Promise<Result<UsedSegment[], LedgerFault>> {
  const indexes = (await disk.names(directory)).map(segmentIndex).filter((index) => index !== undefined)
  const used: UsedSegment[] = []
  for (let i = indexes.length - 1; i >= 0; i--) {
    const path = segmentPath(directory, i)
    const file = indexes[i] === i ? await disk.open(path, 'write') : undefined
    if (!file) return no(missing(directory, i, sealedSize))
    opened.push(file)
    const bytes = await file.read(0, file.size)
    const [record] = recordsFrom(bytes, 0)
    const header = record?.kind === 'segment' ? readHeader(record.body) : undefined
    if (header) {
      if (header.origin !== origin) return no({ kind: 'not-a-ledger', path, problem: `it belongs to ${header.origin}` })
      if (header.index !== i) return no(damaged(path, 0, header.firstSeq, `it was written as segment ${header.index}`))
      used.unshift({ path, file, bytes, header })
      if (header.firstSeq <= sealedSize) break
      continue
    }
    const later = nextRecord(bytes, -8, () => true)
    if (used.length > 0 || later) {
      const seq = later === undefined || later === 'unclear' ? 0 : later.seq
      return no(damaged(path, 0, seq, 'its header cannot be read'))
    }
    await disk.remove(path)
    await disk.syncDirectory(directory)
  }
  return ok(used)
}

/** The offset after the last good record. */
function replay(
  segment: UsedSegment,
  state: ReadPosition,
  next: UsedSegment | undefined,
  isFirst: boolean,
): Result<number, LedgerFault> {
  const { path, bytes, header } = segment
  let end = 0
  for (const record of recordsFrom(bytes, 0)) {
    const problem = outOfPlace(record, state, isFirst && record.at === 0)
    if (problem) return no(damaged(path, record.at, state.tree.size, problem))
    step(state, record, bytes)
    end = record.end
    if (record.kind === 'segment' && !isFirst && !samePeaks(header, state.tree)) {
      return no(damaged(path, 0, header.firstSeq, 'what stands before it has changed'))
    }
  }
  if (blankFrom(bytes, end) === end) return ok(end)
  // The next segment was begun after this one was durable to its end; the next batch, after this batch was.
  const batch = state.committed ? state.batch + 1 : state.batch
  const later = nextRecord(bytes, end, (record) => record.batch > batch)
  if (!next && !later) return ok(end)
  return no(damaged(path, end, state.tree.size, 'a record cannot be read, and it was durable'))
}

async function begin(disk: Disk, directory: string, origin: string, segmentBytes: number): Promise<Recovered> {
  const path = segmentPath(directory, 0)
  const file = await prepareSegment(disk, directory, path, segmentBytes)
  const header = headerRecord(0, { origin, index: 0, firstSeq: 0, peaks: [] })
  const bytes = Buffer.concat([header, commitRecord(0, 0, 0, 0)])
  await file.writeDurably(bytes, 0)
  const current = { index: 0, file, bytes: segmentBytes, end: bytes.length }
  return { tree: new Tree(), nextBatch: 1, current }
}

function damaged(file: string, at: number, seq: number, problem: string): LedgerFault {
  return { kind: 'damaged', file, at, seq, problem }
}

function missing(directory: string, index: number, sealedSize: number): LedgerFault {
  const problem = sealedSize > 0 ? `it is missing, and ${sealedSize} entries are under a seal` : 'it is missing'
  return damaged(segmentPath(directory, index), 0, 0, problem)
}
