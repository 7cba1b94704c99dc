import { Buffer } from 'node:buffer'
import type { WebReply } from '../../web/web-request.ts'

/** An answer by which a provider says that it did not do what it was asked. */
export interface ProviderRefusal {
  readonly status: number
  readonly headers: readonly (readonly [name: string, value: string])[]
  readonly body: Uint8Array
}

/** Bytes of a refusal; providers need a few hundred. */
const REFUSAL_BYTES_MAX = 65_536

/**
 * Shows a cell what a provider answers, but for what it says of its account: an organisation, a project, the ends of a key. A
 * refusal is held until it is whole, since these stand in its sentences; nothing of it is shown before `take`.
 */
export class ToldReply implements WebReply {
  readonly #reply: WebReply
  #held: { readonly head: Omit<ProviderRefusal, 'body'>; readonly pieces: Uint8Array[]; bytes: number } | undefined
  #whole = false

  constructor(reply: WebReply) {
    this.#reply = reply
  }

  get gone(): AbortSignal {
    return this.#reply.gone
  }

  get hasBegun(): boolean {
    return this.#held !== undefined || this.#reply.hasBegun
  }

  get hasEnough(): boolean {
    return this.#held !== undefined && this.#held.bytes > REFUSAL_BYTES_MAX
  }

  begin(status: number, headers: ProviderRefusal['headers']): boolean {
    const told = headers.filter(([name]) => !OF_ACCOUNT.test(name))
    if (status < 400) return this.#reply.begin(status, told)
    if (this.hasBegun) return false
    this.#held = { head: { status, headers: told }, pieces: [], bytes: 0 }
    return true
  }

  write(piece: Uint8Array): boolean {
    if (this.#held === undefined) return this.#reply.write(piece)
    this.#held.bytes += piece.length
    if (this.#held.bytes <= REFUSAL_BYTES_MAX) this.#held.pieces.push(piece)
    return true
  }

  drained(then: () => void): void {
    if (this.#held === undefined) this.#reply.drained(then)
    else then()
  }

  end(): void {
    if (this.#held === undefined) this.#reply.end()
    else this.#whole = true
  }

  cut(): void {
    if (this.#held === undefined) this.#reply.cut()
  }

  refuse(status: number, sentence: string, reference?: string): void {
    this.#reply.refuse(status, sentence, reference)
  }

  /** Returns a refusal that came whole, as a cell may be told it. */
  take(): ProviderRefusal | undefined {
    if (this.#held === undefined || !this.#whole || this.hasEnough) return undefined
    const { head, pieces } = this.#held
    // As bytes, each a character: what is put in has none that is more than one.
    const body = Buffer.from(withoutAccount(Buffer.concat(pieces).toString('latin1')), 'latin1')
    const headers = head.headers.filter(([name]) => name !== 'content-length')
    return { ...head, headers: [...headers, ['content-length', String(body.length)]], body }
  }
}

/** Headers that name whoever pays. */
const OF_ACCOUNT = /(?:^|-)(?:organi[sz]ation|org|project|account|workspace|tenant|customer|user)(?:-|$)/i

/** Names of accounts as providers write them into sentences, and keys of which they show both ends. */
const IN_SENTENCES: readonly RegExp[] = [
  /[\w-]{0,64}\*{3,256}[\w-]{0,64}/g,
  /\b(?:org|proj|wrkspc|acct|cust|user)[-_](?=[A-Za-z]*\d)[A-Za-z0-9]{6,64}\b/g,
  /\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b/gi,
  /\bprojects?(?:\/|_number:|_id:)[\w-]{4,64}/g,
]

function withoutAccount(text: string): string {
  return IN_SENTENCES.reduce((all, each) => all.replaceAll(each, '(not told)'), text)
}
