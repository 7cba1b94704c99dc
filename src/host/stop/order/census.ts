import { realpathSync, statSync } from 'node:fs'
import { basename, join } from 'node:path'
import process from 'node:process'
import type { NotedCell, Standing } from '../../../cells/census.ts'
import { unlessGone } from '../../../cells/kernel/process-end.ts'
import type { CellAbout } from '../../../cells/spec.ts'
import type { Config } from '../../../config/config.ts'
import {
  type AgentName,
  agentName,
  type CellId,
  cutsOff,
  type EnvironmentName,
  environmentName,
  NAME_PATTERN,
  samePerson,
} from '../../../model/index.ts'
import { census as hostCensus } from '../../drivers.ts'
import { runPlaces } from '../../services/run-places.ts'
import { wholeState } from '../../state/named-state.ts'
import { isOthers, stateAround } from '../../state/state-part.ts'
import { type Confirmation, eventually, type Order, type Target } from '../containment.ts'
import { agentsMeant } from '../meant.ts'
import type { Waits } from './stop-ask.ts'

/** Cells that somebody has answered for: their names, or points that end in one. */
export interface AnsweredCells {
  /** The state of the warden that has: of another's cells it says nothing. Absent where it is our own word. */
  readonly from?: string
  readonly names: readonly string[]
  /** The environment there for whose shared servers it has answered, too; absent where it has not. */
  readonly environment?: string
}

/** An order, and all that is known of what it means. */
export interface OrderReach {
  readonly states: readonly string[]
  readonly order: Order
  readonly config: Config | undefined
  /** Path of the file by which the order was read, without links: the same agent in another state is not contained. */
  readonly configuration: string
  readonly said: readonly AnsweredCells[]
}

/**
 * Asks the kernel which cells of these states run that an order means and that no receipt names, whatever wardens have
 * said, and ends them; so it does shared servers of environments for which no warden has answered: they may act on the word
 * of whom the order means, and those that they still serve get others. One line for each, one for what goes on by a
 * person's word where the order reaches, and one for each other state of which such cells run (of an order to all: any
 * cells); one line where no cell goes on that is meant. Of an order that ends no cell (`restricted`, `watched`) it only
 * tells of agents' cells that no warden has named. `ended` gets what it has ended.
 */
export async function census(
  { states, order, config, configuration, said }: OrderReach,
  waiting: Waits,
  ended: NotedCell[],
): Promise<readonly Confirmation[]> {
  const begun = performance.now()
  const places = placesOf(states)
  const named = namedBy(said)
  const isNamed = ({ cell, about }: Standing) =>
    named.has(cell) || (about !== undefined && placeOf(about.state).some((place) => named.has(`${cell} ${place}`)))
  const answered = environmentsAnswered(said)
  // Whom a shared server acts for, only its warden knows.
  const isUnanswered = ({ about }: Standing) =>
    about?.part === 'shared' && !placeOf(about.state).some((place) => answered.has(`${about.environment} ${place}`))
  const cuts = new Set<string>()
  const look = () => standingOf(usersOf(places), cuts, states).filter((each) => isOf(each, places))
  const unnamed = () => {
    const standing = look()
    const meant = meantBy(order.target, standing, config)
    // One that stands frozen, too: its own warden may thaw it, as after a copy of its files.
    return standing.filter((each) => (meant.has(each) || isUnanswered(each)) && each.begun && !isNamed(each))
  }
  const confirmation = (point: string, confirmed: boolean, words: string, escalated = false): Confirmation => {
    return { point, by: 'kernel', confirmed, said: words, afterMs: performance.now() - begun, escalated }
  }
  const unseen = () =>
    [...cuts].map((cut) => confirmation('host', false, `what runs could not be looked at in whole: ${cut}`))
  if (!cutsOff(order.rung)) {
    // Their gateways hold such cells, and nobody ends what goes on: it is only said.
    const unreached = () => unnamed().filter(({ about }) => about?.part === 'agent')
    await eventually(() => unreached().length === 0, ENDING_MS_MAX)
    return [...unreached().map(({ cell }) => confirmation(`cell ${cell}`, false, UNREACHED)), ...unseen()]
  }
  const person = goingOn(order.target, look(), config)
    .filter((each) => !isNamed(each))
    .map(({ cell }) => confirmation(`server ${cell}`, true, 'goes on: it acts on a person’s word, and on no agent’s'))
  const isSame = ({ about, uid }: Standing) =>
    order.target.kind !== 'all' &&
    uid === process.geteuid?.() &&
    (order.target.kind === 'cell' || about?.configuration === configuration)
  const elsewhere = othersToTell(() => othersThan(places, order.target, config, isSame), cuts).map(
    ([point, words, same]) => confirmation(point, !same, words),
  )
  const goOn = [...person, ...elsewhere]
  waiting(() => `${unnamed().length} cells that no warden has named`, ENDING_MS_MAX + END_MS_MAX)
  // One that ends at this moment is still to be seen for some.
  if (await eventually(() => unnamed().length === 0, ENDING_MS_MAX))
    return cuts.size > 0
      ? [...goOn, ...unseen()]
      : [...goOn, confirmation('host', true, 'by the kernel, nothing runs of it but what is named here')]
  const ending = unnamed().map(async (each) => {
    if (each.about !== undefined) ended.push({ cell: each.cell, about: each.about })
    each.end()
    const gone = await eventually(() => !look().some(({ cell }) => cell === each.cell), END_MS_MAX)
    const words = gone ? 'no warden named it, and it was ended' : 'no warden has named it, and it cannot be ended'
    return confirmation(`processes of ${each.cell}`, gone, words, true)
  })
  return [...goOn, ...(await Promise.all(ending)), ...unseen()]
}

