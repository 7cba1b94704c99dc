import { randomBytes } from 'node:crypto'
import { appendFileSync, closeSync, openSync } from 'node:fs'
import type { Cell } from '../cells/cell.ts'
import type { Pump, Streams } from '../cells/pump.ts'
import { type CellSpec, type Exit, launchFaultText, type TeardownReceipt } from '../cells/spec.ts'
import { openWarden, profileFault, type Warden, type WardenFault } from '../cells/warden.ts'
import type { Agent, Config, StdioServer, Upstream } from '../config/config.ts'
import type { Pulse } from '../gateway/pulse.ts'
import type { Noted, TaskSetup } from '../gateway/setup.ts'
import {
  type AgentName,
  isBelow,
  type JsonObject,
  LIMITS,
  newCellId,
  no,
  ok,
  type Result,
  RUNGS,
  type Rung,
  samePerson,
} from '../model/index.ts'
import { type Answer, deliverAnswers } from './answers.ts'
import { cellSpec } from './cell-spec.ts'
import { type Containing, contain } from './contain.ts'
import type { Confirmation, Order, Receipt, Target } from './containment.ts'
import { type ControlReply, type ControlRequest, NOT_MINE, openControlSocket } from './control-socket.ts'
import { type Fence, type Fenced, readFence } from './fence.ts'
import { FilesDesk, type Held } from './files-desk.ts'
import { KeptServer } from './kept-server.ts'
import { type Services, startServices } from './services.ts'
import { gatewaySetup, type Judged } from './setup.ts'
import type { State } from './state.ts'
import { newOrderId } from './stop.ts'
import { openTenantState } from './tenants.ts'
import { carryOut, type UndoOrder, undoServers } from './undo-order.ts'
import { launchUpstreamCell } from './upstream-cell.ts'
import { livedSpans } from './workspace-marks.ts'

export interface RuntimeOptions {
  readonly judged: Judged
  readonly agent: Agent
  readonly stateDirectory: string
  /** What its owner gives it to do. */
  readonly task?: TaskSetup
}

/** One agent's environment, running: warden, gateway and witness, ready for its cells. */
export interface Runtime {
  readonly state: State
  /** The cell exists, the gateway serves it, its start is in the ledger; it has not run one instruction. */
  launch(command: CellSpec['command'], stdio: CellSpec['stdio']): Promise<Result<RunningCell, string>>
  /** Carries the person's streams to and from a cell. */
  pump(cell: Cell, streams: Streams): Pump
  close(why: string): Promise<void>
}

export interface RunningCell {
  readonly cell: Cell
  readonly ended: Promise<Ended>
}

export interface Ended {
  readonly exit: Exit
  readonly teardown: TeardownReceipt
  /** Why, when the cell was ended because its gateway was lost. */
  readonly lost?: string
  /** It was ended so that its files could be restored: its command begins anew on them, or why they could not be. */
  readonly again?: Result<void, string>
}

export async function openRuntime({
  judged,
  agent,
  stateDirectory,
  task,
}: RuntimeOptions): Promise<Result<Runtime, string>> {
  const { config } = judged
  const unfit = profileFault(config.profile)
  if (unfit !== undefined) return no(wardenFaultText(unfit))
  const setup = gatewaySetup(judged, agent.environment)
  if (!setup.ok) return setup
  const state = openTenantState(config, agent.environment, stateDirectory, config.profile === 'full')
  // The services load their code while the warden makes its place.
  const starting = startServices(state, setup.value)
  const warden = await openWarden({ profile: config.profile })
  const services = await starting
  if (warden.ok && services.ok)
    return ok(new OpenRuntime(warden.value, services.value, state, config, agent, task, new Map(setup.value.secrets)))
  if (services.ok) await services.value.stop('there is no warden')
  if (!warden.ok) return no(wardenFaultText(warden.reason))
  await warden.value.close()
  return services.ok ? no('unreachable') : services
}

