import { setTimeout as delay } from 'node:timers/promises'
import type { Cell, Pump, Streams, Warden, WardenFault } from '../../cells/driver.ts'
import type { Config } from '../../config/config.ts'
import type { GatewaySetup, Noted } from '../../gateway/link/setup.ts'
import { type AgentName, type EnvironmentName, no, ok, type Result, type UpstreamName } from '../../model/index.ts'
import { followConfig } from '../apply/follow-config.ts'
import { FilesDesk } from '../files/files-desk.ts'
import { AnswerBox } from '../people/answers.ts'
import { type ControlSocket, openControlSocket } from '../people/control-socket.ts'
import type { HoldAnswer } from '../people/mailbox.ts'
import { UndosUnderWay } from '../people/undos-under-way.ts'
import { SecretDesk } from '../prepare/secret-desk.ts'
import { followedSetup, gatewaySetup, type Judged } from '../prepare/setup.ts'
import { wardenFaultText } from '../prepare/warden-fault-text.ts'
import { noteRunPlace } from '../services/run-places.ts'
import { leftOut, type ServerLimits, Servers } from '../services/servers.ts'
import { type Services, startServices } from '../services/services.ts'
import { Starting } from '../services/starting.ts'
import type { State } from '../state/state.ts'
import { storesOf } from '../state/stores.ts'
import { openTenantState } from '../state/tenants.ts'
import { STOP_MS_MAX } from '../stop/bounds.ts'
import { FenceAgain, type Unwritten } from '../stop/fence-again.ts'
import { standingFence } from '../stop/standing-fence.ts'
import { BeginRules, CLOSING } from './begin-rules.ts'
import { aboutServer } from './cell-about.ts'
import { CellEnds } from './cell-ends.ts'
import { CurrentGateway } from './current-gateway.ts'
import { DelegatedLaunches } from './delegated-launches.ts'
import { followRequest } from './door.ts'
import type { EnvironmentGround } from './environment-ground.ts'
import { GatewayKeeper } from './gateway-keeper.ts'
import { GatewayRequests } from './gateway-requests.ts'
import type { LaunchAsk, RunningCell } from './hosted-cell.ts'
import { Launching } from './launching.ts'
import { LiveCells } from './live-cells.ts'
import { Orders } from './orders.ts'
import { PulseNumbers } from './pulse-numbers.ts'
import { ServedConfiguration } from './served-configuration.ts'

export interface EnvironmentOptions {
  readonly judged: Judged
  readonly environment: EnvironmentName
  readonly stateDirectory: string
  /** The host's warden, which may still be opening. */
  readonly warden: () => Promise<Result<Warden, WardenFault>>
  /** The state whose orders to all count, where that is another: what is tried in a state of its own heeds the real one. */
  readonly heeds: string
  /** Hears that a cell starts, of an agent or a stdio upstream, and what of it was not looked through for secrets. */
  readonly onUnsearched: (name: string, what: string) => void
}

/** One environment, running: its gateway and witness, and the door by which people reach it, ready for its cells. */
export interface EnvironmentRun {
  readonly state: State
  /** The directory in which the runs of this host's warden are found. */
  readonly runDirectory: string
  /** Launches a cell of any agent of this environment; it has not run one instruction when this resolves. */
  launch(ask: LaunchAsk): Promise<Result<RunningCell, string>>
  /** Carries the person's streams to and from a cell. */
  pump(cell: Cell, streams: Streams): Pump
  /** Returns the limits that servers which have ended ran into, by upstream. */
  serverLimits(): ReadonlyMap<UpstreamName, ServerLimits>
  /** Records a deed of the warden's; true when the ledger has it. */
  record(entry: Noted): Promise<boolean>
  /**
   * Goes by another configuration from this tick on; resolves when every cell does. A gateway that does not say so in time
   * is believed no more: its cells stand still, and go on with one that has read the other configuration.
   */
  follow(next: FollowedConfiguration): Promise<Result<void, string>>
  /** Returns the number of cells that run or start. */
  cellCount(): number
  /** Ends every cell, what is being started, and the shared servers; after `beginClose`, nothing comes anew. */
  endCells(): Promise<void>
  /** Tells whether its gateway is lost for good, no cell is left, and no order stands here alone: it can be closed. */
  isOver(): boolean
  /**
   * Waits for what was asked and for the stops under way, within a bound. From the tick of the call on nothing is launched, and
   * the door is there for orders that stop, and to tell what runs.
   */
  beginClose(): Promise<void>
  /**
   * Ends the gateway, once no cell is left, and then closes the door: an order to stop is heard until nothing runs.
   * Returns the orders that no fence has at the end.
   */
  endClose(why: string): Promise<readonly Unwritten[]>
}

