import { type CellId, cutsOff, isBelow, lowest, ok, type Result, RUNGS, type Rung } from '../../model/index.ts'
import type { UndosUnderWay } from '../people/undos-under-way.ts'
import type { Servers } from '../services/servers.ts'
import { orderedText } from '../services/starting.ts'
import { tenantOf } from '../state/tenants.ts'
import { contain, type Hearing } from '../stop/contain.ts'
import type { Order, Receipt } from '../stop/containment.ts'
import type { FenceAgain } from '../stop/fence-again.ts'
import { ordersAsTold } from '../stop/fence-as-told.ts'
import { fencedIn } from '../stop/fences.ts'
import { agentsOrdered, orderMeans } from '../stop/meant.ts'
import { rungIn } from '../stop/rung-in.ts'
import { fenceByOrders, newOrderId } from '../stop/stop.ts'
import type { EnvironmentGround } from './environment-ground.ts'
import type { HostedCell } from './hosted-cell.ts'
import { namesUndos, stopFor } from './stop-of-order.ts'

export interface OrdersOptions {
  readonly ground: EnvironmentGround
  readonly servers: Servers
  readonly undos: UndosUnderWay
  readonly fenceAgain: FenceAgain
}

/**
 * The orders that move cells of one environment down, from a person, from the gateway, or because a gateway is lost; and
 * the fences of their agents.
 */
export class Orders {
  readonly #options: OrdersOptions
  /** Cells, by how many orders that are not over, or from which no cell comes back: no gateway is replaced for them. */
  readonly #standing = new Map<number, number>()
  /** The last orders that were followed here, and the cells that each meant. */
  readonly #followed = new Map<string, ReadonlySet<number>>()
  readonly #stops = new Set<Promise<unknown>>()

  constructor(options: OrdersOptions) {
    this.#options = options
  }

