import { type Detector, NOTHING } from '../detector.ts'

/**
 * Sees: that an upstream's answer held one of the gateway's secrets, which was cut from it. Once is that upstream's fault,
 * and the cell is watched; again, somebody asks for it.
 *
 * Source: our own (S10).
 *
 * Blind to: secrets in other forms than the listed ones, and those that the gateway does not hold.
 */
export const leaks: Detector<'leaks', number[]> = {
  name: 'leaks',
  scope: 'tree',
  kinds: ['action.outcome'],
  initial: () => [],
  fold: (seqs, entry, { call }, { times }) => {
    if (entry.kind !== 'action.outcome' || entry.leaked === undefined || entry.leaked.length === 0) return NOTHING
    if (seqs.length < times) seqs.push(entry.seq)
    else seqs[seqs.length - 1] = entry.seq
    const what = `${call?.name ?? 'an upstream'} answered with the secret "${entry.leaked.join('", "')}"`
    const evidence = [...(call ? [call.seq] : []), ...seqs]
    return [{ what, evidence, ...(seqs.length < times && { atMost: 'watched' as const }) }]
  },
}
