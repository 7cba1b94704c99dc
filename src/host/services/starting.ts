import type { Cell } from '../../cells/driver.ts'
import type { Agent, Config } from '../../config/config.ts'
import { firstNames } from '../../config/known-names.ts'
import { monotonicUs } from '../../model/host/monotonic.ts'
import {
  type AgentName,
  type CellId,
  cutsOff,
  isBelow,
  lowest,
  no,
  ok,
  type Result,
  type Rung,
} from '../../model/index.ts'
import type { Order } from '../stop/containment.ts'
import type { Fences } from '../stop/fences.ts'
import { rungIn } from '../stop/rung-in.ts'
import type { Fencing, Leaving } from '../stop/stop.ts'
import type { Kept } from './servers.ts'

/** A cell that is being started. */
export interface Start {
  readonly number: number
  readonly id: CellId
  readonly agent: Agent
  /** The configuration that it is built by. */
  readonly config: Config
  /** The number of the cell that delegates to it. */
  readonly parent?: number
  /** The stop mark from before the configuration was read by which it starts. */
  readonly stopMark: string
  servers: readonly Kept[]
  /** The cell; absent until it is built. */
  cell?: Cell
  /** The rung that its gateway was told for it; absent before that. */
  told?: Rung
  /** Resolves with why it does not begin, in the tick in which that is known. */
  readonly refused: Promise<string>
  /** Resolves once it has begun, or once nothing of it is left; then it is not starting any more. */
  readonly over: Promise<void>
}

/** An order that holds here. */
interface Holding {
  readonly order: Order
  readonly sinceUs: number
}

interface Begun extends Start {
  readonly end: () => void
  readonly refuse: (why: string) => void
}

/**
 * The starts that are under way, and the orders that keep them from beginning.
 *
 * - ST1  A start stands here from before anything of it exists until it has begun or is gone.
 * - ST2  An order first stands here, and then whom it means is looked for. A start first stands here, and then asks whether
 *        it may begin, the last time in the tick in which it does. So of an order and a start one always sees the other.
 * - ST3  An order holds here until the fence on disk says the same; where it cannot be written, for as long as this process
 *        lives or until a person releases the agent.
 */
export class Starting {
  readonly #fences: Pick<Fences, 'read'>
  readonly #starts = new Map<number, Begun>()
  /** Numbers of cells that an order has stopped, begun or not, and its words. */
  readonly #stopped = new Map<number, string>()
  /** Orders whose fence is being written, by agent. */
  readonly #fencing = new Map<AgentName, readonly Holding[]>()
  /** Number of orders and signals against each agent, also of those that found it as low already. */
  readonly #orders = new Map<AgentName, { readonly count: number; readonly lastUs: number }>()

  constructor(fences: Pick<Fences, 'read'>) {
    this.#fences = fences
  }

  begin(about: Omit<Start, 'over' | 'refused' | 'servers'>): Begun {
    const { promise: over, resolve } = Promise.withResolvers<void>()
    const { promise: refused, resolve: refuse } = Promise.withResolvers<string>()
    const end = () => {
      this.#starts.delete(about.number)
      resolve()
    }
    const start = { ...about, servers: [], over, end, refused, refuse }
    this.#starts.set(about.number, start)
    return start
  }

