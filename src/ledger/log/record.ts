import { crc32 } from 'node:zlib'

/**
 * Records, of which a segment is made: each is a header of 24 bytes, a body, and zeros up to the next multiple of 8.
 *
 *     0  u32  bytes of the body            15  u48  seq: the entry's own, or the log's size where the record stands
 *     4  u32  CRC-32 of bytes 8 to the     21  u24  zero
 *             body's end, begun with the   24       the body
 *             body's length
 *     8  u8   kind
 *     9  u48  batch: counts the syncs of this log
 *
 * Byte 23 is always zero, so that bytes 23 to the end of an entry are exactly what RFC 6962 hashes as a leaf.
 *
 * All records of one batch are made durable together, the next batch is written only after that, and a `commit` ends
 * each: so damage can be honest (a torn write before a power loss) only in the last batch, and anywhere else it is not.
 */
export type RecordKind = 'segment' | 'entry' | 'payload' | 'commit'

export interface Record {
  readonly kind: RecordKind
  readonly batch: number
  readonly seq: number
  readonly body: Uint8Array
  /** Byte offset in its segment. */
  readonly at: number
  readonly end: number
}

export const HEADER_BYTES = 24
const KINDS: readonly RecordKind[] = ['segment', 'entry', 'payload', 'commit']

export function recordBytes(bodyBytes: number): number {
  return (HEADER_BYTES + bodyBytes + 7) & ~7
}

/** The body must already stand at `at + HEADER_BYTES`, and the padding be zero. */
export function sealRecord(into: Buffer, at: number, kind: RecordKind, batch: number, seq: number, bodyBytes: number) {
  into.writeUInt32BE(bodyBytes, at)
  into[at + 8] = KINDS.indexOf(kind) + 1
  writeUInt48(into, at + 9, batch)
  writeUInt48(into, at + 15, seq)
  into[at + 21] = 0
  into[at + 22] = 0
  into[at + 23] = 0
  into.writeUInt32BE(crc32(into.subarray(at + 8, at + HEADER_BYTES + bodyBytes), bodyBytes), at + 4)
}

export function record(kind: RecordKind, batch: number, seq: number, body: Uint8Array): Buffer {
  const bytes = Buffer.alloc(recordBytes(body.length))
  bytes.set(body, HEADER_BYTES)
  sealRecord(bytes, 0, kind, batch, seq, body.length)
  return bytes
}

/** Reads the record at a place; undefined for anything but a whole, undamaged one: zeros, a torn one, a flipped bit. */
export function readRecord(bytes: Buffer, at: number): Record | undefined {
  if (at + HEADER_BYTES > bytes.length) return undefined
  const bodyBytes = bytes.readUInt32BE(at)
  const bodyEnd = at + HEADER_BYTES + bodyBytes
  const end = at + recordBytes(bodyBytes)
  const kind = KINDS[(bytes[at + 8] ?? 0) - 1]
  if (!kind || !couldBeRecord(bytes, at)) return undefined
  if (bytes.readUInt32BE(at + 4) !== crc32(bytes.subarray(at + 8, bodyEnd), bodyBytes)) return undefined
  for (let i = bodyEnd; i < end; i++) if (bytes[i] !== 0) return undefined
  const [batch, seq] = [bytes.readUIntBE(at + 9, 6), bytes.readUIntBE(at + 15, 6)]
  return { kind, batch, seq, body: bytes.subarray(at + HEADER_BYTES, bodyEnd), at, end }
}

/**
 * Tells whether a record could begin here, by its header alone, which anybody can write: only the CRC over its whole
 * body says more.
 */
export function couldBeRecord(bytes: Buffer, at: number): boolean {
  if (at + HEADER_BYTES > bytes.length) return false
  const bodyBytes = bytes.readUInt32BE(at)
  const kind = KINDS[(bytes[at + 8] ?? 0) - 1]
  if (kind === undefined || at + recordBytes(bodyBytes) > bytes.length || bodyBytes > bytes.length) return false
  return bytes.readUIntBE(at + 21, 3) === 0 && (kind !== 'payload' || bodyBytes >= PAYLOAD_BODY_BYTES_MIN)
}

/** Bytes before a payload's own: its cell, key, commitment and place; see payloads.ts. */
export const PAYLOAD_BODY_BYTES_MIN = 62

/** The bytes that RFC 6962 hashes for this leaf: 0x00 and the entry. */
export function leafBytes(bytes: Buffer, at: number, bodyBytes: number): Buffer {
  return bytes.subarray(at + HEADER_BYTES - 1, at + HEADER_BYTES + bodyBytes)
}

function writeUInt48(into: Buffer, at: number, value: number): void {
  into.writeUInt16BE(Math.floor(value / 2 ** 32), at)
  into.writeUInt32BE(value % 2 ** 32, at + 2)
}