const UNREACHED = 'it runs, and no warden that was asked tells of it: at --rung frozen, or by kill, it is ended'

/** Returns the cells that are named by our own word, and `cell place` for those that a warden of that place names. */
function namedBy(said: readonly AnsweredCells[]): ReadonlySet<string> {
  const all = said.flatMap(({ from, names }) => {
    const cells = names.map((name) => name.slice(name.lastIndexOf(' ') + 1))
    return from === undefined ? cells : placeOf(from).flatMap((place) => cells.map((cell) => `${cell} ${place}`))
  })
  return new Set(all)
}

/** Returns `environment place` of the wardens that have answered for their shared servers. */
function environmentsAnswered(said: readonly AnsweredCells[]): ReadonlySet<string> {
  const all = said.flatMap(({ from, environment }) =>
    from === undefined || environment === undefined ? [] : placeOf(from).map((place) => `${environment} ${place}`),
  )
  return new Set(all)
}

/** Agents to fence, by the directory of the state that knows them. */
export type AgentsRunning = ReadonlyMap<string, ReadonlySet<AgentName>>

/**
 * Returns the agents of the cells that an order means, by the notes beside the cells: the configuration at hand may not name
 * them. Asked before anything is ended. Of a cell that is meant by its own name the note counts also once it has ended.
 */
export function agentsRunning(states: readonly string[], target: Target, config: Config | undefined): AgentsRunning {
  const standing = meantBy(target, standingIn(states), config)
  const dead = target.kind === 'cell' ? notesOf(states, target.name) : []
  const stateOf = statesByPlace(states)
  const running = new Map<string, Set<AgentName>>()
  for (const { agent, state } of [...[...standing].flatMap(({ about }) => about ?? []), ...dead]) {
    const own = stateOf(state)
    if (own === undefined || agent === undefined || !NAME_PATTERN.test(agent)) continue
    running.set(own, (running.get(own) ?? new Set()).add(agentName(agent)))
  }
  return running
}

/** Returns what names the state of an order, or a tenant's in one, that a noted one is; undefined for another. */
function statesByPlace(states: readonly string[]): (state: string) => string | undefined {
  const byPlace = new Map(states.flatMap((state) => placeOf(state).map((place) => [place, state] as const)))
  return (state) => placeOf(state).flatMap((place) => byPlace.get(place) ?? tenantAt(place, byPlace) ?? [])[0]
}

/** A cell of an agent that an order meant. */
export interface Meant {
  readonly cell: CellId
  readonly agent: AgentName
  readonly environment: EnvironmentName
  /** The state in which it has run, one of those of the order. */
  readonly state: string
}

