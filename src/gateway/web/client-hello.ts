import { Buffer } from 'node:buffer'
import { no, ok, type Result } from '../../model/index.ts'
import { isHostName } from '../origins/origin.ts'

/** The first message of a client that speaks TLS (RFC 8446, 4.1.2), as far as it says where it wants to go. */
export interface ClientHello {
  /** Name of the server in lower case (RFC 6066, 3); absent where the client names none. */
  readonly serverName?: string
  /** Protocols that it would speak inside (RFC 7301), in its order. */
  readonly protocols: readonly string[]
  /** True where the message came in several TLS records: whoever looks at the first one only would not see the name. */
  readonly isSplit: boolean
}

/** `more`: it has not come whole yet. Else why it is no such message, in words for whoever reads the ledger. */
export type HelloFault = { readonly kind: 'more' } | { readonly kind: 'not-tls' | 'unfit'; readonly problem: string }

/** Bytes of a first message: those of real clients have 261 to 2,023. */
export const HELLO_BYTES_MAX = 16_384

/** Records that a first message may come in: clients that cut it do so in two or three. */
const RECORDS_MAX = 8

const HANDSHAKE = 22
const CLIENT_HELLO = 1
const SERVER_NAME = 0
const HOST_NAME = 0
const ALPN = 16

/** Reads the first message of a connection from the bytes that have come so far, which are not taken away. */
export function readClientHello(bytes: Uint8Array): Result<ClientHello, HelloFault> {
  const message = messageIn(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength))
  if (!message.ok) return message
  const { body, isSplit } = message.value
  try {
    return helloIn(new Reader(body), isSplit)
  } catch (error) {
    if (!(error instanceof TooShort)) throw error
    return unfit('its first message ends too early')
  }
}

/** Puts the message together from the records that it came in. */
function messageIn(bytes: Buffer): Result<{ readonly body: Buffer; readonly isSplit: boolean }, HelloFault> {
  const parts: Buffer[] = []
  let have = 0
  let wanted: number | undefined
  for (let at = 0; ; ) {
    if (at < bytes.length && bytes[at] !== HANDSHAKE)
      return no({ kind: 'not-tls', problem: 'it does not begin as TLS does' })
    if (at + 1 < bytes.length && bytes[at + 1] !== 3)
      return no({ kind: 'not-tls', problem: 'it does not begin as TLS does' })
    if (at + 5 > bytes.length) return no({ kind: 'more' })
    const length = bytes.readUInt16BE(at + 3)
    if (length === 0 || length > HELLO_BYTES_MAX) return unfit('its first record has no length that one may have')
    const part = bytes.subarray(at + 5, at + 5 + length)
    if (parts.push(part) > RECORDS_MAX) return unfit('its first message comes in too many records')
    have += part.length
    if (wanted === undefined && have >= 4) {
      const head = Buffer.concat(parts).subarray(0, 4)
      if (head[0] !== CLIENT_HELLO) return no({ kind: 'not-tls', problem: 'it does not begin as a client does' })
      wanted = 4 + head.readUIntBE(1, 3)
      if (wanted > HELLO_BYTES_MAX) return unfit('its first message is too long')
    }
    if (wanted !== undefined && have >= wanted) {
      if (have > wanted) return unfit('another message follows in its first record')
      return ok({ body: Buffer.concat(parts).subarray(4), isSplit: parts.length > 1 })
    }
    if (part.length < length) return no({ kind: 'more' })
    at += 5 + length
  }
}

function helloIn(reader: Reader, isSplit: boolean): Result<ClientHello, HelloFault> {
  reader.take(2 + 32) // version, random
  reader.take(reader.number(1)) // session
  reader.take(reader.number(2)) // ciphers
  reader.take(reader.number(1)) // compressions
  let serverName: string | undefined
  let protocols: readonly string[] = []
  const met = new Set<number>()
  if (!reader.isOver) {
    const extensions = new Reader(reader.take(reader.number(2)))
    while (!extensions.isOver) {
      const type = extensions.number(2)
      const body = new Reader(extensions.take(extensions.number(2)))
      if (met.has(type)) return unfit('it says one thing twice')
      met.add(type)
      if (type === SERVER_NAME) {
        const named = serverNameIn(body)
        if (named === undefined) return unfit('the name of its server is none')
        serverName = named
      } else if (type === ALPN) protocols = protocolsIn(body)
    }
  }
  if (!reader.isOver) return unfit('something follows its first message')
  return ok({ ...(serverName !== undefined && { serverName }), protocols, isSplit })
}

/** Returns the one name in the list of names (RFC 6066, 3); undefined where there is another number of them, or none is a host's. */
function serverNameIn(body: Reader): string | undefined {
  const list = new Reader(body.take(body.number(2)))
  if (!body.isOver || list.number(1) !== HOST_NAME) return undefined
  const name = Buffer.from(list.take(list.number(2)))
    .toString('latin1')
    .toLowerCase()
  return list.isOver && isHostName(name) ? name : undefined
}

function protocolsIn(body: Reader): readonly string[] {
  const list = new Reader(body.take(body.number(2)))
  const names: string[] = []
  while (!list.isOver) names.push(Buffer.from(list.take(list.number(1))).toString('latin1'))
  return names
}

class TooShort extends Error {}

/** Bytes that are read from the front. @throws {TooShort} where there are fewer than are asked for. */
class Reader {
  #bytes: Uint8Array

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes
  }

  get isOver(): boolean {
    return this.#bytes.length === 0
  }

  take(bytes: number): Uint8Array {
    if (bytes > this.#bytes.length) throw new TooShort()
    const taken = this.#bytes.subarray(0, bytes)
    this.#bytes = this.#bytes.subarray(bytes)
    return taken
  }

  number(bytes: 1 | 2): number {
    const [high = 0, low = 0] = this.take(bytes)
    return bytes === 1 ? high : high * 256 + low
  }
}

function unfit(problem: string): Result<never, HelloFault> {
  return no({ kind: 'unfit', problem })
}
