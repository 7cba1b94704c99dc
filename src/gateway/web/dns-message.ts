import { Buffer } from 'node:buffer'
import { no, ok, type Result } from '../../model/index.ts'
import { isHostName } from '../origins/origin.ts'

/** A question of a cell's program (RFC 1035, 4.1.2). */
export interface DnsQuestion {
  readonly id: number
  /** True where the program asks that its resolver looks further (RD); the answer repeats it. */
  readonly wantsRecursion: boolean
  /** The name in lower case without the last dot; undefined of one that is no host's. */
  readonly name: string | undefined
  readonly type: number
  /** The question as it was written, which the answer repeats: resolvers compare its letters' case. */
  readonly bytes: Uint8Array
}

/** A question that is answered with a code alone. */
export interface DnsFault {
  readonly id: number
  readonly code: DnsCode
}

/** Response codes (RFC 1035, 4.1.1). */
export const DNS_CODES = { done: 0, malformed: 1, failed: 2, 'no-such-name': 3, unknown: 4 } as const
export type DnsCode = keyof typeof DNS_CODES

/** Types of records that are told apart (RFC 1035, 3.2.2). */
export const DNS_TYPES = { A: 1, ANY: 255 } as const

const HEADER_BYTES = 12
const CLASS_IN = 1
/** Bytes of a name, its lengths included (RFC 1035, 2.3.4). */
const NAME_BYTES_MAX = 255
const LABEL_BYTES_MAX = 63

/**
 * Reads one question. What follows it (EDNS, signatures) is not looked at. Returns undefined of what gets no answer at
 * all: too short for a header, or itself an answer.
 */
export function readDnsQuestion(message: Uint8Array): Result<DnsQuestion, DnsFault | undefined> {
  const bytes = Buffer.from(message.buffer, message.byteOffset, message.byteLength)
  if (bytes.length < HEADER_BYTES) return no(undefined)
  const id = bytes.readUInt16BE(0)
  const flags = bytes.readUInt16BE(2)
  if ((flags & 0x8000) !== 0) return no(undefined)
  if (((flags >> 11) & 0xf) !== 0) return no({ id, code: 'unknown' })
  if (bytes.readUInt16BE(4) !== 1) return no({ id, code: 'malformed' })
  const labels: string[] = []
  let at = HEADER_BYTES
  for (;;) {
    const length = bytes[at]
    // A pointer (its two highest bits) has nothing to point at in the first name of a message.
    if (length === undefined || length > LABEL_BYTES_MAX) return no({ id, code: 'malformed' })
    at++
    if (length === 0) break
    if (at + length > bytes.length || at + length - HEADER_BYTES >= NAME_BYTES_MAX) return no({ id, code: 'malformed' })
    labels.push(bytes.toString('latin1', at, at + length))
    at += length
  }
  if (at + 4 > bytes.length) return no({ id, code: 'malformed' })
  const type = bytes.readUInt16BE(at)
  if (bytes.readUInt16BE(at + 2) !== CLASS_IN) return no({ id, code: 'unknown' })
  const name = labels.join('.').toLowerCase()
  return ok({
    id,
    wantsRecursion: (flags & 0x0100) !== 0,
    // A label with a dot in it would read as two.
    name: labels.every((label) => !label.includes('.')) && isHostName(name) ? name : undefined,
    type,
    bytes: bytes.subarray(HEADER_BYTES, at + 4),
  })
}

/** Returns the answer to a question: addresses of its name, or none, and a code. */
export function dnsAnswer(
  { id, wantsRecursion, bytes }: DnsQuestion,
  code: DnsCode,
  addresses: readonly string[] = [],
): Uint8Array {
  const header = headerOf(id, code, wantsRecursion, addresses.length)
  header.writeUInt16BE(1, 4)
  const records = addresses.map((address) => {
    const record = Buffer.alloc(16)
    record.writeUInt16BE(0xc000 | HEADER_BYTES, 0) // the name of the question
    record.writeUInt16BE(DNS_TYPES.A, 2)
    record.writeUInt16BE(CLASS_IN, 4)
    record.writeUInt32BE(KEPT_SECONDS, 6)
    record.writeUInt16BE(4, 10)
    for (const [i, part] of address.split('.').entries()) record[12 + i] = Number(part)
    return record
  })
  return Buffer.concat([header, bytes, ...records])
}

/** Returns the answer to what is no question. */
export function dnsFaultAnswer({ id, code }: DnsFault): Uint8Array {
  return headerOf(id, code, false, 0)
}

/**
 * Seconds for which a program may keep an address. It stays the name's while its gateway lives; the next one has
 * others.
 */
const KEPT_SECONDS = 30

function headerOf(id: number, code: DnsCode, wantsRecursion: boolean, answers: number): Buffer {
  const header = Buffer.alloc(HEADER_BYTES)
  header.writeUInt16BE(id, 0)
  // An answer (QR), of a resolver that looks further (RA).
  header.writeUInt16BE(0x8080 | (wantsRecursion ? 0x0100 : 0) | DNS_CODES[code], 2)
  header.writeUInt16BE(answers, 6)
  return header
}
