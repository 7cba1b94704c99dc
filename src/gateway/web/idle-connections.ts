/** A connection of HTTP/1.1, or a session of HTTP/2. */
export interface Endable {
  destroy(): unknown
  once(event: 'close', listener: () => void): unknown
}

interface Watched {
  underWay: number
  timer: NodeJS.Timeout | undefined
}

/**
 * Ends connections that have had no request under way for so long, whatever of one has come. Node's own limits hold only in
 * servers that listen, and an idle limit alone is no limit: a byte now and then puts it off.
 */
export class IdleConnections {
  readonly #ms: number
  readonly #watched = new WeakMap<Endable, Watched>()

  constructor(ms: number) {
    this.#ms = ms
  }

  /** Ends a connection unless a request begins on it in time. */
  watch(connection: Endable): void {
    const watched: Watched = { underWay: 0, timer: undefined }
    this.#watched.set(connection, watched)
    connection.once('close', () => {
      this.#watched.delete(connection)
      clearTimeout(watched.timer)
    })
    this.#wait(connection, watched)
  }

  /** Leaves a connection alone while a request of it is under way. */
  begin(connection: Endable): void {
    const watched = this.#watched.get(connection)
    if (watched === undefined) return
    watched.underWay++
    clearTimeout(watched.timer)
  }

  end(connection: Endable): void {
    const watched = this.#watched.get(connection)
    if (watched !== undefined && --watched.underWay === 0) this.#wait(connection, watched)
  }

  #wait(connection: Endable, watched: Watched): void {
    watched.timer = setTimeout(() => connection.destroy(), this.#ms)
  }
}