export function wardenFaultText(fault: WardenFault): string {
  return fault.kind === 'missing' ? `${fault.what} is missing: ${fault.fix}` : `${fault.problem}: ${fault.fix}`
}

class OpenRuntime implements Runtime {
  readonly state: State
  readonly #warden: Warden
  readonly #services: Services
  readonly #config: Config
  readonly #agent: Agent
  readonly #task: TaskSetup | undefined
  readonly #secrets: ReadonlyMap<string, string>
  readonly #stopAnswers: () => void
  readonly #closeControl: () => Promise<void>
  /** Resolves when, without a gateway, all that ran stands still. */
  readonly #standing: Promise<void>
  #closing = false
  readonly #live = new Map<number, Live>()
  readonly #files: FilesDesk
  /** Cells whose files are being saved because their gateway asked. */
  readonly #saving = new Set<number>()
  /** Cells of delegations that are being made. */
  #launching = 0
  readonly #servers = new Set<KeptServer>()
  /** Of cells and of their servers. */
  #numbers = 0

  constructor(
    warden: Warden,
    services: Services,
    state: State,
    config: Config,
    agent: Agent,
    task: TaskSetup | undefined,
    secrets: ReadonlyMap<string, string>,
  ) {
    this.#warden = warden
    this.#services = services
    this.state = state
    this.#config = config
    this.#agent = agent
    this.#task = task
    this.#secrets = secrets
    this.#files = new FilesDesk({
      warden,
      state,
      agents: [...config.agents.values()].filter(({ environment }) => environment === agent.environment),
      held: () => [...this.#live.values()],
      record: (entry) => this.#record(entry),
    })
    this.#stopAnswers = deliverAnswers(state.directory, agent.environment, (answer) => this.#answer(answer))
    services.onOrder((order) => void this.#follow(order).catch(() => undefined))
    this.#standing = services.lost.then((why) => this.#halt(why)).catch(() => undefined)
    this.#closeControl = openControlSocket(state.directory, (request, reply) => this.#asked(request, reply))
  }

