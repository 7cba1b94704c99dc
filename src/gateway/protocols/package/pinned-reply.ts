import { createHash, type Hash } from 'node:crypto'
import type { WebReply } from '../../web/web-request.ts'
import { readIntegrity } from './rules/package-policy.ts'

/** Bytes at the end of a file that wait until all of it is known: a smaller file is shown whole, or not at all. */
export const PINNED_BYTES_KEPT = 65_536

/**
 * Passes a file on that is pinned: its end comes where its digest is a pinned one, and else it is cut before that. It comes with
 * status 200, and words with one of an error: what leads elsewhere, or is a part, is none of them.
 */
export class PinnedReply implements WebReply {
  readonly gone: AbortSignal
  readonly #reply: WebReply
  readonly #pinned: readonly ReadonlySet<string>[]
  readonly #hashes: ReadonlyMap<string, Hash>
  readonly #kept: Uint8Array[] = []
  #keptBytes = 0
  readonly #hasBody: boolean
  /** False of an answer that says no, whose body is words, and of one that has no body. */
  #isFile = true
  #problem: string | undefined
  #onOther: ((why: string) => void) | undefined

  /** `pins`: for each reason to pin the file, the digests that it may have, of which it has to have one. */
  constructor(reply: WebReply, pins: readonly (readonly string[])[], method = 'GET') {
    this.gone = reply.gone
    this.#reply = reply
    this.#hasBody = method !== 'HEAD'
    this.#pinned = pins.map((each) => new Set(each.flatMap((text) => readIntegrity(text) ?? [])))
    const kinds = this.#pinned.flatMap((each) => [...each].map((digest) => digest.slice(0, digest.indexOf(':'))))
    this.#hashes = new Map(kinds.map((kind) => [kind, createHash(kind)]))
  }

  get hasBegun(): boolean {
    return this.#reply.hasBegun
  }

  get problem(): string | undefined {
    return this.#problem
  }

  /** Has a file that is another one told, before it is cut. */
  onOther(then: (why: string) => void): void {
    this.#onOther = then
  }

  begin(status: number, headers: readonly (readonly [name: string, value: string])[]): boolean {
    if (status !== 200 && status < 400) {
      this.#problem = `the registry answered with HTTP ${status}, and a pinned file comes with 200`
      this.#onOther?.(this.#problem)
      return false
    }
    this.#isFile = status === 200 && this.#hasBody
    return this.#reply.begin(status, headers)
  }

  write(piece: Uint8Array): boolean {
    if (!this.#isFile) return this.#reply.write(piece)
    for (const hash of this.#hashes.values()) hash.update(piece)
    this.#kept.push(piece)
    this.#keptBytes += piece.length
    let isRead = true
    for (;;) {
      const [first] = this.#kept
      if (first === undefined || this.#keptBytes - first.length < PINNED_BYTES_KEPT) return isRead
      isRead = this.#shift(first)
    }
  }

  drained(then: () => void): void {
    this.#reply.drained(then)
  }

  end(): void {
    if (this.#isFile && !this.#isPinned()) {
      this.#onOther?.('it is another file than the one that is pinned')
      return this.#reply.cut()
    }
    for (const piece of [...this.#kept]) this.#shift(piece)
    this.#reply.end()
  }

  cut(): void {
    this.#reply.cut()
  }

  refuse(status: number, sentence: string, reference?: string): void {
    this.#reply.refuse(status, sentence, reference)
  }

  #shift(first: Uint8Array): boolean {
    this.#kept.shift()
    this.#keptBytes -= first.length
    return this.#reply.write(first)
  }

  #isPinned(): boolean {
    const digests = [...this.#hashes].map(([kind, hash]) => `${kind}:${hash.digest('hex')}`)
    return this.#pinned.every((each) => digests.some((digest) => each.has(digest)))
  }
}
