import { randomBytes } from 'node:crypto'
import { closeSync } from 'node:fs'
import type { Server } from 'node:http'
import { dirname } from 'node:path'
import process from 'node:process'
import type { Duplex } from 'node:stream'
import { faultText } from '../ledger/log/fault.ts'
import { type Ledger, openLedger, originOf } from '../ledger/log/ledger.ts'
import { type Sealing, startSealing } from '../ledger/seal/sealing.ts'
import { AgentRungs } from '../ledger/views/agent-rungs.ts'
import { SeenLabels } from '../ledger/views/seen-labels.ts'
import { monotonicUs } from '../model/host/monotonic.ts'
import {
  type AgentName,
  type CellId,
  type CellStarted,
  cutsOff,
  type DeclaredTool,
  type DefinitionSeen,
  type Entry,
  type EntryBody,
  type Grant,
  isBelow,
  type Json,
  type JsonObject,
  type Label,
  LIMITS,
  lowest,
  newActionId,
  no,
  ok,
  type PersonName,
  type Result,
  RUNGS,
  type Rung,
  raised,
  UNTRUSTED,
  type UpstreamName,
} from '../model/index.ts'
import {
  BudgetBook,
  type CompiledPolicies,
  compileFlow,
  compilePolicies,
  type DefinitionProblem,
  type Delegation,
  Exposure,
  type ExposureView,
  type Flow,
  issuedBy,
  SentWords,
  type Task,
} from '../policy/index.ts'
import { Sentinel } from '../sentinel/index.ts'
import { Arrivals } from './admission/arrivals.ts'
import { authorityOf, type CellAtGate, forgetWork, type Given, type Lowered } from './admission/cell.ts'
import type { Gate } from './admission/gate.ts'
import { type Past, readPast } from './admission/past.ts'
import { type PastCell, PastCells } from './admission/past-cells.ts'
import { SavedFirst } from './admission/saved-first.ts'
import { coveredEntry, coveredText } from './content/cover.ts'
import { cutShown, searchBeforeCuts } from './content/cut-shown.ts'
import { openSecrets, type Secrets } from './content/secrets.ts'
import { cellServer } from './fairness/cell-server.ts'
import { Pace } from './fairness/pace.ts'
import { LedgerShare } from './fairness/share.ts'
import { Turns } from './fairness/turns.ts'
import type { Pulse } from './link/pulse.ts'
import type { AgentSetup, GatewaySetup, TaskSetup, UpstreamSetup, WardenMessage } from './link/setup.ts'
import { StdioPipes } from './link/stdio-pipes.ts'
import { hostUptime } from './link/uptime.ts'
import { Credentials } from './pipeline/credentials.ts'
import { openNotice } from './pipeline/notice.ts'
import { recordLabels, redacted } from './pipeline/record.ts'
import { Refusals } from './pipeline/refusals.ts'
import { NamedValues, Undoing } from './pipeline/undo.ts'
import { Connector } from './protocols/mcp/connector.ts'
import { McpEndpoint } from './protocols/mcp/endpoint.ts'
import { cutsTold } from './protocols/mcp/list-all.ts'
import { McpUpstream } from './protocols/mcp/upstream.ts'
import { PROTOCOLS } from './protocols/registry.ts'
import { Egress } from './protocols/relay/egress.ts'
import { WayOut } from './protocols/relay/way-out.ts'

/** A cell that is served: its listener, its protocol endpoint, and the upstreams that are its own. */
interface Served {
  readonly cell: CellAtGate
  readonly server: Server
  readonly endpoint: McpEndpoint
  readonly own: readonly McpUpstream[]
  /** True once the ledger has the cell's start, so that what is told of it is told of a cell that is known. */
  started: boolean
}

/** One environment's gateway: what the warden hands it becomes served cells, and what they do goes through `perform`. */
export class Gateway {
  readonly turns = new Turns()
  readonly #setup: GatewaySetup
  readonly #gate: Gate
  readonly #sealing: Sealing
  readonly #send: (pulse: Pulse) => void
  readonly #policies: CompiledPolicies
  readonly #flows: ReadonlyMap<string, Flow>
  readonly #words = new Map<AgentName, SentWords>()
  /** What cells of an agent have seen. */
  readonly #seen: SeenLabels
  readonly #pastCells: PastCells
  /** The rungs at which the ledger leaves agents; the fence may have had no room to say so. */
  readonly #pastAgents: AgentRungs
  readonly #budgets: BudgetBook
  readonly #shared = new Map<UpstreamName, McpUpstream>()
  readonly #pipes = new StdioPipes()
  readonly #credentials: Credentials
  readonly #connector: Connector
  /** By the relay that they belong to, and the number of the cell that it serves. */
  readonly #egress = new Map<string, Egress>()
  readonly #arrivals = new Arrivals()
  readonly #served = new Map<number, Served>()
  readonly #undoing = new Map<number, { readonly undoing: Undoing; readonly own: readonly McpUpstream[] }>()
  /** One compensates at a time: each sees what those before it did. */
  #undoTurn: Promise<unknown> = Promise.resolve()
  #stopped: Promise<void> | undefined
  readonly #endSearch: () => void

