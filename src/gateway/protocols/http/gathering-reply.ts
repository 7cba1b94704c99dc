import { no, ok, type Result } from '../../../model/index.ts'
import { GrowingBytes } from '../../fairness/growing-bytes.ts'
import { type Room, TOO_MUCH } from '../../fairness/room.ts'
import type { WebReply } from '../../web/web-request.ts'

/** An answer as it came, whole. */
export interface GatheredAnswer {
  readonly status: number
  readonly headers: readonly (readonly [name: string, value: string])[]
  readonly bytes: Uint8Array
}

/**
 * Takes an answer in place of a cell, and holds it until it is whole: it is judged or changed before any of it is shown. What it holds,
 * and what is made of it, is taken of the room until `leave`.
 */
export class GatheringReply implements WebReply {
  readonly gone: AbortSignal
  readonly #room: Room
  readonly #bytesMax: number
  readonly #bytes = new GrowingBytes()
  /** Bytes that are taken of the room. */
  #taken = 0
  #head: Omit<GatheredAnswer, 'bytes'> | undefined
  #problem: string | undefined
  #ended = false

  constructor(gone: AbortSignal, room: Room, bytesMax: number) {
    this.gone = gone
    this.#room = room
    this.#bytesMax = bytesMax
  }

  get hasBegun(): boolean {
    return this.#head !== undefined
  }

  get hasEnough(): boolean {
    return this.#problem !== undefined
  }

  get problem(): string | undefined {
    return this.#problem
  }

  begin(status: number, headers: GatheredAnswer['headers']): boolean {
    if (this.#head !== undefined) return false
    this.#head = { status, headers }
    return true
  }

  write(piece: Uint8Array): boolean {
    if (this.#problem !== undefined) return true
    if (this.#bytes.length + piece.length > this.#bytesMax) this.#fail(`it has more than ${this.#bytesMax} bytes`)
    else if (!this.holds(this.#taken + piece.length)) this.#fail(TOO_MUCH)
    else this.#bytes.push(piece)
    return true
  }

  drained(then: () => void): void {
    then()
  }

  end(): void {
    this.#ended = true
  }

  cut(): void {
    this.#fail('it broke off')
  }

  refuse(): void {
    this.#fail('it was not sent')
  }

  /** Returns what came; the error says why it is not whole. */
  take(): Result<GatheredAnswer, string> {
    const bytes = this.#bytes.take()
    if (this.#problem !== undefined) return no(this.#problem)
    if (this.#head === undefined || !this.#ended) return no('no whole answer came')
    return ok({ ...this.#head, bytes })
  }

  /** Has so many bytes of the room from now on; false, and nothing changed, where there is no more. */
  holds(bytes: number): boolean {
    if (bytes > this.#taken && !this.#room.take(bytes - this.#taken)) return false
    if (bytes < this.#taken) this.#room.give(this.#taken - bytes)
    this.#taken = bytes
    return true
  }

  /** Gives back all that is taken of the room: nothing of what came, or was made of it, is held any more. */
  leave(): void {
    this.holds(0)
  }

  #fail(problem: string): void {
    this.#problem ??= problem
    this.#bytes.take()
    this.leave()
  }
}
