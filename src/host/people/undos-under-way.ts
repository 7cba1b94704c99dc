import { ok, type Result } from '../../model/index.ts'
import type { EnvironmentGround } from '../environment/environment-ground.ts'
import type { Kept, Servers } from '../services/servers.ts'
import type { Halting } from '../stop/stop.ts'
import { carryOut, type UndoOrder, undoServers } from './undo-order.ts'

interface Undoing {
  readonly by: string
  servers: readonly Kept[]
}

/** The undos under way in one environment, by their numbers at the gateway: a person's word, and no agent's. */
export class UndosUnderWay {
  readonly #ground: Pick<EnvironmentGround, 'config' | 'gateway' | 'numbers'>
  readonly #servers: () => Servers | undefined
  readonly #undoing = new Map<number, Undoing>()

  constructor(ground: Pick<EnvironmentGround, 'config' | 'gateway' | 'numbers'>, servers: () => Servers | undefined) {
    this.#ground = ground
    this.#servers = servers
  }

  isUnderWay(number: number): boolean {
    return this.#undoing.has(number)
  }

  isBusy(): boolean {
    return this.#undoing.size > 0
  }

  /** Compensates by the gateway that has the ledger, with stdio servers of its own; no agent's cell takes part. */
  async undo(order: UndoOrder): Promise<Result<void, string>> {
    const { config, gateway, numbers } = this.#ground
    const number = numbers.next()
    const undoing: Undoing = { by: order.by, servers: [] }
    this.#undoing.set(number, undoing)
    const servers = this.#servers()?.forUndo(undoServers(config, order), number, order.served ?? '') ?? []
    undoing.servers = servers
    // One that does not start is refused at the gateway, effect by effect, and the table says so.
    await Promise.all(servers.map((server) => server.start()))
    const done = await carryOut(gateway.services, number, order)
    await Promise.all(servers.map((server) => server.end()))
    this.#undoing.delete(number)
    return done
  }

  /** Returns the servers of undos as points of a stop that means all: they go on. */
  asStopped(): readonly Halting[] {
    return [...this.#undoing.values()].flatMap(({ by, servers }) =>
      servers.flatMap(({ server: { cell } }) => {
        const goesOn = async () => ok(`goes on: it acts on the word of ${by}, who undoes, and on no agent's`)
        return cell === undefined ? [] : [{ point: `server of an undo ${cell.id}`, halt: goesOn, end: goesOn }]
      }),
    )
  }
}
