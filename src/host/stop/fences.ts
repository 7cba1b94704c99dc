import { type AgentName, no, ok, type Result, type Rung } from '../../model/index.ts'

/** A rung on which an agent stands while no cell of it runs, and why. */
export interface Fenced {
  readonly rung: Rung
  /** `firebreak`, or a person. */
  readonly by: string
  readonly why: string
  /** Epoch ms. */
  readonly atMs: number
  /** The order that put it there; its receipt has the same name. */
  readonly order: string
  /** The last order since then that asked for no harder rung, where one came: who releases has not seen it otherwise. */
  readonly last?: string
}

/** The name under which an order to all stands: it holds for every agent that has no entry of its own, also an unknown one. */
export const EVERYBODY = '*'

export type Fence = ReadonlyMap<AgentName | typeof EVERYBODY, Fenced>

/** Changes a fence in the turn of its writer; once it refuses, nothing is written. */
export type FenceChange = (fence: Map<AgentName | typeof EVERYBODY, Fenced>, refuse: (why: string) => void) => void

/**
 * The fence of one state: who is contained, across restarts of anything. A port; a file is behind it (`fence.ts`), and in
 * tests memory (`memory-fences.ts`). `test/stores` asks the same of each.
 *
 * - FE1  What was changed is seen by every read from when the change has resolved, over restarts too.
 * - FE2  A change is whole or has not happened. Changes come one after the other, whoever makes them, and each sees what
 *        those before it left; one that refuses changes nothing.
 * - FE3  One that was lost (never made, or damaged) tells so: nobody is started by it, and only a change `anew` begins again.
 *        One that cannot be reached tells so, too, and is not begun anew.
 * - FE4  Reading takes no turn of the event loop, so that a start is judged in the tick in which it begins. A store that is
 *        elsewhere answers of what it was told last, and not at all once it no longer knows that nothing came since.
 * - FE5  What cuts an agent off has room, however full the store is.
 */
export interface Fences {
  /** Makes the fence, unless there is one. `everybody`: the order to all that it begins with. @throws what the store says. */
  make(everybody?: Fenced): void
  /** Tells whether there is one, be it readable or not. */
  isMade(): boolean
  read(): Result<Fence, string>
  /** Returns the last order to all; undefined where none stands, and where nothing has run and nothing was ordered. */
  everybody(): Result<Fenced | undefined, string>
  /** `anew`: begins with nothing where the fence was lost. */
  change(change: FenceChange, anew?: boolean): Promise<Result<void, string>>
  /** Keeps room for one release, whose ledger entry comes before it; refused where there is none. */
  reserve(): Result<FenceRoom, string>
  /**
   * Returns the word of the last order to all, kept apart from the fence: whoever orders that may have no configuration that
   * can be read. What was being started when it changed does not begin.
   */
  stopMark(): string
  markStop(order: string): Result<void, string>
}

/** Room that is kept for one change of a fence. */
export interface FenceRoom {
  change(change: FenceChange): Promise<Result<void, string>>
  giveBack(): void
}

/** Returns what stands against an agent: by its name, else by the last order to all; undefined where nothing does. */
export function fencedIn(fence: Fence, agent: AgentName): Fenced | undefined {
  return fence.get(agent) ?? fence.get(EVERYBODY)
}

/** The order that a person has seen standing, and who moves the agent up from it. */
export interface FenceRelease {
  readonly agent: AgentName
  readonly seen: Fenced | undefined
  readonly to: Rung
  readonly by: string
  readonly why: string
}

/** Moves an agent up from what was seen of it; refused where another order stands there by then. */
export function releaseFenced(
  fence: Pick<FenceRoom, 'change'>,
  { agent, seen, to, by, why }: FenceRelease,
): Promise<Result<void, string>> {
  return fence.change((fenced, refuse) => {
    const standing = fencedIn(fenced, agent)
    if (!isSameOrder(standing, seen)) refuse(againText(agent))
    else if (standing === undefined || (to === 'normal' && !fenced.has(EVERYBODY))) fenced.delete(agent)
    else fenced.set(agent, { ...standing, rung: to, by, why, atMs: Date.now() })
  })
}

/**
 * Runs `release` with room kept for the fence that it will write: the ledger is told of it first, and what it has then
 * said would not be so where the disk is full. Refused where there is none.
 */
export async function withRoomToRelease<T>(
  fences: Fences,
  release: (room: FenceRoom) => Promise<T>,
): Promise<Result<T, string>> {
  const room = fences.reserve()
  if (!room.ok) return no(`there is no room for the fence that a release writes: ${room.reason}`)
  try {
    return ok(await release(room.value))
  } finally {
    room.value.giveBack()
  }
}

export function isSameOrder(standing: OrderSeen | undefined, seen: OrderSeen | undefined): boolean {
  return standing?.order === seen?.order && standing?.last === seen?.last && standing?.rung === seen?.rung
}

export type OrderSeen = Pick<Fenced, 'order' | 'last' | 'rung'>

export function againText(agent: AgentName): string {
  return `${agent} was contained again meanwhile: nothing was released`
}
