import { Buffer } from 'node:buffer'
import { StringDecoder } from 'node:string_decoder'
import type { Secrets } from './secrets.ts'

/** A piece of a stream after it was looked at. */
export type SearchedPiece =
  /** Bytes that may pass on. */
  | { readonly kind: 'pass'; readonly bytes: Uint8Array }
  /** The name of a secret that the stream holds: nothing more of it may pass on. */
  | { readonly kind: 'leak'; readonly secret: string }

/**
 * Looks for secrets in a stream (S10), piece by piece, wherever it is cut.
 *
 * - SS1  Of a secret no more than seven characters pass on, in any listed form, also within others: what may be the
 *        beginning of one waits for what comes next.
 * - SS2  Nothing else waits: a piece passes on in the tick in which it came.
 */
export class StreamSearch {
  readonly #secrets: Pick<Secrets, 'leak' | 'begun' | 'tail' | 'longest'>
  readonly #decoder = new StringDecoder('utf8')
  /** The end of what was looked at, in which a secret may have begun. */
  #before = ''
  /** Bytes that wait. */
  #held: Uint8Array = new Uint8Array()

  constructor(secrets: Pick<Secrets, 'leak' | 'begun' | 'tail' | 'longest'>) {
    this.#secrets = secrets
  }

  /** Looks at the next piece. */
  push(piece: Uint8Array): SearchedPiece {
    const longest = this.#secrets.longest()
    if (longest === 0) return { kind: 'pass', bytes: piece }
    return this.#look(this.#decoder.write(piece), this.#held.length === 0 ? piece : Buffer.concat([this.#held, piece]))
  }

  /** Ends the stream: what has waited passes on, if it may. */
  end(): SearchedPiece {
    const looked = this.#look(this.#decoder.end(), this.#held)
    if (looked.kind === 'leak') return looked
    const rest = this.#held
    this.#held = new Uint8Array()
    return { kind: 'pass', bytes: Buffer.concat([looked.bytes, rest]) }
  }

  #look(said: string, bytes: Uint8Array): SearchedPiece {
    const text = this.#before + said
    const secret = this.#secrets.leak(text)
    if (secret !== undefined) return { kind: 'leak', secret }
    this.#before = this.#secrets.tail(text)
    // A character has up to four bytes.
    const waits = Math.min(bytes.length, this.#secrets.begun(text) * 4)
    this.#held = bytes.subarray(bytes.length - waits)
    return { kind: 'pass', bytes: bytes.subarray(0, bytes.length - waits) }
  }
}
