import type { LedgerFault } from '../ledger/fault.ts'
import { readEntries } from '../ledger/read.ts'
import { type ActionId, moneyFrom, no, ok, type Result } from '../model/index.ts'
import type { PastIntent } from '../policy/index.ts'
import { reasonsFrom } from './record.ts'

/**
 * What earlier gateways of this ledger let through within the longest window of any budget, in order: every intent but
 * those of which no byte left. An intent without an outcome counts, since what it asked for may have happened.
 */
export async function pastIntents(
  directory: string,
  sinceMs: number,
): Promise<Result<readonly PastIntent[], LedgerFault>> {
  const intents = new Map<ActionId, PastIntent>()
  for await (const read of readEntries(directory)) {
    if (!read.ok) return no(read.reason)
    const entry = read.value
    if (entry.atMs < sinceMs) continue
    if (entry.kind === 'action.outcome' && entry.outcome === 'not-sent') intents.delete(entry.action)
    if (entry.kind !== 'action.intent') continue
    const [charged] = reasonsFrom(entry.reasons)
    if (charged?.kind !== 'permit') continue
    const spend = entry.spend === undefined ? undefined : moneyFrom(entry.spend)
    intents.set(entry.action, { grantId: charged.grant, timeMs: entry.atMs, ...(spend && { spend }) })
  }
  return ok([...intents.values()])
}
