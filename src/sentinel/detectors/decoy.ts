import { type Detector, NOTHING } from '../detector.ts'

/**
 * Sees: a call of a decoy tool, a decoy's credential, host or file named anywhere in an attempt, a decoy file that was opened
 * in the cell, a relay that asked for a decoy's host.
 *
 * Source: honeytokens (Spitzner, "Honeytokens: The Other Honeypot", 2003) which honest work has no reason to
 * touch, so that one touch is enough.
 *
 * Blind to: whoever touches no decoy; a decoy credential that was encrypted, compressed or cut in three and more; one that is
 * used past the gateway, where a cell has no way anyway; who of several cells made a relay that they share ask for a decoy host.
 */
export const decoy: Detector<'decoy', null> = {
  name: 'decoy',
  scope: 'tree',
  kinds: ['action.intent', 'action.held', 'action.refused', 'delegation.made', 'cell.sensed', 'egress.tried'],
  seesConnections: true,
  initial: () => null,
  fold: (_, entry, { noticed }) => {
    if (entry.kind === 'cell.sensed') {
      if (entry.sensor !== 'decoy-file') return NOTHING
      return [{ what: `a decoy file was opened: ${entry.what}`, evidence: [entry.seq] }]
    }
    for (const { kind, name } of noticed) {
      if (kind === 'decoy') return [{ what: `a decoy was touched: ${name}`, evidence: [entry.seq] }]
    }
    return NOTHING
  },
}