  static async open(
    setup: GatewaySetup,
    witness: Duplex,
    send: (pulse: Pulse) => void,
  ): Promise<Result<Gateway, string>> {
    const { pastSecrets = [] } = setup
    const secrets = openSecrets(new Map([...setup.secrets, ...pastSecrets]))
    if (!secrets.ok) return secrets
    for (const [name, value] of [...pastSecrets, ...setup.secrets]) secrets.value.renew(name, value)
    const sentinel = new Sentinel({ rules: setup.containment.rules, tools: declaredIn(setup.upstreams) })
    const seen = new SeenLabels()
    let onAppended = (entry: Entry): void => void sentinel.fold(entry)
    const opened = await openLedger({
      // The warden starts a gateway in its ledger's directory.
      directory: '.',
      origin: originOf(setup.environment),
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
    const past = await readPast('.', budgets, new Map(grants.map((grant) => [grant.id, grant])), (entry) => {
      // What was signalled then was followed then, but for a cell that the end of its gateway came before.
      cells.take(entry, sentinel.fold(entry))
      agents.take(entry)
      seen.take(entry)
    })
    if (!past.ok) return no(faultText(past.reason))
    const sealing = startSealing(ledger, witness, Date.now)
    const gateway = new Gateway(
      setup,
      ledger,
      sealing,
      secrets.value,
      { ...past.value, cells, agents },
      seen,
      budgets,
      send,
    )
    onAppended = (entry) => {
      if (entry.kind === 'gateway.started') cells.take(entry, [])
      agents.takeNew(entry)
      gateway.#fold(sentinel, entry)
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

  private constructor(
    setup: GatewaySetup,
    ledger: Ledger,
    sealing: Sealing,
    secrets: Secrets,
    past: Past & { readonly cells: PastCells; readonly agents: AgentRungs },
    seen: SeenLabels,
    budgets: BudgetBook,
    send: (pulse: Pulse) => void,
  ) {
    this.#setup = { ...setup, upstreams: setup.upstreams.map((upstream) => withoutLeaks(upstream, secrets)) }
    this.#budgets = budgets
    this.#sealing = sealing
    this.#send = send
    this.#policies = compilePolicies(setup.policies)
    this.#flows = flowsOf(setup.upstreams)
    this.#seen = seen
    this.#pastCells = past.cells
    this.#pastAgents = past.agents
    const ask = (name: UpstreamName) => {
      send({ kind: 'credential', number: setup.upstreams.findIndex((each) => each.name === name) })
    }
    this.#endSearch = searchBeforeCuts(secrets)
    this.#credentials = new Credentials({ secrets, ask })
    this.#connector = new Connector({
      secrets,
      credentials: this.#credentials,
      pipes: this.#pipes,
      elsewhere: setup.elsewhere,
      turn: () => this.turns.batched({}),
      onGivenUp: (server) => send({ kind: 'given-up', number: server }),
    })
    this.#gate = {
      environment: setup.environment,
      hardened: setup.hardened,
      environments: new Map(setup.environments),
      ledger,
      secrets,
      holds: past.holds,
      protocols: PROTOCOLS,
      renewCredential: (name) => this.#credentials.renew(name),
      notice: openNotice({
        environment: setup.environment,
        decoys: setup.containment.decoys,
        environments: new Map(setup.environments),
        places: setup.containment.places,
        ownPaths: [...setup.containment.ownPaths, ...ownDirectories()],
        tools: declaredIn(setup.upstreams),
      }),
      decoyTools: setup.containment.decoys.tools,
      nowMs: Date.now,
      newActionId: () => newActionId(Date.now(), drawRandom()),
      turns: this.turns,
      agents: setup.agents,
      recordDurably: (body) => this.#record(body),
      launch: (giver, given) => this.#launch(giver, given),
      lower: (cell, to, by, why, signal) => this.#lower(cell, to, by, why, signal),
      endDelegation: (given, why) => this.#endDelegation(given, why),
    }
    for (const upstream of setup.upstreams) {
      // Connections and sessions of an HTTP upstream are each cell's own: one that holds all of its calls open starves
      // nobody else, and nothing that the upstream keeps with a session goes from one cell to another.
      if (upstream.mcp.kind === 'stdio' && upstream.mcp.shared)
        this.#shared.set(upstream.name, this.#upstream(upstream, null))
    }
  }

  /** Never throws: a message that cannot be followed is reported, and its descriptors are closed. */
  async take(message: WardenMessage, fds: readonly number[]): Promise<void> {
    try {
      switch (message.kind) {
        case 'cell':
          return await this.#admit(message, fds)
        case 'upstream': {
          const [stdin, stdout, wayOut] = fds
          if (stdin === undefined || stdout === undefined) throw new Error('a stdio upstream has two descriptors')
          this.#openEgress(message.upstream, message.number, wayOut)
          return this.#pipes.offer(message.upstream, message.number, { server: message.server, stdin, stdout })
        }
        case 'upstream-down':
          return this.#isDown(message)
        case 'way-out-over':
          return this.#closeEgress(egressKey(message.upstream, message.number))
        case 'secrets':
          return this.#renewed(message)
        case 'sensed':
          return this.#sensed(message)
        case 'unlaunched':
          return this.#endDelegation(this.#giverFor(message.parent, message.agent).given, message.why)
        case 'answer':
          return await this.#answer(message)
        case 'checkpointed':
          return this.#served.get(message.number)?.cell.savedFirst?.files.heard(message.problem)
        case 'note':
          return await this.#note(message)
        case 'order':
          return this.#follow(message)
        case 'settle':
          await this.#gate.ledger.sealing.settled()
          return this.#send({ kind: 'answered', number: message.number })
        case 'release':
          return await this.#release(message)
        case 'undo':
          return await this.#beginUndo(message)
        case 'undo-effects':
          return await this.#undoEffects(message)
        case 'ended':
          if (this.#undoing.has(message.number)) return await this.#endUndo(message.number, message.receipt)
          return await this.#end(message.number, message.receipt)
        case 'stop':
          return await this.stop(message.why)
      }
    } catch (error) {
      for (const fd of fds) closeQuietly(fd)
      const said = coveredText(error instanceof Error ? error.message : String(error), this.#gate.secrets)
      process.stderr.write(`gateway: ${message.kind}: ${said}\n`)
      this.#send({ kind: 'failed', number: 'number' in message ? (message.number ?? 0) : 0 })
    }
  }

  /** Once; the second call waits for the first. */
  stop(why: string): Promise<void> {
    this.#stopped ??= this.#stop(why)
    return this.#stopped
  }

  async #stop(why: string): Promise<void> {
    for (const number of [...this.#served.keys()]) this.#shut(number)
    for (const number of [...this.#undoing.keys()]) this.#shutUndo(number)
    for (const upstream of this.#shared.values()) upstream.close()
    for (const key of [...this.#egress.keys()]) this.#closeEgress(key)
    await this.#record({ kind: 'gateway.stopped', environment: this.#setup.environment, why })
    await this.#sealing.stop()
    await this.#gate.ledger.close()
    this.#endSearch()
  }

  /** In the ledger first: an answer that is not durable was not given. */
  async #answer({ number, hold, approved, by, forMs, why }: Extract<WardenMessage, { kind: 'answer' }>): Promise<void> {
    const { holds, nowMs } = this.#gate
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

  #isDown({ upstream, number, why }: Extract<WardenMessage, { kind: 'upstream-down' }>): void {
    this.#pipes.refuse(upstream, number, why)
    this.#noteStand(upstream, number, why)
  }

  /**
   * Takes new secrets: whoever was connected with a value that is not the newest connects anew; what is under way ends
   * first.
   */
  #renewed({ upstream, values }: Extract<WardenMessage, { kind: 'secrets' }>): void {
    if (!this.#credentials.take(values, upstream)) return
    const using = this.#setup.upstreams.flatMap(({ name, mcp }) =>
      mcp.kind === 'http' && values.some(([secret]) => mcp.secrets.includes(secret)) ? [name] : [],
    )
    const own = [...this.#served.values(), ...this.#undoing.values()].flatMap((each) => each.own)
    for (const each of own) if (using.includes(each.name)) each.disconnected()
  }

  async #note({ number, entry }: Extract<WardenMessage, { kind: 'note' }>): Promise<void> {
    if (!(await this.#record(entry))) throw new Error('the ledger cannot be written')
    this.#send({ kind: 'answered', number })
  }

  async #admit(message: CellMessage, [listener]: readonly number[]): Promise<void> {
    const agent = this.#setup.agents.find(({ name }) => name === message.agent)
    if (agent === undefined || listener === undefined) throw new Error(`cell ${message.cell} cannot be served`)
    const past = message.again && this.#pastCells.takeOver(message.cell, agent.name)
    if (message.again !== undefined && past === undefined)
      throw new Error(`cell ${message.cell} is not known well enough`)
    const { cell, own } = this.#cellAtGate(message, agent, past)
    if (past !== undefined && cutsOff(cell.rung)) {
      // The end of its gateway came before the warden had heard of it.
      this.#tellRung(cell)
      throw new Error(`cell ${message.cell} is ${cell.rung}`)
    }
    const endpoint = new McpEndpoint(this.#gate, cell)
    const server = cellServer((request, response) => {
      endpoint.handle(request, response).catch(() => response.destroy())
    })
    const listening = new Promise<void>((resolve, reject) => {
      server.once('error', reject)
      server.listen({ fd: listener }, resolve)
    })
    // In this tick: an order to it that comes next finds it.
    const served: Served = { cell, server, endpoint, own, started: false }
    this.#served.set(message.number, served)
    await listening.catch((error) => {
      this.#served.delete(message.number)
      throw error
    })
    const recorded = await (past === undefined
      ? this.#recordStart(message, agent, cell)
      : this.#recordTakeOver(message, cell, past))
    if (!recorded) throw new Error('the ledger cannot be written')
    const above = message.parent === undefined ? undefined : this.#served.get(message.parent)?.cell
    if (above !== undefined) this.#lower(cell, above.rung, 'firebreak', 'the cell that delegated to it stands there')
    const left = this.#pastAgents.rungOf(agent.name)
    if (past === undefined && isBelow(left, lowest(cell.rung, 'watched')))
      this.#lower(cell, left, 'firebreak', `the ledger has left ${agent.name} there, and no release since`)
    this.#budgets.setAside(cell.authority.grants, this.#gate.nowMs())
    served.started = true
    this.#arrivals.came()
    this.#send({ kind: 'cell-ready', number: message.number })
  }

  #recordStart({ receipt, task }: CellMessage, agent: AgentSetup, cell: CellAtGate): Promise<boolean> {
    const { owner } = agent
    return this.#record({
      kind: 'cell.started',
      cell: cell.id,
      agent: agent.name,
      owner,
      environment: this.#setup.environment,
      receipt,
      labels: [...cell.authority.exposure.labels.keys()],
      ...approversOf(agent),
      ...(task && { task: redacted(taskJson(task)) }),
      ...(cell.givenBy && { delegation: cell.givenBy.id }),
    })
  }

  /** What it had delegated has ended with its gateway. */
  async #recordTakeOver({ again }: CellMessage, cell: CellAtGate, { given }: PastCell): Promise<boolean> {
    const { ledger } = this.#gate
    const why = again?.why ?? ''
    const { rung, authority } = cell
    const labels = [...authority.exposure.labels.keys()]
    const { agent, environment } = authority
    const recorded = this.#record({ kind: 'cell.taken-over', cell: cell.id, agent, environment, why, rung, labels })
    for (const delegation of given) ledger.append({ kind: 'delegation.ended', delegation, why })
    const labelled = recordLabels(ledger, cell)
    return (await recorded) && ((await labelled) ?? true)
  }

  #cellAtGate(
    { number, cell: id, labels, lived, landed = [], task, parent, again, rung = 'normal' }: CellMessage,
    agent: AgentSetup,
    past: PastCell | undefined,
  ): { readonly cell: CellAtGate; readonly own: readonly McpUpstream[] } {
    const own: McpUpstream[] = []
    const giver = parent === undefined ? undefined : this.#giverFor(parent, agent.name)
    const granted = new Set(giver?.cell.upstreams.keys() ?? agent.grants.map(({ upstream }) => upstream))
    const upstreams = new Map<UpstreamName, McpUpstream>()
    for (const setup of this.#setup.upstreams) {
      if (!granted.has(setup.name)) continue
      const shared = this.#shared.get(setup.name)
      const upstream = shared ?? this.#upstream(setup, number)
      if (shared === undefined) own.push(upstream)
      upstreams.set(setup.name, upstream)
    }
    const nowMs = this.#gate.nowMs()
    const words = this.#wordsOf(agent)
    // What it had said is not in the ledger: it may name what its task names, and nothing becomes known any more.
    if (past !== undefined) words.forgetAll()
    const cell: CellAtGate = {
      id,
      number,
      authority: {
        agent: agent.name,
        owner: agent.owner,
        environment: this.#setup.environment,
        // What was delegated to it is all that it may do.
        grants: giver === undefined ? grantsFor(agent, again?.sinceMs ?? nowMs, task && id) : [],
        policies: this.#policies,
        budgets: this.#budgets,
        definitionProblems: { get: (key) => problemIn(upstreams, key) },
        flows: this.#flows,
        ...exposureOf(
          [
            ...labels,
            ...(lived === undefined ? [] : this.#seen.in(agent.name, lived)),
            ...landed.flatMap((work) => this.#seen.landed(work)),
          ],
          // Each was on disk before the cell was shown what it is of.
          past === undefined ? [] : [...past.labels, UNTRUSTED],
          task,
          giver?.cell.authority.exposure,
          words,
        ),
        ...(giver && { above: delegationOf(giver) }),
      },
      upstreams,
      // Whoever delegates to it may have been lowered since.
      rung: past === undefined ? lowest(rung, giver?.cell.rung ?? 'normal') : lowest(rung, past.rung, 'watched'),
      gone: new AbortController(),
      underWay: 0,
      // What was left of them is not known: nothing was.
      share: new LedgerShare(nowMs, past && 0),
      pace: new Pace(nowMs, undefined, past && 0),
      refusals: new Refusals(nowMs, past && 0),
      asked: new Map(),
      labelled: new Set([...labels, ...(past?.labels ?? [])]),
      ...(agent.checkpoints && {
        savedFirst: {
          files: new SavedFirst(() => this.#send({ kind: 'checkpoint', number })),
          required: agent.checkpoints.required,
        },
      }),
      given: new Map(),
      ...(giver && { givenBy: giver.given }),
    }
    if (giver !== undefined) {
      giver.given.state = 'running'
      giver.given.cell = cell
    }
    return { cell, own }
  }

  /** What its earlier cells have said comes back to its later ones. */
  #wordsOf({ name }: AgentSetup): SentWords {
    const words = this.#words.get(name) ?? new SentWords()
    this.#words.set(name, words)
    return words
  }

  /** The delegation that the warden has made a cell for: the oldest of that giver to that agent that has none. */
  #giverFor(number: number, agent: AgentName): Giver {
    const cell = this.#served.get(number)?.cell
    const given = [...(cell?.given.values() ?? [])].find((each) => each.state === 'starting' && each.agent === agent)
    if (cell === undefined || given === undefined) throw new Error(`nothing was delegated to ${agent}`)
    return { cell, given }
  }

  #launch(giver: CellAtGate, given: Given): void {
    const agent = this.#setup.agents.findIndex(({ name }) => name === given.agent)
    this.#send({ kind: 'launch', number: giver.number, agent })
    given.expires = setTimeout(
      () => this.#endDelegation(given, 'it has expired'),
      Math.max(0, given.restriction.expiresAtMs - this.#gate.nowMs()),
    )
    given.expires.unref()
  }

  /** In this tick: whoever asks from below is told that a cell above it stands no more. */
  #endDelegation(given: Given, why: string): void {
    if (given.state === 'ended') return
    given.state = 'ended'
    given.revokedAtMs = this.#gate.nowMs()
    this.#budgets.forget(given.id)
    this.#gate.ledger.append({ kind: 'delegation.ended', delegation: given.id, why })
    const { cell } = given
    forgetWork(given)
    if (cell === undefined) return
    cell.rung = 'killed'
    cell.gone.abort()
    this.#cutEgress(cell)
    this.#send({ kind: 'kill', number: cell.number })
    for (const below of cell.given.values()) this.#endDelegation(below, why)
  }

  /** What a person or the warden orders: done, and said to be done, in this tick. Nobody waits for the disk to be stopped. */
  #follow({ number, cells, rung, by, why }: Extract<WardenMessage, { kind: 'order' }>): void {
    for (const each of cells) {
      const cell = this.#served.get(each)?.cell
      if (cell !== undefined) this.#lower(cell, rung, by, why)
    }
    this.#send({ kind: 'ordered', number })
  }

  #sensed({ number, sensor, what, count, detail }: Extract<WardenMessage, { kind: 'sensed' }>): void {
    const cell = this.#served.get(number)?.cell
    if (cell === undefined) return
    const { agent } = cell.authority
    this.#gate.ledger.append({ kind: 'cell.sensed', cell: cell.id, agent, sensor, what, count, detail })
  }

  /**
   * A person moves an agent up (S9): in the ledger first. A cell that was cut stays cut: its agent begins anew. What comes
   * while the disk is waited for, the person has not seen: then no cell of the agent goes up, and the warden hears why.
   */
  async #release({
    number,
    askedUs,
    agent,
    from,
    to,
    by,
    why,
  }: Extract<WardenMessage, { kind: 'release' }>): Promise<void> {
    const live = [...this.#served.values()].map(({ cell }) => cell).filter((cell) => cell.authority.agent === agent)
    // What its person had not seen stands at the gate already, and is on its way to the warden.
    const unseen = live.filter(({ lowered }) => lowered?.by === 'firebreak' && lowered.atUs >= askedUs)
    for (const cell of unseen) this.#tellRung(cell)
    if (unseen.length > 0) throw new Error(`${agent} was contained again meanwhile: nothing was released`)
    const seen = new Map(live.map((cell) => [cell, cell.lowered]))
    const recorded = await this.#record({ kind: 'rung.changed', agent, from, to, by, why })
    if (!recorded) throw new Error('the ledger cannot be written')
    if (cutsOff(from)) this.#gate.holds.withdraw(agent)
    const again = live.filter((cell) => cell.lowered !== seen.get(cell))
    if (again.length === 0) {
      for (const cell of live) cell.rung = raised(cell.rung, to)
    } else for (const cell of live) this.#staysAt(cell, to, again[0]?.lowered)
    for (const cell of again) this.#tellRung(cell)
    this.#send({ kind: 'ordered', number })
  }

  /** The ledger has said of its agent that it goes up: it says of the cell that it does not. */
  #staysAt({ id, rung, authority: { agent } }: CellAtGate, from: Rung, lowered: Lowered | undefined): void {
    const cause = lowered ?? { by: 'firebreak', why: 'it was contained again' }
    if (isBelow(rung, from))
      this.#gate.ledger.append({ kind: 'rung.changed', cell: id, agent, from, to: rung, ...cause })
  }

  /**
   * Step 6 of the path of an action, in the tick that appends an entry: what it trips is recorded, and moves the whole tree
   * of its cell before anything of it is sent. A signal that the ledger does not take is followed all the same.
   */
  #fold(sentinel: Sentinel, entry: Entry): void {
    for (const { tree, raised } of sentinel.fold(entry)) {
      const appended = this.#gate.ledger.append(raised)
      if (raised.mode === 'observe') continue
      const why = `${raised.detector}: ${raised.what}`
      const signal = appended.ok ? appended.value.seq : undefined
      for (const id of new Set([tree, raised.cell])) {
        const cell = [...this.#served.values()].find((served) => served.cell.id === id)?.cell
        if (cell !== undefined) this.#lower(cell, raised.rung, 'firebreak', why, signal)
      }
    }
  }

  #lower(cell: CellAtGate, to: Rung, by: 'firebreak' | PersonName, why: string, signal?: number): void {
    const from = cell.rung
    cell.lowered = { by, why, atUs: monotonicUs(), ...(signal !== undefined && { signal }) }
    // Of a signal that found it as low already the warden hears, too: nobody who has not seen it releases its agent.
    if (!isBelow(to, from)) return void (signal !== undefined && this.#tellRung(cell))
    cell.rung = to
    const { agent } = cell.authority
    this.#gate.ledger.append({
      kind: 'rung.changed',
      cell: cell.id,
      agent,
      from,
      to,
      by,
      why,
      ...(signal !== undefined && { signal }),
    })
    for (const { cell: below } of cell.given.values()) if (below !== undefined) this.#lower(below, to, by, why, signal)
    if (by === 'firebreak') this.#tellRung(cell)
    if (!cutsOff(to)) return
    // Nothing is admitted any more: what is under way ends, and what was delegated; its upstreams' secrets are unbound.
    cell.gone.abort()
    const served = this.#served.get(cell.number)
    if (served !== undefined) cut(served)
    this.#cutEgress(cell)
    for (const given of cell.given.values()) this.#endDelegation(given, `the cell that gave it is ${to}`)
  }

  /** What no person has ordered the warden hears of: it does the rest, and keeps it. */
  #tellRung({ number, rung }: CellAtGate): void {
    this.#send({ kind: 'contain', number, agent: RUNGS.indexOf(rung) })
  }

  /** An actor with the environment's grants for undo; nothing is admitted for it, and no cell speaks for it. */
  async #beginUndo({ number, cell: id, by, why, what }: Extract<WardenMessage, { kind: 'undo' }>): Promise<void> {
    const { undo, environment } = this.#setup
    if (undo === undefined) throw new Error(`environment ${environment} grants nothing to undo`)
    const own: McpUpstream[] = []
    const upstreams = new Map<UpstreamName, McpUpstream>()
    for (const setup of this.#setup.upstreams.filter(({ name }) =>
      undo.grants.some((each) => each.upstream === name),
    )) {
      const shared = this.#shared.get(setup.name)
      const upstream = shared ?? this.#upstream(setup, number)
      if (shared === undefined) own.push(upstream)
      upstreams.set(setup.name, upstream)
    }
    const exposure = new NamedValues()
    const nowMs = this.#gate.nowMs()
    const cell: CellAtGate = {
      id,
      number,
      authority: {
        agent: undo.name,
        owner: undo.owner,
        environment,
        grants: grantsFor(undo, nowMs),
        policies: this.#policies,
        budgets: this.#budgets,
        definitionProblems: { get: (key) => problemIn(upstreams, key) },
        flows: this.#flows,
        exposure,
      },
      upstreams,
      rung: 'normal',
      gone: new AbortController(),
      underWay: 0,
      share: new LedgerShare(nowMs),
      pace: new Pace(nowMs),
      refusals: new Refusals(nowMs),
      asked: new Map(),
      labelled: new Set(),
      given: new Map(),
    }
    const { ledger } = this.#gate
    const about = { cell: id, agent: undo.name, owner: undo.owner, environment, by, why, what }
    const appended = ledger.append({ kind: 'undo.started', ...about })
    if (!appended.ok || !(await ledger.durable(appended.value.seq)).ok) throw new Error('the ledger cannot be written')
    this.#undoing.set(number, { undoing: new Undoing(this.#gate, cell, exposure, appended.value.seq), own })
    this.#arrivals.came()
    this.#send({ kind: 'cell-ready', number })
  }

  async #undoEffects({ number, effects }: Extract<WardenMessage, { kind: 'undo-effects' }>): Promise<void> {
    const undoing = this.#undoing.get(number)?.undoing
    if (undoing === undefined) throw new Error('no undo has this number')
    const mine = this.#undoTurn.then(() => undoing.compensate(effects))
    this.#undoTurn = mine.catch(() => undefined)
    await mine
    this.#send({ kind: 'undone', number })
  }

  async #endUndo(number: number, receipt: JsonObject): Promise<void> {
    const undoing = this.#shutUndo(number)
    if (undoing !== undefined) await this.#record({ kind: 'undo.ended', cell: undoing.cell.id, receipt })
    this.#send({ kind: 'cell-closed', number })
  }

  #shutUndo(number: number): Undoing | undefined {
    const known = this.#undoing.get(number)
    this.#undoing.delete(number)
    known?.undoing.cell.gone.abort()
    if (known !== undefined) this.#cutEgress(known.undoing.cell)
    for (const upstream of known?.own ?? []) upstream.close()
    this.#pipes.forget(number)
    return known?.undoing
  }

  /** A relay that was started again has a cell of its own, and the way out of the one before is closed. */
  #openEgress(upstream: UpstreamName, number: number | null, listener: number | undefined): void {
    const key = egressKey(upstream, number)
    this.#closeEgress(key)
    if (listener === undefined) return
    const rules = new WayOut({
      gate: this.#gate,
      upstream,
      own: number !== null,
      users: () => this.#usersOf(upstream, number),
      arrivals: this.#arrivals,
    })
    const { egress, elsewhere } = this.#setup
    this.#egress.set(key, new Egress({ listener, origins: egress, elsewhere, rules }))
  }

  #closeEgress(key: string): void {
    this.#egress.get(key)?.close()
    this.#egress.delete(key)
  }

  /**
   * Returns the cells that a relay acts for: one, or what compensates in its place; of a relay that they share, all
   * that have it.
   */
  #usersOf(upstream: UpstreamName, number: number | null): readonly CellAtGate[] {
    const all = number === null ? [...this.#served.keys(), ...this.#undoing.keys()] : [number]
    const cells = all.map((each) => {
      const served = this.#served.get(each)
      return served?.started ? served.cell : this.#undoing.get(each)?.undoing.cell
    })
    return cells.filter((cell) => cell !== undefined).filter((cell) => cell.upstreams.has(upstream))
  }

  /** Ends what a cell's relays have open; a relay that is its own is let out no more. */
  #cutEgress({ number, upstreams }: CellAtGate): void {
    for (const upstream of upstreams.keys()) {
      this.#closeEgress(egressKey(upstream, number))
      this.#egress.get(egressKey(upstream, null))?.cut()
    }
  }

  #upstream(setup: UpstreamSetup, number: number | null): McpUpstream {
    const { name } = setup
    return new McpUpstream({
      name,
      environment: this.#setup.environment,
      tools: new Map(setup.tools),
      connect: (signal) => this.#connector.connect(setup, number, signal),
      onStand: (problem) => this.#noteStand(name, number, problem),
      onDefinition: (tool, { digest, words }, problem) => {
        const seen = { upstream: name, tool, digest, problem, ...(words && { words: true as const }) }
        this.#gate.ledger.append({ kind: 'definition.seen', ...seen })
      },
      onCut: (list, what) => {
        this.#gate.ledger.append({ kind: 'list.cut', upstream: name, list, ...cutsTold(what) })
      },
    })
  }

  /** Records that an upstream is left out of lists, and why; or, with no problem, that it stands again. */
  #noteStand(upstream: UpstreamName, number: number | null, problem: string | undefined): void {
    const cell = number === null ? undefined : this.#served.get(number)?.cell.id
    const own = problem?.replace(`${upstream}: `, '')
    const why = own === undefined ? {} : { problem: cutShown(own, PROBLEM_CHARACTERS_MAX) }
    this.#gate.ledger.append({ kind: 'upstream.seen', upstream, ...(cell && { cell }), ...why })
  }

  /** The cell is gone: what of it was under way ends, its grants with it, and the warden hears that nothing is left. */
  async #end(number: number, receipt: JsonObject): Promise<void> {
    const served = this.#shut(number)
    if (served !== undefined) await this.#record({ kind: 'cell.ended', cell: served.cell.id, receipt })
    this.#send({ kind: 'cell-closed', number })
  }

  #shut(number: number): Served | undefined {
    const served = this.#served.get(number)
    if (served === undefined) return undefined
    this.#served.delete(number)
    served.cell.rung = 'killed'
    served.cell.gone.abort()
    this.#budgets.endTask(served.cell.id)
    for (const given of served.cell.given.values()) this.#endDelegation(given, 'the cell that gave it has ended')
    const { givenBy } = served.cell
    if (givenBy !== undefined && givenBy.state !== 'ended') {
      givenBy.state = 'ended'
      forgetWork(givenBy)
      this.#gate.ledger.append({ kind: 'delegation.ended', delegation: givenBy.id, why: 'its cell has ended' })
    }
    cut(served)
    this.#pipes.forget(number)
    this.#cutEgress(served.cell)
    return served
  }

  async #record(body: EntryBody): Promise<boolean> {
    const appended = this.#gate.ledger.append(body)
    return appended.ok && (await this.#gate.ledger.durable(appended.value.seq)).ok
  }
}

