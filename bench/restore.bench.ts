/** The way back: a storm of refunds is undone while its gateway is killed, and every refund is accounted for by the book. */
import type { Bench } from './main.ts'
import { storm } from './restore/storm.ts'

const REFUNDS = 1_000

export const bench: Bench = async ({ say }) => {
  return { bench: 'restore', undo: await storm(REFUNDS, say) }
}
