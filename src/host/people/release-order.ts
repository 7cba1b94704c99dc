import type { Agent } from '../../config/config.ts'
import { holdsIn } from '../../ledger/views/holds.ts'
import { monotonicUs } from '../../model/host/monotonic.ts'
import {
  type AgentName,
  cutsOff,
  isBelow,
  lowest,
  no,
  ok,
  personName,
  type Result,
  type Rung,
} from '../../model/index.ts'
import { cutText } from '../../model/text/text.ts'
import type { Judged } from '../prepare/setup.ts'
import { entriesOf, stateOfLog } from '../state/logs.ts'
import { hasBegun, storesOf } from '../state/stores.ts'
import { openTenantState, tenantOf, tenantState } from '../state/tenants.ts'
import { orderAsTold, rungLeft } from '../stop/fence-as-told.ts'
import {
  againText,
  type Fenced,
  type FenceRelease,
  type FenceRoom,
  type Fences,
  fencedIn,
  releaseFenced,
  withRoomToRelease,
} from '../stop/fences.ts'
import { standingElsewhere } from '../stop/standing-fence.ts'
import { fenceByOrders, newOrderId } from '../stop/stop.ts'
import { askOrFollow } from './ask-or-follow.ts'
import type { Done } from './control-request.ts'
import { askWardens, TOO_LATE } from './control-socket.ts'
import { ownerFault } from './release-rules.ts'

/** The words of a person who moves an agent up. */
export interface ReleaseAsk {
  readonly agent: Agent
  readonly to: Rung
  readonly by: string
  readonly why: string
}

export interface Released {
  readonly agent: AgentName
  readonly from: Rung
  readonly to: Rung
}

/** The reasons why an agent was not released. */
export type ReleaseFault =
  /** The fence cannot be read: nobody knows who is contained. */
  | { readonly kind: 'fence-unread'; readonly problem: string }
  /** The ledger has it lower than the fence: the person has seen another thing than what they would release. */
  | { readonly kind: 'fence-behind'; readonly left: Rung; readonly stood: Rung; readonly written: Result<void, string> }
  | { readonly kind: 'not-lower'; readonly stands: Rung }
  /** Another person has to release it. */
  | { readonly kind: 'another-person'; readonly problem: string }
  | { readonly kind: 'no-room'; readonly problem: string }
  /** The ledger has no entry of it, and nothing was changed. */
  | { readonly kind: 'unrecorded'; readonly problem: string }
  /** The ledger has it, and the fence stands; `cells` says what has become of cells that had gone up already. */
  | { readonly kind: 'fence-stands'; readonly from: Rung; readonly problem: string; readonly cells: readonly string[] }

/** Moves a contained agent up again: in the ledger first, by the gateway that runs or one that is started for it (S9). */
export async function releaseContained(
  judged: Judged,
  stateDirectory: string,
  { agent, to, by, why }: ReleaseAsk,
): Promise<Result<Released, ReleaseFault>> {
  const { config } = judged
  const { name, environment } = agent
  const state = tenantState(stateDirectory, tenantOf(config, environment))
  const behind = await fenceAsLogged(agent, state)
  if (behind !== undefined) return no(behind)
  const askedUs = monotonicUs()
  const { fences } = storesOf(state)
  const elsewhere = standingElsewhere(stateDirectory, state, name)
  if (!elsewhere.ok) return no({ kind: 'fence-unread', problem: elsewhere.reason })
  // Of a tenant that its environment belongs to now, nothing may have run yet.
  const opened =
    elsewhere.value.length === 0 || hasBegun(state) || fences.isMade()
      ? ok(undefined)
      : openTenantState(config, environment, stateDirectory, config.profile === 'full')
  if (!opened.ok) return no({ kind: 'fence-unread', problem: opened.reason })
  const fence = fences.read()
  if (!fence.ok) return no({ kind: 'fence-unread', problem: fence.reason })
  const seen = fencedIn(fence.value, name)
  const from = lowest(seen?.rung ?? 'normal', ...elsewhere.value.map(({ fenced }) => fenced.rung))
  if (!isBelow(from, to)) return no({ kind: 'not-lower', stands: from })
  const another = ownerFault(config, name, by)
  if (another !== undefined) return no({ kind: 'another-person', problem: another })
  if (cutsOff(from)) await withdrawApprovals(stateDirectory, agent)
  const words = { from, to, by: personName(by), why: cutText(why, 500), askedUs, ...(seen && { seen }) }
  const request = { kind: 'release', agent: name, environment, ...words } as const
  const isFinal = ({ said }: Done) => said === againText(name) || said.includes(TOO_LATE)
  const standing = elsewhere.value.filter(({ fenced }) => isBelow(fenced.rung, to))
  const all = [
    { fences, seen },
    ...standing.map((each) => ({ fences: storesOf(each.state).fences, seen: each.fenced })),
  ]
  const released = await withRooms(all, async (rooms): Promise<Result<Released, ReleaseFault>> => {
    const recorded = await askOrFollow(judged, stateDirectory, request, { boundMs: SILENCE_MS_MAX, isFinal })
    if (!recorded.ok) return no({ kind: 'unrecorded', problem: recorded.reason })
    const changed = await releaseAll(rooms, { agent: name, to, by, why })
    if (changed.ok) return ok({ agent: name, from, to })
    const cells = await orderBack(state, name, from, changed.reason)
    return no({ kind: 'fence-stands', from, problem: changed.reason, cells })
  })
  return released.ok ? released.value : no({ kind: 'no-room', problem: released.reason })
}

