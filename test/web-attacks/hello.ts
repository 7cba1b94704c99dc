/** First messages of clients of TLS (RFC 8446, 4.1.2), put together by hand, so that they may say what none would. */
import { Buffer } from 'node:buffer'

/** Parts of a message beside those that all have. */
export interface HelloParts {
  /** Names in its list of names, one byte a character. */
  readonly names?: readonly string[]
  /** Times that the list stands there. */
  readonly lists?: number
  /** Kind of the names: 0 is that of hosts. */
  readonly kind?: number
  /** Bytes of the message in each record; absent: all in one. */
  readonly recordBytes?: number
  /** Follows it in its last record. */
  readonly more?: string
}

function sized(bytes: number, ...parts: readonly Uint8Array[]): Buffer {
  const body = Buffer.concat(parts)
  const size = Buffer.alloc(bytes)
  size.writeUIntBE(body.length, 0, bytes)
  return Buffer.concat([size, body])
}

/** Returns the records of one message. */
export function clientHello({ names = [], lists = 1, kind = 0, recordBytes, more = '' }: HelloParts): Buffer {
  const list = sized(
    2,
    ...names.map((name) => Buffer.concat([Buffer.from([kind]), sized(2, Buffer.from(name, 'latin1'))])),
  )
  const serverName = Buffer.concat([Buffer.from([0, 0]), sized(2, list)])
  const extensions = sized(
    2,
    ...Array.from({ length: names.length === 0 ? 0 : lists }, () => serverName),
    // Groups, signatures, versions, and a key of one.
    Buffer.from('000a00040002001d' + '000d0006000404030804' + '002b0003020304', 'hex'),
    Buffer.from(`003300260024001d0020${'07'.repeat(32)}`, 'hex'),
  )
  const body = Buffer.concat([
    Buffer.from([3, 3]),
    Buffer.alloc(32, 5),
    Buffer.from('00000213010100', 'hex'),
    extensions,
  ])
  const message = Buffer.concat([Buffer.from([1]), sized(3, body), Buffer.from(more, 'latin1')])
  const records: Buffer[] = []
  for (let at = 0; at < message.length; at += recordBytes ?? message.length)
    records.push(
      Buffer.concat([Buffer.from([22, 3, 1]), sized(2, message.subarray(at, at + (recordBytes ?? message.length)))]),
    )
  return Buffer.concat(records)
}
