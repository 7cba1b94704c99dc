import { setImmediate as turn } from 'node:timers/promises'

/** Milliseconds for which others on the loop wait while what a cell has made is gone through. */
export const TURN_MS = 20

/**
 * Returns what work that goes on for long asks between two of its steps: a promise to wait for once it has held the loop for
 * `everyMs`, while others have a turn.
 */
export function turnsEvery(everyMs: number): () => Promise<void> | undefined {
  let sinceMs = performance.now()
  return () =>
    performance.now() - sinceMs < everyMs
      ? undefined
      : turn().then(() => {
          sinceMs = performance.now()
        })
}
