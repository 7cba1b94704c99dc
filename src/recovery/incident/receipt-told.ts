/** Reads what a page tells of a receipt: apart from the page, since a stop reads receipts and loads little. */
import { type EffectRecord, tookPlace } from '../../ledger/views/effects.ts'
import { type ActionId, isJsonObject, type Json } from '../../model/index.ts'
import type { EffectRow, StopTold } from './incident.ts'

/** Reads the actions that were in flight from a receipt. An action without a known effect is shown as `unknown`. */
export function inFlightIn(
  json: Json | undefined,
  effects: ReadonlyMap<ActionId, EffectRecord> = new Map(),
): StopTold['inFlight'] {
  const known = new Map([...effects].map(([action, { outcome }]) => [String(action), outcomeTold(outcome)]))
  const all = Array.isArray(json) ? (json as readonly Json[]).filter(isJsonObject) : []
  return all.slice(0, IN_FLIGHT_MAX).map(({ action, upstream, tool }) => ({
    action: String(action),
    tool: `${String(upstream)}/${String(tool)}`,
    now: known.get(String(action)) ?? 'unknown',
  }))
}

/** Reads the confirmations of a receipt; members that are not there are told as nothing, and confirm nothing. */
export function confirmationsIn(json: Json | undefined): StopTold['confirmations'] {
  const all = Array.isArray(json) ? (json as readonly Json[]).filter(isJsonObject) : []
  return all.map(({ point, by, confirmed, said, afterMs, escalated }) => ({
    point: String(point),
    by: String(by),
    confirmed: confirmed === true,
    said: String(said),
    afterMs: typeof afterMs === 'number' ? afterMs : 0,
    escalated: escalated === true,
  }))
}

const IN_FLIGHT_MAX = 20

/** Returns the word that the page has for an outcome; what its upstream did not look at is as if it was never sent. */
export function outcomeTold(outcome: EffectRecord['outcome']): EffectRow['outcome'] | 'not-sent' {
  const took = tookPlace(outcome)
  if (took === 'no') return 'not-sent'
  if (outcome?.kind === 'withheld') return took === 'yes' ? 'withheld' : 'unanswered'
  return outcome?.kind ?? 'unknown'
}
