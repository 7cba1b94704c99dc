import { randomBytes } from 'node:crypto'
import { closeSync, openSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'
import type { Handle } from '../cells/handle.ts'
import type { CellAbout } from '../cells/linux/abilities/about.ts'
import type { Cell } from '../cells/linux/launch/cell.ts'
import { openWarden, profileFault, type Warden, type WardenFault } from '../cells/linux/launch/warden.ts'
import type { Pump, Streams } from '../cells/linux/streams/pump.ts'
import { type CellSpec, type Exit, launchFaultText, type TeardownReceipt } from '../cells/spec.ts'
import type { Agent, Config } from '../config/config.ts'
import type { Pulse } from '../gateway/link/pulse.ts'
import type { GatewaySetup, Noted, TaskSetup, WardenMessage } from '../gateway/link/setup.ts'
import {
  type AgentName,
  asJson,
  type CellId,
  cutsOff,
  type EnvironmentName,
  isBelow,
  LIMITS,
  lowest,
  newCellId,
  no,
  ok,
  type Result,
  RUNGS,
  type Rung,
  raised,
  samePerson,
  type UpstreamName,
} from '../model/index.ts'
import { FilesDesk, type Held } from './files/files-desk.ts'
import { landedFor, usedElsewhere } from './files/landed-marks.ts'
import { livedSpans } from './files/workspace-marks.ts'
import { delegatedWorkspace } from './files/workspace-names.ts'
import { type Answer, deliverAnswers } from './people/answers.ts'
import {
  type ControlReply,
  type ControlRequest,
  type ControlSocket,
  NOT_MINE,
  openControlSocket,
  TOO_LATE,
} from './people/control-socket.ts'
import { carryOut, type UndoOrder, undoServers } from './people/undo-order.ts'
import { cellSpec } from './prepare/cell-spec.ts'
import { SecretDesk } from './prepare/secret-desk.ts'
import { gatewaySetup, type Judged } from './prepare/setup.ts'
import { clearDelegations } from './services/delegations-kept.ts'
import { noteRunPlace } from './services/run-places.ts'
import { type Kept, leftOut, type ServerLimits, Servers } from './services/servers.ts'
import { type Services, startServices } from './services/services.ts'
import { orderedText, type Start, Starting, unbegun } from './services/starting.ts'
import type { IsMeant, Line } from './services/told-cells.ts'
import type { StdioUpstream } from './services/upstream-cell.ts'
import { textsOf } from './shown/handed.ts'
import { lookThrough, lookThroughKept } from './shown/shown.ts'
import type { State } from './state/state.ts'
import { openTenantState, tenantOf } from './state/tenants.ts'
import { type Containing, contain } from './stop/contain.ts'
import type { Confirmation, Order, Receipt, Target } from './stop/containment.ts'
import { againText, fencedIn, isSameOrder, type OrderSeen, readFence, readStopMark } from './stop/fence.ts'
import { FenceAgain, type Unwritten } from './stop/fence-again.ts'
import { ordersAsTold } from './stop/fence-as-told.ts'
import { rungIn } from './stop/rung-in.ts'
import { fenceByOrders, type Halting, type Leaving, newOrderId } from './stop/stop.ts'

export interface RuntimeOptions {
  readonly judged: Judged
  readonly agent: Agent
  readonly stateDirectory: string
  /** What its owner gives it to do. */
  readonly task?: TaskSetup
  /**
   * The stop mark from before the configuration was read: what all were ordered since then counts for what was read,
   * too.
   */
  readonly stopMark?: string
  /** The state whose orders to all count, where that is another: what is tried in a state of its own heeds the real one. */
  readonly heeds?: string
  /** A cell goes on with another gateway; why its own was lost. */
  readonly onTakenOver?: (cell: CellId, why: string) => void
  /** A cell starts, of an agent or a stdio upstream, and this of what it is shown was not looked through for secrets. */
  readonly onUnsearched?: (name: string, what: string) => void
}

/** One agent's environment, running: warden, gateway and witness, ready for its cells. */
export interface Runtime {
  readonly state: State
  /** The cell exists, the gateway serves it, its start is in the ledger; it has not run one instruction. */
  launch(command: CellSpec['command'], stdio: CellSpec['stdio']): Promise<Result<RunningCell, string>>
  /** Returns the limits that servers which have ended ran into, by upstream. */
  serverLimits(): ReadonlyMap<UpstreamName, ServerLimits>
  /** Carries the person's streams to and from a cell. */
  pump(cell: Cell, streams: Streams): Pump
  /** Returns the orders of this runtime that no fence has at its end. */
  close(why: string): Promise<readonly Unwritten[]>
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
  onTakenOver,
  onUnsearched,
  heeds = stateDirectory,
  stopMark = readStopMark(heeds),
}: RuntimeOptions): Promise<Result<Runtime, string>> {
  const { config } = judged
  const unfit = profileFault(config.profile)
  if (unfit !== undefined) return no(wardenFaultText(unfit))
  const setup = gatewaySetup(judged, agent.environment)
  const opened = openTenantState(config, agent.environment, stateDirectory, config.profile === 'full')
  if (!opened.ok) return opened
  const state = opened.value
  // The services load their code while the warden makes its place.
  const starting = startServices(state, setup)
  const warden = await openWarden({ profile: config.profile })
  const services = await starting
  if (warden.ok && services.ok) {
    const made = { config, agent, task, setup, onTakenOver, onUnsearched, heeds, stopMark }
    const runtime = new OpenRuntime(warden.value, services.value, state, made)
    const noted = noteRunPlace(state.directory, warden.value.runDirectory)
    const known = noted.ok ? warden.value.recordGateway(services.value.gatewayPid) : noted
    const door = known.ok ? await runtime.open() : known
    if (door.ok) return ok(runtime)
    await runtime.close('it has no control socket')
    return door
  }
  if (services.ok) await services.value.stop('there is no warden')
  if (!warden.ok) return no(wardenFaultText(warden.reason))
  await warden.value.close()
  return services.ok ? no('unreachable') : services
}

export function wardenFaultText(fault: WardenFault): string {
  return fault.kind === 'missing' ? `${fault.what} is missing: ${fault.fix}` : `${fault.problem}: ${fault.fix}`
}

interface Made extends Pick<RuntimeOptions, 'agent'> {
  readonly heeds: string
  readonly config: Config
  readonly task: TaskSetup | undefined
  readonly setup: GatewaySetup
  readonly onTakenOver: RuntimeOptions['onTakenOver']
  readonly onUnsearched: RuntimeOptions['onUnsearched']
  readonly stopMark: string
}