  /**
   * Carries out an order: it stands first, then whom it means is looked for, among what runs and among what is starting
   * (ST2).
   */
  async contain(order: Order, hearing?: Hearing): Promise<Receipt> {
    const { ground, servers, undos } = this.#options
    const { cells, config, starting } = ground
    const fenced = this.#agentsOfTenant(order)
    const isMeant = (cell: CellId | undefined, agent: HostedCell['agent']) => orderMeans(order, cell, agent, config)
    const numbers = cells.withBelow(cells.meant(isMeant))
    const told = cutsOff(order.rung) ? servers.toldBy(isMeant) : []
    const agents = [...new Set([...cells.agentsOf(numbers), ...told, ...fenced])]
    // Of an order that is about somebody else's agents nothing is kept here.
    if (numbers.length === 0 && agents.length === 0 && !namesUndos(ground, undos, order))
      return { order, atMs: Date.now(), cells: [], agents, confirmations: [], contained: true }
    starting.fencing(order, agents)
    for (const number of numbers) this.markOrdered(number, order.rung, orderedText(order))
    this.#followed.set(order.id, new Set(numbers))
    const [oldest] = this.#followed.keys()
    if (this.#followed.size > ORDERS_MAX && oldest !== undefined) this.#followed.delete(oldest)
    const stop = { ...this.#stopFor(order, numbers, isMeant), agents }
    const receipt = await this.#keepOpen(contain(stop, hearing))
    this.#noteFence(receipt)
    // One that goes on under this order goes on under another gateway, too.
    if (receipt.contained && !cutsOff(order.rung)) for (const number of numbers) this.#unmarkOrdered(number)
    return receipt
  }

  /** Adds to what a detector has lowered at the gate already what the warden does, and what stays; each rung once. */
  async containFor({ id, rung: from }: { readonly id: CellId; readonly rung: Rung }, rung: number): Promise<void> {
    const to = RUNGS[rung]
    if (to === undefined || !isBelow(to, from)) return
    const order = orderOfSignal(id, rung)
    if (order !== undefined) await this.contain(order)
  }

  /** Holds the agent of a cell that trips a detector and is gone at once as one whose cell stays: it starts no more. */
  async containEnded(number: number, rung: number): Promise<void> {
    const { cells, config, starting } = this.#options.ground
    const hosted = cells.ending(number)
    const order = hosted && orderOfSignal(hosted.cell.id, rung)
    if (hosted === undefined || order === undefined) return
    const agents = [hosted.agent.name]
    starting.fencing(order, agents)
    const stop = this.#stopFor(order, [number], (cell, agent) => orderMeans(order, cell, agent, config))
    this.#noteFence(await this.#keepOpen(contain({ ...stop, agents })))
  }

  /** Ends cells that no gateway serves: keeps what they were first; those that are being ended so get no second order. */
  async endUnserved(numbers: readonly number[], lost: string): Promise<void> {
    const { cells } = this.#options.ground
    const standing = numbers.flatMap((number) => cells.get(number) ?? [])
    const isNew = (number: number) => cells.get(number) !== undefined && cells.get(number)?.lost === undefined
    const meant = cells.withBelow(numbers.filter(isNew))
    const ending = meant.flatMap((number) => cells.get(number) ?? [])
    if (ending.length > 0) await this.#containUnserved(meant, ending, lost)
    await Promise.all([...standing, ...ending].map(({ cell }) => cell.halt('killed')))
  }

  async #containUnserved(numbers: readonly number[], ending: readonly HostedCell[], lost: string): Promise<void> {
    for (const hosted of ending) hosted.lost = lost
    for (const number of numbers) this.markOrdered(number, 'killed', lost)
    const target = { kind: 'environment', name: this.#options.ground.environment } as const
    const order = { id: newOrderId(), target, rung: 'frozen', by: 'firebreak', why: lost } as const
    const cells = ending.map(({ cell }) => cell.id)
    const stop = { ...this.#stopFor(order, numbers, () => false), agents: [] }
    await Promise.allSettled([contain(stop), this.fenceAsTold(cells, order.id)])
  }

  /** Fences the agents of cells whose gateway was lost where the ledger says that they stand. */
  async fenceAsTold(cells: readonly CellId[], id: string): Promise<void> {
    const { fenceAgain, ground } = this.#options
    const { environment, starting, state } = ground
    const orders = await ordersAsTold(state.logs.log(environment), cells, id)
    for (const { order, agents } of orders) starting.fencing(order, agents)
    const fenced = await fenceByOrders(state.fences, () => orders)
    if (fenced.ok) for (const { order } of orders) starting.fenced(order)
    else fenceAgain.later()
  }

  /** Marks a cell as ordered down, in the tick of the order: what cuts off keeps its start from beginning, too. */
  markOrdered(number: number, rung: Rung, why: string): void {
    const { cells, starting } = this.#options.ground
    // It runs no more, and nothing is kept of it.
    if (cells.ending(number) !== undefined) return
    this.#standing.set(number, (this.#standing.get(number) ?? 0) + 1)
    const hosted = cells.get(number)
    if (hosted !== undefined) hosted.rung = lowest(hosted.rung, rung)
    const start = starting.get(number)
    if (start?.told !== undefined) start.told = lowest(start.told, rung)
    if (cutsOff(rung)) starting.stop(number, why)
  }

  #unmarkOrdered(number: number): void {
    const orders = (this.#standing.get(number) ?? 0) - 1
    if (orders > 0) this.#standing.set(number, orders)
    else this.#standing.delete(number)
  }

  /** Tells whether an order stands against a cell under which it does not go on with another gateway. */
  isOrdered(number: number): boolean {
    return this.#standing.has(number)
  }

  forget(number: number): void {
    this.#standing.delete(number)
  }

  /**
   * Returns the rung at which a cell goes on: an order to another cell fences its agent against a start, while a cell
   * that ran beside that one goes on where it stood.
   */
  rungAgain(number: number, { agent, rung }: HostedCell): Result<Rung, string> {
    const fence = this.#options.ground.state.fences.read()
    if (!fence.ok) return fence
    const meant = this.#followed.get(fencedIn(fence.value, agent.name)?.order ?? '')
    const fenced = meant === undefined || meant.has(number) ? rungIn(fence.value, agent) : ok(rung)
    return fenced.ok ? ok(lowest(fenced.value, rung)) : fenced
  }

  /** Waits for all stops, also for those that begin meanwhile. */
  async stopsOver(): Promise<void> {
    while (this.#stops.size > 0) await Promise.allSettled(this.#stops)
  }

  /** Keeps the environment open until a stop is over. */
  async #keepOpen<T>(stop: Promise<T>): Promise<T> {
    this.#stops.add(stop)
    return stop.finally(() => this.#stops.delete(stop))
  }

  #stopFor(order: Order, numbers: readonly number[], isMeant: Parameters<typeof stopFor>[3]) {
    const { ground, servers, undos } = this.#options
    const goesOn = (writing: Promise<unknown>) => void this.#keepOpen(writing).catch(() => undefined)
    return { ...stopFor({ ground, servers, undos }, order, numbers, isMeant), goesOn }
  }

  /**
   * Drops an order that is kept here once the fence on disk is confirmed to have it: it holds there from here on. One
   * that was not confirmed is written again.
   */
  #noteFence({ order, confirmations }: Receipt): void {
    const { fenceAgain, ground } = this.#options
    const fence = confirmations.find(({ point }) => point === 'fence')
    if (fence?.confirmed === true) ground.starting.fenced(order)
    else if (fence !== undefined) fenceAgain.later()
  }

  /** Returns the agents that an order means and whose fences lie in this tenant's state. */
  #agentsOfTenant(order: Order) {
    const { config, environment } = this.#options.ground
    const own = tenantOf(config, environment)
    return agentsOrdered(config, order).filter((name) => {
      const home = config.agents.get(name)?.environment
      return (home && tenantOf(config, home)) === own
    })
  }
}

/** An order that is not remembered counts for every cell of its agent. */
const ORDERS_MAX = 1_024

/** Returns the order that follows from a signal about a cell; none where the rung keeps its agent from nothing. */
function orderOfSignal(cell: CellId, rung: number): Order | undefined {
  const to = RUNGS[rung]
  // Nobody is kept from a start for having been watched, and what was seen stands in the ledger.
  if (to === undefined || to === 'normal' || to === 'watched') return undefined
  const target = { kind: 'cell', name: cell } as const
  return { id: newOrderId(), target, rung: to, by: 'firebreak', why: 'a signal: firebreak logs tells which' }
}
