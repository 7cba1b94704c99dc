import { lstatSync } from 'node:fs'
import { join } from 'node:path'
import type { Config } from '../../../config/config.ts'
import { type AgentName, agentName, cutsOff, type Result } from '../../../model/index.ts'
import { storesOf } from '../../state/stores.ts'
import { statesReached, tenantOf, tenantState } from '../../state/tenants.ts'
import type { Confirmation, Order } from '../containment.ts'
import { agentsMeant } from '../meant.ts'
import { fenceAgents, fencedText } from '../stop.ts'
import type { AgentsRunning } from './census.ts'

/**
 * Fences the agents on disk, and those of `running`, also where nothing runs: the next start meets it. A damaged fence is
 * written anew only where all are meant; then every state and tenant is fenced for everybody, and what is being started by a configuration
 * that is not at hand is told by a mark of its own.
 */
export async function fenceMeant(
  config: Config | undefined,
  state: string,
  order: Order,
  running: AgentsRunning,
): Promise<readonly Confirmation[]> {
  const begun = performance.now()
  const confirmed = (point: string, fenced: Result<void, string>, words: string): Confirmation => {
    const afterMs = Math.round(performance.now() - begun)
    const said = fenced.ok ? words : fenced.reason
    return { point, by: 'disk', confirmed: fenced.ok, said, afterMs, escalated: false }
  }
  const all = order.target.kind === 'all' && cutsOff(order.rung)
  const marked = all ? storesOf(state).fences.markStop(order.id) : undefined
  const words = marked === undefined ? [] : [confirmed('stop mark', marked, 'what is being started does not begin')]
  const named = config === undefined ? [] : agentsMeant(config, order.target)
  const byState = new Map<string, Set<AgentName>>()
  const fencing = (each: string, name: AgentName) => byState.set(each, (byState.get(each) ?? new Set()).add(name))
  for (const name of named) {
    const environment = config?.agents.get(name)?.environment
    fencing(tenantState(state, environment === undefined || !config ? undefined : tenantOf(config, environment)), name)
  }
  for (const [each, names] of running) for (const name of names) fencing(each, name)
  // Whom the person has named, wherever they may start: the configuration at hand tells that of those that it names.
  if (order.target.kind === 'agent' && named.length === 0)
    for (const each of statesWithFence(state)) fencing(each, agentName(order.target.name))
  const fence = async (each: string) => {
    const names = [...(byState.get(each) ?? [])]
    const written = await fenceAgents(storesOf(each).fences, names, order, order.target.kind === 'all')
    return confirmed('fence', written, fencedText(names, order))
  }
  // Before the tenants are listed: one of which nothing has run yet is met by the list, or begins with what it reads here (F4).
  const around = order.target.kind === 'all' ? [await fence(state)] : []
  const places = new Set([...byState.keys(), ...(order.target.kind === 'all' ? statesReached(state).states : [])])
  if (order.target.kind === 'all') places.delete(state)
  return [...words, ...around, ...(await Promise.all([...places].map(fence)))]
}

/** Returns the states that keep a fence; the state itself where none does, so that this is told. */
function statesWithFence(state: string): readonly string[] {
  const all = statesReached(state).states.filter(
    (each) => lstatSync(join(each, 'fence'), { throwIfNoEntry: false }) !== undefined,
  )
  return all.length > 0 ? all : [state]
}
