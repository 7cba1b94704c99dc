import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { LIMITS } from '../../model/index.ts'
import { Pace } from './pace.ts'

describe('Pace', () => {
  it('S17: a watched cell has a few actions at once, and so many a second after them, in their order', async () => {
    let nowMs = 1_000_000
    const beganMs = nowMs
    const wait = async (ms: number) => {
      nowMs += ms
    }
    const pace = new Pace(nowMs, wait)
    const gone: (readonly [turn: number, atMs: number])[] = []
    const turns = Array.from({ length: LIMITS.watchedActionsBurst + 3 }, (_, i) =>
      pace.waitForPace(() => nowMs).then(() => gone.push([i, nowMs - beganMs])),
    )
    await Promise.all(turns)
    const apartMs = 1_000 / LIMITS.watchedActionsPerSecond
    const expected = turns.map((_, i) => [i, Math.max(0, i - LIMITS.watchedActionsBurst + 1) * apartMs])
    assert.deepEqual(gone, expected)
  })

  it('S17: where it is not known what was left of them, none is', async () => {
    let waitedMs = 0
    const pace = new Pace(
      0,
      async (ms) => {
        waitedMs += ms
      },
      0,
    )
    await pace.waitForPace(() => waitedMs)
    assert.equal(waitedMs, 1_000 / LIMITS.watchedActionsPerSecond)
  })
})
