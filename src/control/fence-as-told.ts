import { readEntries } from '../ledger/read.ts'
import { type AgentName, type CellId, lowest, type Result, type Rung } from '../model/index.ts'
import { fenceAgents } from './stop.ts'

/**
 * Fences agents whose cells end with their gateway where the ledger says that they stand: what lowered them may have come
 * in the gateway's last moment, before the warden heard of it. An agent of which it says nothing is not fenced: that a
 * process of ours has ended says nothing of it.
 */
export async function fenceAsTold(
  stateDirectory: string,
  ledger: string,
  cells: readonly CellId[],
  order: string,
): Promise<readonly Result<void, string>[]> {
  const told = await rungsTold(ledger, cells)
  const words = { id: order, by: 'firebreak', why: 'it stood there when its gateway was lost' } as const
  return Promise.all(
    [...told].flatMap(([agent, rung]) =>
      rung === 'normal' || rung === 'watched'
        ? []
        : [fenceAgents(stateDirectory, [agent], { ...words, target: { kind: 'agent', name: agent }, rung })],
    ),
  )
}

/** By agent. A signal may be there without the rung that followed; a person's word about the agent counts from there on. */
export async function rungsTold(ledger: string, cells: readonly CellId[]): Promise<ReadonlyMap<AgentName, Rung>> {
  const meant = new Set(cells)
  const rungs = new Map<AgentName, Rung>()
  for await (const read of readEntries(ledger)) {
    if (!read.ok) break
    const entry = read.value
    if (entry.kind !== 'rung.changed' && entry.kind !== 'signal.raised') continue
    const { agent, cell } = entry
    const stood = rungs.get(agent) ?? 'normal'
    if (entry.kind === 'signal.raised') {
      if (meant.has(entry.cell) && entry.mode === 'enforce') rungs.set(agent, lowest(stood, entry.rung ?? 'normal'))
    } else if (cell === undefined) rungs.set(agent, entry.to)
    else if (meant.has(cell)) rungs.set(agent, lowest(stood, entry.to))
  }
  return rungs
}
