import type { Log } from '../../ledger/store.ts'
import { AgentRungs } from '../../ledger/views/agent-rungs.ts'
import type { AgentName, CellId, Rung } from '../../model/index.ts'
import type { Fencing } from './stop.ts'

/**
 * Returns orders that fence agents whose cells end with their gateway where the ledger says that they stand: what lowered
 * them may have come in the gateway's last moment, before the warden heard of it. An agent of which it says nothing is not
 * fenced: that a process of ours has ended says nothing of it.
 */
export async function ordersAsTold(log: Log, cells: readonly CellId[], id: string): Promise<readonly Fencing[]> {
  const told = await rungsTold(log, (cell) => cells.includes(cell))
  return [...told].flatMap(([agent, rung]) => orderAsTold(agent, rung, id, 'it stood there when its gateway was lost'))
}

/** Returns the order that fences one agent where a ledger says that it stands; none where that keeps it from nothing. */
export function orderAsTold(agent: AgentName, rung: Rung, id: string, why: string): readonly Fencing[] {
  if (rung === 'normal' || rung === 'watched') return []
  return [{ agents: [agent], order: { id, by: 'firebreak', why, target: { kind: 'agent', name: agent }, rung } }]
}

/** Returns where a ledger leaves an agent: by all that was said of its cells since a person last released it. */
export async function rungLeft(log: Log, agent: AgentName): Promise<Rung> {
  return (await rungsTold(log, () => true)).get(agent) ?? 'normal'
}

/** Returns where a ledger says that agents stand, by what was said of the cells that are meant. */
async function rungsTold(log: Log, isMeant: (cell: CellId) => boolean): Promise<ReadonlyMap<AgentName, Rung>> {
  const agents = new AgentRungs(isMeant)
  for await (const read of log.read()) {
    if (!read.ok) break
    agents.take(read.value)
  }
  return agents.rungs
}
