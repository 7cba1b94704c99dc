import { randomBytes } from 'node:crypto'
import process from 'node:process'
import type { Cell, Proof } from '../../cells/driver.ts'
import { schedule } from '../../cells/kernel/libc.ts'
import { startOf } from '../../cells/kernel/process-end.ts'
import { firstNames } from '../../config/known-names.ts'
import {
  type AgentName,
  type CellId,
  cutsOff,
  isBelow,
  no,
  ok,
  personName,
  type Result,
  type Rung,
} from '../../model/index.ts'
import type { Services } from '../services/services.ts'
import {
  CONNECTIONS_MS_MAX,
  FENCE_MS_MAX,
  FREEZE_MS_MAX,
  GATE_MS_MAX,
  GATEWAY_END_MS_MAX,
  LEAVING_MS_MAX,
  TABLE_MS_MAX,
} from './bounds.ts'
import { type Confirmation, type EnforcementPoint, eventually, type Order, orderAll } from './containment.ts'
import { EVERYBODY, type FenceChange, type Fences, fencedIn } from './fences.ts'

/** A cell that is to stop, and what else stops with it. */
export interface Stopping {
  readonly number: number
  readonly cell: Cell
  readonly agent: AgentName
  /** Stdio servers that serve it alone, as far as this order stops them. */
  readonly servers: readonly Halting[]
  /** The name of its workspace in the state, where it has one. */
  readonly workspace?: string
}

/** One thing that stops with a cell: `point` names it in the receipt. */
export interface Halting {
  readonly point: string
  readonly halt: () => Promise<Result<string, string>>
  /** Ends it harder, where `halt` does not confirm. */
  readonly end: () => Promise<Result<string, string>>
}

/** A cell that an order means and that runs no more, or never did: what there is of it goes. */
export interface Leaving {
  /** Names it in the receipt. */
  readonly point: string
  readonly cell: CellId
  readonly agent: AgentName
  /** Resolves when the kernel has nothing of it any more. */
  readonly gone: () => Promise<Result<string, string>>
}

export interface Stop {
  readonly order: Order
  /** The cells that are meant, and all that was delegated from them. */
  readonly stopping: readonly Stopping[]
  /** Cells that were being started when it came, and are refused already; and those that were ending by themselves. */
  readonly leaving: readonly Leaving[]
  /** Servers that serve several cells, and one of these. */
  readonly shared: readonly Halting[]
  /** Numbers at the gate that are not of `stopping`: started there, and not begun; or ending, and not closed there. */
  readonly alsoAtGate: readonly number[]
  /** Agents that are fenced, also those of which no cell runs. */
  readonly agents: readonly AgentName[]
  readonly services: Services
  readonly fences: Fences
  /** A number that nothing else waits for. */
  readonly number: number
}

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
    return await gatewayEnded(services.gatewayPid)
  }
  const { gatewayPid } = services
  return ahead([process.pid, gatewayPid], () => {
    const ordered = orderGate(stop)
    const gate: EnforcementPoint = {
      name: 'gate',
      by: 'gateway',
      boundMs: GATE_MS_MAX,
      escalate: distrust,
      order: () => ordered,
    }
    const points: EnforcementPoint[] = [
      ...(stopping.length + stop.alsoAtGate.length === 0 ? [] : [gate]),
      ...stopping.flatMap((each) => pointsOf(each, order, ordered, { distrust, gatewayPid })),
      ...stop.shared.map(halting),
      ...stop.leaving.map(leaving),
      ...(stop.agents.length === 0 ? [] : [fence(stop)]),
    ]
    return orderAll(points, onConfirmation)
  })
}

/**
 * A stop does not wait for its share of a processor that others have loaded. Who may not do that (the user profile)
 * goes without; of two stops at a time, the first that is over takes it from both.
 */
async function ahead<T>(pids: readonly number[], act: () => Promise<T>): Promise<T> {
  for (const pid of pids) schedule(pid, 'first')
  try {
    return await act()
  } finally {
    for (const pid of pids) schedule(pid, 'as-all')
  }
}

async function orderGate({ services, stopping, alsoAtGate, order, number }: Stop): Promise<Result<string, string>> {
  const cells = [...stopping.map((each) => each.number), ...alsoAtGate]
  if (cells.length === 0) return ok('nobody is served')
  const by = order.by === 'firebreak' ? 'firebreak' : personName(order.by)
  const told = services.tell({ kind: 'order', number, cells, rung: order.rung, by, why: order.why })
  const said = told.ok ? await services.said('ordered', number, GATE_MS_MAX) : told
  return said.ok ? ok('nothing more is admitted') : said
}

