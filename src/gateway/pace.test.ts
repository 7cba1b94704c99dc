import assert from 'node:assert/strict'
import { describe, it, mock } from 'node:test'
import { LIMITS } from '../model/index.ts'
import { Pace } from './pace.ts'

describe('Pace', () => {
  it('S17: a watched cell has a few actions at once, and so many a second after them, in their order', async () => {
    mock.timers.enable({ apis: ['setTimeout'] })
    let nowMs = 1_000_000
    const pace = new Pace(nowMs)
    const gone: number[] = []
    for (let i = 0; i < LIMITS.watchedActionsBurst + 3; i++) void pace.turn(() => nowMs).then(() => gone.push(i))
    const pass = async (ms: number) => {
      nowMs += ms
      mock.timers.tick(ms)
      for (let i = 0; i < 100; i++) await Promise.resolve()
    }
    await pass(0)
    assert.equal(gone.length, LIMITS.watchedActionsBurst)
    const apartMs = 1_000 / LIMITS.watchedActionsPerSecond
    await pass(apartMs - 1)
    assert.equal(gone.length, LIMITS.watchedActionsBurst)
    await pass(1)
    assert.equal(gone.length, LIMITS.watchedActionsBurst + 1)
    await pass(apartMs)
    await pass(apartMs)
    assert.deepEqual(gone, [...gone.keys()])
    assert.equal(gone.length, LIMITS.watchedActionsBurst + 3)
    mock.timers.reset()
  })
})
