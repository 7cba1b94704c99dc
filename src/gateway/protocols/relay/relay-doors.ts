import type { UpstreamName } from '../../../model/index.ts'
import type { Arrivals } from '../../admission/arrivals.ts'
import type { EnvironmentContext } from '../../admission/environment-context.ts'
import type { ServedCell } from '../../admission/served-cell.ts'
import { Egress } from './egress.ts'
import { WayOut } from './way-out.ts'

export interface RelayDoorsOptions {
  readonly gate: EnvironmentContext
  /** Origins that the environment's relays may reach. */
  readonly origins: readonly string[]
  /** Places of other environments. */
  readonly elsewhere: readonly string[]
  readonly arrivals: Arrivals
  /** Returns the cells on whose word a relay acts: of one that serves a cell alone that cell, else all that have it. */
  readonly users: (upstream: UpstreamName, number: number | null) => readonly ServedCell[]
}

/** The ways out of an environment's relays, by the relay and by the number of the cell that it serves. */
export class RelayDoors {
  readonly #options: RelayDoorsOptions
  readonly #open = new Map<string, Egress>()

  constructor(options: RelayDoorsOptions) {
    this.#options = options
  }

  /**
   * Opens a relay's way out. One that was started again has a cell of its own, and the way out of the one before is
   * closed.
   */
  open(upstream: UpstreamName, number: number | null, listener: number | undefined): void {
    this.close(upstream, number)
    if (listener === undefined) return
    const { gate, origins, elsewhere, arrivals, users } = this.#options
    const rules = new WayOut({
      gate,
      upstream,
      own: number !== null,
      users: () => users(upstream, number).filter((cell) => cell.upstreams.has(upstream)),
      arrivals,
    })
    this.#open.set(keyOf(upstream, number), new Egress({ listener, origins, elsewhere, rules }))
  }

  close(upstream: UpstreamName, number: number | null): void {
    const key = keyOf(upstream, number)
    this.#open.get(key)?.close()
    this.#open.delete(key)
  }

  closeAll(): void {
    for (const egress of this.#open.values()) egress.close()
    this.#open.clear()
  }

  /** Ends what a cell's relays have open; a relay that is its own is let out no more. */
  cut({ number, upstreams }: ServedCell): void {
    for (const upstream of upstreams.keys()) {
      this.close(upstream, number)
      this.#open.get(keyOf(upstream, null))?.cut()
    }
  }
}

function keyOf(upstream: UpstreamName, number: number | null): string {
  return `${upstream}#${number ?? 'all'}`
}
