import { type Detector, NOTHING } from '../detector.ts'
import { RecentTimes, RecentValues } from '../recent.ts'

interface State {
  readonly exact: RecentValues<RecentTimes>
  readonly alike: RecentValues<RecentTimes>
}

/**
 * Sees: the same call with an effect, again and again within minutes, whichever agents of the tree make it; and payments
 * that differ only in their amount, their content, or in what a client makes up for each (an idempotency key, a request's
 * number). What was not let through does not count.
 *
 * Source: our own (the refund bot that paid thousands of test payments; at-least-once delivery without idempotency).
 *
 * Blind to: repeats that are slower than its window; payments to different destinations (budgets hold those); a call that
 * takes no arguments, which is how honest workers ask for the next piece of work; repeats between which 64 different other
 * ones are made.
 */
export const duplicates: Detector<'duplicates', State> = {
  name: 'duplicates',
  scope: 'tree',
  kinds: ['action.intent'],
  initial: () => ({ exact: new RecentValues(), alike: new RecentValues() }),
  fold: ({ exact, alike }, { seq, atMs }, { call }, { payments, writes, alike: alikeMax, window }) => {
    if (call === undefined || call.effect === 'read' || call.isBare) return NOTHING
    const isPayment = call.effect === 'spend' || call.effect === 'irreversible'
    const max = isPayment ? payments : writes
    const same = exact.use(call.exact, () => new RecentTimes())
    const times = same.add(atMs, seq, window, max)
    if (times >= max) {
      const what = `${call.name} for the ${times}th time, unchanged`
      return [{ what, evidence: same.seqs, ...(!isPayment && { atMost: 'watched' }) }]
    }
    if (call.effect !== 'spend' || call.alike === undefined) return NOTHING
    const similar = alike.use(call.alike, () => new RecentTimes())
    const often = similar.add(atMs, seq, window, alikeMax)
    if (often < alikeMax) return NOTHING
    const what = `${call.name} for the ${often}th time to the same place`
    return [{ what, evidence: similar.seqs }]
  },
}
