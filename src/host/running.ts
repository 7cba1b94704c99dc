import type { Standing } from '../cells/census.ts'
import type { AgentName } from '../model/index.ts'
import type { Done, LiveCell } from './people/control-request.ts'
import { askWardens } from './people/control-socket.ts'
import { hasBegun, storesOf } from './state/stores.ts'
import { statesIn } from './state/tenants.ts'
import { eventually } from './stop/containment.ts'
import { EVERYBODY, type Fenced } from './stop/fences.ts'
import { standingIn } from './stop/order/census.ts'
import { reachHost } from './up/reach-host.ts'

/** The cells of a state and its tenants that run, and the agents that may not. */
export interface RunningNow {
  /** Cells as their wardens tell of them. */
  readonly cells: readonly LiveCell[]
  /** The host that is up over the state. */
  readonly host: { readonly pid: number; readonly sinceMs: number } | undefined
  /** Words on a host that is up, or may be, and is not reached. */
  readonly unreachedHost: string | undefined
  /** Cells that run by the kernel, and that no warden has named. */
  readonly unnamed: readonly UnnamedCell[]
  /** Agents that are fenced, each with its rung, person and reason. */
  readonly contained: readonly (readonly [AgentName, Fenced])[]
  /** Orders that mean everybody who has no fence of their own: one for each state that has one. */
  readonly everybody: readonly Fenced[]
  /** Answers of wardens that have not told of their cells, or were not reached. */
  readonly unanswered: readonly string[]
  /** Reasons why the kernel may know of more cells. */
  readonly cuts: readonly string[]
  /** Fences that cannot be read. */
  readonly unreadFences: readonly string[]
}

/** A cell that runs and that no warden tells of; what is noted of it, where that can be read. */
export interface UnnamedCell {
  readonly cell: string
  readonly agent: string | undefined
  readonly environment: string | undefined
}

/** Asks wardens, kernel and fences of a state and its tenants what runs, and who is contained. */
export async function runningNow(stateDirectory: string): Promise<RunningNow> {
  const all = statesIn(stateDirectory)
  const begun = all.filter(hasBegun)
  const before = new Set(standingIn(all).flatMap((each) => (each.begun ? [each.cell] : [])))
  const done = await cellsTold(all)
  const cells = done.flatMap((each) => each.cells ?? [])
  const reached = await reachHost(stateDirectory)
  const host = reached.ok ? await reached.value?.about() : reached
  // What ran before the wardens were asked, and runs after it, is a cell of theirs, or of nobody.
  const cuts = new Set<string>()
  const named = new Set(cells.map(({ cell }) => cell))
  const unnamed = () => standingIn(all, cuts).filter((each) => before.has(each.cell) && isUnnamed(each, named))
  await eventually(() => unnamed().length === 0, ENDING_MS_MAX)
  const fences = begun.map((each) => storesOf(each).fences.read())
  const fenced = fences.flatMap((each) => (each.ok ? [...each.value] : []))
  return {
    cells,
    host: host?.ok ? host.value : undefined,
    unreachedHost: host === undefined || host.ok ? undefined : host.reason,
    unnamed: unnamed().map(({ cell, about }) => ({ cell, agent: about?.agent, environment: about?.environment })),
    contained: fenced.flatMap(([agent, each]) =>
      agent !== EVERYBODY && each.rung !== 'normal' ? [[agent, each] as const] : [],
    ),
    everybody: fenced.flatMap(([agent, each]) => (agent === EVERYBODY ? [each] : [])),
    unanswered: done.flatMap(({ ok, said }) => (ok ? [] : [said])),
    cuts: [...cuts],
    unreadFences: fences.flatMap((each) => (each.ok ? [] : [each.reason])),
  }
}

/** Returns what each warden of these states tells of its cells. */
export async function cellsTold(states: readonly string[]): Promise<readonly Done[]> {
  const asked = states.map((each) => askWardens(each, { kind: 'cells' }, () => undefined))
  return (await Promise.all(asked)).flat()
}

/** Milliseconds in which a cell that its warden tells of no more is gone. */
const ENDING_MS_MAX = 1_500

/** Tells whether a cell that runs is an agent's, or serves an agent's alone, that no warden has named. */
function isUnnamed({ cell, about, begun }: Standing, named: ReadonlySet<string>): boolean {
  if (about?.part === 'agent') return begun && !named.has(cell)
  return about?.part === 'server' && about.of !== undefined && !named.has(about.of)
}
