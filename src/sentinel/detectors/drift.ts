import { isJsonObject, type Json } from '../../model/index.ts'
import { type Detector, NOTHING } from '../detector.ts'

/**
 * Sees: that a cell asks for a tool whose upstream no longer offers what a person accepted. The call is refused anyway;
 * the cell may have read what the changed upstream says, and is watched.
 *
 * Source: pinned definitions against a tool that changes after approval (postmark-mcp, September 2025).
 *
 * Blind to: an upstream that behaves differently under the same definition; one that nobody asks.
 */
export const drift: Detector<'drift', null> = {
  name: 'drift',
  scope: 'tree',
  kinds: ['action.refused'],
  initial: () => null,
  fold: (_, entry, { call }) => {
    const reasons = entry.kind === 'action.refused' && Array.isArray(entry.reasons) ? entry.reasons : []
    if (!reasons.some(isChanged)) return NOTHING
    return [{ what: `${call?.name ?? 'a tool'} is not what was accepted any more`, evidence: [entry.seq] }]
  },
}

function isChanged(reason: Json): boolean {
  return isJsonObject(reason) && reason.kind === 'definition' && reason.problem === 'changed since it was accepted'
}
