import type { Standing } from '../../cells/census.ts'
import type { CellAbout } from '../../cells/spec.ts'
import type { Config } from '../../config/config.ts'
import { askWardens } from '../../host/people/control-socket.ts'
import { statesIn } from '../../host/state/tenants.ts'
import type { Target } from '../../host/stop/containment.ts'
import { agentsMeant } from '../../host/stop/meant.ts'
import { no, ok, type Result, samePerson } from '../../model/index.ts'
import { type Call, configFile, EXIT, type ExitCode } from '../command.ts'
import { printable } from '../print/printable.ts'
import { notesOf, standingAbout, standingIn } from './census.ts'
import type { Waiting } from './waiting.ts'

const KINDS = ['agent', 'environment', 'owner'] as const
export type Kind = (typeof KINDS)[number]

/**
 * Returns whom a person means by a name, as far as that can be told by the configuration at hand; undefined, too, where it
 * names several things: `kinds` has them then. `agent:desk` means the agent alone.
 */
export function targetOf(
  name: string | undefined,
  config: Config | undefined,
  kinds: Set<Kind> = new Set(),
): Target | undefined {
  if (name === undefined) return undefined
  if (name === 'all') return { kind: 'all' }
  if (/^c_[0-9a-z]{16}$/.test(name)) return { kind: 'cell', name }
  if (config === undefined) return undefined
  return onlyOne(name, kinds, (target) => agentsMeant(config, target).length > 0)
}

type Named = Target & { readonly kind: Kind }

/** Returns the one thing of that name, with or without its kind before it; adds to `kinds` what there is. */
function onlyOne(text: string, kinds: Set<Kind>, isThere: (target: Named) => boolean): Target | undefined {
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
  waiting: Waiting,
  kinds: Set<Kind>,
): Promise<Target | undefined> {
  if (name === undefined || kinds.size > 1) return undefined
  try {
    const states = statesIn(state)
    const found = namedIn(name, standingAbout(states), kinds)
    if (found !== undefined || kinds.size > 1) return found
    waiting.begin(() => 'the question whose cells run', SILENCE_MS_MAX)
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
  kinds: Set<Kind>,
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
 * delegated to. Where there is no such cell, says why, and what a person may name.
 */
export function actingFor(
  states: readonly string[],
  cell: string,
): Result<string, { readonly why: string; readonly instead: string }> {
  const { standing, own } = looked(states, cell)
  switch (own?.part) {
    case 'server':
      return ok(own.of ?? cell)
    case 'person':
      return no({
        why: `${cell} acts on a person’s word, and on no agent’s`,
        instead: 'end the command that it serves',
      })
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
      const names = served.map((each) => `${each.cell} (${printable(each.about?.agent ?? '')})`)
      return no({ why: `${cell} is a server that several share`, instead: `name ${[...names, 'all'].join(', or ')}` })
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

/** Tells a person that nobody is meant, or that it cannot be told who, and how to say whom. */
export function nobodyMeant(
  call: Call,
  name: string | undefined,
  config: Config | undefined,
  kinds: ReadonlySet<Kind>,
): ExitCode {
  if (kinds.size > 1)
    call.print.fault(
      `nobody was stopped: ${printable(name ?? '')} is the name of an ${[...kinds].join(', and of an ')}`,
      `say which: ${[...kinds].map((kind) => `${kind}:${printable(name ?? '')}`).join(', or ')}; or all`,
    )
  else if (config === undefined)
    call.print.fault(
      `${configFile(call)} cannot be read: contain all, or a cell`,
      'firebreak policy validate tells why',
    )
  else
    call.print.fault(
      name === undefined ? 'contain whom?' : `there is nothing called ${printable(name)}`,
      `agents: ${[...config.agents.keys()].join(', ')}; or a cell, an owner, an environment, all`,
    )
  return EXIT.usage
}
