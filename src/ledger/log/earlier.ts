import { type Hash, leafHash, Tree } from '../seal/merkle.ts'
import { type Disk, segmentIndex, segmentPath } from './disk.ts'
import { recordsFrom } from './scan.ts'
import { readHeader } from './segments.ts'

/**
 * A consistency proof from a size that the tree in memory no longer knows: read from disk, from the segment in which that
 * size lies. Needed when the witness last signed a smaller head than this ledger's own copy of its seal says, which a
 * crash between the two can leave. Undefined where the segments do not hold it.
 */
export async function earlierProof(
  disk: Disk,
  directory: string,
  from: number,
  to: number,
): Promise<readonly Hash[] | undefined> {
  const indexes = (await disk.names(directory)).map(segmentIndex).filter((index) => index !== undefined)
  const newer: Buffer[] = []
  for (const index of indexes.reverse()) {
    const file = await disk.open(segmentPath(directory, index), 'read')
    const bytes = (await file?.read(0, file.size)) ?? Buffer.alloc(0)
    await file?.close()
    const [first] = recordsFrom(bytes, 0)
    const header = first?.kind === 'segment' ? readHeader(first.body) : undefined
    if (!header) continue
    newer.unshift(bytes)
    if (header.firstSeq <= from) return proofOver(newer, Tree.fromPeaks(header.firstSeq, header.peaks), from, to)
  }
  return undefined
}

function proofOver(segments: readonly Buffer[], tree: Tree, from: number, to: number): readonly Hash[] | undefined {
  for (const bytes of segments) {
    for (const { kind, seq, body } of recordsFrom(bytes, 0)) {
      if (kind === 'entry' && seq === tree.size && seq < to) tree.append(leafHash(body))
    }
  }
  return tree.size === to ? tree.consistencyProof(from, to) : undefined
}
