import { closeSync } from 'node:fs'
import type { UpstreamName } from '../../model/index.ts'

export interface Pipes {
  /** The server's number, as the warden gave it. */
  readonly server: number
  readonly stdin: number
  readonly stdout: number
}

/** Milliseconds that a connection waits for the warden to have (re)started the server behind it. */
const WAIT_MS_MAX = 15_000

/**
 * The pipes of stdio servers, as the warden hands them over: each is taken once, by the next connection. Whoever finds none
 * waits for the warden to have started the server again, unless it has said that this takes long.
 */
export class StdioPipes {
  readonly #offered = new Map<string, Pipes>()
  readonly #wanted = new Map<string, Wanted>()
  /** The reason why there is no server, until there is one. */
  readonly #down = new Map<string, string>()

  offer(upstream: UpstreamName, number: number | null, pipes: Pipes): void {
    const key = keyOf(upstream, number)
    this.#down.delete(key)
    const wanted = this.#wanted.get(key)
    if (wanted !== undefined) return wanted.settle(pipes)
    close(this.#offered.get(key))
    this.#offered.set(key, pipes)
  }

  /** Refuses at once whoever asks and whoever waits, until a server is offered. */
  refuse(upstream: UpstreamName, number: number | null, why: string): void {
    const key = keyOf(upstream, number)
    this.#down.set(key, why)
    this.#wanted.get(key)?.fail(why)
  }

  take(upstream: UpstreamName, number: number | null): Promise<Pipes> {
    const key = keyOf(upstream, number)
    const offered = this.#offered.get(key)
    if (offered !== undefined) {
      this.#offered.delete(key)
      return Promise.resolve(offered)
    }
    const down = this.#down.get(key)
    if (down !== undefined) return Promise.reject(new Error(`${upstream}: ${down}`))
    return new Promise((resolve, reject) => {
      const over = () => {
        clearTimeout(timer)
        this.#wanted.delete(key)
      }
      const fail = (why: string) => {
        over()
        reject(new Error(`${upstream}: ${why}`))
      }
      const settle = (pipes: Pipes) => {
        over()
        resolve(pipes)
      }
      const timer = setTimeout(() => fail('its server is not running'), WAIT_MS_MAX)
      this.#wanted.set(key, { settle, fail })
    })
  }

  /** Forgets the pipes of a cell that has ended. */
  forget(number: number): void {
    for (const [key, pipes] of this.#offered) {
      if (!key.endsWith(`#${number}`)) continue
      close(pipes)
      this.#offered.delete(key)
    }
    for (const key of this.#down.keys()) if (key.endsWith(`#${number}`)) this.#down.delete(key)
  }
}

interface Wanted {
  readonly settle: (pipes: Pipes) => void
  readonly fail: (why: string) => void
}

function keyOf(upstream: UpstreamName, number: number | null): string {
  return `${upstream}#${number ?? 'all'}`
}

function close(pipes: Pipes | undefined): void {
  if (pipes === undefined) return
  closeSync(pipes.stdin)
  closeSync(pipes.stdout)
}
