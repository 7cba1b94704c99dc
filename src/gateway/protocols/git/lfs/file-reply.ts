import type { WebReply } from '../../../web/web-request.ts'

type Headers = readonly (readonly [name: string, value: string])[]

/** The head of an answer that is no file. */
export interface NoFile {
  readonly status: number
  /** The place to which its server sends whoever asks, as it came. */
  readonly location: string | undefined
  /** Headers that a cell is shown of it. */
  readonly headers: Headers
}

/**
 * Passes a file of LFS on, and the word that one has come. Any other answer is kept here: its words may be about the address
 * that was asked, with what signs it, and it may name another.
 */
export class FileReply implements WebReply {
  readonly gone: AbortSignal
  readonly #reply: WebReply
  #noFile: NoFile | undefined
  /** Bytes of what is kept from the cell. */
  #unshown = 0

  constructor(reply: WebReply) {
    this.gone = reply.gone
    this.#reply = reply
  }

  /** The answer that was kept; undefined while there is none. */
  get noFile(): NoFile | undefined {
    return this.#noFile
  }

  get hasBegun(): boolean {
    return this.#noFile !== undefined || this.#reply.hasBegun
  }

  get hasEnough(): boolean {
    return this.#unshown > UNSHOWN_BYTES_MAX
  }

  begin(status: number, headers: Headers): boolean {
    if (status >= 200 && status < 300) return this.#reply.begin(status, headers.filter(isNoAddress))
    const [, location] = headers.find(([name]) => name.toLowerCase() === 'location') ?? []
    this.#noFile = { status, location, headers: headers.filter(([name]) => name.toLowerCase() === 'retry-after') }
    return true
  }

  write(piece: Uint8Array): boolean {
    if (this.#noFile === undefined) return this.#reply.write(piece)
    this.#unshown += piece.length
    return true
  }

  drained(then: () => void): void {
    if (this.#noFile === undefined) this.#reply.drained(then)
    else then()
  }

  end(): void {
    if (this.#noFile === undefined) this.#reply.end()
  }

  cut(): void {
    if (this.#noFile === undefined) this.#reply.cut()
  }

  refuse(status: number, sentence: string, reference?: string): void {
    this.#reply.refuse(status, sentence, reference)
  }
}

/** Bytes of an answer that is no file before it is cut: servers write a page, which nobody reads. */
const UNSHOWN_BYTES_MAX = 65_536

function isNoAddress([name]: Headers[number]): boolean {
  return !ADDRESSES.has(name.toLowerCase())
}

/** Headers that name addresses. */
const ADDRESSES: ReadonlySet<string> = new Set(['location', 'content-location', 'refresh', 'link'])
