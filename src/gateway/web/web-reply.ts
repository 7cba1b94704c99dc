import { Buffer } from 'node:buffer'
import type { WebReply } from './web-request.ts'

/** Header of a refusal: the reference under which its owner finds why. */
export const REFERENCE_HEADER = 'firebreak-reference'

/** Headers that stand between two hops (RFC 9110, 7.6.1): ours are our own. */
const HOP: ReadonlySet<string> = new Set([
  ...['connection', 'keep-alive', 'proxy-connection', 'te', 'trailer', 'transfer-encoding', 'upgrade'],
  ...['proxy-authenticate', 'proxy-authentication-info', 'alt-svc', 'http2-settings'],
])

/** The reason of a signal that nobody reads: without one, each is an error of its own, with a stack. */
const GONE = 'gone'

/** The part of Node's writers of HTTP/1.1 and of HTTP/2 that both have. */
export interface NodeResponse {
  readonly headersSent: boolean
  /** The reason phrase, which HTTP/2 has not. */
  statusMessage?: string
  setHeader(name: string, value: string | readonly string[]): unknown
  removeHeader(name: string): void
  writeHead(status: number): unknown
  write(piece: Uint8Array): boolean
  end(): unknown
  /** Absent where `writeHead` sends at once. */
  flushHeaders?(): void
  once(event: 'close' | 'drain', listener: () => void): unknown
  off(event: 'drain', listener: () => void): unknown
}

/** An answer over HTTP/1.1 or HTTP/2. */
export class NodeReply implements WebReply {
  readonly #response: NodeResponse
  readonly #destroy: () => void
  readonly #onWhole: () => void
  readonly #gone = new AbortController()
  #isRefused = false

  /** `destroy` ends the connection, or of HTTP/2 the stream, at once; `onWhole` hears that all of the answer is on its way. */
  constructor(response: NodeResponse, destroy: () => void, onWhole: () => void = () => undefined) {
    this.#response = response
    this.#destroy = destroy
    this.#onWhole = onWhole
    response.once('close', () => this.#gone.abort(GONE))
  }

  get gone(): AbortSignal {
    return this.#gone.signal
  }

  get hasBegun(): boolean {
    return this.#response.headersSent
  }

  begin(status: number, headers: readonly (readonly [name: string, value: string])[]): boolean {
    if (this.#gone.signal.aborted || this.hasBegun) return false
    // An interim answer would be taken for none, and what comes after it for another one.
    if (!Number.isInteger(status) || status < 200) return false
    const hasNoLength = status === 204 || status === 205
    const all: Record<string, string[]> = Object.create(null)
    for (const [name, value] of headers) {
      const plain = name.toLowerCase()
      if (HOP.has(plain) || (hasNoLength && plain === 'content-length')) continue
      all[plain] = [...(all[plain] ?? []), value]
    }
    try {
      // As one list where it is one value: Node refuses two of what stands once.
      for (const [name, values] of Object.entries(all)) {
        const [first = '', ...more] = values
        this.#response.setHeader(name, more.length === 0 ? first : values)
      }
      this.#response.writeHead(status)
      this.#response.flushHeaders?.()
      return true
    } catch {
      for (const name of Object.keys(all)) this.#response.removeHeader(name)
      return false
    }
  }

  write(piece: Uint8Array): boolean {
    return this.#gone.signal.aborted || this.#response.write(piece)
  }

  drained(then: () => void): void {
    const { signal } = this.#gone
    if (signal.aborted) return then()
    const once = () => {
      this.#response.off('drain', once)
      signal.removeEventListener('abort', once)
      then()
    }
    this.#response.once('drain', once)
    signal.addEventListener('abort', once, { once: true })
  }

  end(): void {
    this.#response.end()
    this.#onWhole()
  }

  cut(): void {
    this.#destroy()
  }

  refuse(status: number, sentence: string, reference?: string): void {
    // Whoever was refused has been told why, and reads that.
    if (this.#isRefused) return
    if (this.hasBegun) return this.cut()
    if (this.#gone.signal.aborted) return
    this.#isRefused = true
    // npm and pip show nothing else of an answer; RFC 9112, 4.
    if (!('stream' in this.#response)) this.#response.statusMessage = reasonOf(sentence)
    const text = Buffer.from(`${sentence}\n`)
    this.begin(status, [
      ['content-type', 'text/plain; charset=utf-8'],
      ['content-length', String(text.length)],
      ['cache-control', 'no-store'],
      ...(reference === undefined ? [] : [[REFERENCE_HEADER, reference] as const]),
    ])
    this.#response.write(text)
    this.end()
  }
}

/** Returns a sentence as a status line can hold it. */
function reasonOf(sentence: string): string {
  return sentence.replaceAll(/[^\x20-\x7e]/g, '?').slice(0, REASON_CHARACTERS_MAX)
}

const REASON_CHARACTERS_MAX = 500