/** Its listener is closed, and every connection that came in on it; so are the upstreams that are its own. */
function cut({ endpoint, server, own }: Served): void {
  endpoint.close()
  server.close()
  server.closeAllConnections()
  for (const upstream of own) upstream.close()
}

function egressKey(upstream: UpstreamName, number: number | null): string {
  return `${upstream}#${number ?? 'all'}`
}

const VERSION = '0.1.0'

/** Characters of the reason why an upstream is left out; it may be in the upstream's own words. */
const PROBLEM_CHARACTERS_MAX = 500

/** Drawn in blocks: one system call for 512 actions. */
const pool = { bytes: randomBytes(8_192), used: 0 }

function drawRandom(): Uint8Array {
  if (pool.used + 16 > pool.bytes.length) {
    pool.bytes = randomBytes(pool.bytes.length)
    pool.used = 0
  }
  pool.used += 16
  return pool.bytes.subarray(pool.used - 16, pool.used)
}

type CellMessage = Extract<WardenMessage, { kind: 'cell' }>

interface Giver {
  readonly cell: CellAtGate
  readonly given: Given
}

function delegationOf({ cell, given }: Giver): Delegation {
  return {
    id: given.id,
    depth: given.depth,
    restriction: given.restriction,
    from: () => authorityOf(cell),
    revokedAtMs: () => given.revokedAtMs,
  }
}

