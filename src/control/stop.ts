import { createPrivateKey, createPublicKey, generateKeyPairSync, randomBytes, sign } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Cell } from '../cells/cell.ts'
import type { ProcessEvidence } from '../cells/evidence.ts'
import { canonicalText } from '../ledger/canonical.ts'
import { keyId, signatureLine, witnessKeyText } from '../ledger/note.ts'
import { readEntries } from '../ledger/read.ts'
import {
  type AgentName,
  type CellId,
  isBelow,
  type Json,
  type JsonObject,
  no,
  ok,
  personName,
  type Result,
} from '../model/index.ts'
import {
  type Confirmation,
  type EnforcementPoint,
  eventually,
  type Order,
  orderAll,
  type Receipt,
} from './containment.ts'
import { changeFence } from './fence.ts'
import type { Services } from './services.ts'

/** A cell that is to stop, and what else stops with it. */
export interface Stopping {
  readonly number: number
  readonly cell: Cell
  readonly agent: AgentName
  /** Stdio servers that serve it alone. */
  readonly servers: readonly Cell[]
}

export interface Stop {
  readonly order: Order
  /** The cells that are meant, and all that was delegated from them. */
  readonly stopping: readonly Stopping[]
  /** Who is fenced: also agents of which no cell runs. */
  readonly agents: readonly AgentName[]
  readonly services: Services
  readonly stateDirectory: string
  /** A number that nothing else waits for. */
  readonly number: number
}

/** On an idle host it takes 2 ms. A gateway that is ended takes its cells along: not for a moment's want of processor. */
const GATE_MS_MAX = 1_500
const CONNECTIONS_MS_MAX = 1_500
const FREEZE_MS_MAX = 2_000
const FENCE_MS_MAX = 2_000

/**
 * One transaction over every enforcement point (S8): the gate, the connections, the processes, the servers that serve
 * only these cells, and the fence. All are ordered at once. A gateway that does not confirm, or that the kernel
 * contradicts, is ended with every listener that it has; what does not stand still is killed.
 */
export async function stopCells(
  stop: Stop,
  onConfirmation?: (confirmation: Confirmation) => void,
): Promise<readonly Confirmation[]> {
  const { stopping, order, services } = stop
  const distrust = async (): Promise<Result<string, string>> => {
    services.distrust(`it has not confirmed order ${order.id}`)
    const gone = await eventually(() => !lives(services.gatewayPid), 1_000)
    return gone ? ok('the gateway was ended, and its listeners with it') : no('the gateway is still there')
  }
  const stands = isBelow(order.rung, 'quarantined')
  const points: EnforcementPoint[] = [
    ...(stopping.length === 0 ? [] : [gate(stop, distrust)]),
    ...stopping.flatMap((each) => pointsOf(each, order, stands, distrust)),
    fence(stop),
  ]
  return orderAll(points, onConfirmation)
}

function gate(
  { services, stopping, order, number }: Stop,
  escalate: () => Promise<Result<string, string>>,
): EnforcementPoint {
  return {
    name: 'gate',
    by: 'gateway',
    boundMs: GATE_MS_MAX,
    escalate,
    order: async () => {
      const by = order.by === 'firebreak' ? 'firebreak' : personName(order.by)
      const cells = stopping.map((each) => each.number)
      const told = services.tell({ kind: 'order', number, cells, rung: order.rung, by, why: order.why })
      const said = told.ok ? await services.said('ordered', number, GATE_MS_MAX * 2) : told
      return said.ok ? ok('nothing more is admitted') : said
    },
  }
}

function pointsOf(
  { cell, servers }: Stopping,
  { rung }: Order,
  stands: boolean,
  distrust: () => Promise<Result<string, string>>,
): readonly EnforcementPoint[] {
  const cut = isBelow(rung, 'restricted')
  const connections: EnforcementPoint = {
    name: `connections of ${cell.id}`,
    by: 'kernel',
    boundMs: CONNECTIONS_MS_MAX,
    escalate: distrust,
    order: async () => {
      const none = await eventually(() => cell.connections() === 0, CONNECTIONS_MS_MAX)
      return none ? ok('none is established in its network') : no(`${cell.connections()} are still established`)
    },
  }
  const halted = (name: string, each: Cell): EnforcementPoint => ({
    name,
    by: 'kernel',
    boundMs: FREEZE_MS_MAX,
    order: () => (rung === 'killed' ? killed(each) : frozen(each)),
    escalate: () => killed(each),
  })
  return [
    ...(cut ? [connections] : []),
    ...(stands ? [halted(`processes of ${cell.id}`, cell)] : []),
    ...(stands ? servers.map((server) => halted(`its server ${server.id}`, server)) : []),
  ]
}

