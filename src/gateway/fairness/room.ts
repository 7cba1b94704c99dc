/** A bound on what is held in memory on somebody's behalf, however many pieces it comes in. */
export class Room {
  readonly #bytesMax: number
  #used = 0

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax
  }

  /** False, and nothing taken, where there is no more. */
  take(bytes: number): boolean {
    if (this.#used + bytes > this.#bytesMax) return false
    this.#used += bytes
    return true
  }

  give(bytes: number): void {
    this.#used -= bytes
  }
}

/** The words for what a room has no place for. */
export const TOO_MUCH = 'too much is being read of its cell at once'