function exposureOf(
  labels: readonly Label[],
  seenBefore: readonly Label[],
  task: TaskSetup | undefined,
  above: ExposureView | undefined,
  words: SentWords,
): { exposure: Exposure; task?: Task } {
  const from = { tool: 'what it was shown at its start', path: '$', labels }
  const before = { tool: 'what it saw before its gateway was replaced', path: '$', labels: seenBefore }
  const seen = new Map([
    ...seenBefore.map((label) => [label, before] as const),
    ...labels.map((label) => [label, from] as const),
  ])
  if (task === undefined) return { exposure: new Exposure(seen, undefined, above, words) }
  const { text, givenBy, tools } = task
  const given: Task = { text, givenBy, ...(tools && { tools: new Set(tools) }) }
  return { exposure: new Exposure(seen, given, above, words), task: given }
}

function taskJson({ text, givenBy, tools }: TaskSetup): Json {
  return { text, givenBy, ...(tools && { tools }) }
}

/** By `cedarActionId`: the names of tools in a setup are what grants call them. */
function flowsOf(upstreams: readonly UpstreamSetup[]): ReadonlyMap<string, Flow> {
  return new Map(
    upstreams.flatMap(({ name: upstream, tools }) => {
      const issues = issuedBy(tools.map(([, tool]) => tool))
      return tools.map(([name, tool]) => [`${upstream}/${name}`, compileFlow(tool, issues)] as const)
    }),
  )
}

