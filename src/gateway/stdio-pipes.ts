import { closeSync } from 'node:fs'
import type { UpstreamName } from '../model/index.ts'

export interface Pipes {
  readonly stdin: number
  readonly stdout: number
}

/** How long a connection waits for the warden to have (re)started the server behind it. */
const WAIT_MS_MAX = 15_000

/** The pipes of stdio servers, as the warden hands them over: each is taken once, by the next connection. */
export class StdioPipes {
  readonly #offered = new Map<string, Pipes>()
  readonly #wanted = new Map<string, (pipes: Pipes) => void>()

  offer(upstream: UpstreamName, number: number | null, pipes: Pipes): void {
    const key = keyOf(upstream, number)
    const waiting = this.#wanted.get(key)
    if (waiting !== undefined) {
      this.#wanted.delete(key)
      waiting(pipes)
      return
    }
    close(this.#offered.get(key))
    this.#offered.set(key, pipes)
  }

  take(upstream: UpstreamName, number: number | null): Promise<Pipes> {
    const key = keyOf(upstream, number)
    const offered = this.#offered.get(key)
    if (offered !== undefined) {
      this.#offered.delete(key)
      return Promise.resolve(offered)
    }
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#wanted.delete(key)
        reject(new Error(`${upstream}: its server is not running`))
      }, WAIT_MS_MAX)
      this.#wanted.set(key, (pipes) => {
        clearTimeout(timer)
        resolve(pipes)
      })
    })
  }

  /** Nothing of a cell that has ended is kept. */
  forget(number: number): void {
    for (const [key, pipes] of this.#offered) {
      if (!key.endsWith(`#${number}`)) continue
      close(pipes)
      this.#offered.delete(key)
    }
  }
}

function keyOf(upstream: UpstreamName, number: number | null): string {
  return `${upstream}#${number ?? 'all'}`
}

function close(pipes: Pipes | undefined): void {
  if (pipes === undefined) return
  closeSync(pipes.stdin)
  closeSync(pipes.stdout)
}