class OpenRuntime implements Runtime {
  readonly state: State
  readonly #warden: Warden
  /** Of the gateway that is there now; a lost one, while another is started in its place. */
  #services: Services
  readonly #config: Config
  readonly #agent: Agent
  readonly #task: TaskSetup | undefined
  readonly #setup: GatewaySetup
  readonly #onTakenOver: (cell: CellId, why: string) => void
  readonly #onUnsearched: (name: string, what: string) => void
  /** The sentences that were told, by agent or server: the next cell of the same agent is shown the same. */
  readonly #unsearched = new Set<string>()
  /** The directory of the state whose stop mark counts here. */
  readonly #heeds: string
  readonly #stopMark: string
  readonly #stopAnswers: () => void
  /** The door for people's orders; absent until `open`: nothing is launched before. */
  #door: ControlSocket | undefined
  /** One gateway is replaced after the other. */
  #replacing: Promise<void> = Promise.resolve()
  readonly #replacedAtMs: number[] = []
  /** Cells, by how many orders that are not over, or from which no cell comes back: no gateway is replaced for them. */
  readonly #ordered = new Map<number, number>()
  /** The last orders that this runtime has followed, and the cells that each meant. */
  readonly #orders = new Map<string, ReadonlySet<number>>()
  #closing = false
  readonly #live = new Map<number, Live>()
  /** Gone, while their gateway does not know it yet. */
  readonly #ending = new Map<number, Live>()
  readonly #stops = new Set<Promise<unknown>>()
  readonly #files: FilesDesk
  /** Cells whose files are being saved because their gateway asked. */
  #saving = new Set<number>()
  readonly #starting: Starting
  readonly #fenceAgain: FenceAgain
  /** Undos under way, by their numbers at the gateway: a person's word, and no agent's. */
  readonly #undoing = new Map<number, Undoing>()
  readonly #servers: Servers
  readonly #secrets: SecretDesk
  /** Of cells and of their servers. */
  #numbers = 0

