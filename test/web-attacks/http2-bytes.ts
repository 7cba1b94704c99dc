/** Bytes of HTTP/2 as no client writes them: what a header block may not hold is in it all the same. */
import { Buffer } from 'node:buffer'

/** The connection preface of a client (RFC 9113, 3.4). */
export const PREFACE: Buffer = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n')
const HEADERS = 1
const RST_STREAM = 3
const SETTINGS = 4
const END_STREAM = 1
const END_HEADERS = 4

/** Returns one frame (RFC 9113, 4.1). */
export function frame(type: number, flags: number, stream: number, body: Uint8Array): Buffer {
  const head = Buffer.alloc(9)
  head.writeUIntBE(body.length, 0, 3)
  head[3] = type
  head[4] = flags
  head.writeUInt32BE(stream, 5)
  return Buffer.concat([head, body])
}

/** Returns a string literal of HPACK without Huffman codes (RFC 7541, 5.2). */
function literal(text: string): Buffer {
  const bytes = Buffer.from(text, 'latin1')
  if (bytes.length < 127) return Buffer.from([bytes.length, ...bytes])
  const more: number[] = []
  let left = bytes.length - 127
  for (; left >= 128; left >>= 7) more.push((left & 127) | 128)
  return Buffer.from([127, ...more, left, ...bytes])
}

/** Returns a connection with one request: the headers as they stand, each as a literal, and the body in one frame. */
export function http2Bytes(headers: readonly (readonly [name: string, value: string])[], body: string): Buffer {
  const block = Buffer.concat(
    headers.map(([name, value]) => Buffer.concat([Buffer.from([0]), literal(name), literal(value)])),
  )
  const hasBody = body !== ''
  return Buffer.concat([
    PREFACE,
    frame(SETTINGS, 0, 0, Buffer.alloc(0)),
    frame(HEADERS, END_HEADERS | (hasBody ? 0 : END_STREAM), 1, block),
    ...(hasBody ? [frame(0, END_STREAM, 1, Buffer.from(body, 'latin1'))] : []),
  ])
}

/** Frames of a server, as far as the attacks need them: statuses that stand in the static table, and streams that it reset. */
export interface Http2Heard {
  readonly statuses: readonly string[]
  readonly resets: number
}

/** Indices of the static table that hold a status (RFC 7541, appendix A). */
const STATUSES: Readonly<Record<number, string>> = {
  8: '200',
  9: '204',
  10: '206',
  11: '304',
  12: '400',
  13: '404',
  14: '500',
}

/** Reads what a server has said, one byte a character. */
export function connectionOf(heard: string): Http2Heard {
  const bytes = Buffer.from(heard, 'latin1')
  const statuses: string[] = []
  let resets = 0
  for (let at = 0; at + 9 <= bytes.length; ) {
    const length = bytes.readUIntBE(at, 3)
    const type = bytes[at + 3]
    const first = bytes[at + 9] ?? 0
    if (type === HEADERS) statuses.push((first & 0x80) !== 0 ? (STATUSES[first & 0x7f] ?? 'other') : 'other')
    if (type === RST_STREAM) resets++
    at += 9 + length
  }
  return { statuses, resets }
}
