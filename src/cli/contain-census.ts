import { realpathSync } from 'node:fs'
import { type Standing, standingCells } from '../cells/census.ts'
import { CGROUP_PARENT } from '../cells/cgroup.ts'
import { openCgroups } from '../cells/cgroup-host.ts'
import { runDirectories } from '../cells/warden.ts'
import type { Config } from '../config/config.ts'
import { type Confirmation, eventually, type Order, type Target } from '../control/containment.ts'
import { agentsMeant } from '../control/runtime.ts'
import { isBelow } from '../model/index.ts'

/** Cells that wardens have answered for: those that their receipts name, and how their points are called. */
export interface Said {
  readonly cells: readonly string[]
  readonly points: readonly string[]
}

/**
 * Asks the kernel which cells of these states run that an order means and that no receipt names, whatever wardens have
 * said, and ends them. One line for each, and one for what goes on by a person's word; one line where there is none.
 */
export async function census(
  states: readonly string[],
  order: Order,
  config: Config | undefined,
  said: Said,
): Promise<readonly Confirmation[]> {
  if (!isBelow(order.rung, 'restricted')) return []
  const begun = performance.now()
  const places = new Set(states.flatMap(placeOf))
  const isNamed = ({ cell }: Standing) =>
    said.cells.includes(cell) || said.points.some((point) => point.endsWith(` ${cell}`))
  const look = () => standingCells(runDirectories(), openCgroups(CGROUP_PARENT)).filter((each) => isOf(each, places))
  const unnamed = () => {
    const standing = look()
    const meant = meantBy(order.target, standing, config)
    return standing.filter((each) => meant.has(each) && each.begun && !each.frozen && !isNamed(each))
  }
  const confirmation = (point: string, confirmed: boolean, words: string, escalated = false): Confirmation => {
    return { point, by: 'kernel', confirmed, said: words, afterMs: performance.now() - begun, escalated }
  }
  const goOn = look().filter(({ about }) => about?.part === 'person' && order.target.kind === 'all')
  const person = goOn
    .filter((each) => !isNamed(each))
    .map(({ cell }) => confirmation(`server ${cell}`, true, 'goes on: it acts on a person’s word, and on no agent’s'))
  // One that ends at this moment is still to be seen for some.
  if (await eventually(() => unnamed().length === 0, ENDING_MS_MAX))
    return [...person, confirmation('host', true, 'by the kernel, nothing runs of it but what is named here')]
  const ended = unnamed().map(async (each) => {
    each.end()
    const gone = await eventually(() => !look().some(({ cell }) => cell === each.cell), END_MS_MAX)
    const words = gone ? 'no warden named it, and it was ended' : 'no warden has named it, and it cannot be ended'
    return confirmation(`processes of ${each.cell}`, gone, words, true)
  })
  return [...person, ...(await Promise.all(ended))]
}

const ENDING_MS_MAX = 1_500
const END_MS_MAX = 5_000

function isOf({ about }: Standing, places: ReadonlySet<string>): boolean {
  return about !== undefined && placeOf(about.state).some((place) => places.has(place))
}

/** Returns the standing cells that an order means, with all that was delegated from them, and that serves them. */
function meantBy(target: Target, standing: readonly Standing[], config: Config | undefined): ReadonlySet<Standing> {
  const names: ReadonlySet<string> = new Set(config === undefined ? [] : agentsMeant(config, target))
  const meant = new Set(
    standing.filter(({ cell, about }) => {
      if (about === undefined || about.part === 'person') return false
      if (target.kind === 'all') return true
      if (target.kind === 'cell') return cell === target.name
      if (target.kind === 'environment') return about.environment === target.name
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

function placeOf(state: string): readonly string[] {
  try {
    return [realpathSync(state)]
  } catch {
    return []
  }
}
