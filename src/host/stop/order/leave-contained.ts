import { isOthers } from '../../state/state-part.ts'
import { storesOf } from '../../state/stores.ts'
import { containedEntry, leftForNext } from '../contain.ts'
import type { Receipt } from '../containment.ts'
import { toldOf } from '../receipt.ts'
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
  const byLog = Map.groupBy(cells, ({ state, environment }) => `${environment} ${state}`)
  for (const meant of byLog.values()) {
    const [{ state, environment } = { state: '', environment: '' }] = meant
    const told = await landingOf(
      state,
      environment,
      meant.map(({ cell }) => cell),
    )
    for (const { cell, agent } of meant)
      said.add(leftForNext(state, containedEntry({ id: cell, agent, points: [] }, stop, told)))
  }
  return [...said]
}

/** Returns what may still land; nothing of another user's state, whose ledger may lead to one of root's. */
async function landingOf(state: string, environment: string, cells: readonly Meant['cell'][]) {
  return isOthers(state) ? undefined : toldOf(storesOf(state).logs.log(environment), cells).catch(() => undefined)
}
