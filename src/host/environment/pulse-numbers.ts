/**
 * Numbers by which the warden and the gateway of one environment name what they speak of; none is used twice.
 *
 * - PN1  A cell has a higher number than the one that delegates to it.
 * - PN2  No number of an answer is that of a cell, of a server or of an undo.
 */
export class PulseNumbers {
  #last = 0

  /** Returns a number for a cell, a server or an undo. */
  next(): number {
    return ++this.#last
  }

  /** Returns a number for a message that the gateway answers. */
  nextAnswer(): number {
    return ANSWERS_FROM + ++this.#last
  }
}

const ANSWERS_FROM = 1_000_000_000