  async launch(command: CellSpec['command'], stdio: CellSpec['stdio']): Promise<Result<RunningCell, string>> {
    return this.#launch({
      agent: this.#agent,
      command,
      stdio,
      workspace: this.#agent.name,
      variables: this.#variables(),
    })
  }

  async #launch({
    agent,
    command,
    stdio,
    workspace,
    variables,
    parent,
  }: Launching): Promise<Result<RunningCell, string>> {
    const fence = readFence(this.state.directory)
    const rung = fence.ok ? rungIn(fence.value, agent) : fence
    if (!rung.ok) return rung
    const number = ++this.#numbers
    const plan = { name: workspace, cell: agent.cell, command, stdio, listener: true, variables }
    const launched = await this.#warden.launch(cellSpec(this.#config, this.state, plan))
    if (!launched.ok) return no(launchFaultText(launched.reason))
    const cell = launched.value
    const upstreams = this.#stdioUpstreams()
    const servers = upstreams.map((upstream) => this.#keptServer(number, upstream))
    const given = await this.#handOver(number, cell, servers, agent, parent, rung.value)
    if (!given.ok) {
      await Promise.all([cell.teardown(), ...servers.map((server) => this.#endServer(server))])
      return given
    }
    this.#warden.sense(cell, (sensed) => void this.#services.tell({ kind: 'sensed', number, ...sensed }))
    const after: After = {}
    const ended = this.#end(number, cell, servers, after)
    const live: Live = {
      cell,
      agent,
      workspace,
      ended,
      servers: servers.filter((_, i) => upstreams[i]?.mcp.shared !== true),
      sinceMs: Date.now(),
      // What was delegated has no command of a person's that could begin anew.
      ...(parent === undefined ? { again: (then) => beginAgain(cell, ended, after, then) } : { parent }),
    }
    this.#live.set(number, live)
    if (agent.cell.workspace !== undefined) this.#files.watch(live)
    return ok({ cell, ended })
  }

  /** What the gateway asks: no more than a cell's or a server's number, and which declared agent. */
  async #follow(order: Pulse): Promise<void> {
    if (order.kind === 'given-up') for (const server of this.#servers) server.givenUp(order.number)
    const live = this.#live.get(order.number)
    if (live === undefined) return
    if (order.kind === 'kill') await live.cell.kill()
    else if (order.kind === 'freeze') await live.cell.freeze()
    else if (order.kind === 'checkpoint') await this.#saveFor(order.number, live)
    else if (order.kind === 'contain') await this.#containFor(live, order.agent ?? 0)
    else if (order.kind === 'launch') await this.#launchBelow(order.number, live, order.agent ?? 0)
  }

  /** An action waits for it. A gateway asks once and waits for the answer; one that asks more is not followed. */
  async #saveFor(number: number, live: Live): Promise<void> {
    if (this.#saving.has(number)) return
    this.#saving.add(number)
    const why = 'an action that cannot be taken back'
    const saved = await this.#files.save(live, { occasion: 'before', by: 'firebreak', why }).catch(failed)
    this.#saving.delete(number)
    this.#services.tell({ kind: 'checkpointed', number, ...(!saved.ok && { problem: saved.reason }) })
  }

  /** A detector has lowered it at the gate already; this is what the warden adds, and what stays. */
  async #containFor(live: Live, rung: number): Promise<void> {
    const to = RUNGS[rung]
    if (to === undefined || to === 'normal') return
    const target = { kind: 'cell', name: live.cell.id } as const
    const why = 'a signal: firebreak logs tells which'
    await this.#contain({ id: newOrderId(), target, rung: to, by: 'firebreak', why })
  }

  async #asked(request: ControlRequest, reply: (reply: ControlReply) => void): Promise<void> {
    if (request.kind === 'cells') {
      const cells = [...this.#live.values()].map(({ cell, agent, sinceMs }) => {
        return { cell: cell.id, agent: agent.name, environment: agent.environment, sinceMs }
      })
      return reply({ kind: 'done', ok: true, said: `${cells.length} cells`, cells })
    }
    if (request.kind === 'files') return reply({ kind: 'done', ...(await this.#files.follow(request.ask)) })
    if (request.kind === 'release') {
      const { kind: _, environment, ...release } = request
      if (environment !== this.#agent.environment) return reply({ kind: 'done', ok: false, said: NOT_MINE })
      const number = ANSWERS_FROM + ++this.#numbers
      const told = this.#services.tell({ kind: 'release', number, ...release })
      const said = told.ok ? await this.#services.said('ordered', number) : told
      return reply({ kind: 'done', ok: said.ok, said: said.ok ? 'the ledger has it' : said.reason })
    }
    if (request.kind === 'undo') {
      if (request.order.environment !== this.#agent.environment)
        return reply({ kind: 'done', ok: false, said: NOT_MINE })
      const done = await this.#undo(request.order)
      return reply({ kind: 'done', ok: done.ok, said: done.ok ? 'the ledger has it' : done.reason })
    }
    const receipt = await this.#contain(request.order, (confirmation) => reply({ kind: 'confirmation', confirmation }))
    reply({ kind: 'done', ok: receipt.contained, said: `${receipt.cells.length} cells`, receipt })
  }

  /**
   * A gateway that is gone or silent guards nothing: its cells stand still at once, and end when it is known what they
   * were. They are not fenced: that a process of ours has ended says nothing yet of the agent.
   */
  async #halt(lost: string): Promise<void> {
    if (this.#closing || this.#live.size === 0) return
    await Promise.all([...this.#live.values()].map(({ cell }) => cell.freeze()))
    const target = { kind: 'environment', name: this.#agent.environment } as const
    const order = { id: newOrderId(), target, rung: 'frozen', by: 'firebreak', why: lost } as const
    await contain({ ...this.#containing(order, [...this.#live.keys()]), agents: [] })
  }

  async #contain(order: Order, onConfirmation?: (confirmation: Confirmation) => void): Promise<Receipt> {
    const meant = [...this.#live].filter(([, live]) => isMeant(live, order.target, this.#config))
    const stop = this.#containing(
      order,
      meant.map(([number]) => number),
    )
    const agents = [...new Set([...stop.agents, ...agentsMeant(this.#config, order.target)])]
    return contain({ ...stop, agents }, onConfirmation)
  }

  #containing(order: Order, numbers: readonly number[]): Containing {
    const stopping = this.#withBelow(numbers).map((number) => {
      const live = this.#live.get(number) as Live // every number is one of its keys
      const servers = live.servers.flatMap((server) => server.cell ?? [])
      const workspace = live.agent.cell.workspace === undefined ? {} : { workspace: live.workspace }
      return { number, cell: live.cell, agent: live.agent.name, servers, ...workspace }
    })
    return {
      order,
      stopping,
      agents: stopping.map(({ agent }) => agent),
      services: this.#services,
      state: this.state,
      environment: this.#agent.environment,
      warden: this.#warden,
      number: ANSWERS_FROM + ++this.#numbers,
      record: (entry) => this.#record(entry),
    }
  }

  #withBelow(numbers: readonly number[]): readonly number[] {
    const all = new Set(numbers)
    for (const [number, { parent }] of this.#live) if (parent !== undefined && all.has(parent)) all.add(number)
    return [...all]
  }

  /** The configuration says who may delegate to whom, and with what it is started; the gateway only says that it is time. */
  async #launchBelow(parent: number, giver: Live, index: number): Promise<void> {
    const agent = [...this.#config.agents.values()].filter((each) => each.environment === this.#agent.environment)[
      index
    ]
    const [program, ...args] = agent?.command ?? []
    const below = [...this.#live.values()].filter((live) => live.parent === parent).length
    if (agent === undefined) return
    const refused =
      program === undefined || !giver.agent.delegates.includes(agent.name)
        ? `${giver.agent.name} may not delegate to ${agent.name}`
        : below + this.#launching >= LIMITS.delegationsMax
          ? `at most ${LIMITS.delegationsMax} delegations at a time`
          : undefined
    if (refused !== undefined || program === undefined) return this.#unlaunched(parent, agent, refused ?? '')
    this.#launching++
    const workspace = `${agent.name}--${newCellId(randomBytes(16)).slice(2)}`
    const variables = Object.fromEntries(agent.cell.env)
    const command = [program, ...args] as const
    const launched = await this.#launch({ agent, command, stdio: { kind: 'pipes' }, workspace, variables, parent })
    this.#launching--
    if (!launched.ok) return this.#unlaunched(parent, agent, launched.reason)
    const { cell, ended } = launched.value
    // Nobody watches its streams: what it has to say, it reports through the gateway.
    const nothing = openSync('/dev/null', 'r+')
    const pump = this.#warden.pump(cell, { stdin: nothing, stdout: nothing, stderr: nothing })
    cell.start()
    await ended
    await pump.done
    closeSync(nothing)
  }

  #unlaunched(parent: number, agent: Agent, why: string): void {
    this.#services.tell({ kind: 'unlaunched', parent, agent: agent.name, why })
  }

  pump(cell: Cell, streams: Streams): Pump {
    return this.#warden.pump(cell, streams)
  }

  /** Resolves when the answer is in the ledger. */
  #answer({ environment: _, ...answer }: Answer): Promise<Result<void, string>> {
    const number = ANSWERS_FROM + ++this.#numbers
    const told = this.#services.tell({ kind: 'answer', number, ...answer })
    return told.ok ? this.#services.said('answered', number) : Promise.resolve(told)
  }

  async #record(entry: Noted): Promise<boolean> {
    const number = ANSWERS_FROM + ++this.#numbers
    const told = this.#services.tell({ kind: 'note', number, entry })
    return told.ok && (await this.#services.said('answered', number)).ok
  }

  /** By this gateway, which has the ledger, and with stdio servers of its own; no agent's cell takes part. */
  async #undo(order: UndoOrder): Promise<Result<void, string>> {
    const number = ++this.#numbers
    const shared = new Set(this.#stdioUpstreams().flatMap(({ name, mcp }) => (mcp.shared ? [name] : [])))
    const servers = undoServers(this.#config, order.environment)
      .filter(({ name }) => !shared.has(name))
      .map((upstream) => this.#keptServer(number, upstream, 'undo'))
    // One that does not start is refused at the gateway, effect by effect, and the table says so.
    await Promise.all(servers.map((server) => server.start()))
    const done = await carryOut(this.#services, number, order)
    await Promise.all(servers.map((server) => this.#endServer(server)))
    return done
  }

  async close(why: string): Promise<void> {
    this.#closing = true
    this.#files.close()
    this.#stopAnswers()
    await this.#closeControl()
    await this.#warden.close()
    await this.#services.stop(why)
  }

  #variables(): Record<string, string> {
    const task = this.#task === undefined ? {} : { FIREBREAK_TASK: this.#task.text }
    return { ...Object.fromEntries(this.#agent.cell.env), ...task }
  }

  async #endServer(server: KeptServer): Promise<void> {
    this.#servers.delete(server)
    await server.end()
  }

  /** The gateway gets the pipes of the agent's stdio servers and the cell's listener, and has the start in the ledger. */
  async #handOver(
    number: number,
    cell: Cell,
    servers: readonly KeptServer[],
    agent: Agent,
    parent: number | undefined,
    rung: Rung,
  ): Promise<Result<void, string>> {
    const started = await Promise.all(servers.map((server) => server.start()))
    for (const server of started) if (!server.ok) return server
    const [listener] = cell.listeners
    if (listener === undefined) return no('the cell has no listener')
    // What was delegated has a workspace that nobody had before.
    const kept = parent === undefined && agent.cell.workspace !== undefined
    const message = {
      kind: 'cell',
      number,
      cell: cell.id,
      agent: agent.name,
      receipt: plain(cell.receipt),
      labels: agent.cell.labels,
      rung,
      ...(kept && { lived: livedSpans(this.state.directory, agent.name) }),
      ...(parent === undefined ? this.#task && { task: this.#task } : { parent }),
    } as const
    const told = this.#services.tell(message, [listener.fd])
    return told.ok ? this.#services.said('cell-ready', number) : told
  }

  #keptServer(
    number: number,
    upstream: Upstream & { readonly mcp: StdioServer },
    served: string = this.#agent.name,
  ): KeptServer {
    const { name } = upstream
    const owner = upstream.mcp.shared ? null : number
    const kept = new KeptServer({
      launch: () =>
        launchUpstreamCell(this.#warden, this.#config, this.state, upstream, served, this.#secrets, 'connected'),
      handOver: ({ pipes, wayOut }, server) => {
        const message = { kind: 'upstream', upstream: name, number: owner, server } as const
        const told = this.#services.tell(message, [pipes.stdin.fd, pipes.stdout.fd, ...(wayOut ? [wayOut.fd] : [])])
        for (const handed of [pipes.stdin, pipes.stdout, wayOut]) handed?.close()
        return told
      },
      newNumber: () => ++this.#numbers,
      onDown: (why) => void this.#services.tell({ kind: 'upstream-down', upstream: name, number: owner, why }),
      note: (text) => this.#note(upstream, text),
    })
    this.#servers.add(kept)
    return kept
  }

  /** Where the owner looks when calls to it are refused: among what the server itself said last. */
  #note({ name }: Upstream, text: string): void {
    appendFileSync(this.state.log(`upstream-${name}`), `firebreak: ${name}: ${text}\n`)
  }

  #stdioUpstreams(): readonly (Upstream & { readonly mcp: StdioServer })[] {
    const granted = new Set(this.#agent.grants.map(({ upstream }) => upstream))
    return [...this.#config.upstreams.values()].flatMap((upstream) =>
      upstream.mcp.kind === 'stdio' && granted.has(upstream.name) ? [{ ...upstream, mcp: upstream.mcp }] : [],
    )
  }

  async #end(number: number, cell: Cell, servers: readonly KeptServer[], after: After): Promise<Ended> {
    let lost: string | undefined
    void this.#services.lost.then(async (why) => {
      lost = why
      await this.#standing
      await cell.kill()
    })
    const exit = await cell.exited
    // What it delegated ends with it.
    const below = [...this.#live.values()].filter((live) => live.parent === number)
    await Promise.all(below.map((live) => live.cell.kill()))
    await Promise.all(below.map((live) => live.ended))
    const teardown = await cell.teardown()
    this.#live.delete(number)
    await Promise.all(servers.map((server) => this.#endServer(server)))
    if (lost !== undefined) return { exit, teardown, lost }
    const told = this.#services.tell({ kind: 'ended', number, receipt: plain({ exit, teardown }) })
    if (told.ok) await this.#services.said('cell-closed', number)
    const again = await after.act?.()
    return { exit, teardown, ...(again && { again }) }
  }
}

interface Launching {
  readonly agent: Agent
  readonly command: CellSpec['command']
  readonly stdio: CellSpec['stdio']
  /** Names its changes in the state. */
  readonly workspace: string
  readonly variables: Readonly<Record<string, string>>
  readonly parent?: number
}

interface Live extends Held {
  readonly ended: Promise<Ended>
  /** Those that serve it alone. */
  readonly servers: readonly KeptServer[]
  /** Epoch ms. */
  readonly sinceMs: number
  /** The number of the cell that delegated to it. */
  readonly parent?: number
}

/** Where an agent stands before its cell starts: one that is contained starts none (S8). */
export function rungIn(fence: Fence, { name }: Pick<Agent, 'name'>): Result<Rung, string> {
  const fenced = fence.get(name)
  if (fenced === undefined || !isBelow(fenced.rung, 'restricted')) return ok(fenced?.rung ?? 'normal')
  return no(containedText(name, fenced))
}

export function containedText(agent: AgentName, { rung, by, why, atMs, order }: Fenced): string {
  const at = new Date(atMs).toISOString()
  return `${agent} is ${rung}, since ${at}, by ${by}: ${why} (order ${order}). Only a person lets it go: firebreak release ${agent} --by <person> --reason <text>`
}

/** Agents that an order means, whether a cell of theirs runs or not. */
export function agentsMeant({ agents }: Config, target: Target): readonly AgentName[] {
  return [...agents.values()]
    .filter(({ name, owner, environment }) => {
      if (target.kind === 'agent') return name === target.name
      if (target.kind === 'owner') return samePerson(owner, target.name)
      if (target.kind === 'environment') return environment === target.name
      return target.kind === 'all'
    })
    .map(({ name }) => name)
}

function isMeant({ cell, agent }: Live, target: Target, config: Config): boolean {
  return target.kind === 'cell' ? cell.id === target.name : agentsMeant(config, target).includes(agent.name)
}

function failed(error: unknown): Result<never, string> {
  return no(error instanceof Error ? error.message : String(error))
}

/** What is done once nothing of a cell is left. */
interface After {
  act?: () => Promise<Result<void, string>>
}

async function beginAgain(
  cell: Cell,
  ended: Promise<Ended>,
  after: After,
  then: () => Promise<Result<void, string>>,
): Promise<Result<void, string>> {
  if (after.act !== undefined) return no('somebody restores its files already')
  after.act = then
  const killed = await cell.kill()
  // Then it goes on, and its files stay what they are.
  if (!killed.ok) delete after.act
  if (!killed.ok) return no(`${cell.id} cannot be ended: nothing was restored`)
  const { again, lost } = await ended
  return again ?? no(`${cell.id} was ended, and nothing restored: ${lost ?? 'it had ended before'}`)
}

/** Numbers of answers, apart from those of cells. */
const ANSWERS_FROM = 1_000_000_000

/** Receipts as the ledger takes them. */
function plain(value: object): JsonObject {
  return JSON.parse(JSON.stringify(value)) as JsonObject
}
