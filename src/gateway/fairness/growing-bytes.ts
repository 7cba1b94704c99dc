import { Buffer } from 'node:buffer'

/**
 * Bytes that arrive in pieces, kept in one place: a piece of one byte costs one byte, where a list of pieces costs a few
 * hundred. Whoever sends them chooses how they are cut.
 */
export class GrowingBytes {
  #held: Uint8Array = EMPTY
  /** The pieces were copied into a buffer of our own, which may be larger than what it holds. */
  #owned = false
  #length = 0

  get length(): number {
    return this.#length
  }

  /** Bytes of memory that are held. */
  get capacity(): number {
    return this.#held.length
  }

  push(piece: Uint8Array): void {
    if (piece.length === 0) return
    if (this.#length === 0 && !this.#owned) {
      // Most messages come in one piece, and are not copied.
      this.#held = piece
      this.#length = piece.length
      return
    }
    const length = this.#length + piece.length
    if (!this.#owned || length > this.#held.length) this.#grow(length)
    this.#held.set(piece, this.#length)
    this.#length = length
  }

  /** Returns the bytes, and holds nothing afterwards. */
  take(): Uint8Array {
    const bytes = this.#held.subarray(0, this.#length)
    this.#held = EMPTY
    this.#owned = false
    this.#length = 0
    return bytes
  }

  #grow(length: number): void {
    const grown = Buffer.allocUnsafeSlow(Math.max(BYTES_MIN, length, this.#held.length * 2))
    grown.set(this.#held.subarray(0, this.#length))
    this.#held = grown
    this.#owned = true
  }
}

const EMPTY = new Uint8Array(0)
const BYTES_MIN = 4_096