function grantsFor(agent: AgentSetup, nowMs: number, task?: CellId): readonly Grant[] {
  return agent.grants.map(({ id, upstream, tools, budgets, expiresMs, approver, source }) => ({
    id,
    agent: agent.name,
    upstream,
    tools: new Set(tools),
    budgets,
    expiresAtMs: nowMs + expiresMs,
    grantedBy: approver ?? agent.owner,
    source,
    ...(task !== undefined && { task }),
  }))
}

function approversOf({ grants }: AgentSetup): Pick<CellStarted, 'approvers'> {
  const approved = grants.flatMap(({ id, approver }) => (approver === undefined ? [] : [[id, approver] as const]))
  return approved.length === 0 ? {} : { approvers: Object.fromEntries(approved) }
}

function problemIn(upstreams: ReadonlyMap<UpstreamName, McpUpstream>, key: string): DefinitionProblem | undefined {
  // McpUpstream names hold no slash: the key begins with the name of the one that it is about.
  return upstreams.get(key.slice(0, key.indexOf('/')) as UpstreamName)?.definitionProblems.get(key)
}

/**
 * Takes the definitions that repeat a secret out of an upstream: nobody could have accepted one, and its tool is
 * neither shown nor granted.
 */
function withoutLeaks(upstream: UpstreamSetup, secrets: Secrets): UpstreamSetup {
  const tools = upstream.tools.map(([name, { declared, pinned }]) => {
    const shown = pinned !== undefined && secrets.leakIn(pinned.definition) === undefined
    return [name, { declared, ...(shown && { pinned }) }] as const
  })
  return { ...upstream, tools }
}

