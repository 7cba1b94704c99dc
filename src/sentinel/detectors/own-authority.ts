import { type Detector, NOTHING } from '../detector.ts'

/**
 * Sees: arguments, URLs, paths and names of tools that reach for Firebreak itself: its state, configuration, policies and
 * ledger by their paths or names, its processes, and powers that no cell has (granting, approving, releasing).
 *
 * Source: our own (agents of 2026 that switched their sandbox off, killed the policy process and erased its logs).
 *
 * Blind to: mere content; other spellings than those that are undone (percent-encoding, case, width, `.` and doubled
 * slashes); what happens inside the cell, where none of it can be reached: sensors tell of that.
 */
export const ownAuthority: Detector<'own-authority', null> = {
  name: 'own-authority',
  scope: 'tree',
  kinds: ['action.intent', 'action.held', 'action.refused', 'delegation.made'],
  initial: () => null,
  fold: (_, entry, { noticed }) => {
    const named = noticed.find(({ kind }) => kind === 'own-authority')
    return named === undefined
      ? NOTHING
      : [{ what: `it reached for what contains it: ${named.name}`, evidence: [entry.seq] }]
  },
}
