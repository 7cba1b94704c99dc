import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Window } from '../../model/budget.ts'
import { usedWindow } from './budget-window.ts'
import type { UsedWindow } from './used-window.ts'

const MIDNIGHT_MS = Date.UTC(2026, 10, 23)
const DAY_MS = 86_400_000
const windowOf = (window: Window): UsedWindow => usedWindow(window) ?? assert.fail()

describe('a calendar window', () => {
  const day = () => windowOf({ kind: 'calendar', unit: 'day', zone: 'UTC' })

  it('S7: what is used in its first and in its last moment is of its own day', () => {
    const used = day()
    used.add(MIDNIGHT_MS - 1, 1n, MIDNIGHT_MS - 1)
    assert.equal(used.sum(MIDNIGHT_MS - 1), 1n)
    used.add(MIDNIGHT_MS, 2n, MIDNIGHT_MS)
    assert.equal(used.sum(MIDNIGHT_MS), 2n)
    used.add(MIDNIGHT_MS, -1n, MIDNIGHT_MS + 5)
    used.add(MIDNIGHT_MS - 1, -1n, MIDNIGHT_MS + 5)
    assert.equal(used.sum(MIDNIGHT_MS + DAY_MS - 1), 1n)
    assert.equal(used.sum(MIDNIGHT_MS + DAY_MS), 0n)
  })

  it('says now where there is room, else the end of its day, and never where nothing could make room', () => {
    const used = day()
    used.add(MIDNIGHT_MS, 5n, MIDNIGHT_MS)
    const when = (limit: bigint) => used.belowAtMs(limit, MIDNIGHT_MS + 7)
    assert.deepEqual([6n, 5n, 4n, 0n, -1n].map(when), [
      MIDNIGHT_MS + 7,
      MIDNIGHT_MS + 7,
      MIDNIGHT_MS + DAY_MS,
      MIDNIGHT_MS + DAY_MS,
      undefined,
    ])
  })
})

describe('a total', () => {
  it('says now where there is room, and never else', () => {
    const used = windowOf({ kind: 'total' })
    used.add(MIDNIGHT_MS, 5n, MIDNIGHT_MS)
    const when = (limit: bigint) => used.belowAtMs(limit, MIDNIGHT_MS + 7)
    assert.deepEqual([6n, 5n, 4n].map(when), [MIDNIGHT_MS + 7, MIDNIGHT_MS + 7, undefined])
  })
})

describe('a sliding window', () => {
  /** Its parts take 100 ms. */
  const sliding = () => windowOf({ kind: 'sliding', ms: 6_000 })

  it('S7: a part counts until all of it is past, whoever asked before', () => {
    for (const asks of [[], [1], [1, 6_000, 6_099]]) {
      const used = sliding()
      used.add(0, 1n, 0)
      used.add(150, 2n, 150)
      for (const ms of asks) used.sum(ms)
      assert.deepEqual(
        [6_099, 6_100, 6_199, 6_200].map((ms) => used.sum(ms)),
        [3n, 2n, 2n, 0n],
      )
    }
  })

  it('S7: what was asked between is no other sum, back in time either', () => {
    const used = sliding()
    used.add(0, 1n, 0)
    used.add(3_000, 2n, 3_000)
    assert.deepEqual(
      [7_000, 6_050, 3_000, 9_100, 9_099].map((ms) => used.sum(ms)),
      [2n, 3n, 3n, 0n, 2n],
    )
  })

  it('S7: what is added shows at once, and goes when its own part is past', () => {
    const used = sliding()
    used.add(500, 1n, 500)
    assert.equal(used.sum(500), 1n)
    used.add(0, 2n, 500)
    assert.equal(used.sum(500), 3n)
    assert.equal(used.sum(6_100), 1n)
    used.add(6_100, 4n, 6_100)
    assert.deepEqual([used.sum(6_100), used.sum(6_599), used.sum(6_600)], [5n, 5n, 4n])
  })

  it('S7: what is past is not added, and what a place of the ring held before does not count with what it holds now', () => {
    const used = sliding()
    used.add(0, 1n, 6_100)
    assert.equal(used.sum(6_100), 0n)
    used.add(0, 1n, 6_099)
    assert.equal(used.sum(6_099), 1n)
    used.add(6_100, 2n, 6_100)
    assert.equal(used.sum(6_100), 2n)
  })

  it('says when so little is left in it, and never less than nothing', () => {
    const used = sliding()
    used.add(0, 1n, 0)
    used.add(150, 2n, 150)
    used.add(2_000, 3n, 2_000)
    const when = (limit: bigint) => used.belowAtMs(limit, 3_000)
    assert.deepEqual([7n, 6n, 5n, 3n, 2n, 0n, -1n].map(when), [3_000, 3_000, 6_100, 6_200, 8_100, 8_100, undefined])
  })

  it('says so where its ring has turned over, too', () => {
    const used = sliding()
    used.add(5_900, 1n, 5_900)
    used.add(6_150, 2n, 6_150)
    const when = (limit: bigint) => used.belowAtMs(limit, 6_200)
    assert.deepEqual([3n, 2n, 1n, 0n].map(when), [6_200, 12_000, 12_200, 12_200])
  })

  it('is at least of a millisecond, and its parts are whole ones', () => {
    const shortest = windowOf({ kind: 'sliding', ms: 1 })
    shortest.add(10, 1n, 10)
    assert.deepEqual([shortest.sum(70), shortest.sum(71)], [1n, 0n])
    const uneven = windowOf({ kind: 'sliding', ms: 61 })
    uneven.add(10, 1n, 10)
    assert.deepEqual([uneven.sum(131), uneven.sum(132)], [1n, 0n])
  })
})
