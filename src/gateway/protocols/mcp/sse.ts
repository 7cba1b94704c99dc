import { LIMITS } from '../../../model/index.ts'
import { GrowingBytes } from '../../fairness/growing-bytes.ts'

/** One server-sent event; MCP uses its data only. */
export interface SseEvent {
  readonly data: string
}

/**
 * Splits a stream of server-sent events (WHATWG HTML, section 9.2.6) into whole events. The bytes come from an upstream:
 * an event larger than an answer may be, or bytes that are not UTF-8, throw a `RangeError` or `TypeError`.
 */
export class SseReader {
  /** The line that has not ended yet: a byte at a time must not cost more than a byte each. */
  readonly #rest = new GrowingBytes()
  #data: string[] = []
  /** Bytes of the event that has not ended yet. */
  #held = 0
  /** The last chunk ended in CR: an LF that follows belongs to it. */
  #skipLineFeed = false
  #begun = false

  /** Memory that it takes. */
  get held(): number {
    return this.#rest.capacity + this.#held
  }

  push(chunk: Uint8Array): readonly SseEvent[] {
    const events: SseEvent[] = []
    let from = this.#skipLineFeed && chunk[0] === LF ? 1 : 0
    if (chunk.length > 0) this.#skipLineFeed = false
    for (let end = endOfLine(chunk, from); end !== -1; end = endOfLine(chunk, from)) {
      this.#hold(chunk.subarray(from, end))
      const event = this.#line(this.#text())
      if (event !== undefined) events.push(event)
      from = end + 1
      if (chunk[end] !== CR) continue
      if (from === chunk.length) this.#skipLineFeed = true
      else if (chunk[from] === LF) from++
    }
    this.#hold(chunk.subarray(from))
    return events
  }

  #hold(bytes: Uint8Array): void {
    this.#held += bytes.length + 1
    if (this.#held > LIMITS.answerBytesMax) throw new RangeError('an event is too large')
    this.#rest.push(bytes)
  }

  /** A line never ends within a character of UTF-8. */
  #text(): string {
    const text = UTF8.decode(this.#rest.take())
    const whole = this.#begun || !text.startsWith('\ufeff') ? text : text.slice(1)
    this.#begun = true
    return whole
  }

  #line(line: string): SseEvent | undefined {
    if (line === '') return this.#dispatch()
    const colon = line.indexOf(':')
    const field = colon === -1 ? line : line.slice(0, colon)
    if (field !== 'data' || colon === -1) return undefined
    const value = line.slice(line.charCodeAt(colon + 1) === SPACE ? colon + 2 : colon + 1)
    this.#data.push(value)
    return undefined
  }

  #dispatch(): SseEvent | undefined {
    this.#held = 0
    if (this.#data.length === 0) return undefined
    const data = this.#data.join('\n')
    this.#data = []
    // An event without text is how a server opens a stream that a client could resume.
    return data === '' ? undefined : { data }
  }
}

/** JSON has no line breaks outside its escapes, so that one `data` line always holds it. */
export function sseText(json: string): string {
  return `event: message\ndata: ${json}\n\n`
}

const CR = 0x0d
const LF = 0x0a
const SPACE = 0x20

const UTF8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

function endOfLine(bytes: Uint8Array, from: number): number {
  const lineFeed = bytes.indexOf(LF, from)
  const carriageReturn = bytes.subarray(from, lineFeed === -1 ? bytes.length : lineFeed).indexOf(CR)
  return carriageReturn === -1 ? lineFeed : from + carriageReturn
}
