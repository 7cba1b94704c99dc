import { LIMITS } from '../../../model/index.ts'

/** One server-sent event; MCP uses its data only. */
export interface SseEvent {
  readonly data: string
}

/**
 * Splits a stream of server-sent events (WHATWG HTML, section 9.2.6) into whole events. The bytes come from an upstream:
 * an event larger than an answer may be, or bytes that are not UTF-8, throw a `RangeError` or `TypeError`.
 */
export class SseReader {
  #decoder = new TextDecoder('utf-8', { fatal: true })
  /** The line that has not ended yet, as it came: a byte at a time must not cost a copy of the line each. */
  #parts: string[] = []
  #data: string[] = []
  /** Characters held in both. */
  #held = 0
  /** The last chunk ended in CR: an LF that follows belongs to it. */
  #skipLineFeed = false

  push(chunk: Uint8Array): readonly SseEvent[] {
    const text = this.#decoder.decode(chunk, { stream: true })
    const events: SseEvent[] = []
    let from = this.#skipLineFeed && text.charCodeAt(0) === LF ? 1 : 0
    if (text !== '') this.#skipLineFeed = false
    for (let end = endOfLine(text, from); end !== -1; end = endOfLine(text, from)) {
      this.#parts.push(text.slice(from, end))
      const event = this.#line(this.#parts.join(''))
      this.#parts = []
      if (event !== undefined) events.push(event)
      from = end + 1
      if (text.charCodeAt(end) !== CR) continue
      if (from === text.length) this.#skipLineFeed = true
      else if (text.charCodeAt(from) === LF) from++
    }
    if (from < text.length) this.#parts.push(text.slice(from))
    this.#held += text.length
    if (this.#held > LIMITS.answerBytesMax) throw new RangeError('an event is too large')
    return events
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

function endOfLine(text: string, from: number): number {
  for (let i = from; i < text.length; i++) {
    const code = text.charCodeAt(i)
    if (code === LF || code === CR) return i
  }
  return -1
}