/** Returns the agents' cells among these that an order to these states means, each once. */
export function meantAmong(
  noted: readonly NotedCell[],
  states: readonly string[],
  target: Target,
  config: Config | undefined,
): readonly Meant[] {
  const stateOf = statesByPlace(states)
  const meant = meantBy(target, noted, config)
  const cells = [...meant].flatMap(({ cell, about: { part, agent, environment, state } }) => {
    const own = stateOf(state)
    if (part !== 'agent' || own === undefined || agent === undefined) return []
    if (!NAME_PATTERN.test(agent) || !NAME_PATTERN.test(environment)) return []
    return [[cell, { cell, agent: agentName(agent), environment: environmentName(environment), state: own }] as const]
  })
  return [...new Map(cells).values()]
}

/** Returns the state of a tenant that was not listed, by the state that it lies in. */
function tenantAt(place: string, byPlace: ReadonlyMap<string, string>): string | undefined {
  const around = byPlace.get(stateAround(place) ?? place)
  return around === undefined ? undefined : join(around, 'tenants', basename(place))
}

/** Returns what is noted of a cell of these states, also where nothing of it runs any more. */
export function notesOf(states: readonly string[], cell: string): readonly CellAbout[] {
  const places = placesOf(states)
  return usersOf(places).flatMap((uid) =>
    hostCensus
      .notesOf({ runDirectories: hostCensus.runDirectories(uid), uid }, cell)
      .filter((about) => isOf({ about, uid }, places)),
  )
}

/** Returns what is noted of the cells of these states that run. */
export function standingAbout(states: readonly string[]): readonly CellAbout[] {
  return standingIn(states).flatMap(({ about }) => about ?? [])
}

/** Returns the cells of these states that run, by the kernel; adds to `cuts` why there may be more of them. */
export function standingIn(states: readonly string[], cuts?: Set<string>): readonly Standing[] {
  const places = placesOf(states)
  return standingOf(usersOf(places), cuts, states).filter((each) => isOf(each, places))
}

const ENDING_MS_MAX = 1_500
const END_MS_MAX = 5_000

/** The states of an order: path without links → the uid of its owner. */
type Places = ReadonlyMap<string, number>

function placesOf(states: readonly string[]): Places {
  // Of another user's state its tenants are what lies in it, and not where a link of that user leads.
  const own = states.filter((state) => !(stateAround(state) !== undefined && isOthers(stateAround(state) ?? state)))
  const places = own.flatMap((state) => unlessGone(() => realpathSync(state)) ?? [])
  return new Map(places.map((place) => [place, statSync(place).uid]))
}

/** Returns this user, and for root the owners of the states: their wardens keep what they make in places of their own. */
function usersOf(places: Places): readonly number[] {
  const own = process.geteuid?.() ?? 0
  return own === 0 ? [...new Set([own, ...places.values()])] : [own]
}

/** Returns the cells of these users that have processes, also where these states have noted it; adds to `cuts` why there may be more of them. */
function standingOf(
  users: readonly number[],
  cuts = new Set<string>(),
  states: readonly string[] = [],
): readonly Standing[] {
  const noted = runPlaces(states)
  const places = (uid: number) => [...new Set([...hostCensus.runDirectories(uid), ...noted])]
  const look = hostCensus.look(users.map((uid) => ({ runDirectories: places(uid), uid })))
  for (const cut of look.cuts) cuts.add(cut)
  return look.cells
}

/** Tells whether a cell is of these states: by our own word, or by that of a state's owner, and nobody else's. */
function isOf({ about, uid }: Pick<Standing, 'about' | 'uid'>, places: Places): boolean {
  const own = uid === process.geteuid?.()
  // What another user says is looked up for the sake of that user's states alone.
  if (!own && ![...places.values()].some((owner) => owner === uid)) return false
  const ownerOf = (place: string) => places.get(place) ?? places.get(stateAround(place) ?? place)
  return (
    about !== undefined &&
    placeOf(about.state).some((place) => (own ? ownerOf(place) !== undefined : ownerOf(place) === uid))
  )
}

