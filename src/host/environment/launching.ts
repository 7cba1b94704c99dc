import { randomBytes } from 'node:crypto'
import type { Cell } from '../../cells/driver.ts'
import { launchFaultText } from '../../cells/spec.ts'
import type { Agent } from '../../config/config.ts'
import { labelsAtStart } from '../../config/labels.ts'
import type { WardenMessage } from '../../gateway/link/setup.ts'
import { asJson, isBelow, newCellId, no, ok, type Result, type Rung } from '../../model/index.ts'
import type { FilesDesk } from '../files/files-desk.ts'
import { delegatedWorkspace } from '../files/workspace-names.ts'
import type { ControlSocket } from '../people/control-socket.ts'
import { cellSpec, webPorts } from '../prepare/cell-spec.ts'
import type { SecretDesk } from '../prepare/secret-desk.ts'
import type { Kept, Servers } from '../services/servers.ts'
import type { Services } from '../services/services.ts'
import type { Start } from '../services/starting.ts'
import { textsOf } from '../shown/handed.ts'
import { lookThrough, lookThroughKept } from '../shown/shown.ts'
import { newCellTrust } from '../trust/cell-trust.ts'
import type { KeptIssuer } from '../trust/kept-issuer.ts'
import type { BeginRules } from './begin-rules.ts'
import { aboutAgent } from './cell-about.ts'
import { type AfterEnd, beginAgain, type CellEnds } from './cell-ends.ts'
import type { EnvironmentGround } from './environment-ground.ts'
import { type CellMessage, cellMessage, handOver, stdioUpstreamsOf } from './handing-over.ts'
import type { HostedCell, LaunchAsk, RunningCell, SensedEvent } from './hosted-cell.ts'

export interface LaunchingOptions {
  readonly ground: EnvironmentGround
  readonly rules: BeginRules
  readonly secrets: SecretDesk
  readonly servers: Servers
  readonly files: FilesDesk
  readonly ends: CellEnds
  /** The door for people's orders; absent before it is open: nothing is launched then. */
  readonly door: () => ControlSocket | undefined
  /** Hears of an agent what of its files was not looked through for secrets. */
  readonly tellUnsearched: (name: string, unsearched: readonly string[]) => void
}

/** A launch as it was asked for, by a person or by a cell that delegates. */
export interface Launch extends LaunchAsk {
  /** The number of the cell that delegates to it. */
  readonly parent?: number
}

/** A cell that is built, in the middle of its start. */
interface BuiltCell {
  readonly start: Start
  readonly launch: Launch
  readonly cell: Cell
  readonly workspace: string
  readonly servers: readonly Kept[]
  readonly issuer: KeptIssuer | undefined
  /** The gateway that is to serve it. */
  readonly services: Services
  /** Epoch ms, from before its gateway heard of it. */
  readonly sinceMs: number
}

/**
 * The launches of one environment: from what was asked to the tick before a cell's first instruction.
 *
 * - LN1  A cell is built by the configuration that is in force when its launch begins, and begins only while that is in
 *        force still.
 */
export class Launching {
  readonly #options: LaunchingOptions

  constructor(options: LaunchingOptions) {
    this.#options = options
  }

  /** Resolves when the cell exists, its gateway serves it and its start is in the ledger; it has not run one instruction. */
  async launch(launch: Launch): Promise<Result<RunningCell, string>> {
    const { rules, door } = this.#options
    const { config, environment, numbers, starting } = this.#options.ground
    const { parent, stopMark } = launch
    const declared = config.agents.get(launch.agent)
    if (declared?.environment !== environment)
      return no(`the configuration in force declares no agent "${launch.agent}" in ${environment}`)
    const agent = asStarted(declared, launch)
    const about = { number: numbers.next(), id: newCellId(randomBytes(16)), agent, config, stopMark }
    const start = starting.begin({ ...about, ...(parent !== undefined && { parent }) })
    try {
      const may = rules.rungOf(start)
      if (!may.ok) return may
      const socket = door()
      const answers = socket === undefined ? no('there is no control socket') : await socket.answers()
      return answers.ok ? await this.#build(start, launch) : answers
    } finally {
      start.end()
    }
  }

