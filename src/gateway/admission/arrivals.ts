/** The calls that wait for the next cell to be served. */
export class Arrivals {
  readonly #waiting = new Set<() => void>()

  /** Resolves when a cell has come, or this time has passed. */
  next(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const done = () => {
        clearTimeout(timer)
        this.#waiting.delete(done)
        resolve()
      }
      const timer = setTimeout(done, ms)
      this.#waiting.add(done)
    })
  }

  came(): void {
    for (const done of [...this.#waiting]) done()
  }
}