/** A configuration that takes the place of another while cells run. */
export interface FollowedConfiguration {
  readonly judged: Judged
  /** Agents that may do less by it. */
  readonly narrowed: readonly AgentName[]
}

/** Opens an environment; its door for people's orders has answered when this resolves: what nobody could stop does not start. */
export async function openEnvironment(options: EnvironmentOptions): Promise<Result<EnvironmentRun, string>> {
  const { judged, environment, stateDirectory } = options
  const { config } = judged
  const setup = gatewaySetup(judged, environment)
  const opened = openTenantState(config, environment, stateDirectory, config.profile === 'full')
  if (!opened.ok) return opened
  const state = opened.value
  // The services load their code while the warden makes its place.
  const starting = startServices(state, setup)
  const warden = await options.warden()
  const services = await starting
  if (!warden.ok) {
    if (services.ok) await services.value.stop('there is no warden')
    return no(wardenFaultText(warden.reason))
  }
  if (!services.ok) return services
  const run = new OpenEnvironment(options, { config, setup, state, warden: warden.value, services: services.value })
  const noted = noteRunPlace(state.directory, warden.value.runDirectory)
  const known = noted.ok ? warden.value.recordGateway(services.value.gatewayPid) : noted
  const door = known.ok ? await run.openDoor() : known
  if (door.ok) return ok(run)
  await run.beginClose()
  await run.endClose('it has no control socket')
  return door
}

interface Opened {
  readonly config: Config
  readonly setup: GatewaySetup
  readonly state: State
  readonly warden: Warden
  readonly services: Services
}

/** Puts the parts of one environment together. */
class OpenEnvironment implements EnvironmentRun {
  readonly #ground: EnvironmentGround
  readonly #served: ServedConfiguration
  readonly #secrets: SecretDesk
  readonly #servers: Servers
  readonly #files: FilesDesk
  readonly #undos: UndosUnderWay
  readonly #fenceAgain: FenceAgain
  readonly #orders: Orders
  readonly #ends: CellEnds
  readonly #launching: Launching
  readonly #keeper: GatewayKeeper
  readonly #answers: AnswerBox
  /** The door for people's orders; absent until `openDoor`: nothing is launched before. */
  #door: ControlSocket | undefined
  /** Requests from the door that are not answered yet. */
  readonly #asked = new Set<Promise<void>>()
  #closing = false

  constructor(options: EnvironmentOptions, { config, setup, state, warden, services }: Opened) {
    const { environment, heeds, stateDirectory } = options
    const numbers = new PulseNumbers()
    const read = () => standingFence(stateDirectory, state.directory, () => state.fences.read())
    const starting = new Starting({ read })
    const cells = new LiveCells(starting)
    const gateway = new CurrentGateway(services, numbers)
    const served = new ServedConfiguration(config, setup)
    const ground = {
      get config() {
        return served.config
      },
      environment,
      state,
      warden,
      numbers,
      starting,
      cells,
      gateway,
    }
    const tellUnsearched = tellOnce(options.onUnsearched)
    const secrets = new SecretDesk({
      config,
      environment,
      values: setup.secrets,
      tell: (message) => gateway.tell(message),
      nowMs: () => performance.now(),
    })
    const undos = new UndosUnderWay(ground, () => servers)
    const rules = new BeginRules({
      ground,
      heeds: storesOf(heeds).fences,
      isUndo: (number) => undos.isUnderWay(number),
      isClosing: () => this.#closing,
    })
    const servers = new Servers({
      warden,
      get config() {
        return served.config
      },
      state,
      secrets: secrets.values,
      without: leftOut(setup),
      services: () => gateway.services,
      newNumber: () => numbers.next(),
      mayBegin: (number) => rules.mayServe(number),
      about: (number) => aboutServer(ground, number),
      lineOf: (number) => cells.lineOf(number),
      tellUnsearched,
    })
    const files = new FilesDesk({
      warden,
      state,
      get agents() {
        return [...served.config.agents.values()].filter((agent) => agent.environment === environment)
      },
      held: () => cells.all().map(([, hosted]) => hosted),
      standing: (agent) => starting.standing(agent),
      record: (entry) => gateway.record(entry),
    })
    const fenceAgain = new FenceAgain({ fences: state.fences, starting })
    const orders = new Orders({ ground, servers, undos, fenceAgain })
    const ends = new CellEnds({ ground, orders })
    const door = () => this.#door
    const launching = new Launching({ ground, rules, secrets, servers, files, ends, door, tellUnsearched })
    const delegated = new DelegatedLaunches({ ground, launching, named: (number) => served.setup.numbered[number] })
    const deliver = (answer: HoldAnswer) => gateway.answer(answer)
    this.#answers = new AnswerBox({ mailbox: state.mailbox, environment, deliver })
    const requests = new GatewayRequests({ ground, orders, delegated, files, secrets, servers })
    this.#keeper = new GatewayKeeper({ ground, setup: () => served.setup, orders, requests, files, secrets, servers })
    this.#ground = ground
    this.#served = served
    this.#secrets = secrets
    this.#servers = servers
    this.#files = files
    this.#undos = undos
    this.#fenceAgain = fenceAgain
    this.#orders = orders
    this.#ends = ends
    this.#launching = launching
  }

