import { LIMITS } from '../../model/index.ts'

/** The cost of a message without length, in bytes of a longer one. */
const MESSAGE_COST_BYTES = 128

/**
 * The gateway's one thread, dealt out. What a cell or an upstream sends costs time in proportion to its bytes, and the
 * loop serves every socket that is ready before anything else: without this, sixty frames that end together are seconds
 * in which nobody else is heard.
 *
 * - TU1  Large pieces of work are done one in each turn of the loop, and those who wait are served in turn, whoever has
 *        more to do.
 * - TU2  Small ones go straight through, so many for each owner in each turn; past that they wait like large ones.
 */
export class LoopSlices {
  /** Moves whenever a piece of work begins: who watches it from another thread sees that this one is not stuck. */
  readonly moves = new Int32Array(new SharedArrayBuffer(4))
  readonly #waiting = new Map<object, (() => void)[]>()
  /** Pieces that each owner was given straight through in this turn. */
  readonly #given = new Map<object, number>()
  #scheduled = false

  /** `undefined` where the work may be done at once. `owner` is a cell, or one connection to an upstream. */
  take(owner: object, bytes: number): Promise<void> | undefined {
    this.moved()
    const given = this.#given.get(owner) ?? 0
    if (bytes <= LIMITS.smallPieceBytesMax && given < LIMITS.smallPiecesMax && !this.#waiting.has(owner)) {
      this.#given.set(owner, given + 1)
      this.#schedule()
      return undefined
    }
    return new Promise((resolve) => {
      const queue = this.#waiting.get(owner)
      if (queue === undefined) this.#waiting.set(owner, [resolve])
      else queue.push(resolve)
      this.#schedule()
    })
  }

  /**
   * Returns `take` for one owner's messages, which can be many and tiny: those that together make a small piece go as
   * one.
   */
  batched(owner: object): (bytes: number) => Promise<void> | undefined {
    let left = 0
    return (bytes) => {
      const cost = bytes + MESSAGE_COST_BYTES
      if (cost <= left) {
        left -= cost
        return undefined
      }
      left = Math.max(0, LIMITS.smallPieceBytesMax - cost)
      return this.take(owner, bytes)
    }
  }

  moved(): void {
    Atomics.add(this.moves, 0, 1)
  }

  #schedule(): void {
    if (this.#scheduled) return
    this.#scheduled = true
    setImmediate(() => this.#turn())
  }

  #turn(): void {
    this.#scheduled = false
    this.#given.clear()
    const [next] = this.#waiting
    if (next === undefined) return
    const [owner, queue] = next
    const resolve = queue.shift()
    // To the end of the line.
    this.#waiting.delete(owner)
    if (queue.length > 0) this.#waiting.set(owner, queue)
    if (this.#waiting.size > 0) this.#schedule()
    this.moved()
    resolve?.()
  }
}
