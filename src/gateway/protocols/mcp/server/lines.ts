import { GrowingBytes } from '../../../fairness/growing-bytes.ts'

const LINE_FEED = 0x0a

/** Bytes of a line that is too long that are passed over until its end. */
const PASSED_BYTES_MAX = 67_108_864

/** The beginning of a line that is longer than it may be. */
export interface TooLong {
  readonly begins: Uint8Array
}

/**
 * Splits bytes into lines, without the line feed. Of a line that is longer than it may be only its beginning is told,
 * as soon as that is known, and what follows of it is passed over; `undefined` for good where it does not end either. Empty
 * lines are none.
 */
export class LineReader {
  readonly #bytesMax: number
  readonly #passedMax: number
  /** The line that has not ended yet. */
  readonly #rest = new GrowingBytes()
  /** Bytes of a line that is too long, which are not kept; undefined in all other lines. */
  #passed: number | undefined

  constructor(bytesMax: number, passedMax: number = PASSED_BYTES_MAX) {
    this.#bytesMax = bytesMax
    this.#passedMax = passedMax
  }

  push(chunk: Uint8Array): readonly (Uint8Array | TooLong)[] | undefined {
    const lines: (Uint8Array | TooLong)[] = []
    let from = 0
    for (let end = chunk.indexOf(LINE_FEED); end !== -1; end = chunk.indexOf(LINE_FEED, from)) {
      if (end === from && this.#rest.length === 0 && this.#passed === undefined) {
        from++
        continue
      }
      const tooLong = this.#take(chunk.subarray(from, end))
      if (tooLong !== undefined) lines.push(tooLong)
      if (this.#passed === undefined) lines.push(this.#rest.take())
      this.#passed = undefined
      from = end + 1
    }
    const tooLong = this.#take(chunk.subarray(from))
    if (tooLong !== undefined) lines.push(tooLong)
    return (this.#passed ?? 0) > this.#passedMax ? undefined : lines
  }

  /** Takes a part of a line; returns how the line begins, when it has just become too long. */
  #take(part: Uint8Array): TooLong | undefined {
    if (this.#passed !== undefined) {
      this.#passed += part.length
      return undefined
    }
    if (this.#rest.length + part.length <= this.#bytesMax) {
      this.#rest.push(part)
      return undefined
    }
    this.#passed = part.length
    // Its beginning is in what came before, if anything came.
    return { begins: this.#rest.length > 0 ? this.#rest.take() : part }
  }
}
