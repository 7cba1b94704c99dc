/** Reads what came over a control socket: another user's, where root asks, and then it may be anything. */
import { isJsonObject, type Json, type JsonObject, parseJson, RUNGS } from '../../model/index.ts'
import type { ControlReply, LiveCell } from '../people/control-request.ts'
import type { Receipt } from './containment.ts'

/**
 * Returns the reply that a line is; undefined for any other line. A reply never says who is silent: that is found by
 * whoever asks.
 */
export function replyIn(line: string): ControlReply | undefined {
  const value = jsonIn(line)
  if (!isJsonObject(value)) return undefined
  if (value.kind === 'confirmation') {
    return isConfirmation(value.confirmation) ? (value as unknown as ControlReply) : undefined // each member was looked at
  }
  if (value.kind === 'recording') return { kind: 'recording' }
  const { kind, ok, said, receipt, cells, environment, files } = value
  if (kind !== 'done' || typeof ok !== 'boolean' || typeof said !== 'string') return undefined
  if (receipt !== undefined && !isReceipt(receipt)) return undefined
  if (cells !== undefined && !(Array.isArray(cells) && cells.every(isLiveCell))) return undefined
  return {
    kind,
    ok,
    said,
    ...(receipt !== undefined && { receipt: receipt as unknown as Receipt }), // what is read of it was looked at
    ...(cells !== undefined && { cells: cells as unknown as readonly LiveCell[] }), // so was each of these
    ...(typeof environment === 'string' && { environment }),
    ...(files !== undefined && { files }),
  }
}

function jsonIn(line: string): Json {
  try {
    return parseJson(line) as Json
  } catch {
    return null
  }
}

function isConfirmation(value: Json | undefined): boolean {
  if (!isJsonObject(value)) return false
  const { by, confirmed, escalated, afterMs } = value
  const words = hasTexts(value, ['point', 'said']) && (by === 'kernel' || by === 'gateway' || by === 'disk')
  return words && typeof confirmed === 'boolean' && typeof escalated === 'boolean' && typeof afterMs === 'number'
}

function isReceipt(value: Json): boolean {
  if (!isJsonObject(value)) return false
  const { cells, confirmations, contained, unwritten, lacking, untold } = value
  const lists = Array.isArray(cells) && cells.every((cell) => typeof cell === 'string') && Array.isArray(confirmations)
  const words = [unwritten, lacking, untold].every((each) => each === undefined || typeof each === 'string')
  return lists && words && typeof contained === 'boolean' && confirmations.every(isConfirmation)
}

function isLiveCell(value: Json): boolean {
  if (!isJsonObject(value)) return false
  const { rung, sinceMs } = value
  const known = RUNGS.some((each) => each === rung)
  const isTime = typeof sinceMs === 'number' && Math.abs(sinceMs) <= TIME_MS_MAX
  return hasTexts(value, ['cell', 'agent', 'environment', 'owner']) && known && isTime
}

function hasTexts(value: JsonObject, names: readonly string[]): boolean {
  return names.every((name) => typeof value[name] === 'string')
}

/** Milliseconds from 1970 that a Date can have. ECMA-262, time values */
const TIME_MS_MAX = 8.64e15
