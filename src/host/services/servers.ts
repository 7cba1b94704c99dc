import { appendFileSync, existsSync } from 'node:fs'
import type { Warden } from '../../cells/driver.ts'
import type { CellAbout, Exit } from '../../cells/spec.ts'
import type { Config } from '../../config/config.ts'
import type { GatewaySetup } from '../../gateway/link/setup.ts'
import { type AgentName, no, type Result, type UpstreamName } from '../../model/index.ts'
import { delegatedAgent, serverWorkspace } from '../files/workspace-names.ts'
import { NOT_SEARCHED } from '../shown/shown.ts'
import type { State } from '../state/state.ts'
import { KeptServer } from './kept-server.ts'
import type { Services } from './services.ts'
import { type CellLineage, type IsMeant, ToldCells } from './told-cells.ts'
import { launchUpstreamCell, type StdioUpstream } from './upstream-cell.ts'

export interface ServersOptions {
  readonly warden: Warden
  readonly config: Config
  readonly state: State
  readonly secrets: ReadonlyMap<string, string>
  /** Upstreams that are left out of this start, and why: none of them is started. */
  readonly without: ReadonlyMap<UpstreamName, string>
  /** Returns the services of the gateway that serves now. */
  readonly services: () => Pick<Services, 'tell'>
  /** Never used before. */
  readonly newNumber: () => number
  /** Tells whether what serves this cell may begin, asked in the tick in which it would. */
  readonly mayBegin: (number: number) => Result<void, string>
  /** Returns what to write of a server that serves this cell; null: several. */
  readonly about: (number: number | null) => CellAbout
  /** Returns the agent's cell of that number and those above it; absent, or empty: no agent's cell is served. */
  readonly lineOf?: (number: number) => CellLineage
  /** Hears what of a server's files was not looked through for secrets, beside the server's log. */
  readonly tellUnsearched?: (name: UpstreamName, unsearched: readonly string[]) => void
}

/** Upstreams that a setup leaves out, and why. */
export function leftOut({ upstreams }: Pick<GatewaySetup, 'upstreams'>): ReadonlyMap<UpstreamName, string> {
  return new Map(upstreams.flatMap(({ name, down }) => (down === undefined ? [] : [[name, down]])))
}

/** A stdio server as one cell has it. */
export interface Kept {
  readonly server: KeptServer
  readonly upstream: UpstreamName
  /** True where it serves other cells, too. */
  readonly shared: boolean
  readonly start: () => Promise<Result<void, string>>
  /** Gives the server up, for this cell. */
  readonly end: () => Promise<void>
}

interface Shared {
  readonly server: KeptServer
  /** Once, whoever has it first. */
  started?: Promise<Result<void, string>>
  /** Numbers of the cells that have it. */
  readonly users: Set<number>
  /** The cells that have told it something, those that have ended, too. */
  readonly told: ToldCells
}

/** The limits that the cells of one upstream ran into, their counts summed; `out-of-memory` where that ended one of them. */
export type ServerLimits = Pick<Exit, 'limits' | 'why'>

/** A shared server that a stopped cell has told what nobody can take back. */
export interface SharedStop {
  /** Name of its cell, or of its upstream where none of it runs. */
  readonly name: string
  readonly halt: () => Promise<Result<string, string>>
  /** Ends it harder, where `halt` does not confirm. */
  readonly end: () => Promise<Result<string, string>>
}

/**
 * The stdio servers of one environment that is open.
 *
 * - SV1  A cell has servers of its own, which end with it; of a shared one there is one instance, which ends with the last
 *        cell that has it.
 * - SV2  A server works on the files of the workspace that it serves; a shared one on its environment's.
 * - SV3  One that served a cell which an order means ends, also where that cell has ended long before, or it is being
 *        ended: it may go on with what it was told. Those that it still serves get another, which was told nothing.
 */
export class Servers {
  readonly #options: ServersOptions
  readonly #running = new Set<KeptServer>()
  readonly #shared = new Map<UpstreamName, Shared>()
  /** Shared servers that nobody is given any more, until nothing of them is left. */
  readonly #leaving = new Map<Shared, UpstreamName>()
  /** Shared servers that an order has stopped for good, until the kernel has said that nothing of them is left. */
  readonly #stopped = new Map<Shared, UpstreamName>()
  readonly #reached = new Map<UpstreamName, ServerLimits>()

  constructor(options: ServersOptions) {
    this.#options = options
  }

