import { closeSync, readFileSync } from 'node:fs'
import process from 'node:process'
import type { Duplex } from 'node:stream'
import { faultText } from '../ledger/log/fault.ts'
import type { Ledger } from '../ledger/log/ledger.ts'
import { type Sealing, startSealing } from '../ledger/seal/sealing.ts'
import type { Log, WritableLog } from '../ledger/store.ts'
import { AgentRungs } from '../ledger/views/agent-rungs.ts'
import { SeenLabels } from '../ledger/views/seen-labels.ts'
import { type Entry, type EntryBody, LIMITS, no, ok, type Result, type UpstreamName } from '../model/index.ts'
import { BudgetBook } from '../policy/index.ts'
import { Sentinel } from '../sentinel/index.ts'
import { Admission } from './admission/admission.ts'
import { Arrivals } from './admission/arrivals.ts'
import { grantsFor } from './admission/authority.ts'
import { Delegations } from './admission/delegations.ts'
import type { EnvironmentContext } from './admission/environment-context.ts'
import { NewestRules } from './admission/newest-rules.ts'
import { type Past, readPast } from './admission/past.ts'
import { PastCells } from './admission/past-cells.ts'
import { Rungs } from './admission/rungs.ts'
import type { ServedCell } from './admission/served-cell.ts'
import { ServedCells } from './admission/served-cells.ts'
import { UndoDesk } from './admission/undo-desk.ts'
import { coveredEntry, coveredText } from './content/cover.ts'
import { searchBeforeCuts } from './content/cut-shown.ts'
import { openSecrets, type Secrets } from './content/secrets.ts'
import { LoopSlices } from './fairness/loop-slices.ts'
import { declaredIn, leaksIn } from './link/declared.ts'
import type { Pulse } from './link/pulse.ts'
import { type GatewaySetup, readFollowed, secretsOf, type WardenMessage } from './link/setup.ts'
import { StdioPipes } from './link/stdio-pipes.ts'
import { hostUptime } from './link/uptime.ts'
import { drawActionId } from './pipeline/action-ids.ts'
import { Credentials } from './pipeline/credentials.ts'
import { Lines } from './protocols/lines.ts'
import { dialler, openDoor, openWeb, PROTOCOLS } from './protocols/registry.ts'
import { RelayDoors } from './protocols/relay/relay-doors.ts'

/** The ledger of one environment, and what was read of its past. */
interface Opened {
  readonly log: Log
  readonly ledger: Ledger
  readonly sealing: Sealing
  readonly secrets: Secrets
  readonly budgets: BudgetBook
  readonly seen: SeenLabels
  readonly past: Past & { readonly cells: PastCells; readonly agents: AgentRungs }
}

/** One environment's gateway: what the warden hands it becomes served cells, and what they do goes through `perform`. */
export class EnvironmentGateway {
  readonly slices = new LoopSlices()
  /** The setup that it began with: of what a later configuration changes, `#rules` has the newest. */
  readonly #setup: GatewaySetup
  readonly #rules: NewestRules
  readonly #context: EnvironmentContext
  readonly #sealing: Sealing
  readonly #send: (pulse: Pulse) => void
  readonly #pipes = new StdioPipes()
  readonly #credentials: Credentials
  readonly #lines: Lines
  readonly #cells = new ServedCells()
  readonly #relays: RelayDoors
  readonly #delegations: Delegations
  readonly #rungs: Rungs
  readonly #admission: Admission
  readonly #undo: UndoDesk
  #stopped: Promise<void> | undefined
  readonly #endSearch: () => void

