import type { UpstreamName } from '../../../model/index.ts'
import type { Arrivals } from '../../admission/arrivals.ts'
import type { EnvironmentContext } from '../../admission/environment-context.ts'
import type { ServedCell } from '../../admission/served-cell.ts'
import type { UpstreamSetup } from '../../link/setup.ts'
import { Egress } from './egress.ts'
import { RelayLine } from './line.ts'
import { RelayWay } from './relay-way.ts'

export interface RelayDoorsOptions {
  readonly gate: EnvironmentContext
  readonly upstreams: readonly UpstreamSetup[]
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
  readonly #lines: ReadonlyMap<UpstreamName, RelayLine>
  readonly #open = new Map<string, { readonly egress: Egress; readonly way: RelayWay }>()

  constructor(options: RelayDoorsOptions) {
    const { environment } = options.gate
    this.#options = options
    this.#lines = new Map(
      options.upstreams.map(({ name, connections = [] }) => [name, new RelayLine({ name, environment, connections })]),
    )
  }

  /**
   * Opens a relay's way out. One that was started again has a cell of its own, and the way out of the one before is
   * closed.
   */
  open(upstream: UpstreamName, number: number | null, listener: number | undefined): void {
    this.close(upstream, number)
    const line = this.#lines.get(upstream)
    if (listener === undefined || line === undefined) return
    const { gate, origins, elsewhere, arrivals } = this.#options
    const users = () => this.#options.users(upstream, number).filter((cell) => cell.upstreams.has(upstream))
    const way = new RelayWay({ gate, line, users, arrivals })
    this.#open.set(keyOf(upstream, number), { egress: new Egress({ listener, origins, elsewhere, way }), way })
  }

  close(upstream: UpstreamName, number: number | null): void {
    const key = keyOf(upstream, number)
    this.#open.get(key)?.egress.close()
    this.#open.delete(key)
  }

  /** Closes all; resolves when what was under way has its outcome. */
  async closeAll(): Promise<void> {
    const all = [...this.#open.values()]
    this.#open.clear()
    for (const { egress } of all) egress.close()
    await Promise.all(all.map(({ way }) => way.settled()))
  }

  /** Ends what a cell's relays have open; a relay that is its own is let out no more. */
  cut({ number, upstreams }: ServedCell): void {
    for (const upstream of upstreams.keys()) {
      this.close(upstream, number)
      this.#open.get(keyOf(upstream, null))?.egress.cut('a cell that its relay serves was cut off, or has ended')
    }
  }
}

function keyOf(upstream: UpstreamName, number: number | null): string {
  return `${upstream}#${number ?? 'all'}`
}
