import type { Pulse } from '../../gateway/link/pulse.ts'
import { lowest, no, type Result, RUNGS } from '../../model/index.ts'
import type { FilesDesk } from '../files/files-desk.ts'
import type { SecretDesk } from '../prepare/secret-desk.ts'
import type { Servers } from '../services/servers.ts'
import type { Services } from '../services/services.ts'
import type { DelegatedLaunches } from './delegated-launches.ts'
import type { EnvironmentGround } from './environment-ground.ts'
import type { HostedCell } from './hosted-cell.ts'
import type { Orders } from './orders.ts'

export interface GatewayRequestsOptions {
  readonly ground: EnvironmentGround
  readonly orders: Orders
  readonly delegated: DelegatedLaunches
  readonly files: FilesDesk
  readonly secrets: SecretDesk
  readonly servers: Servers
}

/** The things that a gateway asks: no more than a cell's or a server's number, and which declared agent. */
export class GatewayRequests {
  readonly #options: GatewayRequestsOptions
  /** Cells whose files are being saved because their gateway asked. */
  #saving = new Set<number>()

  constructor(options: GatewayRequestsOptions) {
    this.#options = options
  }

  /** Forgets what the gateway before waits for: the one that serves now asks anew. */
  beginAnew(): void {
    this.#saving = new Set()
  }

  /** Follows one request of a gateway; of one that is lost, only what narrows. */
  async follow(asked: Pulse, services: Services): Promise<void> {
    if (services.gone() !== undefined && !NARROWING.has(asked.kind)) return
    const { ground, orders, delegated, secrets, servers } = this.#options
    const { cells, starting } = ground
    const { kind, number, agent: second = 0 } = asked
    if (kind === 'given-up') servers.givenUp(number)
    if (kind === 'credential') return secrets.refused(number)
    const hosted = cells.get(number)
    if (kind === 'contain') {
      const agent = cells.agentOf(number)
      if (agent !== undefined) starting.ordered(agent.name)
      if (hosted === undefined) await this.#containUnbegun(number, second)
    }
    if (kind === 'kill' || kind === 'freeze') orders.markOrdered(number, 'frozen', BY_GATEWAY)
    if (hosted === undefined) return
    if (kind === 'kill') await hosted.cell.halt('killed')
    else if (kind === 'freeze') await hosted.cell.halt('frozen')
    else if (kind === 'checkpoint') await this.#save(number, hosted, services)
    else if (kind === 'contain') {
      const stood = hosted.rung
      hosted.rung = lowest(stood, RUNGS[second] ?? stood)
      await orders.containFor({ id: hosted.cell.id, rung: stood }, second)
    } else if (kind === 'launch') await delegated.launch(number, hosted, second)
  }

  /** Contains a cell that has ended already, or has not begun. */
  #containUnbegun(number: number, rung: number): Promise<void> {
    const { ground, orders } = this.#options
    const start = ground.starting.get(number)
    return start === undefined
      ? orders.containEnded(number, rung)
      : orders.containFor({ id: start.id, rung: start.told ?? 'normal' }, rung)
  }

  /** Saves a cell's files for an action that waits. A gateway asks once and waits; one that asks more is not followed. */
  async #save(number: number, hosted: HostedCell, services: Services): Promise<void> {
    const saving = this.#saving
    if (saving.has(number)) return
    saving.add(number)
    const why = 'an action that cannot be taken back'
    const saved = await this.#options.files.save(hosted, { occasion: 'before', by: 'firebreak', why }).catch(failed)
    saving.delete(number)
    // To the gateway that asked: what another one asks for since is saved later.
    services.tell({ kind: 'checkpointed', number, ...(!saved.ok && { problem: saved.reason }) })
  }
}

const NARROWING: ReadonlySet<Pulse['kind']> = new Set(['kill', 'freeze', 'contain'])

const BY_GATEWAY = 'its gateway has stopped it: firebreak logs tells why'

function failed(error: unknown): Result<never, string> {
  return no(error instanceof Error ? error.message : String(error))
}
