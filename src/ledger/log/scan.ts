import { couldBeRecord, HEADER_BYTES, type Record, readRecord } from './record.ts'

/** The whole, undamaged records that follow one another from `from`. */
export function* recordsFrom(bytes: Buffer, from: number): Generator<Record, void> {
  for (let at = from; ; ) {
    const found = readRecord(bytes, at)
    if (!found) return
    yield found
    at = found.end
  }
}

/** Tells whether nothing was ever written from `from` on. */
export function isBlank(bytes: Buffer, from: number): boolean {
  return blankFrom(bytes, from) === from
}

/** The offset after the last byte that is not zero, but at least `from`. */
export function blankFrom(bytes: Buffer, from: number): number {
  let end = bytes.length
  while (end > from) {
    const start = Math.max(from, end - ZEROS.length)
    if (ZEROS.compare(bytes, start, end, 0, end - start) !== 0) break
    end = start
  }
  while (end > from && bytes[end - 1] === 0) end--
  return end
}

/**
 * The first record after a damaged place, wherever it begins. No entry or payload can hold bytes that pass for one: an
 * entry is JSON, which has no raw zero byte, and a payload is encrypted under a key that its cell never sees.
 *
 * Whoever wrote the file can make each of its bytes look like the beginning of a long record: what cannot be told with
 * four times the file's length in CRCs is `unclear`, which no honest damage is.
 */
export function nextRecord(
  bytes: Buffer,
  after: number,
  wanted: (record: Record) => boolean,
): Record | 'unclear' | undefined {
  let left = 4 * bytes.length + 65_536
  for (let at = (after + 8) & ~7; at + HEADER_BYTES <= bytes.length; at += 8) {
    if (!couldBeRecord(bytes, at)) continue
    left -= bytes.readUInt32BE(at)
    if (left < 0) return 'unclear'
    const found = readRecord(bytes, at)
    if (found && wanted(found)) return found
  }
  return undefined
}

const ZEROS = Buffer.alloc(1_048_576)
