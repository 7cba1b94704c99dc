import type { Ledger } from '../../ledger/log/ledger.ts'
import type { CellId, EnvironmentName, UpstreamName } from '../../model/index.ts'
import { cutShown } from '../content/cut-shown.ts'
import { cutsTold } from '../content/cuts-told.ts'
import type { UpstreamSetup } from '../link/setup.ts'
import type { Line } from '../pipeline/line.ts'
import type { Dialler } from './protocol.ts'

export interface LinesOptions {
  readonly environment: EnvironmentName
  readonly upstreams: readonly UpstreamSetup[]
  readonly ledger: Ledger
  readonly dial: Dialler
  /** Returns the id of the cell that the warden has numbered so, where it is served. */
  readonly cellOf: (number: number) => CellId | undefined
}

/** The lines of one cell, or of one undo. */
export interface OwnLines {
  /** All that it may use, also those that others share. */
  readonly lines: ReadonlyMap<UpstreamName, Line>
  /** Lines that end with it. */
  readonly own: readonly Line[]
}

/**
 * The lines of one environment's gateway to its upstreams. Connections and sessions are each cell's own: one that holds
 * all of its calls open starves nobody else, and nothing that the upstream keeps with a session goes from one cell to
 * another. Only what a `shared` server's configuration says is shared.
 */
export class Lines {
  readonly #options: LinesOptions
  readonly #shared: ReadonlyMap<UpstreamName, Line>

  constructor(options: LinesOptions) {
    this.#options = options
    const shared = options.upstreams.filter(({ server }) => server.kind === 'stdio' && server.shared)
    this.#shared = new Map(shared.map((setup) => [setup.name, this.#open(setup, null)]))
  }

  /** Opens lines to these upstreams for what the warden has numbered so. */
  for(names: ReadonlySet<UpstreamName>, number: number): OwnLines {
    const own: Line[] = []
    const lines = new Map<UpstreamName, Line>()
    for (const setup of this.#options.upstreams) {
      if (!names.has(setup.name)) continue
      const shared = this.#shared.get(setup.name)
      const line = shared ?? this.#open(setup, number)
      if (shared === undefined) own.push(line)
      lines.set(setup.name, line)
    }
    return { lines, own }
  }

  /**
   * Records that an upstream is left out of lists, and why; or, with no problem, that it stands again. `number`: of the
   * cell that it serves alone.
   */
  noteStand(upstream: UpstreamName, number: number | null, problem: string | undefined): void {
    const { ledger, cellOf } = this.#options
    const cell = number === null ? undefined : cellOf(number)
    const own = problem?.replace(`${upstream}: `, '')
    const why = own === undefined ? {} : { problem: cutShown(own, PROBLEM_CHARACTERS_MAX) }
    ledger.append({ kind: 'upstream.seen', upstream, ...(cell && { cell }), ...why })
  }

  close(): void {
    for (const line of this.#shared.values()) line.close()
  }

  #open(setup: UpstreamSetup, number: number | null): Line {
    const { environment, ledger, dial } = this.#options
    const { name: upstream } = setup
    return dial(setup, {
      environment,
      number,
      onStand: (problem) => this.noteStand(upstream, number, problem),
      onDefinition: (tool, { digest, words }, problem) => {
        ledger.append({ kind: 'definition.seen', upstream, tool, digest, problem, ...(words && { words: true }) })
      },
      onCut: (list, what) => {
        ledger.append({ kind: 'list.cut', upstream, list, ...cutsTold(what) })
      },
    })
  }
}

/** Characters of the reason why an upstream is left out; it may be in the upstream's own words. */
const PROBLEM_CHARACTERS_MAX = 500