/** Returns the cells that act on a person's word where an order reaches: an agent's order has its environment. */
function goingOn(target: Target, standing: readonly Standing[], config: Config | undefined): readonly Standing[] {
  const reached = new Set<string>(
    [...meantBy(target, standing, config)].flatMap(({ about }) => about?.environment ?? []),
  )
  for (const name of config === undefined ? [] : agentsMeant(config, target)) {
    const environment = config?.agents.get(name)?.environment
    if (environment !== undefined) reached.add(environment)
  }
  if (target.kind === 'environment') reached.add(target.name)
  const every = target.kind === 'all' || reached.size === 0
  return standing.filter(({ about }) => about?.part === 'person' && (every || reached.has(about.environment)))
}

type Elsewhere = readonly (readonly [string, string, boolean])[]

/** Returns what is told of other states; adds to `cuts` why that is not known, which keeps nothing of this one from being ended. */
function othersToTell(look: () => Elsewhere, cuts: Set<string>): Elsewhere {
  try {
    return look()
  } catch (error) {
    cuts.add(error instanceof Error ? error.message : String(error))
    return []
  }
}

/**
 * Returns the other states of which cells of this user run that an order means by name, and for root of every user, each
 * with what is told of it, and whether `isSame` says of one of its cells that the order meant it.
 */
function othersThan(
  places: Places,
  target: Target,
  config: Config | undefined,
  isSame: (each: Standing) => boolean,
): Elsewhere {
  const own = process.geteuid?.() ?? 0
  const users = own === 0 ? [...new Set([own, ...hostCensus.users()])] : [own]
  const others = standingOf(users).filter(
    (each) => each.about !== undefined && each.begun && !each.frozen && !isOf(each, places),
  )
  const meant = target.kind === 'all' ? others : [...meantBy(target, others, config)]
  const byState = [
    ...Map.groupBy(meant, ({ about: { state } = { state: '' }, uid }) => (uid === own ? wholeState(state) : state)),
  ].toSorted(([, one], [, other]) => Number(other.some(isSame)) - Number(one.some(isSame)))
  const told = byState.slice(0, STATES_TOLD_MAX).map(([state, cells]) => {
    const goOn = cells.length === 1 ? '1 cell of it goes on' : `${cells.length} cells of it go on`
    const words = `${goOn}, and no order to this one reaches it: --state ${state}`
    return ['another state', words, cells.some(isSame)] as const
  })
  const more = byState.slice(STATES_TOLD_MAX)
  if (more.length === 0) return told
  const same = more.some(([, cells]) => cells.some(isSame))
  return [...told, ['other states', `cells of ${more.length} more go on`, same]]
}

const STATES_TOLD_MAX = 16

/** Returns the standing cells that an order means, with all that was delegated from them, and that serves them. */
function meantBy<T extends Pick<Standing, 'cell' | 'about'>>(
  target: Target,
  standing: readonly T[],
  config: Config | undefined,
): ReadonlySet<T> {
  const names: ReadonlySet<string> = new Set(config === undefined ? [] : agentsMeant(config, target))
  const meant = new Set(
    standing.filter(({ cell, about }) => {
      if (about === undefined || about.part === 'person') return false
      if (target.kind === 'all') return true
      // A server stands perhaps when the cell that it serves has gone.
      if (target.kind === 'cell') return cell === target.name || about.of === target.name
      if (target.kind === 'environment' && about.environment === target.name) return true
      if (target.kind === 'owner' && about.owner !== undefined && samePerson(about.owner, target.name)) return true
      return about.agent !== undefined && (names.has(about.agent) || about.agent === target.name)
    }),
  )
  for (let before = -1; before < meant.size; ) {
    before = meant.size
    const cells = new Set([...meant].map(({ cell }) => cell))
    for (const each of standing) if (each.about?.of !== undefined && cells.has(each.about.of)) meant.add(each)
  }
  return meant
}

/** Returns the path of a state without links; as it is written where that cannot be looked up. */
function placeOf(state: string): readonly string[] {
  try {
    return [realpathSync(state)]
  } catch {
    return [state]
  }
}
