import { GrowingBytes } from '../../growing-bytes.ts'

const LINE_FEED = 0x0a

/** Splits bytes into lines, without the line feed; `undefined` for good once a line is longer than it may be. */
export class LineReader {
  readonly #bytesMax: number
  /** The line that has not ended yet. */
  readonly #rest = new GrowingBytes()

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax
  }

  push(chunk: Uint8Array): readonly Uint8Array[] | undefined {
    const lines: Uint8Array[] = []
    let from = 0
    for (let end = chunk.indexOf(LINE_FEED); end !== -1; end = chunk.indexOf(LINE_FEED, from)) {
      const part = chunk.subarray(from, end)
      if (this.#rest.length + part.length > this.#bytesMax) return undefined
      this.#rest.push(part)
      lines.push(this.#rest.take())
      from = end + 1
    }
    this.#rest.push(chunk.subarray(from))
    return this.#rest.length > this.#bytesMax ? undefined : lines
  }
}
