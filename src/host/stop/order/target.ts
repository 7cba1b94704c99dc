import type { Standing } from '../../../cells/census.ts'
import type { CellAbout } from '../../../cells/spec.ts'
import type { Config } from '../../../config/config.ts'
import { no, ok, type Result, samePerson } from '../../../model/index.ts'
import { askWardens } from '../../people/control-socket.ts'
import { statesReached } from '../../state/tenants.ts'
import type { Target } from '../containment.ts'
import { agentsMeant } from '../meant.ts'
import { notesOf, standingAbout, standingIn } from './census.ts'
import type { ServerFault, StopFault, TargetKind, Waits } from './stop-ask.ts'

const KINDS: readonly TargetKind[] = ['agent', 'environment', 'owner']

/**
 * Returns whom a person means by a name, as far as that can be told by the configuration at hand; undefined, too, where it
 * names several things: `kinds` has them then. `agent:desk` means the agent alone.
 */
export function targetOf(
  name: string | undefined,
  config: Config | undefined,
  kinds: Set<TargetKind> = new Set(),
): Target | undefined {
  if (name === undefined) return undefined
  if (name === 'all') return { kind: 'all' }
  if (/^c_[0-9a-z]{16}$/.test(name)) return { kind: 'cell', name }
  if (config === undefined) return undefined
  return onlyOne(name, kinds, (target) => agentsMeant(config, target).length > 0)
}

type Named = Target & { readonly kind: TargetKind }

/** Returns the one thing of that name, with or without its kind before it; adds to `kinds` what there is. */
function onlyOne(text: string, kinds: Set<TargetKind>, isThere: (target: Named) => boolean): Target | undefined {
  const [, prefix, rest] = /^(agent|environment|owner):(.+)$/s.exec(text) ?? []
  const named = KINDS.filter((kind) => prefix === undefined || kind === prefix)
  const there = named.map((kind): Named => ({ kind, name: rest ?? text })).filter(isThere)
  for (const { kind } of there) kinds.add(kind)
  return kinds.size === 1 ? there[0] : undefined
}

/**
 * Returns whom a name means by what runs: the configuration may have been edited since. The kernel is asked, and then
 * the wardens. Nobody where the name is known to be several things.
 */
export async function whoRuns(
  state: string,
  name: string | undefined,
  waiting: Waits,
  kinds: Set<TargetKind>,
): Promise<Target | undefined> {
  if (name === undefined || kinds.size > 1) return undefined
  try {
    const { states } = statesReached(state)
    const found = namedIn(name, standingAbout(states), kinds)
    if (found !== undefined || kinds.size > 1) return found
    waiting(() => 'the question whose cells run', SILENCE_MS_MAX)
    const asking = states.map((each) => askWardens(each, { kind: 'cells' }, () => undefined, SILENCE_MS_MAX))
    return namedIn(
      name,
      (await Promise.all(asking)).flat().flatMap(({ cells }) => cells ?? []),
      kinds,
    )
  } catch {
    return undefined
  }
}

/** Milliseconds for a warden to tell of its cells, which it does at once. */
const SILENCE_MS_MAX = 10_000

function namedIn(
  text: string,
  cells: readonly Pick<CellAbout, 'agent' | 'environment' | 'owner'>[],
  kinds: Set<TargetKind>,
): Target | undefined {
  return onlyOne(text, kinds, ({ kind, name }) =>
    cells.some((cell) => {
      const own = cell[kind]
      return own !== undefined && (kind === 'owner' ? samePerson(own, name) : own === name)
    }),
  )
}

/**
 * Returns the cell that an order to this one means: itself, or, of a server, the one on whose word it acts: what is
 * ended of a server alone is started again. A shared one acts for the only cell of its environment that nobody has
 * delegated to. Returns a fault where there is no such cell.
 */
export function actingFor(states: readonly string[], cell: string): Result<string, ServerFault> {
  const { standing, own } = looked(states, cell)
  switch (own?.part) {
    case 'server':
      return ok(own.of ?? cell)
    case 'person':
      return no({ kind: 'persons-server', cell })
    case 'shared': {
      const served = standing.filter(
        ({ about }) =>
          about?.part === 'agent' &&
          about.of === undefined &&
          about.state === own.state &&
          about.environment === own.environment,
      )
      const [only, more] = served
      if (only !== undefined && more === undefined) return ok(only.cell)
      return no({
        kind: 'shared-server',
        cell,
        served: served.map((each) => ({ cell: each.cell, agent: each.about?.agent })),
      })
    }
    default:
      return ok(cell)
  }
}

/** Looks for a cell; what cannot be looked at keeps no order waiting, and is told by the census. */
function looked(states: readonly string[], cell: string): { standing: readonly Standing[]; own?: CellAbout } {
  try {
    const standing = standingIn(states)
    const own = standing.find((each) => each.cell === cell)?.about ?? notesOf(states, cell)[0]
    return { standing, ...(own && { own }) }
  } catch {
    return { standing: [] }
  }
}

/** Returns why nobody is meant by a name, or why it cannot be told who. */
export function nobodyMeant(
  name: string | undefined,
  config: Config | undefined,
  kinds: ReadonlySet<TargetKind>,
): StopFault {
  if (kinds.size > 1) return { kind: 'several', name: name ?? '', kinds: [...kinds] }
  if (config === undefined) return { kind: 'no-configuration' }
  return { kind: 'unknown', name, agents: [...config.agents.keys()] }
}
