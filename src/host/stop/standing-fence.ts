import { failedWith } from '../../model/host/system-error.ts'
import { type AgentName, isBelow, no, ok, type Result } from '../../model/index.ts'
import { fenceOf } from '../state/stores.ts'
import { statesIn } from '../state/tenants.ts'
import { EVERYBODY, type Fence, type Fenced, type Fences, fencedIn } from './fences.ts'

/**
 * Returns the fence that a start in one state of a configuration asks: its own, and every name that stands lower in another
 * state of the same configuration, that of its other tenants or of none. Names are the whole configuration's, and the
 * environment of an agent may have been another tenant's when it was contained. Orders to all are each state's own. An error
 * where any of these fences cannot be read.
 *
 * @param own reads the fence of the state in which the agent would start.
 */
export function standingFence(
  stateDirectory: string,
  ownDirectory: string,
  own: Fences['read'] = () => fenceOf(ownDirectory),
): Result<Fence, string> {
  const fence = own()
  if (!fence.ok) return fence
  const others = statesBeside(stateDirectory, ownDirectory)
  if (!others.ok) return others
  const standing = new Map(fence.value)
  for (const each of others.value) {
    const other = fenceOf(each)
    if (!other.ok) return other
    for (const [name, fenced] of other.value)
      if (name !== EVERYBODY && isBelow(fenced.rung, fencedIn(standing, name)?.rung ?? 'normal'))
        standing.set(name, fenced)
  }
  return ok(standing)
}

/** A state in which an agent stands by its name. */
export interface StandingElsewhere {
  readonly state: string
  readonly fenced: Fenced
}

/** Returns the other states of a configuration in which an agent stands by its name. */
export function standingElsewhere(
  stateDirectory: string,
  ownDirectory: string,
  agent: AgentName,
): Result<readonly StandingElsewhere[], string> {
  const others = statesBeside(stateDirectory, ownDirectory)
  if (!others.ok) return others
  const found: StandingElsewhere[] = []
  for (const state of others.value) {
    const fence = fenceOf(state)
    if (!fence.ok) return fence
    const fenced = fence.value.get(agent)
    if (fenced !== undefined) found.push({ state, fenced })
  }
  return ok(found)
}

function statesBeside(stateDirectory: string, ownDirectory: string): Result<readonly string[], string> {
  try {
    return ok(statesIn(stateDirectory).filter((each) => each !== ownDirectory))
  } catch (error) {
    // Nothing can have run in a path that no call takes.
    if (failedWith(error, 'ENAMETOOLONG')) return ok([])
    const why = error instanceof Error ? error.message : String(error)
    return no(`the tenants of ${stateDirectory} cannot be listed, and who is contained is not known: ${why}`)
  }
}
