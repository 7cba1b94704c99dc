import type { Result } from '../../../model/index.ts'
import type { WebReply } from '../../web/web-request.ts'

/** Changes an answer piece by piece. An error ends it. */
export interface PieceChange {
  push(piece: Uint8Array): Result<Uint8Array, string>
  /** Tells whether an answer that ends here is whole. */
  readonly isWhole: boolean
}

/** Passes an answer on to a cell, changed on its way; one that cannot be changed to its end is cut. */
export class ChangingReply implements WebReply {
  readonly gone: AbortSignal
  readonly #reply: WebReply
  readonly #change: PieceChange
  #isCut = false
  /** Answers that say no are shown as they are: their bodies are words. */
  #changes = true

  constructor(reply: WebReply, change: PieceChange) {
    this.gone = reply.gone
    this.#reply = reply
    this.#change = change
  }

  get hasBegun(): boolean {
    return this.#reply.hasBegun
  }

  get hasEnough(): boolean {
    return this.#isCut
  }

  begin(status: number, headers: readonly (readonly [name: string, value: string])[]): boolean {
    this.#changes = status === 200
    const own = headers.filter(([name]) => !this.#changes || name.toLowerCase() !== 'content-length')
    return this.#reply.begin(status, own)
  }

  write(piece: Uint8Array): boolean {
    if (this.#isCut) return true
    if (!this.#changes) return this.#reply.write(piece)
    const changed = this.#change.push(piece)
    if (changed.ok) return changed.value.length === 0 || this.#reply.write(changed.value)
    this.cut()
    return true
  }

  drained(then: () => void): void {
    this.#reply.drained(then)
  }

  end(): void {
    if (this.#isCut) return
    if (this.#changes && !this.#change.isWhole) return this.cut()
    this.#reply.end()
  }

  cut(): void {
    if (this.#isCut) return
    this.#isCut = true
    this.#reply.cut()
  }

  refuse(status: number, sentence: string, reference?: string): void {
    this.#reply.refuse(status, sentence, reference)
  }
}