  async #build(start: Start, launch: Launch): Promise<Result<RunningCell, string>> {
    const { ground, rules, secrets, servers, tellUnsearched } = this.#options
    const { state, warden, cells, starting, gateway } = ground
    const { command, stdio, task, parent } = launch
    const { number, id, agent, config } = start
    const variables = variablesOf(agent, task)
    const workspace = parent === undefined ? agent.name : delegatedWorkspace(agent.name, id)
    const texts = textsOf(command, Object.entries(variables), agent.cell)
    const handed = { ...agent.cell, texts }
    const { hidden, refusal, unsearched } = await lookThrough(config, handed, secrets.values)
    if (refusal !== undefined) return no(refusal)
    tellUnsearched(agent.name, unsearched)
    const about = aboutAgent(ground, agent, parent)
    const ports = webPorts(config, this.#grantee(agent, parent))
    const trust = ports.length > 0 ? newCellTrust(agent.cell, Date.now()) : ok(undefined)
    if (!trust.ok) return trust
    const { issuer, shown } = trust.value ?? {}
    const plan = { id, name: workspace, cell: agent.cell, command, stdio, listener: true, variables, about, hidden }
    const spec = cellSpec(config, state, { ...plan, anywhere: ports, ...(shown && { trust: shown }) })
    const mayBegin = () => rules.mayBeginAt(start, cells.get(number)?.rung ?? start.told)
    const launched = await warden.launch(spec, mayBegin)
    if (!launched.ok) return no(starting.stopped(number) ?? launchFaultText(launched.reason))
    const cell = launched.value
    start.cell = cell
    const kept = await this.#lookThroughKept(agent.name, cell, hidden)
    const built = kept.ok ? rules.rungOf(start) : kept
    if (!built.ok) {
      await cell.teardown()
      return built
    }
    const services = gateway.services
    start.servers = servers.forCell(this.#serversFor(start), number, workspace)
    const parts = { start, launch, cell, workspace, servers: start.servers, issuer, services, sinceMs: Date.now() }
    // Nobody waits for what its gateway says of a cell that does not begin.
    const given = await Promise.race([this.#handOver(parts), start.refused.then(no)])
    const may = given.ok ? await this.#tellWhereItStands(start, services) : given
    return may.ok && services.gone() === undefined ? ok(this.#serve(parts)) : this.#takeDown(parts, may)
  }

  /** Returns the stdio upstreams of a cell: what was delegated has those of the cell that a person started. */
  #serversFor({ agent, config, parent }: Start) {
    return stdioUpstreamsOf(config, this.#grantee(agent, parent))
  }

  /** Returns the agent whose grants a cell acts under: its own, or that of the cell that a person started. */
  #grantee(agent: Agent, parent: number | undefined): Agent {
    const { cells } = this.#options.ground
    return (parent === undefined ? undefined : cells.lineOf(parent).at(-1)?.agent) ?? agent
  }

  #handOver({ start, launch, cell, servers, issuer, services }: BuiltCell): Promise<Result<void, string>> {
    const { ground, rules } = this.#options
    const { parent, task } = launch
    return handOver(services, cell.door.listeners, servers, (): Result<CellMessage, string> => {
      const above = parent === undefined ? task && { task } : { parent }
      const rung = rules.rungOf(start)
      if (!rung.ok) return rung
      start.told = rung.value
      const message = cellMessage(ground, { number: start.number, cell, agent: start.agent, parent, issuer })
      return message.ok ? ok({ ...message.value, rung: rung.value, ...above }) : message
    })
  }

  /** Counts the cell among those that run, and follows what is seen in it. */
  #serve({ start, launch, cell, workspace, servers, issuer, services, sinceMs }: BuiltCell): RunningCell {
    const { ground, ends, files } = this.#options
    const { command, piped, parent, task, stopMark, onTakenOver } = launch
    const { number, agent } = start
    const sensed: SensedEvent[] = []
    cell.sense((seen) => this.#tellSensed(sensed, { kind: 'sensed', number, ...seen }))
    const after: AfterEnd = {}
    const ended = ends.end(number, cell, after)
    const hosted: HostedCell = {
      cell,
      agent,
      workspace,
      ended,
      kept: servers,
      services,
      rung: start.told ?? 'normal',
      sensed,
      sinceMs,
      command,
      stopMark,
      ...(issuer && { issuer }),
      ...(piped !== undefined && { piped }),
      ...(task && { task }),
      ...(onTakenOver && { onTakenOver }),
      // What was delegated has no command of a person's that could begin anew.
      ...(parent === undefined ? { again: (then) => beginAgain(cell, ended, after, then) } : { parent }),
    }
    ground.cells.begin(number, hosted)
    if (agent.cell.workspace !== undefined) files.watch(hosted)
    return { cell, ended }
  }

  async #takeDown(
    { start, cell, servers, issuer, services }: BuiltCell,
    may: Result<void, string>,
  ): Promise<Result<never, string>> {
    issuer?.end()
    const { number } = start
    const [teardown] = await Promise.all([cell.teardown(), ...servers.map((server) => server.end())])
    if (start.told !== undefined) services.tell({ kind: 'ended', number, receipt: asJson({ teardown }) })
    const stopped = this.#options.ground.starting.stopped(number)
    return no(stopped ?? (may.ok ? (services.gone() ?? '') : may.reason))
  }

  /** Looks through what earlier cells left in the workspace of one that has not begun. */
  async #lookThroughKept(name: string, { upper }: Cell, hidden: readonly string[]): Promise<Result<void, string>> {
    const { ground, secrets, tellUnsearched } = this.#options
    if (upper === undefined) return ok(undefined)
    const { refusal, unsearched } = await lookThroughKept(ground.config, upper, hidden, secrets.values)
    if (refusal !== undefined) return no(refusal)
    tellUnsearched(name, unsearched)
    return ok(undefined)
  }

