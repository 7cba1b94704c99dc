import type { CellAbout } from '../cells/about.ts'
import type { Config } from '../config/config.ts'
import type { Target } from '../control/containment.ts'
import { askWardens } from '../control/control-socket.ts'
import { agentsMeant } from '../control/runtime.ts'
import { statesIn } from '../control/tenants.ts'
import { samePerson } from '../model/index.ts'
import { type Call, configFile, EXIT, type ExitCode } from './command.ts'
import { standingAbout } from './contain-census.ts'
import type { Waiting } from './contain-waiting.ts'
import { printable } from './printable.ts'

/** Returns whom a person means by a name, as far as that can be told by the configuration at hand. */
export function targetOf(name: string | undefined, config: Config | undefined): Target | undefined {
  if (name === undefined) return undefined
  if (name === 'all') return { kind: 'all' }
  if (/^c_[0-9a-z]{16}$/.test(name)) return { kind: 'cell', name }
  if (config === undefined) return undefined
  for (const kind of ['agent', 'environment', 'owner'] as const) {
    const target: Target = { kind, name }
    if (agentsMeant(config, target).length > 0) return target
  }
  return undefined
}

/**
 * Returns whom a name means by what runs: the configuration may have been edited since. The kernel is asked, and then
 * the wardens.
 */
export async function whoRuns(state: string, name: string | undefined, waiting: Waiting): Promise<Target | undefined> {
  if (name === undefined) return undefined
  try {
    const states = statesIn(state)
    const found = namedIn(name, standingAbout(states))
    if (found !== undefined) return found
    waiting.begin(() => 'the question whose cells run', SILENCE_MS_MAX)
    const asking = states.map((each) => askWardens(each, { kind: 'cells' }, () => undefined, SILENCE_MS_MAX))
    return namedIn(
      name,
      (await Promise.all(asking)).flat().flatMap(({ cells }) => cells ?? []),
    )
  } catch {
    return undefined
  }
}

/** Milliseconds for a warden to tell of its cells, which it does at once. */
const SILENCE_MS_MAX = 10_000

function namedIn(
  name: string,
  cells: readonly Pick<CellAbout, 'agent' | 'environment' | 'owner'>[],
): Target | undefined {
  if (cells.some(({ agent }) => agent === name)) return { kind: 'agent', name }
  if (cells.some(({ environment }) => environment === name)) return { kind: 'environment', name }
  if (cells.some(({ owner }) => owner !== undefined && samePerson(owner, name))) return { kind: 'owner', name }
  return undefined
}

/** Tells a person that nobody is meant, and how to say whom. */
export function nobodyMeant(call: Call, name: string | undefined, config: Config | undefined): ExitCode {
  if (config === undefined)
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