async function frozen(cell: Cell): Promise<Result<string, string>> {
  const result = await cell.freeze()
  return result.ok ? ok('cgroup.events says frozen 1') : no(JSON.stringify(result.reason))
}

async function killed(cell: Cell): Promise<Result<string, string>> {
  const result = await cell.kill()
  return result.ok ? ok('cgroup.events says populated 0') : no(JSON.stringify(result.reason))
}

function fence({ stateDirectory, agents, order }: Stop): EnforcementPoint {
  return {
    name: 'fence',
    by: 'disk',
    boundMs: FENCE_MS_MAX,
    order: async () => {
      const changed = await fenceAgents(stateDirectory, agents, order)
      return changed.ok ? ok(`${agents.join(', ') || 'nobody'} starts no more before it is released`) : changed
    },
  }
}

/** Who stands there or below already stays where they are. */
export function fenceAgents(
  stateDirectory: string,
  agents: readonly AgentName[],
  { id, rung, by, why }: Order,
  anew = false,
): Promise<Result<void, string>> {
  return changeFence(
    stateDirectory,
    (fence) => {
      for (const agent of agents) {
        const standing = fence.get(agent)
        if (standing !== undefined && !isBelow(rung, standing.rung)) continue
        fence.set(agent, { rung, by, why, atMs: Date.now(), order: id })
      }
    },
    anew,
  )
}

function lives(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return !/^State:\tZ/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'))
  } catch {
    return false
  }
}

/** Taken while they stand still, and after all has been confirmed: nobody waits for it. */
export function evidenceOf(stopping: readonly Stopping[]): Readonly<Record<string, readonly ProcessEvidence[]>> {
  return Object.fromEntries(stopping.map(({ cell }) => [cell.id, cell.evidence()]))
}

/** Actions of these cells that were sent and have no outcome that is known: they may still land. */
export async function inFlight(ledger: string, cells: readonly CellId[]): Promise<readonly JsonObject[]> {
  const open = new Map<string, JsonObject>()
  for await (const read of readEntries(ledger)) {
    if (!read.ok) break
    const entry = read.value
    if (entry.kind === 'action.intent' && cells.includes(entry.cell)) {
      const { action, upstream, tool, effect, seq } = entry
      open.set(action, { action, seq, upstream, tool, effect })
    } else if (entry.kind === 'action.outcome' && entry.outcome !== 'unknown') open.delete(entry.action)
  }
  return [...open.values()].slice(0, IN_FLIGHT_MAX)
}

const IN_FLIGHT_MAX = 1_000

export function newOrderId(): string {
  return `o_${randomBytes(8).toString('hex')}`
}

/**
 * `<state>/receipts/<order>.note`: the receipt as canonical JSON, signed with the warden's own key (C2SP signed note,
 * Ed25519). `<state>/receipts/warden.pub` verifies it.
 */
export function writeReceipt(stateDirectory: string, receipt: Receipt, more: JsonObject): string {
  const directory = join(stateDirectory, 'receipts')
  mkdirSync(directory, { recursive: true, mode: 0o700 })
  // Safe: both are plain JSON by their types.
  const text = canonicalText({ ...receipt, ...more } as unknown as Json)
  if (!text.ok) throw new Error(`a receipt ${text.reason.problem}`)
  const key = wardenKey(directory)
  const signed = `${text.value}\n`
  const line = signatureLine(NAME, keyId(NAME, ED25519, rawKey(key)), sign(null, Buffer.from(signed), key))
  const path = join(directory, `${receipt.order.id}.note`)
  writeFileSync(`${path}.new`, `${signed}\n${line}`, { mode: 0o600 })
  renameSync(`${path}.new`, path)
  return path
}

const NAME = 'firebreak-warden'
const ED25519 = 0x01

function wardenKey(directory: string) {
  const path = join(directory, 'warden.key')
  if (!existsSync(path)) {
    const { privateKey } = generateKeyPairSync('ed25519')
    writeFileSync(`${path}.new`, privateKey.export({ type: 'pkcs8', format: 'pem' }), { mode: 0o600 })
    renameSync(`${path}.new`, path)
    writeFileSync(join(directory, 'warden.pub'), `${witnessKeyText(NAME, createPublicKey(privateKey))}\n`)
  }
  return createPrivateKey(readFileSync(path, 'utf8'))
}

function rawKey(key: Parameters<typeof createPublicKey>[0]): Buffer {
  const { x } = createPublicKey(key).export({ format: 'jwk' })
  return Buffer.from(x ?? '', 'base64url')
}