  /**
   * Tells the gateway where the cell's agent stands, if that was lowered since the gateway was told, by whoever had only
   * the disk to say so.
   */
  async #tellWhereItStands(start: Start, services: Services): Promise<Result<void, string>> {
    const rung = this.#options.rules.rungOf(start)
    if (!rung.ok || start.told === undefined || !isBelow(rung.value, start.told)) return rung.ok ? ok(undefined) : rung
    const lower: Rung = rung.value
    const said = this.#options.ground.gateway.order([start.number], lower, 'its agent stands there', services)
    start.told = lower
    return said
  }

  #tellSensed(sensed: SensedEvent[], message: Extract<WardenMessage, { kind: 'sensed' }>): void {
    const atMs = performance.now()
    while (sensed[0] !== undefined && sensed[0].atMs < atMs - SENSED_KEPT_MS) sensed.shift()
    sensed.push({ atMs, message })
    this.#options.ground.gateway.tell(message)
  }
}

/** Returns an agent with the labels that this start of it brings. */
function asStarted(agent: Agent, { command, piped }: Launch): Agent {
  return { ...agent, cell: { ...agent.cell, labels: labelsAtStart(agent.cell, command, piped) } }
}

/** Returns the variables of a cell; one that is delegated to has no task of a person's. */
function variablesOf({ cell }: Agent, task: LaunchAsk['task']): Readonly<Record<string, string>> {
  return { ...Object.fromEntries(cell.env), ...(task && { FIREBREAK_TASK: task.text }) }
}

/** Longer than a silent gateway can go unmissed, and a disk can hang that it waits for. */
const SENSED_KEPT_MS = 30_000