  /** `number` is the gateway's for the cell; `workspace` names what that cell works on. */
  forCell(upstreams: readonly StdioUpstream[], number: number, workspace: string): readonly Kept[] {
    return upstreams.map((upstream) => this.#telling(upstream, number, workspace))
  }

  /**
   * Returns the servers for an undo. What runs is used and not started again: two would work on the same files. One
   * whose files are not kept any more is not started on empty ones, which would say of everything that it does not
   * stand.
   */
  forUndo(upstreams: readonly StdioUpstream[], number: number, workspace: string): readonly Kept[] {
    const stopped = upstreams.filter(({ name }) => !this.#shared.has(name))
    return stopped.map((upstream) => {
      const kept = this.#telling(upstream, number, workspace)
      if (!this.#isCleared(upstream, workspace)) return kept
      const why = 'the files that it had for that delegation are not kept any more'
      const start = async () => {
        this.#tellDown(upstream, number, why)
        return no(why)
      }
      return { ...kept, start }
    })
  }

  /** Tells whether a server's files were cleared: only those of delegations are; see `delegations-kept.ts`. */
  #isCleared(upstream: StdioUpstream, workspace: string): boolean {
    if (upstream.server.shared || upstream.server.cell.workspace === undefined) return false
    if (delegatedAgent(workspace) === undefined) return false
    return !existsSync(this.#options.state.workspace(serverWorkspace(upstream, workspace)))
  }

  /**
   * Returns a server whose failed start the gateway is told of: what is asked of it is then refused at once, with why.
   */
  #telling(upstream: StdioUpstream, number: number, workspace: string): Kept {
    const kept = this.#keptFor(upstream, number, workspace)
    const start = async () => {
      const started = await kept.start()
      if (!started.ok) this.#tellDown(upstream, upstream.server.shared ? null : number, started.reason)
      return started
    }
    return { ...kept, start }
  }

  /** Returns what limits servers that have ended ran into; of upstreams whose servers ran into none, nothing. */
  reached(): ReadonlyMap<UpstreamName, ServerLimits> {
    return this.#reached
  }

  #ended(upstream: UpstreamName, { limits, why }: Exit): void {
    if (limits.length === 0) return
    const before = this.#reached.get(upstream)
    const counts = new Map(before?.limits.map(({ limit, count }) => [limit, count ?? 0]))
    for (const { limit, count } of limits) counts.set(limit, (counts.get(limit) ?? 0) + (count ?? 0))
    this.#reached.set(upstream, {
      limits: [...counts].map(([limit, count]) => ({ limit, count })),
      why: before?.why === 'out-of-memory' ? before.why : why,
    })
  }

  /** The gateway speaks to it no more. */
  givenUp(number: number): void {
    for (const server of this.#running) server.givenUp(number)
  }

  /**
   * Stops shared servers in the tick of an order that stops these cells, and means the ended ones that `isMeant` tells: from
   * it on none begins for them alone (SV3).
   */
  stopShared(numbers: ReadonlySet<number>, isMeant: IsMeant, how: 'freeze' | 'kill'): readonly SharedStop[] {
    const leaving = [...this.#leaving].flatMap(([{ server, told }, upstream]) => {
      if (told.meant(isMeant).length === 0) return []
      const end = () => server.halt('kill')
      return [{ name: server.cell?.id ?? upstream, halt: end, end }]
    })
    // What an earlier order has frozen stands, and this one means it again.
    const stopped = [...this.#stopped].flatMap(([shared, upstream]) =>
      shared.told.meant(isMeant).length === 0 ? [] : [this.#stop(upstream, shared, how)],
    )
    const standing = [...this.#shared].flatMap(([upstream, shared]) => {
      const meant = [...shared.users].filter((user) => numbers.has(user))
      if (meant.length === 0 && shared.told.meant(isMeant).length === 0) return []
      for (const user of meant) shared.users.delete(user)
      const { server } = shared
      const name = server.cell?.id ?? upstream
      if (shared.users.size > 0) {
        const renew = () => this.#renew(upstream, shared)
        return { name, halt: renew, end: renew }
      }
      server.hold()
      this.#shared.delete(upstream)
      return this.#stop(upstream, shared, how)
    })
    return [...leaving, ...stopped, ...standing]
  }

  #stop(upstream: UpstreamName, shared: Shared, how: 'freeze' | 'kill'): SharedStop {
    const { server } = shared
    this.#stopped.set(shared, upstream)
    const halt = async (rung: 'freeze' | 'kill') => {
      const halted = await server.halt(rung)
      if (rung === 'kill' && halted.ok) this.#stopped.delete(shared)
      return halted
    }
    return { name: server.cell?.id ?? upstream, halt: () => halt(how), end: () => halt('kill') }
  }

  /** Returns the agents of ended cells that an order means, and that have told a shared server what may go on. */
  toldBy(isMeant: IsMeant): readonly AgentName[] {
    const all = [...this.#shared.values(), ...this.#leaving.keys(), ...this.#stopped.keys()]
    return all.flatMap(({ told }) => told.meant(isMeant).map(({ name }) => name))
  }

  /** Ends the one that was told; its way out with it, at the gateway, where some of it may still wait. */
  #renew(upstream: UpstreamName, { server, told, users }: Shared): Promise<Result<string, string>> {
    return server.renew(() => {
      told.only(users)
      this.#options.services().tell({ kind: 'way-out-over', upstream, number: null })
    })
  }

  /** Ends the shared servers, whoever has them: their gateway is lost, and the next one is given others. */
  async endShared(): Promise<void> {
    await Promise.all([...this.#shared].map(([upstream, shared]) => this.#endOne(upstream, shared)))
  }

  async #endOne(upstream: UpstreamName, shared: Shared): Promise<void> {
    if (this.#shared.get(upstream) === shared) this.#shared.delete(upstream)
    this.#leaving.set(shared, upstream)
    await this.#end(shared.server)
    if (((await shared.server.cell?.left()) ?? []).length > 0) return
    this.#leaving.delete(shared)
    this.#stopped.delete(shared)
  }

  #keptFor(upstream: StdioUpstream, number: number, workspace: string): Kept {
    if (upstream.server.shared) return this.#sharedFor(upstream, number)
    const { name } = upstream
    const mayBegin = () => this.#options.mayBegin(number)
    const server = this.#kept(upstream, number, workspace, mayBegin)
    const start = () => server.start()
    return { server, upstream: name, shared: false, start, end: () => this.#end(server) }
  }

  #sharedFor(upstream: StdioUpstream, number: number): Kept {
    const { name } = upstream
    const shared = this.#shared.get(name) ?? this.#newShared(upstream)
    this.#shared.set(name, shared)
    shared.users.add(number)
    const line = this.#options.lineOf?.(number) ?? []
    if (line.length > 0) shared.told.has(number, line, shared.users)
    return {
      server: shared.server,
      upstream: name,
      shared: true,
      start: () => {
        shared.started ??= shared.server.start()
        return shared.started
      },
      end: async () => {
        shared.users.delete(number)
        if (shared.users.size === 0) await this.#endOne(name, shared)
      },
    }
  }

  /** Makes a shared server, which begins where one of the cells that have it may. */
  #newShared(upstream: StdioUpstream): Shared {
    const users = new Set<number>()
    const mayBegin = () => {
      const asked = [...users].map((user) => this.#options.mayBegin(user))
      return asked.find(({ ok: may }) => may) ?? asked[0] ?? no('nobody has it any more')
    }
    return { server: this.#kept(upstream, null, '', mayBegin), users, told: new ToldCells() }
  }

  #kept(
    upstream: StdioUpstream,
    number: number | null,
    workspace: string,
    mayBegin: () => Result<void, string>,
  ): KeptServer {
    const { warden, config, state, secrets, without, services, newNumber } = this.#options
    const { name } = upstream
    const files = serverWorkspace(upstream, workspace)
    const note = (text: string) => appendFileSync(state.log(`upstream-${name}`), `firebreak: ${name}: ${text}\n`)
    const server = new KeptServer({
      launch: async () => {
        const missing = without.get(name)
        if (missing !== undefined) return no(missing)
        const about = this.#options.about(number)
        const launched = await launchUpstreamCell(warden, config, state, upstream, {
          workspace: files,
          secrets,
          about,
          mayBegin,
        })
        if (!launched.ok) return launched
        const { unsearched } = launched.value
        for (const what of unsearched) note(`${NOT_SEARCHED} ${what}`)
        this.#options.tellUnsearched?.(name, unsearched)
        void launched.value.cell.exited.then((exit) => this.#ended(name, exit))
        return launched
      },
      handOver: ({ pipes, wayOut }, server) => {
        const handed = [pipes.stdin, pipes.stdout, ...(wayOut ? [wayOut] : [])]
        const message = { kind: 'upstream', upstream: name, number, server } as const
        const told = services().tell(
          message,
          handed.map(({ fd }) => fd),
        )
        for (const each of handed) each.close()
        return told
      },
      newNumber,
      onDown: (why) => this.#tellDown(upstream, number, why),
      // Where the owner looks when calls to it are refused: among what the server itself said last.
      note,
    })
    this.#running.add(server)
    return server
  }

  #tellDown({ name }: StdioUpstream, number: number | null, why: string): void {
    this.#options.services().tell({ kind: 'upstream-down', upstream: name, number, why })
  }

  async #end(server: KeptServer): Promise<void> {
    this.#running.delete(server)
    await server.end()
  }
}
