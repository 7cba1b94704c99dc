import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { runYielding, yieldIfLong } from './share.ts'

describe('S17: a work of many pieces', () => {
  it('S17: leaves room for others in each turn of the event loop, however long it takes', async () => {
    let doneAt = 0
    const work = runYielding(
      (function* () {
        for (let piece = 0; piece < 60; piece++) yield busy(5)
        doneAt = performance.now()
      })(),
    )
    assert.notEqual(work, undefined)
    let breaths = 0
    while (doneAt === 0) {
      await new Promise<void>((done) => setImmediate(done))
      await yieldIfLong()
      breaths++
    }
    await work
    assert.ok(breaths > 5, `${breaths} breaths`)
  })

  it('S17: waits for nothing where it is short', async () => {
    const waited: unknown[] = []
    // Each in a turn of the loop that has done nothing else; a busy machine may stand still within one of them.
    for (let turn = 0; turn < 20; turn++) {
      await new Promise<void>((done) => setImmediate(done))
      waited.push(runYielding([undefined, undefined].values()))
    }
    assert.ok(waited.includes(undefined))
  })
})

function busy(ms: number): void {
  const untilMs = performance.now() + ms
  while (performance.now() < untilMs);
}
