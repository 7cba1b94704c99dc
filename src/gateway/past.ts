import type { LedgerFault } from '../ledger/fault.ts'
import { readEntries } from '../ledger/read.ts'
import { type ActionId, moneyFrom, no, ok, type Result } from '../model/index.ts'
import type { PastIntent } from '../policy/index.ts'
import { HoldBook } from './holds.ts'
import { reasonsFrom } from './record.ts'

/** What earlier gateways of this ledger left behind that still counts. */
export interface Past {
  /**
   * What they let through within the longest window of any budget, in order: every intent but those of which no byte
   * left. An intent without an outcome counts, since what it asked for may have happened.
   */
  readonly intents: readonly PastIntent[]
  readonly holds: HoldBook
}

export async function readPast(directory: string, sinceMs: number): Promise<Result<Past, LedgerFault>> {
  const intents = new Map<ActionId, PastIntent>()
  const holds = new HoldBook()
  for await (const read of readEntries(directory)) {
    if (!read.ok) return no(read.reason)
    const entry = read.value
    if (entry.kind === 'action.held' || entry.kind === 'hold.answered') holds.restore(entry)
    if (entry.kind === 'action.intent' && entry.hold !== undefined) {
      holds.restore({ kind: 'used', hold: entry.hold, atMs: entry.atMs })
    }
    if (entry.atMs < sinceMs) continue
    if (entry.kind === 'action.outcome' && entry.outcome === 'not-sent') intents.delete(entry.action)
    if (entry.kind !== 'action.intent') continue
    const [charged] = reasonsFrom(entry.reasons)
    if (charged?.kind !== 'permit') continue
    const spend = entry.spend === undefined ? undefined : moneyFrom(entry.spend)
    intents.set(entry.action, { grantId: charged.grant, timeMs: entry.atMs, ...(spend && { spend }) })
  }
  return ok({ intents: [...intents.values()], holds })
}