  get state(): State {
    return this.#ground.state
  }

  get runDirectory(): string {
    return this.#ground.warden.runDirectory
  }

  async openDoor(): Promise<Result<void, string>> {
    const [ground, orders, undos, files, answers] = [
      this.#ground,
      this.#orders,
      this.#undos,
      this.#files,
      this.#answers,
    ]
    const parts = { ground, orders, undos, files, answers, isClosing: () => this.#closing }
    const door = await openControlSocket(this.state.directory, (...asked) => {
      const following = followRequest(parts, ...asked)
      const over = following.catch(() => undefined).finally(() => this.#asked.delete(over))
      this.#asked.add(over)
      return following
    })
    if (door.ok) this.#door = door.value
    // What was given before anybody could be told so.
    if (door.ok) void this.#answers.look()
    if (door.ok) this.#ends.sweep()
    return door.ok ? ok(undefined) : door
  }

  launch(ask: LaunchAsk): Promise<Result<RunningCell, string>> {
    return this.#launching.launch(ask)
  }

  pump(cell: Cell, streams: Streams): Pump {
    return cell.pump(streams)
  }

  serverLimits(): ReadonlyMap<UpstreamName, ServerLimits> {
    return this.#servers.reached()
  }

  record(entry: Noted): Promise<boolean> {
    return this.#ground.gateway.record(entry)
  }

  async follow({ judged, narrowed }: FollowedConfiguration): Promise<Result<void, string>> {
    const { cells, gateway } = this.#ground
    const setup = followedSetup(this.#served.setup, judged)
    this.#served.replaceBy(judged.config, setup)
    const raised = cells.all().map(([number, hosted]) => ({ number, labels: followConfig(hosted, judged.config) }))
    const { services } = gateway
    const followed = await gateway.configure({ ...setup, raised }, narrowed)
    if (!followed.ok) services.distrust(`it has not put a configuration in force: ${followed.reason}`)
    return followed
  }

  cellCount(): number {
    const { cells, starting } = this.#ground
    return cells.all().length + starting.all().length
  }

  async endCells(): Promise<void> {
    const { cells, starting } = this.#ground
    while (this.cellCount() > 0) {
      const [starts, live] = [starting.all(), cells.all().map(([, hosted]) => hosted)]
      for (const { number } of starts) starting.stop(number, CLOSING)
      await Promise.all(live.map(({ cell }) => cell.halt('killed')))
      await Promise.all([...live.map(({ ended }) => ended), ...starts.map(({ over }) => over)])
    }
    await this.#servers.endShared()
  }

  isOver(): boolean {
    const { cells, gateway, starting } = this.#ground
    const isEmpty = cells.all().length === 0 && starting.all().length === 0
    const isLost = gateway.services.gone() !== undefined && !this.#keeper.isReplacing()
    return isLost && isEmpty && starting.unfenced().length === 0
  }

  async beginClose(): Promise<void> {
    this.#closing = true
    this.#keeper.beginClose()
    this.#files.close()
    this.#secrets.close()
    this.#answers.close()
    await boundedByStop(Promise.all([...this.#asked, this.#orders.stopsOver()]))
  }

  async endClose(why: string): Promise<readonly Unwritten[]> {
    await this.#keeper.replaced()
    // Their last entries need the gateway.
    await boundedByStop(this.#orders.stopsOver())
    await this.#ground.gateway.services.stop(why)
    await this.#door?.close()
    const unwritten = await this.#fenceAgain.last()
    await this.#ends.cleared()
    return unwritten
  }
}

/** Waits for what is under way, as long as a stop may take. */
async function boundedByStop(underWay: Promise<unknown>): Promise<void> {
  await Promise.race([underWay, delay(STOP_MS_MAX, undefined, { ref: false })])
}

/** Tells each sentence about an agent or a server once: its next cell is shown the same. */
function tellOnce(hear: (name: string, what: string) => void): (name: string, unsearched: readonly string[]) => void {
  const heard = new Set<string>()
  return (name, unsearched) => {
    for (const what of unsearched) {
      const told = `${name}\0${what}`
      if (!heard.has(told)) hear(name, what)
      heard.add(told)
    }
  }
}