  constructor(
    warden: Warden,
    services: Services,
    state: State,
    {
      config,
      agent,
      task,
      setup,
      onTakenOver = () => undefined,
      onUnsearched = () => undefined,
      heeds,
      stopMark,
    }: Made,
  ) {
    this.#warden = warden
    this.#services = services
    this.state = state
    this.#config = config
    this.#agent = agent
    this.#task = task
    this.#setup = setup
    this.#onTakenOver = onTakenOver
    this.#onUnsearched = onUnsearched
    this.#secrets = new SecretDesk({
      config,
      environment: agent.environment,
      values: setup.secrets,
      tell: (message) => this.#services.tell(message),
      nowMs: () => performance.now(),
    })
    this.#heeds = heeds
    this.#stopMark = stopMark
    this.#starting = new Starting(state.directory)
    this.#fenceAgain = new FenceAgain({ stateDirectory: state.directory, starting: this.#starting })
    this.#servers = new Servers({
      warden,
      config,
      state,
      secrets: this.#secrets.values,
      without: leftOut(setup),
      services: () => this.#services,
      newNumber: () => ++this.#numbers,
      mayBegin: (number) => this.#mayServe(number),
      about: (number) => this.#aboutServer(number),
      lineOf: (number) => this.#lineOf(number),
      tellUnsearched: (name, unsearched) => this.#tellUnsearched(name, unsearched),
    })
    this.#files = new FilesDesk({
      warden,
      state,
      agents: [...config.agents.values()].filter(({ environment }) => environment === agent.environment),
      held: () => [...this.#live.values()],
      record: (entry) => this.#record(entry),
    })
    this.#stopAnswers = deliverAnswers(state.directory, agent.environment, (answer) => this.#answer(answer))
    this.#hear(services)
  }

  /** Opens the door of the stop: what nobody could stop does not start. */
  async open(): Promise<Result<void, string>> {
    const door = await openControlSocket(this.state.directory, (...asked) => this.#asked(...asked))
    if (door.ok) this.#door = door.value
    return door.ok ? ok(undefined) : door
  }

  async launch(command: CellSpec['command'], stdio: CellSpec['stdio']): Promise<Result<RunningCell, string>> {
    return this.#launch({ agent: this.#agent, command, stdio, variables: this.#variables() })
  }

  async #launch(launching: Launching): Promise<Result<RunningCell, string>> {
    const { agent, parent } = launching
    const about = { number: ++this.#numbers, id: newCellId(randomBytes(16)), agent }
    const start = this.#starting.begin({ ...about, ...(parent !== undefined && { parent }) })
    try {
      const may = this.#mayBegin(start)
      if (!may.ok) return may
      const door = this.#door === undefined ? no('there is no control socket') : await this.#door.answers()
      return door.ok ? await this.#launchStart(start, launching) : door
    } finally {
      start.end()
    }
  }

  async #launchStart(
    start: Start,
    { agent, command, stdio, variables, parent }: Launching,
  ): Promise<Result<RunningCell, string>> {
    const { number, id } = start
    const workspace = parent === undefined ? agent.name : delegatedWorkspace(agent.name, id)
    const texts = textsOf(command, Object.entries(variables), agent.cell)
    const handed = { ...agent.cell, texts }
    const { hidden, refusal, unsearched } = await lookThrough(this.#config, handed, this.#secrets.values)
    if (refusal !== undefined) return no(refusal)
    this.#tellUnsearched(agent.name, unsearched)
    const about = this.#aboutAgent(agent, parent)
    const plan = { id, name: workspace, cell: agent.cell, command, stdio, listener: true, variables, about, hidden }
    const mayBegin = () => this.#mayBeginAt(start, this.#live.get(number)?.rung ?? start.told)
    const launched = await this.#warden.launch(cellSpec(this.#config, this.state, plan), mayBegin)
    if (!launched.ok) return no(this.#starting.stopped(number) ?? launchFaultText(launched.reason))
    const cell = launched.value
    start.cell = cell
    const kept = await this.#lookThroughKept(agent.name, cell, hidden)
    const built = kept.ok ? this.#mayBegin(start) : kept
    if (!built.ok) {
      await cell.teardown()
      return built
    }
    const services = this.#services
    const servers = this.#servers.forCell(this.#stdioUpstreams(), number, workspace)
    start.servers = servers
    const sinceMs = Date.now()
    const handing = this.#handOver(services, cell.listeners, servers, () => {
      const above = parent === undefined ? this.#task && { task: this.#task } : { parent }
      const rung = this.#mayBegin(start)
      if (!rung.ok) return rung
      start.told = rung.value
      const message = this.#cellMessage(number, cell, agent, parent)
      return message.ok ? ok({ ...message.value, rung: rung.value, ...above }) : message
    })
    // Nobody waits for what its gateway says of a cell that does not begin.
    const given = await Promise.race([handing, start.refused.then(no)])
    const may = given.ok ? await this.#toldWhere(start, services) : given
    if (!may.ok || services.gone() !== undefined) {
      const [teardown] = await Promise.all([cell.teardown(), ...servers.map((server) => server.end())])
      if (start.told !== undefined) services.tell({ kind: 'ended', number, receipt: asJson({ teardown }) })
      return no(this.#starting.stopped(number) ?? (may.ok ? (services.gone() ?? '') : may.reason))
    }
    const sensed: Told[] = []
    this.#warden.sense(cell, (seen) => this.#tellSensed(sensed, { kind: 'sensed', number, ...seen }))
    const after: After = {}
    const ended = this.#end(number, cell, after)
    const live: Live = {
      cell,
      agent,
      workspace,
      ended,
      kept: servers,
      services,
      rung: start.told ?? 'normal',
      sensed,
      sinceMs,
      // What was delegated has no command of a person's that could begin anew.
      ...(parent === undefined ? { again: (then) => beginAgain(cell, ended, after, then) } : { parent }),
    }
    this.#live.set(number, live)
    if (agent.cell.workspace !== undefined) this.#files.watch(live)
    return ok({ cell, ended })
  }

  /** Looks through what earlier cells left in the workspace of one that has not begun. */
  async #lookThroughKept(name: string, { upper }: Cell, hidden: readonly string[]): Promise<Result<void, string>> {
    if (upper === undefined) return ok(undefined)
    const { refusal, unsearched } = await lookThroughKept(this.#config, upper, hidden, this.#secrets.values)
    if (refusal !== undefined) return no(refusal)
    this.#tellUnsearched(name, unsearched)
    return ok(undefined)
  }

  #tellUnsearched(name: string, unsearched: readonly string[]): void {
    for (const what of unsearched) {
      const told = `${name}\0${what}`
      if (!this.#unsearched.has(told)) this.#onUnsearched(name, what)
      this.#unsearched.add(told)
    }
  }

  /**
   * Returns the rung at which the cell would begin; or why it does not: an order to it, to its agent, to all, or to
   * whoever delegates to it.
   */
  #mayBegin(start: Start): Result<Rung, string> {
    const { parent } = start
    const above = parent === undefined ? undefined : this.#starting.stopped(parent)
    if (above !== undefined) return no(`the cell that delegates to it: ${above}`)
    if (parent !== undefined && !this.#live.has(parent)) return no('the cell that delegates to it has ended')
    if (readStopMark(this.#heeds) !== this.#stopMark)
      return no('all were ordered to stop while it was starting: start it again where it should run')
    return this.#starting.rungOf(start)
  }

  /**
   * Tells the gateway where its agent stands, if that was lowered since the gateway was told, by whoever had only the
   * disk to say so.
   */
  async #toldWhere(start: Start, services: Services): Promise<Result<void, string>> {
    const { number } = start
    const rung = this.#mayBegin(start)
    if (!rung.ok || start.told === undefined || !isBelow(rung.value, start.told)) return rung.ok ? ok(undefined) : rung
    const order = { kind: 'order', number: ANSWERS_FROM + ++this.#numbers, cells: [number], by: 'firebreak' } as const
    const told = services.tell({ ...order, rung: rung.value as Exclude<Rung, 'normal'>, why: 'its agent stands there' })
    start.told = rung.value
    return told.ok ? services.said('ordered', order.number) : told
  }

  /**
   * Tells whether the cell may begin once its gateway was told its rung; an error where its agent was lowered since.
   */
  #mayBeginAt(start: Start, told: Rung | undefined): Result<void, string> {
    const rung = this.#mayBegin(start)
    if (!rung.ok) return rung
    if (told !== undefined && isBelow(rung.value, told))
      return no(`its agent was lowered to ${rung.value} while it was starting: start it again`)
    return ok(undefined)
  }

  /** Tells whether a server may begin that serves this cell, or this undo. */
  #mayServe(number: number): Result<void, string> {
    const start = this.#starting.get(number)
    if (start !== undefined) return this.#mayBeginAt(start, start.told)
    const stopped = this.#starting.stopped(number)
    if (stopped !== undefined) return no(stopped)
    return this.#live.has(number) || this.#undoing.has(number) ? ok(undefined) : no('what it serves has ended')
  }

  #aboutAgent({ name, owner, environment }: Agent, parent: number | undefined): CellAbout {
    const of = parent === undefined ? undefined : this.#live.get(parent)?.cell.id
    const configuration = this.#config.file
    const about = {
      part: 'agent',
      state: this.state.directory,
      environment,
      agent: name,
      owner,
      configuration,
    } as const
    return { ...about, ...(of !== undefined && { of }) }
  }

  #aboutServer(number: number | null): CellAbout {
    const about = { state: this.state.directory, environment: this.#agent.environment } as const
    if (number === null) return { part: 'shared', ...about }
    const served = this.#starting.get(number) ?? this.#live.get(number)
    if (served === undefined) return { part: 'person', ...about }
    const { name: agent, owner } = served.agent
    const configuration = this.#config.file
    return { part: 'server', ...about, agent, owner, configuration, of: 'id' in served ? served.id : served.cell.id }
  }

  /** An order to another cell fences its agent against a start; a cell that ran beside that one goes on where it stood. */
  #rungAgain(number: number, { agent, rung }: Live): Result<Rung, string> {
    const fence = readFence(this.state.directory)
    if (!fence.ok) return fence
    const meant = this.#orders.get(fencedIn(fence.value, agent.name)?.order ?? '')
    const fenced = meant === undefined || meant.has(number) ? rungIn(fence.value, agent) : ok(rung)
    return fenced.ok ? ok(lowest(fenced.value, rung)) : fenced
  }

  #hear(services: Services): void {
    services.onOrder((order) => void this.#follow(order, services).catch(() => undefined))
    void services.lost.then((why) => this.#halt(services, why))
  }

  /** What the gateway asks: no more than a cell's or a server's number, and which declared agent. */
  async #follow(order: Pulse, services: Services): Promise<void> {
    // The last words of one that is lost are followed where they narrow.
    if (services.gone() !== undefined && !NARROWING.has(order.kind)) return
    if (order.kind === 'given-up') this.#servers.givenUp(order.number)
    if (order.kind === 'credential') return this.#secrets.refused(order.number)
    const live = this.#live.get(order.number)
    const start = this.#starting.get(order.number)
    const { agent } = live ?? start ?? this.#ending.get(order.number) ?? {}
    if (order.kind === 'contain' && agent !== undefined) this.#starting.ordered(agent.name)
    if (order.kind === 'contain' && live === undefined)
      await (start === undefined
        ? this.#fenceEnded(order.number, order.agent ?? 0)
        : this.#containFor({ id: start.id, rung: start.told ?? 'normal' }, order.agent ?? 0))
    if (order.kind === 'kill' || order.kind === 'freeze') this.#mean(order.number, 'frozen', BY_GATEWAY)
    if (live === undefined) return
    if (order.kind === 'kill') await live.cell.kill()
    else if (order.kind === 'freeze') await live.cell.freeze()
    else if (order.kind === 'checkpoint') await this.#saveFor(order.number, live, services)
    else if (order.kind === 'contain') {
      const stood = live.rung
      live.rung = lowest(stood, RUNGS[order.agent ?? 0] ?? stood)
      await this.#containFor({ id: live.cell.id, rung: stood }, order.agent ?? 0)
    } else if (order.kind === 'launch') await this.#launchBelow(order.number, live, order.agent ?? 0)
  }

  /** An action waits for it. A gateway asks once and waits for the answer; one that asks more is not followed. */
  async #saveFor(number: number, live: Live, services: Services): Promise<void> {
    const saving = this.#saving
    if (saving.has(number)) return
    saving.add(number)
    const why = 'an action that cannot be taken back'
    const saved = await this.#files.save(live, { occasion: 'before', by: 'firebreak', why }).catch(failed)
    saving.delete(number)
    // To the gateway that asked: what another one asks for since is saved later.
    services.tell({ kind: 'checkpointed', number, ...(!saved.ok && { problem: saved.reason }) })
  }

  /** A detector has lowered it at the gate already; this is what the warden adds, and what stays. Each rung once. */
  async #containFor({ id, rung: from }: { readonly id: CellId; readonly rung: Rung }, rung: number): Promise<void> {
    const to = RUNGS[rung]
    if (to === undefined || !isBelow(to, from)) return
    const order = orderFor(id, rung)
    if (order !== undefined) await this.#contain(order)
  }

  /** One that trips a detector and is gone at once is held as one that stays: its agent starts no more. */
  async #fenceEnded(number: number, rung: number): Promise<void> {
    const live = this.#ending.get(number)
    const order = live && orderFor(live.cell.id, rung)
    if (live === undefined || order === undefined) return
    const agents = [live.agent.name]
    this.#starting.fencing(order, agents)
    await this.#whole(contain({ ...this.#containing(order, [number], this.#meaning(order)), agents })).then((receipt) =>
      this.#fenced(receipt),
    )
  }

  /** A run does not end before the stops under way have. */
  async #whole<T>(stop: Promise<T>): Promise<T> {
    this.#stops.add(stop)
    return stop.finally(() => this.#stops.delete(stop))
  }

  async #asked(request: ControlRequest, reply: (reply: ControlReply) => void, isGivenUp: () => boolean): Promise<void> {
    if (request.kind === 'cells') {
      const cells = [...this.#live.values()].map(({ cell, agent, rung, sinceMs }) => {
        const { name, environment, owner } = agent
        return { cell: cell.id, agent: name, environment, owner, rung, sinceMs }
      })
      return reply({ kind: 'done', ok: true, said: `${cells.length} cells`, cells })
    }
    if (request.kind === 'files') return reply({ kind: 'done', ...(await this.#files.follow(request.ask)) })
    if (request.kind === 'release') {
      const { kind: _, environment, askedUs, seen, ...release } = request
      if (environment !== this.#agent.environment) return reply({ kind: 'done', ok: false, said: NOT_MINE })
      return reply({ kind: 'done', ...(await this.#release(release, askedUs, seen, isGivenUp)) })
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
   * Moves an agent up, in the ledger first. The disk may take its time: who contains it meanwhile has the last word, and
   * what the gateway has moved up by then goes down again.
   */
  async #release(
    release: Pick<Extract<ControlRequest, { kind: 'release' }>, 'agent' | 'from' | 'to' | 'by' | 'why'>,
    askedUs: number,
    seen: OrderSeen | undefined,
    isLate: () => boolean,
  ): Promise<{ readonly ok: boolean; readonly said: string }> {
    const { agent, to } = release
    const orders = this.#starting.orders(agent)
    const refused = () => {
      if (isLate()) return TOO_LATE
      const fence = readFence(this.state.directory)
      if (!fence.ok) return fence.reason
      const stands = isSameOrder(fencedIn(fence.value, agent), seen) && this.#starting.orders(agent) === orders
      return stands && !this.#starting.orderedSince(agent, askedUs) ? undefined : againText(agent)
    }
    const before = refused()
    if (before !== undefined) return { ok: false, said: before }
    const number = ANSWERS_FROM + ++this.#numbers
    const told = this.#services.tell({ kind: 'release', number, askedUs, ...release })
    const said = told.ok ? await this.#services.said('ordered', number) : told
    if (!said.ok) return { ok: false, said: refused() ?? said.reason }
    const own = [...this.#live].filter(([, live]) => live.agent.name === agent)
    const since = refused()
    if (since !== undefined) {
      for (const [cell, { rung }] of own)
        if (rung !== 'normal')
          this.#services.tell({
            kind: 'order',
            number: ANSWERS_FROM + ++this.#numbers,
            cells: [cell],
            rung,
            by: 'firebreak',
            why: since,
          })
      return { ok: false, said: since }
    }
    this.#starting.released(agent, to, askedUs)
    for (const [, live] of own) live.rung = raised(live.rung, to)
    return { ok: true, said: 'the ledger has it' }
  }

  /**
   * A gateway that is gone or silent guards nothing: its cells stand still at once. Those that nothing speaks against go on
   * when another gateway serves them; the others end when it is known what they were. They are not fenced: that a process
   * of ours has ended says nothing yet of the agent.
   */
  #halt(services: Services, lost: string): void {
    if (this.#closing) return
    const frozen = [...this.#live].map(async ([number, live]) => ({ number, live, ...(await live.cell.freeze()) }))
    this.#replacing = this.#replacing
      .then(async () => this.#replace(services, lost, await Promise.all(frozen)))
      .catch(() => undefined)
      .then(() => this.#endUnserved(services, lost))
  }

  async #replace(services: Services, lost: string, halted: readonly Halted[]): Promise<void> {
    if (this.#closing) return
    const may = this.#services === services && !services.lied() && this.#mayReplaceNow()
    const goOn = may ? halted.filter(({ number, live, ok: stands }) => stands && this.#mayGoOn(number, live)) : []
    const ending = halted.filter((each) => !goOn.includes(each)).map(({ number }) => number)
    const ended = this.#endCells(ending, lost)
    if (goOn.length > 0) {
      this.#replacedAtMs.push(performance.now())
      const next = await this.#startAgain(services, lost)
      if (next !== undefined) {
        this.#services = next
        this.#saving = new Set()
        this.#hear(next)
        void this.#files.tellUntold()
        await Promise.all(goOn.map(({ number, live }) => this.#takeOver(number, live, next, lost)))
      }
    }
    await ended
  }

  /** A gateway that somebody can end again and again is no wall: past this its cells end with it. */
  #mayReplaceNow(): boolean {
    const since = performance.now() - REPLACED_WITHIN_MS
    return this.#replacedAtMs.filter((atMs) => atMs > since).length < REPLACED_MAX
  }

  /** What was delegated cannot be gone on with: the ledger keeps what a person reads of it, and not every limit. */
  #mayGoOn(number: number, live: Live): boolean {
    return this.#live.get(number) === live && live.parent === undefined && !this.#ordered.has(number)
  }

  /** Nothing of the lost one is left first: the ledger has one writer, and the kernel sees to that. */
  async #startAgain(lost: Services, why: string): Promise<Services | undefined> {
    const over = lost.stop(why).then(() => true)
    if (!(await Promise.race([over, delay(STOP_MS_MAX, false, { ref: false })]))) return undefined
    const secrets = { secrets: [...this.#secrets.values], pastSecrets: this.#secrets.past }
    const started = await startServices(this.state, { ...this.#setup, ...secrets, replaces: why })
    if (!started.ok) return undefined
    if (!this.#closing && this.#warden.recordGateway(started.value.gatewayPid).ok) return started.value
    await started.value.stop('it is over')
    return undefined
  }

  /** Thaws it when the new gateway has said that it serves it, and nobody has ordered otherwise. */
  async #takeOver(number: number, live: Live, services: Services, why: string): Promise<void> {
    const { cell, agent } = live
    await Promise.all([...live.kept.map((server) => server.end()), this.#servers.endShared()])
    if (!this.#mayGoOn(number, live)) return
    live.kept = this.#servers.forCell(this.#stdioUpstreams(), number, live.workspace)
    const listeners = await cell.listenAgain()
    if (!listeners.ok) return
    const given = await this.#handOver(services, listeners.value, live.kept, () => {
      // An order that came since then was told to a gateway that did not know the cell.
      if (!this.#mayGoOn(number, live)) return no(`${cell.id} was ordered to stop`)
      const message = this.#cellMessage(number, cell, agent)
      if (!message.ok) return message
      const rung = this.#rungAgain(number, live)
      const task = this.#task && { task: this.#task }
      return rung.ok ? ok({ ...message.value, ...task, rung: rung.value, again: { sinceMs: live.sinceMs, why } }) : rung
    })
    for (const listener of listeners.value) listener.close()
    if (!given.ok || !(await this.#toldAgain(live, services))) return
    if (!this.#mayGoOn(number, live) || services.gone() !== undefined || this.#closing) return
    live.services = services
    live.rung = lowest(live.rung, 'watched')
    const thawed = await cell.thaw()
    if (thawed.ok) this.#onTakenOver(cell.id, why)
    else if (this.#mayGoOn(number, live) && services.gone() === undefined) await cell.kill()
  }

  /** What was seen last in the cell may not have reached the ledger: it is told again, and followed before the cell goes on. */
  async #toldAgain({ sensed }: Live, services: Services): Promise<boolean> {
    for (const { message } of sensed) {
      const detail = { ...message.detail, toldAgain: true }
      if (!services.tell({ ...message, detail }).ok) return false
    }
    const number = ANSWERS_FROM + ++this.#numbers
    const told = services.tell({ kind: 'order', number, cells: [], rung: 'watched', by: 'firebreak', why: 'nothing' })
    return told.ok && (await services.said('ordered', number)).ok
  }

  #tellSensed(sensed: Told[], message: Extract<WardenMessage, { kind: 'sensed' }>): void {
    const atMs = performance.now()
    while (sensed[0] !== undefined && sensed[0].atMs < atMs - SENSED_KEPT_MS) sensed.shift()
    sensed.push({ atMs, message })
    this.#services.tell(message)
  }

  /** Whatever has become of the replacement: what no gateway serves does not stay. */
  async #endUnserved(services: Services, lost: string): Promise<void> {
    if (this.#closing) return
    const unserved = [...this.#live].filter(([, live]) => live.services === services).map(([number]) => number)
    await this.#endCells(unserved, lost)
  }

  /** Keeps what they were, and then ends them; those that are being ended so already get no second order. */
  async #endCells(numbers: readonly number[], lost: string): Promise<void> {
    const standing = numbers.flatMap((number) => this.#live.get(number) ?? [])
    const meant = this.#withBelow(
      numbers.filter((number) => this.#live.has(number) && this.#live.get(number)?.lost === undefined),
    )
    const ending = meant.flatMap((number) => this.#live.get(number) ?? [])
    if (ending.length > 0) await this.#containEnding(meant, ending, lost)
    await Promise.all([...standing, ...ending].map(({ cell }) => cell.kill()))
  }

  async #containEnding(numbers: readonly number[], ending: readonly Live[], lost: string): Promise<void> {
    for (const live of ending) live.lost = lost
    for (const number of numbers) this.#mean(number, 'killed', lost)
    const target = { kind: 'environment', name: this.#agent.environment } as const
    const order = { id: newOrderId(), target, rung: 'frozen', by: 'firebreak', why: lost } as const
    const cells = ending.map(({ cell }) => cell.id)
    await Promise.allSettled([
      contain({ ...this.#containing(order, numbers), agents: [] }),
      this.#fenceTold(cells, order.id),
    ])
  }

  /** Fences the agents of cells whose gateway was lost where the ledger says that they stand. */
  async #fenceTold(cells: readonly CellId[], id: string): Promise<void> {
    const { directory, ledger } = this.state
    const orders = await ordersAsTold(ledger(this.#agent.environment), cells, id)
    for (const { order, agents } of orders) this.#starting.fencing(order, agents)
    const fenced = await fenceByOrders(directory, () => orders)
    if (fenced.ok) for (const { order } of orders) this.#starting.fenced(order)
    else this.#fenceAgain.later()
  }

  /**
   * Carries out an order: it stands first, then whom it means is looked for, among what runs and among what is starting
   * (ST2).
   */
  async #contain(order: Order, onConfirmation?: (confirmation: Confirmation) => void): Promise<Receipt> {
    const fenced = this.#ownOf(agentsOf(this.#config, order))
    const isTarget = (cell: CellId, agent: Agent) => isMeant(cell, agent, order, this.#config)
    const targets = [
      ...[...this.#live, ...this.#ending].flatMap(([number, { cell, agent }]) =>
        isTarget(cell.id, agent) ? [number] : [],
      ),
      ...this.#starting.all().flatMap(({ number, id, agent }) => (isTarget(id, agent) ? [number] : [])),
    ]
    const numbers = this.#withBelow(targets)
    const told = cutsOff(order.rung) ? this.#servers.toldBy(this.#meaning(order)) : []
    const agents = [...new Set([...numbers.flatMap((number) => this.#agentOf(number) ?? []), ...told, ...fenced])]
    // Of an order that is about somebody else's agents nothing is kept here.
    if (numbers.length === 0 && agents.length === 0 && !this.#goesOn(order))
      return { order, atMs: Date.now(), cells: [], agents, confirmations: [], contained: true }
    this.#starting.fencing(order, agents)
    for (const number of numbers) this.#mean(number, order.rung, orderedText(order))
    this.#orders.set(order.id, new Set(numbers))
    const [oldest] = this.#orders.keys()
    if (this.#orders.size > ORDERS_MAX && oldest !== undefined) this.#orders.delete(oldest)
    const stop = { ...this.#containing(order, numbers, this.#meaning(order)), agents }
    const receipt = await this.#whole(contain(stop, onConfirmation))
    this.#fenced(receipt)
    // One that goes on under this order goes on under another gateway, too.
    if (receipt.contained && !cutsOff(order.rung)) for (const number of numbers) this.#unmean(number)
    return receipt
  }

  #agentOf(number: number): AgentName | undefined {
    return (this.#live.get(number) ?? this.#starting.get(number) ?? this.#ending.get(number))?.agent.name
  }

  /**
   * Drops an order that is kept here once the fence on disk is confirmed to have it: it holds there from here on. One
   * that was not confirmed is written again.
   */
  #fenced({ order, confirmations }: Receipt): void {
    const fence = confirmations.find(({ point }) => point === 'fence')
    if (fence?.confirmed === true) this.#starting.fenced(order)
    else if (fence !== undefined) this.#fenceAgain.later()
  }

  /** Fences lie in a tenant's own state. */
  #ownOf(agents: readonly AgentName[]): readonly AgentName[] {
    const tenant = (environment: EnvironmentName | undefined) => environment && tenantOf(this.#config, environment)
    const own = tenant(this.#agent.environment)
    return agents.filter((name) => tenant(this.#config.agents.get(name)?.environment) === own)
  }

  #mean(number: number, rung: Rung, why: string): void {
    // It runs no more, and nothing is kept of it.
    if (this.#ending.has(number)) return
    this.#ordered.set(number, (this.#ordered.get(number) ?? 0) + 1)
    const live = this.#live.get(number)
    if (live !== undefined) live.rung = lowest(live.rung, rung)
    const start = this.#starting.get(number)
    if (start?.told !== undefined) start.told = lowest(start.told, rung)
    if (cutsOff(rung)) this.#starting.stop(number, why)
  }

  #unmean(number: number): void {
    const orders = (this.#ordered.get(number) ?? 0) - 1
    if (orders > 0) this.#ordered.set(number, orders)
    else this.#ordered.delete(number)
  }

  /** Tells of a cell, also of an ended one, whether an order means it. */
  #meaning(order: Order): IsMeant {
    return (cell, agent) => isMeant(cell, agent, order, this.#config)
  }

  /** Returns a cell that runs or starts, and those that it was delegated from. */
  #lineOf(number: number): Line {
    const start = this.#starting.get(number)
    const live = this.#live.get(number)
    const cell = start?.id ?? live?.cell.id
    const { agent, parent } = start ?? live ?? {}
    if (cell === undefined || agent === undefined) return []
    return [{ cell, agent }, ...(parent === undefined ? [] : this.#lineOf(parent))]
  }

  /**
   * Gathers what an order stops, in its tick: what would begin for these cells alone does not, from here on. `isMeant` tells
   * of ended cells whether what they have told others stops, too.
   */
  #containing(order: Order, numbers: readonly number[], isMeant: IsMeant = () => false): Containing {
    const all = this.#withBelow(numbers)
    const stops = cutsOff(order.rung)
    const stopping = all.flatMap((number) => {
      const live = this.#live.get(number)
      if (live === undefined) return []
      const servers = serversOf(live, order.rung)
      const workspace = live.agent.cell.workspace === undefined ? {} : { workspace: live.workspace }
      return [{ number, cell: live.cell, agent: live.agent.name, servers, ...workspace }]
    })
    const starts = all.flatMap((number) => this.#starting.get(number) ?? [])
    return {
      order,
      stopping,
      leaving: [
        ...(stops ? starts.map(unbegun) : []),
        ...all.flatMap((number) => this.#ending.get(number) ?? []).map(ending),
      ],
      shared: [
        ...(stops ? this.#sharedOf(all, isMeant, order.rung) : []),
        ...(this.#goesOn(order) ? this.#undosOf() : []),
      ],
      alsoAtGate: starts.flatMap(({ number, told }) => (told === undefined ? [] : [number])),
      agents: stopping.map(({ agent }) => agent),
      services: this.#services,
      state: this.state,
      environment: this.#agent.environment,
      warden: this.#warden,
      number: ANSWERS_FROM + ++this.#numbers,
      record: (entry) => this.#record(entry),
      goesOn: (writing) => void this.#whole(writing).catch(() => undefined),
    }
  }

  #sharedOf(numbers: readonly number[], isMeant: IsMeant, rung: Rung): readonly Halting[] {
    const stopped = this.#servers.stopShared(new Set(numbers), isMeant, rung === 'killed' ? 'kill' : 'freeze')
    return stopped.map(({ name, halt, end }) => ({ point: `shared server ${name}`, halt, end }))
  }

  /** Tells whether an order means more than agents, and a server of an undo is to be named in its receipt. */
  #goesOn(order: Order): boolean {
    const { target } = order
    const all = target.kind === 'all' || (target.kind === 'environment' && target.name === this.#agent.environment)
    return all && order.by !== 'firebreak' && this.#undoing.size > 0
  }

  #undosOf(): readonly Halting[] {
    return [...this.#undoing.values()].flatMap(({ by, servers }) =>
      servers.flatMap(({ server: { cell } }) => {
        const goesOn = async () => ok(`goes on: it acts on the word of ${by}, who undoes, and on no agent's`)
        return cell === undefined ? [] : [{ point: `server of an undo ${cell.id}`, halt: goesOn, end: goesOn }]
      }),
    )
  }

  #withBelow(numbers: readonly number[]): readonly number[] {
    const all = new Set(numbers)
    // A cell has a higher number than the one that delegates to it.
    const begun = [...this.#live, ...this.#ending].map(([number, { parent }]) => ({ number, parent }))
    const every = [...begun, ...this.#starting.all()]
    for (const { number, parent } of every.toSorted((a, b) => a.number - b.number))
      if (parent !== undefined && all.has(parent)) all.add(number)
    return [...all]
  }

  /** The configuration says who may delegate to whom, and with what it is started; the gateway only says that it is time. */
  async #launchBelow(parent: number, giver: Live, index: number): Promise<void> {
    const agent = [...this.#config.agents.values()].filter((each) => each.environment === this.#agent.environment)[
      index
    ]
    const [program, ...args] = agent?.command ?? []
    const every = [...this.#live.values(), ...this.#starting.all()]
    const below = every.filter((each) => each.parent === parent).length
    if (agent === undefined) return
    const refused =
      program === undefined || !giver.agent.delegates.includes(agent.name)
        ? `${giver.agent.name} may not delegate to ${agent.name}`
        : below >= LIMITS.delegationsMax
          ? `at most ${LIMITS.delegationsMax} delegations at a time`
          : undefined
    if (refused !== undefined || program === undefined) return this.#unlaunched(parent, agent, refused ?? '')
    const variables = Object.fromEntries(agent.cell.env)
    const command = [program, ...args] as const
    const launched = await this.#launch({ agent, command, stdio: { kind: 'pipes' }, variables, parent })
    if (!launched.ok) return this.#unlaunched(parent, agent, launched.reason)
    const { cell, ended } = launched.value
    // Nobody watches its streams: what it has to say, it reports through the gateway.
    const nothing = openSync('/dev/null', 'r+')
    const pump = this.#warden.pump(cell, { stdin: nothing, stdout: nothing, stderr: nothing })
    if (!cell.start().ok) await cell.teardown()
    await ended
    await pump.done
    closeSync(nothing)
  }

  #unlaunched(parent: number, agent: Agent, why: string): void {
    this.#services.tell({ kind: 'unlaunched', parent, agent: agent.name, why })
  }

  serverLimits(): ReadonlyMap<UpstreamName, ServerLimits> {
    return this.#servers.reached()
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
    const undoing: Undoing = { by: order.by, servers: [] }
    this.#undoing.set(number, undoing)
    const servers = this.#servers.forUndo(undoServers(this.#config, order), number, order.served ?? '')
    undoing.servers = servers
    // One that does not start is refused at the gateway, effect by effect, and the table says so.
    await Promise.all(servers.map((server) => server.start()))
    const done = await carryOut(this.#services, number, order)
    await Promise.all(servers.map((server) => server.end()))
    this.#undoing.delete(number)
    return done
  }

  async close(why: string): Promise<readonly Unwritten[]> {
    this.#closing = true
    this.#files.close()
    this.#secrets.close()
    this.#stopAnswers()
    await this.#door?.close()
    await Promise.race([this.#stopsOver(), delay(STOP_MS_MAX, undefined, { ref: false })])
    await this.#warden.close()
    await this.#replacing
    const unwritten = await this.#fenceAgain.last()
    await this.#services.stop(why)
    return unwritten
  }

  /** Waits for all stops, also for those that begin meanwhile. */
  async #stopsOver(): Promise<void> {
    while (this.#stops.size > 0) await Promise.allSettled(this.#stops)
  }

  #variables(): Record<string, string> {
    const task = this.#task === undefined ? {} : { FIREBREAK_TASK: this.#task.text }
    return { ...Object.fromEntries(this.#agent.cell.env), ...task }
  }

  /** The gateway gets the pipes of the agent's stdio servers and the cell's listener, and has the start in the ledger. */
  async #handOver(
    services: Services,
    [listener]: readonly Handle[],
    servers: readonly Kept[],
    message: () => Result<Extract<WardenMessage, { kind: 'cell' }>, string>,
  ): Promise<Result<void, string>> {
    // One that does not start is left out: its gateway knows why, and the others and the cell go on without it.
    await Promise.all(servers.map((server) => server.start()))
    if (listener === undefined) return no('the cell has no listener')
    const about = message()
    if (!about.ok) return about
    const told = services.tell(about.value, [listener.fd])
    return told.ok ? services.said('cell-ready', about.value.number) : told
  }

  #cellMessage(number: number, cell: Cell, agent: Agent, parent?: number) {
    // What was delegated has a workspace that nobody had before.
    const kept = parent === undefined && agent.cell.workspace !== undefined
    const landed = landedFor(this.state.directory, this.#config, agent)
    if (!landed.ok) return landed
    const used = kept ? usedElsewhere(this.state.directory, this.#config, agent, Date.now()) : ok([])
    if (!used.ok) return used
    return ok({
      kind: 'cell',
      number,
      cell: cell.id,
      agent: agent.name,
      receipt: asJson(cell.receipt),
      labels: agent.cell.labels,
      ...(kept && { lived: livedSpans(this.state.directory, agent.name) }),
      // Of its own files the gateway knows more by `lived`.
      landed: [...landed.value.filter((work) => !kept || work.agent !== agent.name), ...used.value],
    } as const)
  }

  #stdioUpstreams(): readonly StdioUpstream[] {
    const granted = new Set(this.#agent.grants.map(({ upstream }) => upstream))
    return [...this.#config.upstreams.values()].flatMap((upstream) =>
      upstream.mcp.kind === 'stdio' && granted.has(upstream.name) ? [{ ...upstream, mcp: upstream.mcp }] : [],
    )
  }

  #clearDelegations(): void {
    const live = new Set<string>([...this.#live.values()].map(({ workspace }) => workspace))
    for (const { agent, id } of this.#starting.all()) live.add(delegatedWorkspace(agent.name, id))
    for (const name of this.#config.agents.keys()) live.add(name)
    clearDelegations(this.state, {
      isLive: (workspace) => live.has(workspace),
      discard: (changes) => this.#warden.discard(changes),
    })
  }

  async #end(number: number, cell: Cell, after: After): Promise<Ended> {
    const exit = await cell.exited
    // What it delegated ends with it, and what is being started for it does not begin.
    this.#starting.stop(number, 'it has ended')
    const below = [...this.#live.values()].filter((live) => live.parent === number)
    const unborn = this.#starting.all().filter((start) => start.parent === number)
    for (const start of unborn) this.#starting.stop(start.number, 'the cell that delegates to it has ended')
    await Promise.all(below.map((live) => live.cell.kill()))
    await Promise.all([...below.map((live) => live.ended), ...unborn.map(({ over }) => over)])
    const teardown = await cell.teardown()
    const live = this.#live.get(number)
    if (live !== undefined) this.#ending.set(number, Object.assign(live, { teardown }))
    this.#live.delete(number)
    this.#ordered.delete(number)
    this.#starting.forget(number)
    await Promise.all((live?.kept ?? []).map((server) => server.end()))
    if (live?.parent !== undefined) this.#clearDelegations()
    const lost = live?.lost ?? live?.services.gone()
    let closed = false
    if (live !== undefined && lost === undefined) {
      const told = live.services.tell({ kind: 'ended', number, receipt: asJson({ exit, teardown }) })
      closed = told.ok && (await live.services.said('cell-closed', number)).ok
    }
    this.#ending.delete(number)
    // A gateway that has not closed it may have lowered it and be gone since, known or not; `#endCells` finds it no more.
    if (live !== undefined && live.lost === undefined && !closed)
      await this.#fenceTold([cell.id], newOrderId()).catch(() => undefined)
    if (live === undefined || lost !== undefined) return { exit, teardown, ...(lost !== undefined && { lost }) }
    const again = await after.act?.()
    return { exit, teardown, ...(again && { again }) }
  }
}

/** How many gateways are replaced, and within which time; of one runtime. */
const REPLACED_MAX = 3
const REPLACED_WITHIN_MS = 600_000
/** For what is left of a lost gateway and its witness; they are killed before it is over. */
const STOP_MS_MAX = 12_000
/** Longer than a silent gateway can go unmissed, and a disk can hang that it waits for. */
const SENSED_KEPT_MS = 30_000
/** An order that is not remembered counts for every cell of its agent. */
const ORDERS_MAX = 1_024
const NARROWING: ReadonlySet<Pulse['kind']> = new Set(['kill', 'freeze', 'contain'])

/** What was told of a cell; ms of our own clock. */
interface Told {
  readonly atMs: number
  readonly message: Extract<WardenMessage, { kind: 'sensed' }>
}

interface Halted {
  readonly number: number
  readonly live: Live
  readonly ok: boolean
}

interface Launching {
  readonly agent: Agent
  readonly command: CellSpec['command']
  readonly stdio: CellSpec['stdio']
  readonly variables: Readonly<Record<string, string>>
  readonly parent?: number
}

interface Live extends Held {
  readonly ended: Promise<Ended>
  kept: readonly Kept[]
  /** Of the gateway that serves it. */
  services: Services
  /** Where its agent stood when it began, lower by each order since, and higher by a person's word. */
  rung: Rung
  /** What was last seen in it, for as long as SENSED_KEPT_MS. */
  readonly sensed: readonly Told[]
  /** Why it is ended, where that is the end of its gateway. */
  lost?: string
  /** What has become of it, once it has ended. */
  teardown?: TeardownReceipt
  /** Epoch ms; before its gateway heard of it. */
  readonly sinceMs: number
  /** The number of the cell that delegated to it. */
  readonly parent?: number
}

interface Undoing {
  readonly by: string
  servers: readonly Kept[]
}

const BY_GATEWAY = 'its gateway has stopped it: firebreak logs tells why'

/**
 * Returns the servers that serve this cell alone: they stand still from `quarantined` on, since what one was told before
 * goes on in it.
 */
function serversOf({ kept }: Live, rung: Rung): readonly Halting[] {
  if (!cutsOff(rung)) return []
  const own = kept.filter(({ shared }) => !shared)
  return own.map(({ server, upstream }) => {
    server.hold()
    const halt = () => server.halt(rung === 'killed' ? 'kill' : 'freeze')
    return { point: `its server ${server.cell?.id ?? upstream}`, halt, end: () => server.halt('kill') }
  })
}

/** Names a cell that was ending when the order came: what it has sent may still land. */
function ending({ cell, agent, kept, teardown }: Live): Leaving {
  const own = kept.filter(({ shared }) => !shared)
  const gone = async () => {
    await Promise.all(own.map((server) => server.end()))
    const left = own.some(({ server }) => (server.cell?.pids().length ?? 0) > 0)
    if (left || teardown?.gone !== true) return no('it was ending, and not all of it is gone')
    return ok('it was ending by itself, and nothing of it is left')
  }
  return { point: `end of ${cell.id}`, cell: cell.id, agent: agent.name, gone }
}

function orderFor(cell: CellId, rung: number): Order | undefined {
  const to = RUNGS[rung]
  // Nobody is kept from a start for having been watched, and what was seen stands in the ledger.
  if (to === undefined || to === 'normal' || to === 'watched') return undefined
  const target = { kind: 'cell', name: cell } as const
  return { id: newOrderId(), target, rung: to, by: 'firebreak', why: 'a signal: firebreak logs tells which' }
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

/** Agents of this configuration that an order means, by itself or by the configuration of whoever orders it. */
function agentsOf(config: Config, { target, agents: also = [] }: Order): readonly AgentName[] {
  const own = agentsMeant(config, target)
  return [...own, ...[...config.agents.keys()].filter((name) => also.includes(name) && !own.includes(name))]
}

/** Tells whether an order means this cell; undefined: one of its agent's, nobody knows which. */
function isMeant(cell: CellId | undefined, agent: Agent, order: Order, config: Config): boolean {
  const { target } = order
  return target.kind === 'cell'
    ? cell === undefined || cell === target.name
    : agentsOf(config, order).includes(agent.name)
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
