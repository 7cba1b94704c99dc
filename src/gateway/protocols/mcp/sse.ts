import { Buffer, isUtf8 } from 'node:buffer'
import { LIMITS } from '../../../model/index.ts'
import { GrowingBytes } from '../../fairness/growing-bytes.ts'

/** One server-sent event; MCP uses its data only. */
export interface SseEvent {
  readonly data: string
}

/**
 * Splits a stream of server-sent events (WHATWG HTML, section 9.2.6) into whole events, in time that is linear in its
 * bytes: of what is no data nothing is made. The bytes come from an upstream: an event larger than an answer may be, or
 * bytes that are not UTF-8, throw a `RangeError` or `TypeError`.
 */
export class SseReader {
  /** The line that has not ended yet: a byte at a time must not cost more than a byte each. */
  readonly #rest = new GrowingBytes()
  #data: string[] = []
  /** Bytes of the event that has not ended yet, without the line that has not. */
  #held = 0
  #passed = 0
  /** The last chunk ended in CR: an LF that follows belongs to it. */
  #skipLineFeed = false
  #begun = false

  /** Memory that it takes. */
  get held(): number {
    return this.#rest.capacity + this.#held
  }

  /** Bytes that came since its last event and belong to none: comments, and lines that have nothing in them. */
  get passed(): number {
    return this.#passed
  }

  push(chunk: Uint8Array): readonly SseEvent[] {
    const events: SseEvent[] = []
    if (chunk.length === 0) return events
    const from = this.#skipLineFeed && chunk[0] === LF ? 1 : 0
    this.#passed += from
    const to = Math.max(chunk.lastIndexOf(LF), chunk.lastIndexOf(CR)) + 1
    this.#skipLineFeed = chunk[chunk.length - 1] === CR
    if (to > from) {
      this.#rest.push(chunk.subarray(from, to))
      this.#readLines(this.#rest.take(), events)
    }
    this.#rest.push(chunk.subarray(Math.max(from, to)))
    this.#checkSize(this.#rest.length)
    return events
  }

  /** Reads lines that have all ended. A line never ends within a character of UTF-8. */
  #readLines(lines: Uint8Array, events: SseEvent[]): void {
    if (!isUtf8(lines)) throw new TypeError('an event is not UTF-8')
    const text = Buffer.from(lines.buffer, lines.byteOffset, lines.length)
    let from = this.#begun || !MARK.every((byte, i) => lines[i] === byte) ? 0 : MARK.length
    this.#begun = true
    // The next of each kind: looked for anew at each line, the other kind would be looked for to the end each time.
    let lineFeed = lines.indexOf(LF, from)
    let carriageReturn = lines.indexOf(CR, from)
    while (from < lines.length) {
      const isCarriageReturn = carriageReturn !== -1 && (lineFeed === -1 || carriageReturn < lineFeed)
      const end = isCarriageReturn ? carriageReturn : lineFeed
      const next = isCarriageReturn && lineFeed === end + 1 ? end + 2 : end + 1
      this.#held += next - from
      this.#checkSize(0)
      if (end > from) this.#line(text, from, end)
      else this.#dispatch(events)
      from = next
      if (lineFeed !== -1 && lineFeed < from) lineFeed = lines.indexOf(LF, from)
      if (carriageReturn !== -1 && carriageReturn < from) carriageReturn = lines.indexOf(CR, from)
    }
  }

  #checkSize(more: number): void {
    if (this.#held + more > LIMITS.answerBytesMax) throw new RangeError('an event is too large')
  }

  #line(text: Buffer, from: number, end: number): void {
    if (!DATA.every((byte, i) => text[from + i] === byte)) return
    const at = from + DATA.length
    this.#data.push(text.toString('utf8', text[at] === SPACE ? at + 1 : at, end))
  }

  #dispatch(events: SseEvent[]): void {
    const data = this.#data.length > 1 ? this.#data.join('\n') : this.#data[0]
    if (data !== undefined) this.#data = []
    // An event without text is how a server opens a stream that a client could resume.
    const isEvent = data !== undefined && data !== ''
    this.#passed = isEvent ? 0 : this.#passed + this.#held
    this.#held = 0
    if (isEvent) events.push({ data })
  }
}

/** JSON has no line breaks outside its escapes, so that one `data` line always holds it. */
export function sseText(json: string): string {
  return `event: message\ndata: ${json}\n\n`
}

const CR = 0x0d
const LF = 0x0a
const SPACE = 0x20
const MARK = [0xef, 0xbb, 0xbf]
const DATA = [0x64, 0x61, 0x74, 0x61, 0x3a]
