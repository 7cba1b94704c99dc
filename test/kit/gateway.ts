/**
 * A real gateway with its witness, and cells that are only listeners: the sockets that the warden would make inside a
 * cell's network namespace are made on this host's loopback, and handed over in the same way. Both run in this process,
 * unless a test asks for processes of their own: those cost a second of processor time each.
 */

import { randomBytes } from 'node:crypto'
import { closeSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import process from 'node:process'
import { setTimeout as delay } from 'node:timers/promises'
import { loadConfig } from '../../src/config/load.ts'
import type { Pulse } from '../../src/gateway/link/pulse.ts'
import type { GatewaySetup, IssuerSetup } from '../../src/gateway/link/setup.ts'
import type { CellWebSocket } from '../../src/gateway/web/door.ts'
import { carryOut, type UndoOrder } from '../../src/host/people/undo-order.ts'
import { gatewaySetup, judgeConfig } from '../../src/host/prepare/setup.ts'
import { startServices } from '../../src/host/services/services.ts'
import type { State } from '../../src/host/state/state.ts'
import { openTenantState } from '../../src/host/state/tenants.ts'
import { readEntries } from '../../src/ledger/log/read.ts'
import type { Entry } from '../../src/model/entry.ts'
import { monotonicUs } from '../../src/model/host/monotonic.ts'
import type { ProgramName } from '../../src/model/host/program-file.ts'
import {
  actionId,
  agentName,
  type CellId,
  environmentName,
  type Label,
  type LowerRung,
  newCellId,
  personName,
  type Result,
  type Rung,
  type Spans,
  upstreamName,
} from '../../src/model/index.ts'
import { acceptOffered } from './accept-offered.ts'
import { type ConfigPlan, writeConfig } from './config-text.ts'
import { type ServicesHere, startServicesHere } from './gateway-here.ts'
import { listener } from './listener.ts'
import { runsProgram } from './runs-program.ts'
import { cleanUp, temporaryDirectory } from './temporary.ts'

export interface TestGateway {
  readonly configFile: string
  readonly state: State
  readonly ledgerDirectory: string
  readonly admit: (agent?: string, beginning?: Beginning) => Promise<TestCell>
  /** The number of the cell that is admitted next, if nothing else is asked before. */
  readonly next: () => number
  /** What the gateway has asked of the warden, oldest first. */
  readonly orders: readonly Pulse[]
  /** A person's answer to a hold, as `firebreak approve` and `deny` give it. Fails where the gateway does not take it. */
  readonly answer: (hold: string, approved: boolean, forMs?: number, by?: string) => Promise<Result<void, string>>
  /** A person's order to compensate, as `firebreak undo` gives it. */
  readonly undo: (order: UndoOrder) => Promise<Result<void, string>>
  /** Hands over the ends of a stdio server that the test started for one cell, and a relay's way out; the caller keeps its copies. */
  readonly offer: (
    upstream: string,
    number: number | null,
    fds: readonly [stdin: number, stdout: number, wayOut?: number],
  ) => void
  /** An order of a person's to these cells, as `firebreak contain` gives it to the gateway. */
  readonly order: (cells: readonly TestCell[], rung: LowerRung) => Promise<Result<void, string>>
  /** A person's word that moves an agent up, as `firebreak release` gives it to the gateway. */
  readonly release: (agent: string, to: Rung, askedUs?: number) => Promise<Result<void, string>>
  /** Tells the gateway what an upstream's secrets are, as the warden does when it has read them again. */
  readonly renew: (upstream: string, values: readonly (readonly [name: string, value: string])[]) => void
  /** What the ledger tells: at once, or as soon as it is enough, for at most five seconds. */
  readonly entries: (enough?: (entries: readonly Entry[]) => boolean) => Promise<readonly Entry[]>
  readonly stop: () => Promise<void>
}

/** A gateway and a witness that are processes of their own. */
export interface GatewayProcess extends TestGateway {
  /** For what a test must do to a process that it started itself: kill it, or read how much memory it has. */
  readonly gatewayPid: number
  readonly witnessPid: number
  /** Resolves when the warden would hear that the gateway is gone. */
  readonly lost: Promise<string>
}

/** How long entries are waited for on a machine that has other work. */
const ENTRIES_MS_MAX = 120_000

export interface TestCell {
  readonly id: CellId
  readonly number: number
  readonly port: number
  /** Of the aggregated endpoint, or of one upstream's own. */
  readonly url: (upstream?: string) => string
  readonly end: () => Promise<void>
}

export interface Beginning {
  readonly labels?: readonly string[]
  readonly task?: { readonly text: string; readonly tools?: readonly string[] }
  /** The cell that delegated to it. */
  readonly parent?: TestCell
  /** When earlier cells saw what may stand in its files. */
  readonly lived?: Spans
  /** A lost gateway served it, since then; epoch ms. */
  readonly again?: { readonly cell: TestCell; readonly sinceMs: number }
  /** Where its agent stands. */
  readonly rung?: Rung
  /** The certificate authority by which its gate ends TLS. */
  readonly issuer?: IssuerSetup
  /** Its sockets at every address, which stay the caller's. */
  readonly web?: readonly CellWebSocket[]
}

export interface GatewayOptions {
  /** Where state is kept; a fresh temporary directory where it is absent. */
  readonly stateDirectory?: string
  /** Use definitions that were accepted before instead of what is offered now. */
  readonly accept?: boolean
  /** Whose gateway; `test` where it is absent. */
  readonly environment?: string
}

export function startGateway(plan: ConfigPlan, options: GatewayOptions = {}): Promise<TestGateway> {
  return startGatewayOn(writeConfig(temporaryDirectory(), plan), options)
}

/** The same for a configuration that exists. */
export async function startGatewayOn(configFile: string, options: GatewayOptions = {}): Promise<TestGateway> {
  const { state, setup } = await prepare(configFile, options)
  const services = await startServicesHere(state, setup)
  if (!services.ok) throw new Error(services.reason)
  return served(configFile, state, setup, services.value)
}

/** Services are told apart by when they appeared, so that one gateway starts after another. */
let turn: Promise<unknown> = Promise.resolve()

/** Starts one as processes of their own: for what a test does to a process, or measures of it. */
export function startGatewayProcess(plan: ConfigPlan, options: GatewayOptions = {}): Promise<GatewayProcess> {
  return startGatewayProcessOn(writeConfig(temporaryDirectory(), plan), options)
}

/** The same for a configuration that exists. */
export function startGatewayProcessOn(configFile: string, options: GatewayOptions = {}): Promise<GatewayProcess> {
  const started = turn.then(() => startProcesses(configFile, options))
  turn = started.catch(() => undefined)
  return started
}

async function startProcesses(configFile: string, options: GatewayOptions): Promise<GatewayProcess> {
  const { state, setup } = await prepare(configFile, options)
  const before = childPids()
  const services = await startServices(state, setup)
  if (!services.ok) throw new Error(`${services.reason}\n${logOf(state, setup.environment)}`)
  const pids = [...childPids()].filter((pid) => !before.has(pid))
  const pidOf = (main: ProgramName) => pids.find((pid) => runsProgram(commandLine(pid), main)) ?? 0
  return {
    ...served(configFile, state, setup, services.value),
    gatewayPid: pidOf('gateway/main'),
    witnessPid: pidOf('ledger/seal/witness-main'),
    lost: services.value.lost,
  }
}

/** Reads and judges a configuration, and opens the state of one of its environments. */
async function prepare(
  configFile: string,
  options: GatewayOptions,
): Promise<{ readonly state: State; readonly setup: GatewaySetup }> {
  const loaded = await loadConfig(configFile, { node: process.execPath })
  if (!loaded.ok) throw new Error(loaded.reason.map(({ message }) => message).join('; '))
  if (options.accept !== false) await acceptOffered(loaded.value)
  const judged = await judgeConfig(loaded.value)
  if (!judged.ok) throw new Error(judged.reason.map(({ message }) => message).join('; '))
  const environment = environmentName(options.environment ?? 'test')
  const root = process.getuid?.() === 0
  const stateDirectory = options.stateDirectory ?? join(temporaryDirectory(), 'state')
  const opened = openTenantState(loaded.value, environment, stateDirectory, root)
  if (!opened.ok) throw new Error(opened.reason)
  return { state: opened.value, setup: gatewaySetup(judged.value, environment) }
}

function served(configFile: string, state: State, { environment }: GatewaySetup, services: ServicesHere): TestGateway {
  let stopped: Promise<void> | undefined
  const stop = () => {
    stopped ??= services.stop('the test has ended')
    return stopped
  }
  cleanUp(stop)
  const ledgerDirectory = state.ledger(environment)
  let numbers = 0
  let servers = 0
  const orders: Pulse[] = []
  services.onOrder((order) => orders.push(order))
  return {
    configFile,
    state,
    ledgerDirectory,
    orders,
    admit: (agent = 'alpha', beginning = {}) => admit(services, agent, ++numbers, beginning),
    next: () => numbers + 1,
    answer: async (hold, approved, forMs = 60_000, by = 'joao.costa@shop.example') => {
      const number = ++numbers
      const answer = { hold: actionId(hold), approved, by: personName(by), forMs }
      const told = services.tell({ kind: 'answer', number, ...answer })
      return told.ok ? services.said('answered', number) : told
    },
    undo: (order) => carryOut(services, ++numbers, order),
    offer: (upstream, number, fds) => {
      const message = { kind: 'upstream', upstream: upstreamName(upstream), number, server: ++servers } as const
      const told = services.tell(
        message,
        fds.filter((fd) => fd !== undefined),
      )
      if (!told.ok) throw new Error(told.reason)
    },
    order: async (cells, rung) => {
      const number = ++numbers
      const by = personName('joao.costa@shop.example')
      const message = {
        kind: 'order',
        number,
        cells: cells.map((cell) => cell.number),
        rung,
        by,
        why: 'a test',
      } as const
      const told = services.tell(message)
      return told.ok ? services.said('ordered', number) : told
    },
    release: async (name, to, askedUs = monotonicUs()) => {
      const number = ++numbers
      const [agent, by] = [agentName(name), personName('maria.silva@shop.example')]
      const told = services.tell({
        kind: 'release',
        number,
        askedUs,
        agent,
        from: 'restricted',
        to,
        by,
        why: 'a test',
      })
      return told.ok ? services.said('ordered', number) : told
    },
    renew: (upstream, values) => {
      const told = services.tell({ kind: 'secrets', upstream: upstreamName(upstream), values })
      if (!told.ok) throw new Error(told.reason)
    },
    entries: async (enough) => {
      let before = -1
      // A test asserts what it waited for, and says so better: what never comes is not told here.
      const deadline = performance.now() + ENTRIES_MS_MAX
      for (;;) {
        const entries = await entriesOf(ledgerDirectory)
        const settled = enough === undefined ? entries.length === before : enough(entries)
        if (settled || performance.now() > deadline) return entries
        before = entries.length
        await delay(50)
      }
    },
    stop,
  }
}

function logOf(state: State, environment: string): string {
  return readFileSync(state.log(`gateway-${environment}`), 'utf8').slice(-4_000)
}

async function admit(services: ServicesHere, agent: string, number: number, beginning: Beginning): Promise<TestCell> {
  const { port, fd } = listener()
  const { labels = [], task, parent, lived, again, rung, issuer, web } = beginning
  const id = again?.cell.id ?? newCellId(randomBytes(16))
  const message = {
    kind: 'cell',
    number,
    cell: id,
    agent: agentName(agent),
    receipt: { test: true },
    labels: labels.map((label) => label as Label),
    ...(lived && { lived }),
    ...(parent && { parent: parent.number }),
    ...(rung && { rung }),
    ...(issuer && { issuer }),
    ...(web && { web: web.map(({ transport, port }) => ({ transport, port })) }),
    ...(again && { again: { sinceMs: again.sinceMs, why: 'the test has ended it' } }),
    ...(task && { task: { givenBy: personName('maria.silva@shop.example'), ...task } }),
  } as const
  const told = services.tell(message, [fd, ...(web ?? []).map((each) => each.fd)])
  closeSync(fd)
  if (!told.ok) throw new Error(told.reason)
  const ready = await services.said('cell-ready', number)
  if (!ready.ok) throw new Error(ready.reason)
  return {
    id,
    number,
    port,
    url: (upstream) => `http://127.0.0.1:${port}/mcp${upstream === undefined ? '' : `/${upstream}`}`,
    end: async () => {
      services.tell({ kind: 'ended', number, receipt: { test: true } })
      const closed = await services.said('cell-closed', number)
      if (!closed.ok) throw new Error(closed.reason)
    },
  }
}

async function entriesOf(directory: string): Promise<readonly Entry[]> {
  const entries: Entry[] = []
  for await (const entry of readEntries(directory)) {
    if (!entry.ok) throw new Error(JSON.stringify(entry.reason))
    entries.push(entry.value)
  }
  return entries
}

/** Only children of this very process: nobody else's can be among them. */
function childPids(): ReadonlySet<number> {
  const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name))
  return new Set(pids.map(Number).filter((pid) => parentOf(pid) === process.pid))
}

function parentOf(pid: number): number | undefined {
  try {
    // The name in brackets may hold anything; what follows it does not.
    const after = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1) ?? ''
    return Number(after.split(' ')[1])
  } catch {
    return undefined
  }
}

function commandLine(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8')
  } catch {
    return ''
  }
}

/** Resident memory of a process, in MiB. */
export function residentMiB(pid: number): number {
  const kib = /VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]
  return Number(kib) / 1024
}
