import { Buffer } from 'node:buffer'

const LINE_FEED = 0x0a

/** Splits bytes into lines, without the line feed; `undefined` for good once a line is longer than it may be. */
export class LineReader {
  readonly #bytesMax: number
  #parts: Uint8Array[] = []
  #held = 0

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax
  }

  push(chunk: Uint8Array): readonly Uint8Array[] | undefined {
    const lines: Uint8Array[] = []
    let from = 0
    for (let end = chunk.indexOf(LINE_FEED); end !== -1; end = chunk.indexOf(LINE_FEED, from)) {
      const part = chunk.subarray(from, end)
      if (this.#held + part.length > this.#bytesMax) return undefined
      lines.push(this.#parts.length === 0 ? part : Buffer.concat([...this.#parts, part]))
      this.#parts = []
      this.#held = 0
      from = end + 1
    }
    if (from < chunk.length) {
      this.#parts.push(chunk.subarray(from))
      this.#held += chunk.length - from
    }
    return this.#held > this.#bytesMax ? undefined : lines
  }
}