function leaksIn(upstreams: readonly UpstreamSetup[], secrets: Secrets): readonly DefinitionSeen[] {
  return upstreams.flatMap(({ name: upstream, tools }) =>
    tools.flatMap(([tool, { pinned }]) => {
      const leaked = pinned && secrets.leakIn(pinned.definition)
      if (pinned === undefined || leaked === undefined) return []
      const problem = `it repeats the secret "${leaked}": accept it again when its upstream does not`
      return [{ kind: 'definition.seen', upstream, tool, digest: pinned.digest, problem }]
    }),
  )
}

/** By `upstream/tool`, as grants call it. */
function declaredIn(upstreams: readonly UpstreamSetup[]): ReadonlyMap<string, DeclaredTool> {
  return new Map(
    upstreams.flatMap(({ name, tools }) => tools.map(([tool, { declared }]) => [`${name}/${tool}`, declared] as const)),
  )
}

/** Its ledger's, and the state's that it lies in. */
function ownDirectories(): readonly string[] {
  const ledger = process.cwd()
  return [ledger, dirname(dirname(ledger))].filter((path) => path.split('/').length > 2)
}

function closeQuietly(fd: number): void {
  try {
    closeSync(fd)
  } catch {
    // It was closed where the message was followed halfway.
  }
}