function pointsOf(
  { cell, servers }: Stopping,
  { rung }: Order,
  gate: Promise<unknown>,
  { distrust, gatewayPid }: { readonly distrust: EnforcementPoint['order']; readonly gatewayPid: number },
): readonly EnforcementPoint[] {
  const cut = cutsOff(rung)
  const stands = isBelow(rung, 'quarantined')
  let seen: Result<number, string> | undefined
  const connections: EnforcementPoint = {
    name: `connections of ${cell.id}`,
    by: 'kernel',
    boundMs: GATE_MS_MAX + TABLE_MS_MAX,
    // That its own sockets cannot be looked at is the cell's doing: it is ended for it, and not everybody with the gateway.
    escalate: () => (seen === undefined || (seen.ok && seen.value > 0) ? distrust() : haltedAt(cell, 'killed')),
    order: async () => {
      // What the gateway says is held against the kernel's table: before it has closed the door, one more could come in.
      await gate
      const begun = performance.now()
      let last = no('it was not looked at') as Result<number, string>
      seen = last
      await eventually(async () => {
        last = await cell.connections(gatewayPid)
        seen = last
        return last.ok && (last.value === 0 || performance.now() - begun > CONNECTIONS_MS_MAX)
      }, TABLE_MS_MAX)
      if (!last.ok) return last
      return last.value === 0 ? ok('no listener and no connection of it stands in its network') : no(STILL_OPEN)
    },
  }
  return [
    ...(cut ? [connections] : []),
    ...(stands ? [halted(`processes of ${cell.id}`, cell, rung)] : []),
    ...servers.map(halting),
  ]
}

function halting({ point, halt, end }: Halting): EnforcementPoint {
  return { name: point, by: 'kernel', boundMs: FREEZE_MS_MAX, order: halt, escalate: end }
}

function leaving({ point, gone }: Leaving): EnforcementPoint {
  return { name: point, by: 'kernel', boundMs: LEAVING_MS_MAX, order: gone }
}

export function halted(name: string, cell: Cell, rung: Rung): EnforcementPoint {
  return {
    name,
    by: 'kernel',
    boundMs: FREEZE_MS_MAX,
    order: () => haltedAt(cell, rung === 'killed' ? 'killed' : 'frozen'),
    escalate: () => haltedAt(cell, 'killed'),
  }
}

const STILL_OPEN = 'by the kernel, a listener or a connection of it still stands'

async function haltedAt(cell: Cell, rung: 'frozen' | 'killed'): Promise<Result<Proof, string>> {
  const proven = await cell.halt(rung)
  return proven.ok ? proven : no(JSON.stringify(proven.reason))
}

function fence({ fences, agents, order }: Stop): EnforcementPoint {
  return {
    name: 'fence',
    by: 'disk',
    boundMs: FENCE_MS_MAX,
    order: async () => {
      const changed = await fenceAgents(fences, agents, order)
      return changed.ok ? ok(fencedText(agents, order)) : changed
    },
  }
}

export function fencedText(agents: readonly AgentName[], { target, rung }: Order): string {
  const names = agents.length === 0 ? [] : [firstNames(agents)]
  if (target.kind === 'all') names.push('everybody else')
  const stands = cutsOff(rung) ? 'starts no more' : `is ${rung}`
  return `${names.join(', ')} ${stands} before it is released`
}

/** An order, and agents that it fences. */
export interface Fencing {
  readonly order: Order
  readonly agents: readonly AgentName[]
  /** Everybody is fenced beside them. */
  readonly everybody?: boolean
}

/** Fences agents for an order; one to all fences everybody beside them (F4). */
export function fenceAgents(
  fences: Fences,
  agents: readonly AgentName[],
  order: Order,
  anew = false,
): Promise<Result<void, string>> {
  const everybody = order.target.kind === 'all'
  return fenceByOrders(fences, () => [{ order, agents, everybody }], anew)
}

/**
 * Writes the fences of orders, which are asked for when it is this writer's turn. Whoever stands there or below already
 * stays, with a word that the order came: a release that was asked for before does not lift it. Where there is no room
 * for that word, what stands is enough.
 */
export async function fenceByOrders(
  fences: Fences,
  orders: () => readonly Fencing[],
  anew = false,
): Promise<Result<void, string>> {
  const fenceOrNote = (notes: boolean) =>
    fences.change((fence) => {
      for (const fencing of orders()) fenceOne(fence, fencing, notes)
    }, anew)
  const noted = await fenceOrNote(true)
  return noted.ok ? noted : fenceOrNote(false)
}

function fenceOne(fence: Parameters<FenceChange>[0], { agents, order, everybody }: Fencing, notes: boolean): void {
  const { id, rung, by, why } = order
  const entry = { rung, by, why, atMs: Date.now(), order: id }
  // Whoever this configuration does not name may have an entry all the same, by another one.
  const others = everybody ? ([...fence.keys(), EVERYBODY] as const) : []
  for (const name of new Set([...agents, ...others])) {
    const standing = name === EVERYBODY ? fence.get(name) : fencedIn(fence, name)
    if (standing === undefined || isBelow(rung, standing.rung)) fence.set(name, entry)
    else if (notes && standing.order !== id) fence.set(name, { ...standing, last: id })
    else fence.set(name, standing)
  }
}

/** Waits for a gateway's end; where the kernel does not tell, it may go on. `proc` is where proc(5) lies. */
export async function gatewayEnded(
  pid: number,
  proc = '/proc',
  withinMs = GATEWAY_END_MS_MAX,
): Promise<Result<string, string>> {
  let untold: string | undefined
  const gone = await eventually(() => {
    try {
      untold = undefined
      return startOf(pid, proc) === undefined
    } catch (error) {
      untold = error instanceof Error ? error.message : String(error)
      return false
    }
  }, withinMs)
  if (gone) return ok('the gateway was ended, and its listeners with it')
  return no(untold === undefined ? 'the gateway is still there' : `whether the gateway lives cannot be told: ${untold}`)
}

export function newOrderId(): string {
  return `o_${randomBytes(8).toString('hex')}`
}
