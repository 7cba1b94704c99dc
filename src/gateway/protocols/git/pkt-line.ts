import { Buffer } from 'node:buffer'
import { no, ok, type Result } from '../../../model/index.ts'

/** One packet of git's wire (gitprotocol-common, "pkt-line format"). */
export type Pkt =
  | { readonly kind: 'data'; readonly bytes: Uint8Array }
  | { readonly kind: 'flush' }
  | { readonly kind: 'delimiter' }
  | { readonly kind: 'response-end' }

/** Bytes of one packet, its length of four digits included (gitprotocol-common). */
export const PKT_BYTES_MAX = 65_520

/**
 * Reads packets out of bytes that come in pieces, however they are cut. It holds one packet and what came with it; a
 * problem is its last word.
 */
export class PktReader {
  #held = Buffer.alloc(0)
  #from = 0
  #to = 0
  #read = 0
  readonly #bytesMax: number
  #problem: string | undefined

  /** `bytesMax`: of all packets together. */
  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax
  }

  /** Takes a piece, and copies it. */
  push(piece: Uint8Array): void {
    const length = this.#to - this.#from
    if (this.#to + piece.length > this.#held.length) {
      const needed = length + piece.length
      const room = needed > this.#held.length / 2 ? Buffer.allocUnsafeSlow(Math.max(256, 2 * needed)) : this.#held
      this.#held.copy(room, 0, this.#from, this.#to)
      this.#held = room
      this.#from = 0
      this.#to = length
    }
    this.#held.set(piece, this.#to)
    this.#to += piece.length
  }

  /** Returns the next packet; undefined while it is not here whole. The error says what is wrong with it. */
  next(): Result<Pkt | undefined, string> {
    if (this.#problem !== undefined) return no(this.#problem)
    if (this.#to - this.#from < 4) return ok(undefined)
    const digits = this.#held.toString('latin1', this.#from, this.#from + 4)
    if (!/^[0-9a-f]{4}$/.test(digits)) return this.#fault('a packet has no length of four digits')
    const length = Number.parseInt(digits, 16)
    const special = SPECIAL[length]
    if (special === undefined && length <= 4) return this.#fault(`a packet has the length ${digits}, which none has`)
    if (length > PKT_BYTES_MAX) return this.#fault(`a packet has more than ${PKT_BYTES_MAX} bytes`)
    const bytes = Math.max(4, length)
    if (this.#read + bytes > this.#bytesMax) return this.#fault(`its packets have more than ${this.#bytesMax} bytes`)
    if (this.#to - this.#from < bytes) return ok(undefined)
    const from = this.#from + 4
    this.#from += bytes
    this.#read += bytes
    if (special !== undefined) return ok(special)
    return ok({ kind: 'data', bytes: Uint8Array.prototype.slice.call(this.#held, from, this.#from) })
  }

  /** Bytes that are here and not read. */
  get waiting(): number {
    return this.#to - this.#from
  }

  /** Takes out what has come after the packets that were read. */
  rest(): Uint8Array {
    const rest = Uint8Array.prototype.slice.call(this.#held, this.#from, this.#to)
    this.#held = Buffer.alloc(0)
    this.#from = 0
    this.#to = 0
    return rest
  }

  #fault(problem: string): Result<never, string> {
    this.#problem = problem
    this.rest()
    return no(problem)
  }
}

const SPECIAL: Readonly<Record<number, Pkt>> = {
  0: { kind: 'flush' },
  1: { kind: 'delimiter' },
  2: { kind: 'response-end' },
}

/** Returns the text of a packet without the line's end that it may have; undefined where it is no UTF-8 or has controls. */
export function pktText(bytes: Uint8Array): string | undefined {
  const text = utf8In(bytes)?.replace(/\n$/, '')
  return text === undefined || /\p{Cc}/u.test(text) ? undefined : text
}

/** Returns bytes as text; undefined where they are no UTF-8. */
function utf8In(bytes: Uint8Array): string | undefined {
  try {
    return UTF8.decode(bytes)
  } catch {
    return undefined
  }
}

const UTF8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** Returns a packet with these bytes. @throws {RangeError} where they are more than a packet has, or none. */
export function pkt(data: string | Uint8Array): Uint8Array {
  const bytes = typeof data === 'string' ? Buffer.from(data) : data
  if (bytes.length === 0 || bytes.length + 4 > PKT_BYTES_MAX)
    throw new RangeError(`no packet has ${bytes.length} bytes`)
  return Buffer.concat([Buffer.from((bytes.length + 4).toString(16).padStart(4, '0'), 'latin1'), bytes])
}

/** Ends a list of packets. */
export const FLUSH: Uint8Array = Buffer.from('0000')
/** Stands between two parts of a message of version 2. */
export const DELIMITER: Uint8Array = Buffer.from('0001')

/** Returns packets of a band (1 data, 2 words for a person, 3 a fatal error), so many as the bytes need. */
export function sideband(band: 1 | 2 | 3, data: Uint8Array): Uint8Array {
  const most = PKT_BYTES_MAX - 5
  const pkts: Uint8Array[] = []
  for (let at = 0; at < data.length; at += most)
    pkts.push(pkt(Buffer.concat([Uint8Array.of(band), data.subarray(at, at + most)])))
  return Buffer.concat(pkts)
}
