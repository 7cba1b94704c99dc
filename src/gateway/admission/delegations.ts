import type { AgentName } from '../../model/index.ts'
import type { BudgetBook } from '../../policy/index.ts'
import type { Giver } from './authority.ts'
import type { GatewayParts } from './gateway-parts.ts'
import { forgetWork, type Given, type ServedCell } from './served-cell.ts'

export interface DelegationsOptions extends GatewayParts {
  /** Returns the names of the environment's agents, each at the number by which the warden knows it. */
  readonly numbered: () => readonly AgentName[]
  readonly budgets: BudgetBook
}

/** The delegations of one environment's cells. */
export class Delegations {
  readonly #options: DelegationsOptions

  constructor(options: DelegationsOptions) {
    this.#options = options
  }

  /** Asks the warden for the cell of a delegation, which ends when its time is over. */
  launch(giver: ServedCell, given: Given): void {
    const { numbered, send, gate } = this.#options
    send({ kind: 'launch', number: giver.number, agent: numbered().indexOf(given.agent) })
    const leftMs = Math.max(0, given.restriction.expiresAtMs - gate().nowMs())
    given.expires = setTimeout(() => this.end(given, 'it has expired'), leftMs)
    given.expires.unref()
  }

  /**
   * Returns the delegation that the warden has made a cell for: the oldest of that giver to that agent that has none.
   * Throws where there is none.
   */
  giverFor(number: number, agent: AgentName): Giver {
    const cell = this.#options.cells.get(number)
    const given = [...(cell?.given.values() ?? [])].find((each) => each.state === 'starting' && each.agent === agent)
    if (cell === undefined || given === undefined) throw new Error(`nothing was delegated to ${agent}`)
    return { cell, given }
  }

  /**
   * Ends a delegation and everything below it, in this tick: whoever asks from below is told that a cell above stands no
   * more, and its cells are killed.
   */
  end(given: Given, why: string): void {
    if (given.state === 'ended') return
    const { budgets, send, cutRelays, gate } = this.#options
    given.state = 'ended'
    given.revokedAtMs = gate().nowMs()
    budgets.forget(given.id)
    gate().ledger.append({ kind: 'delegation.ended', delegation: given.id, why })
    const { cell } = given
    forgetWork(given)
    if (cell === undefined) return
    cell.rung = 'killed'
    cell.gone.abort()
    cutRelays(cell)
    send({ kind: 'kill', number: cell.number })
    for (const below of cell.given.values()) this.end(below, why)
  }

  /** Ends all that a cell has delegated. */
  endAllOf(cell: ServedCell, why: string): void {
    for (const given of cell.given.values()) this.end(given, why)
  }

  /** Records the end of what was delegated to a cell that has ended by itself. */
  hasEnded(given: Given): void {
    if (given.state === 'ended') return
    given.state = 'ended'
    forgetWork(given)
    this.#options.gate().ledger.append({ kind: 'delegation.ended', delegation: given.id, why: 'its cell has ended' })
  }
}
