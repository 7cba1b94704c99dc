/**
 * The way back: a workspace of 10,000 files is restored; a storm of refunds is undone while its gateway is killed, and
 * every refund is accounted for by the book.
 */
import type { Bench } from './main.ts'
import { files } from './restore/files.ts'
import { storm } from './restore/storm.ts'

const REFUNDS = 1_000
/** Of the time; the storm takes what it takes. */
const FILES_PART = 0.35

export const bench: Bench = async ({ seconds, say }) => {
  const restored = await files(performance.now() + seconds * FILES_PART * 1_000, say)
  return { bench: 'restore', ...restored, undo: await storm(REFUNDS, say) }
}
