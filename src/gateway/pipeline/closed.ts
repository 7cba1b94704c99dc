import type { Ledger } from '../../ledger/log/ledger.ts'
import type { Effect } from '../../model/index.ts'
import type { Refusal } from '../../policy/index.ts'

/**
 * Returns what of this gateway itself stands in the way of an effect (S4): nothing that has one leaves while the ledger or
 * its witness is away, and a read does not leave a dead ledger either.
 */
export function whyClosed(
  ledger: Pick<Ledger, 'fault' | 'effectsAllowed'>,
  effect: Effect,
  nowMs: number,
): Extract<Refusal, { kind: 'unavailable' }> | undefined {
  if (ledger.fault !== undefined) return { kind: 'unavailable', what: 'ledger', problem: 'it cannot be written' }
  if (effect === 'read' || ledger.effectsAllowed(nowMs)) return undefined
  return { kind: 'unavailable', what: 'witness', problem: 'the last seal is too old' }
}