  /** Opens its ledger, reads its past, and has the gateway's start in it, sealed. */
  static async open(
    setup: GatewaySetup,
    log: WritableLog,
    witness: Duplex,
    send: (pulse: Pulse) => void,
  ): Promise<Result<EnvironmentGateway, string>> {
    const { pastSecrets = [] } = setup
    const secrets = openSecrets(new Map([...setup.secrets, ...pastSecrets]))
    if (!secrets.ok) return secrets
    for (const [name, value] of [...pastSecrets, ...setup.secrets]) secrets.value.renew(name, value)
    const sentinel = new Sentinel({ rules: setup.containment.rules, tools: declaredIn(setup.upstreams) })
    const seen = new SeenLabels()
    let onAppended = (entry: Entry): void => void sentinel.fold(entry)
    const opened = await log.open({
      clock: { nowMs: Date.now },
      instead: (body, text) => (secrets.value.leak(text) === undefined ? undefined : coveredEntry(body, secrets.value)),
      onAppended: (entry) => {
        seen.take(entry)
        onAppended(entry)
      },
    })
    if (!opened.ok) return no(faultText(opened.reason))
    const ledger = opened.value
    const budgets = new BudgetBook()
    const actors = [...setup.agents, ...(setup.undo ? [setup.undo] : [])]
    const grants = actors.flatMap((agent) => grantsFor(agent, Date.now()))
    const cells = new PastCells(sentinel)
    const agents = new AgentRungs()
    const past = await readPast(log, budgets, new Map(grants.map((grant) => [grant.id, grant])), (entry) => {
      // What was signalled then was followed then, but for a cell that the end of its gateway came before.
      cells.take(entry, sentinel.fold(entry))
      agents.take(entry)
      seen.take(entry)
    })
    if (!past.ok) return no(faultText(past.reason))
    const sealing = startSealing(ledger, witness, Date.now)
    const all = { log, ledger, sealing, secrets: secrets.value, budgets, seen, past: { ...past.value, cells, agents } }
    const gateway = new EnvironmentGateway(setup, all, send)
    onAppended = (entry) => {
      if (entry.kind === 'gateway.started') cells.take(entry, [])
      agents.takeNew(entry)
      gateway.#rungs.fold(sentinel, entry)
    }
    const begun = await gateway.#record({
      kind: 'gateway.started',
      environment: setup.environment,
      ...(setup.tenant && { tenant: setup.tenant }),
      ...(setup.replaces !== undefined && { replaces: setup.replaces }),
      configuration: setup.configuration,
      version: VERSION,
      clock: budgets.clock.start(Date.now(), hostUptime()),
    })
    if (!begun) return no('the ledger cannot be written')
    for (const leak of leaksIn(setup.upstreams, secrets.value)) ledger.append(leak)
    const sealed = await sealing.sealNow()
    return sealed.ok ? ok(gateway) : no(`the witness: ${sealed.reason.problem}`)
  }

  private constructor(given: GatewaySetup, opened: Opened, send: (pulse: Pulse) => void) {
    const { log, ledger, sealing, secrets, budgets, seen, past } = opened
    const rules = new NewestRules(given, { budgets, secrets, log })
    const { setup } = rules
    this.#rules = rules
    this.#setup = setup
    this.#sealing = sealing
    this.#send = send
    this.#endSearch = searchBeforeCuts(secrets)
    const ask = (name: UpstreamName) => {
      send({ kind: 'credential', number: setup.upstreams.findIndex((each) => each.name === name) })
    }
    this.#credentials = new Credentials({ secrets, ask })
    const arrivals = new Arrivals()
    const shared = {
      gate: () => this.#context,
      cells: this.#cells,
      send,
      cutRelays: (cell: ServedCell) => this.#relays.cut(cell),
    }
    this.#delegations = new Delegations({ ...shared, numbered: () => rules.setup.numbered, budgets })
    this.#rungs = new Rungs({ ...shared, delegations: this.#delegations })
    this.#context = this.#contextFor(opened)
    this.#lines = new Lines({
      environment: setup.environment,
      upstreams: setup.upstreams,
      ledger,
      dial: dialler({
        secrets,
        credentials: this.#credentials,
        pipes: this.#pipes,
        elsewhere: setup.elsewhere,
        turn: () => this.slices.batched({}),
        onGivenUp: (server) => send({ kind: 'given-up', number: server }),
      }),
      cellOf: (number) => this.#cells.get(number)?.id,
    })
    this.#relays = new RelayDoors({
      gate: this.#context,
      upstreams: setup.upstreams,
      origins: setup.egress,
      elsewhere: setup.elsewhere,
      arrivals,
      users: (_, number) => this.#actorsAt(number),
    })
    const desk = { ...shared, protocols: PROTOCOLS, rules, lines: this.#lines, pipes: this.#pipes, arrivals }
    this.#undo = new UndoDesk(desk)
    this.#admission = new Admission({
      ...desk,
      delegations: this.#delegations,
      rungs: this.#rungs,
      openDoor,
      openWeb,
      seen,
      pastCells: past.cells,
      pastAgents: past.agents,
    })
  }

  #contextFor({ log, ledger, secrets, past }: Opened): EnvironmentContext {
    const rules = this.#rules
    return {
      environment: rules.environment,
      get hardened() {
        return rules.setup.hardened
      },
      get environments() {
        return new Map(rules.setup.environments)
      },
      log,
      ledger,
      secrets,
      holds: past.holds,
      renewCredential: (name) => this.#credentials.renew(name),
      get notice() {
        return rules.notice
      },
      get decoyTools() {
        return rules.setup.containment.decoys.tools
      },
      nowMs: Date.now,
      newActionId: () => drawActionId(Date.now()),
      slices: this.slices,
      get agents() {
        return rules.setup.agents
      },
      recordDurably: (body) => this.#record(body),
      launch: (giver, given) => this.#delegations.launch(giver, given),
      lower: (cell, to, by, why, signal) => this.#rungs.lower(cell, to, by, why, signal),
      endDelegation: (given, why) => this.#delegations.end(given, why),
    }
  }

  /**
   * Follows a message of the warden's. Never throws: one that cannot be followed is reported, and its descriptors are
   * closed.
   */
  async take(message: WardenMessage, fds: readonly number[]): Promise<void> {
    try {
      await this.#follow(message, fds)
    } catch (error) {
      for (const fd of fds) closeQuietly(fd)
      const said = coveredText(error instanceof Error ? error.message : String(error), this.#context.secrets)
      process.stderr.write(`gateway: ${message.kind}: ${said}\n`)
      this.#send({ kind: 'failed', number: 'number' in message ? (message.number ?? 0) : 0 })
    }
  }

  /** Follows a message: what narrows does so in this tick. Throws, with the reason, where it cannot. */
  async #follow(message: WardenMessage, fds: readonly number[]): Promise<void> {
    switch (message.kind) {
      case 'cell':
        return await this.#admission.admit(message, fds)
      case 'upstream': {
        const [stdin, stdout, wayOut] = fds
        if (stdin === undefined || stdout === undefined) throw new Error('a stdio upstream has two descriptors')
        this.#relays.open(message.upstream, message.number, wayOut)
        return this.#pipes.offer(message.upstream, message.number, { server: message.server, stdin, stdout })
      }
      case 'upstream-down':
        this.#pipes.refuse(message.upstream, message.number, message.why)
        return this.#lines.noteStand(message.upstream, message.number, message.why)
      case 'way-out-over':
        return this.#relays.close(message.upstream, message.number)
      case 'secrets':
        return this.#renewed(message)
      case 'sensed':
        return this.#sensed(message)
      case 'unlaunched':
        return this.#delegations.end(this.#delegations.giverFor(message.parent, message.agent).given, message.why)
      case 'configure':
        return this.#configure(message, fds[0])
      case 'answer':
        return await this.#answer(message)
      case 'checkpointed':
        return this.#cells.get(message.number)?.savedFirst?.files.heard(message.problem)
      case 'note':
        return await this.#note(message)
      case 'order':
        return this.#rungs.order(message)
      case 'settle':
        await this.#context.ledger.sealing.settled()
        return this.#send({ kind: 'answered', number: message.number })
      case 'release':
        return await this.#rungs.release(message)
      case 'undo':
        return await this.#undo.begin(message)
      case 'undo-effects':
        return await this.#undo.compensate(message)
      case 'ended':
        if (this.#undo.has(message.number)) return await this.#undo.end(message.number, message.receipt)
        return await this.#admission.end(message.number, message.receipt)
      case 'stop':
        return await this.stop(message.why)
    }
  }

  /** Ends everything, once; a second call waits for the first. */
  stop(why: string): Promise<void> {
    this.#stopped ??= this.#stop(why)
    return this.#stopped
  }

  async #stop(why: string): Promise<void> {
    for (const number of this.#cells.numbers) this.#admission.shut(number)
    for (const number of this.#undo.numbers) this.#undo.shut(number)
    this.#lines.close()
    await this.#relays.closeAll()
    await this.#record({ kind: 'gateway.stopped', environment: this.#setup.environment, why })
    await this.#sealing.stop()
    await this.#context.ledger.close()
    this.#endSearch()
  }

  /** Takes a person's answer to a hold. In the ledger first: an answer that is not durable was not given. */
  async #answer({ number, hold, approved, by, forMs, why }: Extract<WardenMessage, { kind: 'answer' }>): Promise<void> {
    const { holds, nowMs } = this.#context
    const fault = holds.fault(hold, approved, by, nowMs())
    if (fault !== undefined) throw new Error(`hold ${hold}: ${fault}`)
    const expiresAtMs = nowMs() + Math.min(forMs, LIMITS.approvalMsMax)
    const recorded = await this.#record({
      kind: 'hold.answered',
      hold,
      approved,
      by,
      expiresAtMs,
      ...(why !== undefined && { why }),
    })
    if (!recorded) throw new Error('the ledger cannot be written')
    holds.answer(hold, approved, by, expiresAtMs, nowMs())
    this.#send({ kind: 'answered', number })
  }

  /** Records a deed of the warden's. Approvals that it ends end also where they came while it was on its way. */
  async #note({ number, entry }: Extract<WardenMessage, { kind: 'note' }>): Promise<void> {
    const recorded = await this.#record(entry)
    if (entry.kind === 'configuration.applied')
      for (const agent of entry.narrowed ?? []) this.#context.holds.withdraw(agent)
    if (!recorded) throw new Error('the ledger cannot be written')
    this.#send({ kind: 'answered', number })
  }

  /** Puts another configuration in force, for every cell, in this tick. */
  #configure({ number, narrowed }: Extract<WardenMessage, { kind: 'configure' }>, file: number | undefined): void {
    if (file === undefined) throw new Error('no configuration came with it')
    const { raised, ...setup } = readFollowed(readFileSync(file, 'utf8'))
    this.#rules.replaceBy(setup)
    this.#admission.decideAnew(new Map(raised.map((each) => [each.number, each.labels])))
    this.#undo.decideAnew()
    for (const agent of narrowed) this.#context.holds.withdraw(agent)
    this.#send({ kind: 'answered', number })
    closeSync(file)
  }

  /**
   * Takes new secrets: whoever was connected with a value that is not the newest connects anew; what is under way ends
   * first.
   */
  #renewed({ upstream, values }: Extract<WardenMessage, { kind: 'secrets' }>): void {
    if (!this.#credentials.take(values, upstream)) return
    const using = this.#setup.upstreams.flatMap((each) =>
      values.some(([secret]) => secretsOf(each).includes(secret)) ? [each.name] : [],
    )
    const own = [...this.#cells.all.flatMap((live) => live.own), ...this.#undo.own]
    for (const line of own) if (using.includes(line.name)) line.disconnected()
  }

  #sensed({ number, sensor, what, count, detail }: Extract<WardenMessage, { kind: 'sensed' }>): void {
    const cell = this.#cells.get(number)
    if (cell === undefined) return
    const { agent } = cell.authority
    this.#context.ledger.append({ kind: 'cell.sensed', cell: cell.id, agent, sensor, what, count, detail })
  }

  /** Returns the cell that has a number and has started, or what compensates in its place; for null all of them. */
  #actorsAt(number: number | null): readonly ServedCell[] {
    const numbers = number === null ? [...this.#cells.numbers, ...this.#undo.numbers] : [number]
    return numbers.flatMap((each) => {
      const live = this.#cells.live(each)
      return (live?.started ? live.cell : this.#undo.actor(each)) ?? []
    })
  }

  async #record(body: EntryBody): Promise<boolean> {
    const appended = this.#context.ledger.append(body)
    return appended.ok && (await this.#context.ledger.durable(appended.value.seq)).ok
  }
}

const VERSION = '0.1.0'

function closeQuietly(fd: number): void {
  try {
    closeSync(fd)
  } catch {
    // It was closed where the message was followed halfway.
  }
}
