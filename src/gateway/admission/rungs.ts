import { monotonicUs } from '../../model/host/monotonic.ts'
import { cutsOff, type Entry, isBelow, type PersonName, RUNGS, type Rung, raised } from '../../model/index.ts'
import type { Sentinel } from '../../sentinel/index.ts'
import type { WardenMessage } from '../link/setup.ts'
import type { Delegations } from './delegations.ts'
import type { GatewayParts } from './gateway-parts.ts'
import type { Lowered, ServedCell } from './served-cell.ts'
import { shutDoors } from './served-cells.ts'

export interface RungsOptions extends GatewayParts {
  readonly delegations: Delegations
}

/** The rungs of one gateway's cells: moved down by signals and orders, and up by a person's word alone. */
export class Rungs {
  readonly #options: RungsOptions

  constructor(options: RungsOptions) {
    this.#options = options
  }

  /**
   * Step 6 of the path of an action, in the tick that appends an entry: what it trips is recorded, and moves the whole
   * tree of its cell before anything of it is sent. A signal that the ledger does not take is followed all the same.
   */
  fold(sentinel: Sentinel, entry: Entry): void {
    const { gate, cells } = this.#options
    for (const { tree, raised: signal } of sentinel.fold(entry)) {
      const appended = gate().ledger.append(signal)
      if (signal.mode === 'observe') continue
      const why = `${signal.detector}: ${signal.what}`
      const seq = appended.ok ? appended.value.seq : undefined
      for (const id of new Set([tree, signal.cell])) {
        const cell = cells.byId(id)
        if (cell !== undefined) this.lower(cell, signal.rung, 'firebreak', why, seq)
      }
    }
  }

  /**
   * Moves a cell, and everything below it, down to a rung, in this tick. `signal`: sequence number of the signal that
   * does. Where it stands there or below already, only the warden hears of a signal.
   */
  lower(cell: ServedCell, to: Rung, by: 'firebreak' | PersonName, why: string, signal?: number): void {
    const { gate, cells, delegations, cutRelays } = this.#options
    const from = cell.rung
    const cause = signal === undefined ? {} : { signal }
    cell.lowered = { by, why, atUs: monotonicUs(), ...cause }
    // Nobody who has not seen a signal releases its agent.
    if (!isBelow(to, from)) return void (signal !== undefined && this.tell(cell))
    cell.rung = to
    const { agent } = cell.authority
    gate().ledger.append({ kind: 'rung.changed', cell: cell.id, agent, from, to, by, why, ...cause })
    for (const { cell: below } of cell.given.values()) if (below !== undefined) this.lower(below, to, by, why, signal)
    if (by === 'firebreak') this.tell(cell)
    if (!cutsOff(to)) return
    // Nothing is admitted any more: what is under way ends, and what was delegated; its upstreams' secrets are unbound.
    cell.gone.abort()
    const live = cells.live(cell.number)
    if (live !== undefined) shutDoors(live)
    cutRelays(cell)
    delegations.endAllOf(cell, `the cell that gave it is ${to}`)
  }

  /**
   * Follows what a person or the warden orders: done, and said to be done, in this tick. Nobody waits for the disk to
   * be stopped.
   */
  order({ number, cells, rung, by, why }: Extract<WardenMessage, { kind: 'order' }>): void {
    for (const each of cells) {
      const cell = this.#options.cells.get(each)
      if (cell !== undefined) this.lower(cell, rung, by, why)
    }
    this.#options.send({ kind: 'ordered', number })
  }

  /**
   * Moves an agent up, on a person's word (S9): in the ledger first. A cell that was cut stays cut: its agent begins anew.
   * What comes while the disk is waited for, the person has not seen: then no cell of the agent goes up, and the warden
   * hears why. Throws, with the reason, where nothing was released.
   */
  async release(message: Extract<WardenMessage, { kind: 'release' }>): Promise<void> {
    const { number, askedUs, agent, from, to, by, why } = message
    const { gate, cells, send } = this.#options
    const live = cells.ofAgent(agent)
    // What its person had not seen stands at the gate already, and is on its way to the warden.
    const unseen = live.filter(({ lowered }) => lowered?.by === 'firebreak' && lowered.atUs >= askedUs)
    for (const cell of unseen) this.tell(cell)
    if (unseen.length > 0) throw new Error(`${agent} was contained again meanwhile: nothing was released`)
    const seen = new Map(live.map((cell) => [cell, cell.lowered]))
    const recorded = await gate().recordDurably({ kind: 'rung.changed', agent, from, to, by, why })
    if (!recorded) throw new Error('the ledger cannot be written')
    if (cutsOff(from)) gate().holds.withdraw(agent)
    const again = live.filter((cell) => cell.lowered !== seen.get(cell))
    if (again.length === 0) for (const cell of live) cell.rung = raised(cell.rung, to)
    else for (const cell of live) this.#staysAt(cell, to, again[0]?.lowered)
    for (const cell of again) this.tell(cell)
    send({ kind: 'ordered', number })
  }

  /** Tells the warden where a cell stands that no person has ordered there: it does the rest, and keeps it. */
  tell({ number, rung }: ServedCell): void {
    this.#options.send({ kind: 'contain', number, agent: RUNGS.indexOf(rung) })
  }

  /** Records of a cell that it does not go up, where the ledger has said of its agent that it does. */
  #staysAt({ id, rung, authority: { agent } }: ServedCell, from: Rung, lowered: Lowered | undefined): void {
    const { by = 'firebreak', why = 'it was contained again', signal } = lowered ?? {}
    const cause = { by, why, ...(signal !== undefined && { signal }) }
    if (isBelow(rung, from))
      this.#options.gate().ledger.append({ kind: 'rung.changed', cell: id, agent, from, to: rung, ...cause })
  }
}