/** A fence that a release lifts its agent from, and what a person has seen of it there. */
interface FenceSeen {
  readonly fences: Fences
  readonly seen: Fenced | undefined
}

/** Room in a fence that a release lifts its agent from. */
interface RoomSeen {
  readonly room: FenceRoom
  readonly seen: Fenced | undefined
}

/** Runs `release` with room kept in each of these fences. */
async function withRooms<T>(
  [first, ...others]: readonly FenceSeen[],
  release: (rooms: readonly RoomSeen[]) => Promise<T>,
): Promise<Result<T, string>> {
  if (first === undefined) return ok(await release([]))
  const { fences, seen } = first
  const released = await withRoomToRelease(fences, (room) =>
    withRooms(others, (rooms) => release([{ room, seen }, ...rooms])),
  )
  return released.ok ? released.value : released
}

/** Lifts an agent from each of these fences, its own state's last: while another stands, it starts nothing. */
async function releaseAll(
  rooms: readonly RoomSeen[],
  release: Omit<FenceRelease, 'seen'>,
): Promise<Result<void, string>> {
  for (const { room, seen } of rooms.toReversed()) {
    const changed = await releaseFenced(room, { ...release, seen })
    if (!changed.ok) return changed
  }
  return ok(undefined)
}

/** Milliseconds that a warden may be silent: a ledger that takes longer is answered as such. */
const SILENCE_MS_MAX = 15_000

/** Puts into the fence what the ledger says of an agent, where that is lower; undefined where both say the same. */
async function fenceAsLogged({ name, environment }: Agent, state: string): Promise<ReleaseFault | undefined> {
  const { fences, logs } = storesOf(state)
  const fence = fences.read()
  if (!fence.ok || !(await logs.names())?.includes(environment)) return undefined
  const stood = fencedIn(fence.value, name)?.rung ?? 'normal'
  const left = await rungLeft(logs.log(environment), name)
  const why = 'the ledger has left it there, and the fence did not say so'
  const orders = isBelow(left, stood) ? orderAsTold(name, left, newOrderId(), why) : []
  if (orders.length === 0) return undefined
  return { kind: 'fence-behind', left, stood, written: await fenceByOrders(fences, () => orders) }
}

/**
 * Orders cells that have gone up with the ledger's word back to where the fence has their agent; returns what to say of
 * it. What was cut off has not gone up.
 */
async function orderBack(state: string, agent: AgentName, from: Rung, problem: string): Promise<readonly string[]> {
  if (from === 'normal' || cutsOff(from)) return []
  const why = `its release did not come to the fence: ${problem}`
  const target = { kind: 'agent', name: agent } as const
  const order = { id: newOrderId(), target, rung: from, by: 'firebreak', why } as const
  const heard = await askWardens(state, { kind: 'contain', order }, () => undefined)
  const cells = heard.flatMap(({ receipt }) => receipt?.cells ?? [])
  // The fence has it already; where it could not be written, it may not be written now.
  const isDone = (each: Done) =>
    each.receipt?.confirmations.every(({ point, confirmed }) => point === 'fence' || confirmed)
  const failed = heard.filter((each) => isDone(each) !== true)
  if (failed.length > 0)
    return [`its cells may go on as released: ${failed.map(({ said }) => said).join('; ')}: firebreak contain ${agent}`]
  return cells.length === 0 ? [] : [`${cells.join(', ')}: ordered back to ${from}`]
}

/** Takes back the approvals that lie there for the next gateway, as the ledger's are by the release itself. */
async function withdrawApprovals(stateDirectory: string, { name }: Agent): Promise<void> {
  for (const { held, log } of await holdsIn(entriesOf(stateDirectory), Date.now()))
    if (held.agent === name) await storesOf(await stateOfLog(stateDirectory, log)).mailbox.withdraw(held.hold)
}
