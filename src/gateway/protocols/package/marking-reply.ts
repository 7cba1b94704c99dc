import { no, ok, type Result } from '../../../model/index.ts'
import { GrowingBytes } from '../../fairness/growing-bytes.ts'
import type { Room } from '../../fairness/room.ts'
import type { WebReply } from '../../web/web-request.ts'
import { LIST_BYTES_MAX } from './lists/package-desk.ts'

/** A list as it came, whole. */
export interface GatheredList {
  readonly status: number
  readonly headers: readonly (readonly [name: string, value: string])[]
  readonly bytes: Uint8Array
}

/**
 * Takes an answer in place of a cell, and holds it until it is whole: a list is marked before any of it is shown. What it holds
 * is taken of the room until it is asked for.
 */
export class GatheringReply implements WebReply {
  readonly gone: AbortSignal
  readonly #room: Room
  readonly #bytes = new GrowingBytes()
  #head: Omit<GatheredList, 'bytes'> | undefined
  #problem: string | undefined
  #ended = false

  constructor(gone: AbortSignal, room: Room) {
    this.gone = gone
    this.#room = room
  }

  get hasBegun(): boolean {
    return this.#head !== undefined
  }

  begin(status: number, headers: GatheredList['headers']): boolean {
    if (this.#head !== undefined) return false
    this.#head = { status, headers }
    return true
  }

  write(piece: Uint8Array): boolean {
    if (this.#problem !== undefined) return true
    if (this.#bytes.length + piece.length > LIST_BYTES_MAX) this.#fail(`it has more than ${LIST_BYTES_MAX} bytes`)
    else if (!this.#room.take(piece.length)) this.#fail('too much is being read of its cell at once')
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

  /** Returns what came, and gives back its room; the error says why it is not whole. */
  take(): Result<GatheredList, string> {
    this.#room.give(this.#bytes.length)
    const bytes = this.#bytes.take()
    if (this.#problem !== undefined) return no(this.#problem)
    if (this.#head === undefined || !this.#ended) return no('no whole answer came')
    return ok({ ...this.#head, bytes })
  }

  #fail(problem: string): void {
    this.#problem ??= problem
    this.#room.give(this.#bytes.length)
    this.#bytes.take()
  }
}
