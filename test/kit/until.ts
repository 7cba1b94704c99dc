import assert from 'node:assert/strict'
import { setTimeout as delay } from 'node:timers/promises'

/** Waits for what must come to hold; a noisy machine may take its time, and a broken one is told after `withinMs`. */
export async function until(what: string, holds: () => boolean | Promise<boolean>, withinMs = 240_000): Promise<void> {
  const deadline = performance.now() + withinMs
  for (;;) {
    const askedMs = performance.now()
    if (await holds()) return
    if (performance.now() > deadline) assert.fail(`within ${withinMs} ms it did not come to hold: ${what}`)
    // What takes long to look at is looked at less often: whoever is waited for has the processor.
    await delay(Math.max(25, 2 * (performance.now() - askedMs)))
  }
}