  all(): readonly Start[] {
    return [...this.#starts.values()]
  }

  get(number: number): Start | undefined {
    return this.#starts.get(number)
  }

  /** Returns why this cell may not begin, or go on; undefined where no order has stopped it. */
  stopped(number: number): string | undefined {
    return this.#stopped.get(number)
  }

  /** Stops a cell: from this tick on it does not begin, and no server that serves it alone does. */
  stop(number: number, why: string): void {
    this.#stopped.set(number, why)
    const start = this.#starts.get(number)
    for (const { server, shared } of start?.servers ?? []) if (!shared) server.hold()
    start?.refuse(why)
  }

  forget(number: number): void {
    this.#stopped.delete(number)
  }

  /** Holds the order against these agents until `fenced`. */
  fencing(order: Order, agents: readonly AgentName[]): void {
    const sinceUs = monotonicUs()
    for (const agent of agents) {
      this.#fencing.set(agent, [...(this.#fencing.get(agent) ?? []), { order, sinceUs }])
      this.ordered(agent)
    }
  }

  /** Counts one more order or signal against an agent. */
  ordered(agent: AgentName): void {
    this.#orders.set(agent, { count: this.orders(agent) + 1, lastUs: monotonicUs() })
  }

  /** Returns how many there were against an agent: whoever waits asks again whether one has come meanwhile. */
  orders(agent: AgentName): number {
    return this.#orders.get(agent)?.count ?? 0
  }

  /** Drops an order that the fence on disk has. */
  fenced(order: Order): void {
    for (const [agent, orders] of this.#fencing) this.#keep(agent, (each) => each.order !== order, orders)
  }

  /** Returns the orders that stand here, each with the agents that are not known to be fenced by it. */
  unfenced(): readonly Fencing[] {
    const orders = new Map<Order, AgentName[]>()
    for (const [agent, held] of this.#fencing)
      for (const { order } of held) orders.set(order, [...(orders.get(order) ?? []), agent])
    return [...orders].map(([order, agents]) => ({ order, agents }))
  }

  /**
   * Drops the orders that keep an agent below `to` and that stood here when a person asked: their word, which is on disk,
   * has released it. What came after that they have not seen.
   */
  released(agent: AgentName, to: Rung, askedUs: number): void {
    const stays = ({ order, sinceUs }: Holding) => !isBelow(order.rung, to) || sinceUs >= askedUs
    this.#keep(agent, stays, this.#fencing.get(agent) ?? [])
  }

  /** Tells whether an order or a signal against the agent has come since then, by `monotonicUs`. */
  orderedSince(agent: AgentName, askedUs: number): boolean {
    return (this.#orders.get(agent)?.lastUs ?? 0) >= askedUs
  }

  /**
   * Returns the rung at which a start would begin, by every order that stands here and by the fence; or why it does not
   * begin.
   */
  rungOf({ number, agent }: { readonly number: number; readonly agent: Pick<Agent, 'name'> }): Result<Rung, string> {
    const stopped = this.#stopped.get(number)
    return stopped === undefined ? this.standing(agent.name) : no(stopped)
  }

  /** Returns the rung of an agent by every order that stands here and by the fence; or why it is cut off. */
  standing(agent: AgentName): Result<Rung, string> {
    const orders = (this.#fencing.get(agent) ?? []).map(({ order }) => order)
    const below = orders.find(({ rung }) => cutsOff(rung))
    if (below !== undefined) return no(orderedText(below))
    const fence = this.#fences.read()
    const rung = fence.ok ? rungIn(fence.value, { name: agent }) : fence
    return rung.ok ? ok(lowest(rung.value, ...orders.map((order) => order.rung))) : rung
  }

  #keep(agent: AgentName, kept: (holding: Holding) => boolean, orders: readonly Holding[]): void {
    const left = orders.filter(kept)
    if (left.length > 0) this.#fencing.set(agent, left)
    else this.#fencing.delete(agent)
  }
}

export function orderedText({ id, rung, by, why }: Order): string {
  return `it was ordered to be ${rung} by ${by}: ${why} (order ${id})`
}

/** Ends what is built of a start in the tick of the order; what is being built, once it is known what it is. */
export function unbegun(start: Start): Leaving {
  void start.cell?.halt('killed')
  return { point: `start of ${start.id}`, cell: start.id, agent: start.agent.name, gone: () => gone(start) }
}

async function gone(start: Start): Promise<Result<string, string>> {
  if (start.cell === undefined) await start.over
  const own = start.servers.filter(({ shared }) => !shared).map(({ server }) => server.halt('kill'))
  const ended = await Promise.all([start.cell?.halt('killed') ?? ok(''), ...own])
  const failed = ended.find(({ ok: gone }) => !gone)
  if (failed?.ok === false)
    return no(`it was being started, and its end is not confirmed: ${JSON.stringify(failed.reason)}`)
  const servers = await Promise.all(start.servers.map(leftOf))
  const left = [...((await start.cell?.left()) ?? []), ...servers.flat()]
  if (left.length > 0) return no(`processes of it are left: ${firstNames(left)}`)
  return ok('it was being started: it has not begun, and nothing of it is left')
}

async function leftOf({ server, shared }: Kept): Promise<readonly string[]> {
  return shared ? [] : ((await server.cell?.left()) ?? [])
}
