import { join } from 'node:path'
import { isOthers } from '../../host/state/state-part.ts'
import { containedEntry, leftForNext } from '../../host/stop/contain.ts'
import type { Receipt } from '../../host/stop/containment.ts'
import { toldOf } from '../../host/stop/receipt.ts'
import type { Meant } from './census.ts'

/**
 * Leaves the entry of each cell that the command itself has ended for the next gateway of its environment: no warden was
 * there to write it. Returns what to say of it, each once.
 */
export async function leaveContained(
  cells: readonly Meant[],
  stop: Pick<Receipt, 'order' | 'atMs' | 'confirmations' | 'contained'>,
): Promise<readonly string[]> {
  const said = new Set<string>()
  const byLedger = Map.groupBy(cells, ({ state, environment }) => join(state, 'ledger', environment))
  for (const [ledger, meant] of byLedger) {
    const [{ state } = { state: '' }] = meant
    const told = await landingOf(
      state,
      ledger,
      meant.map(({ cell }) => cell),
    )
    for (const { cell, agent } of meant)
      said.add(leftForNext(state, containedEntry({ id: cell, agent, points: [] }, stop, told)))
  }
  return [...said]
}

/** Returns what may still land; nothing of another user's state, whose ledger may lead to one of root's. */
async function landingOf(state: string, ledger: string, cells: readonly Meant['cell'][]) {
  return isOthers(state) ? undefined : toldOf(ledger, cells).catch(() => undefined)
}
