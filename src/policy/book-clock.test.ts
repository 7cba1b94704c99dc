import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Budget } from '../model/budget.ts'
import { BookClock, type ClockMark } from './book-clock.ts'
import { BudgetBook } from './budget.ts'
import { grant, NOW_MS } from './fixture.ts'

const HOUR_MS = 3_600_000
const DAY_MS = 24 * HOUR_MS

/** A host whose wall clock anyone may set; its uptime nobody. */
class Host {
  boot = 'b1'
  wallMs = NOW_MS
  upMs = 5_000.25

  pass(ms: number): void {
    this.wallMs += ms
    this.upMs += ms
  }

  start(earlier?: ClockMark): { readonly clock: BookClock; readonly mark: ClockMark } {
    const clock = new BookClock()
    return { clock, mark: clock.start(this.wallMs, { boot: this.boot, nowMs: () => this.upMs }, earlier) }
  }
}

describe('BookClock', () => {
  it('follows the wall clock, to the millisecond', () => {
    const host = new Host()
    const { clock } = host.start()
    for (const ms of [0, 1, 999, DAY_MS]) {
      host.pass(ms)
      assert.equal(clock.at(host.wallMs), host.wallMs)
    }
  })

  it('S7: BC1: never steps back behind what was counted', () => {
    const clock = new BookClock()
    clock.moveTo(NOW_MS)
    assert.equal(clock.at(NOW_MS - DAY_MS), NOW_MS)
    assert.equal(clock.moveTo(NOW_MS - DAY_MS), NOW_MS)
  })

  it('S7: BC2: a wall clock that is set forward gains nothing', () => {
    const host = new Host()
    const { clock } = host.start()
    host.pass(HOUR_MS)
    assert.equal(clock.at(host.wallMs + 10 * DAY_MS), NOW_MS + HOUR_MS)
  })

  it('S7: BC2: nor over a restart, in the same boot', () => {
    const host = new Host()
    const { mark } = host.start()
    host.pass(HOUR_MS)
    host.wallMs += 10 * DAY_MS
    const next = host.start(mark)
    assert.equal(next.clock.at(host.wallMs), NOW_MS + HOUR_MS)
    assert.equal(host.start(next.mark).clock.at(host.wallMs), NOW_MS + HOUR_MS)
  })

  it('after a boot, the wall clock is believed where it is later', () => {
    const host = new Host()
    const { mark } = host.start()
    host.boot = 'b2'
    host.upMs = 1
    host.wallMs += DAY_MS
    assert.equal(host.start(mark).clock.at(host.wallMs), NOW_MS + DAY_MS)
  })

  for (const window of [
    { kind: 'sliding', ms: DAY_MS },
    { kind: 'calendar', unit: 'day', zone: 'UTC' },
  ] as const) {
    it(`S7: a ${window.kind} budget is free when its time has passed, whatever the wall clock says meanwhile`, () => {
      const budget: Budget = { kind: 'calls', max: 1, window }
      const own = grant({ budgets: [budget] })
      const host = new Host()
      const { clock, mark } = host.start()
      const book = new BudgetBook(clock)
      assert.ok(book.reserve([own], {}, host.wallMs).ok)
      host.pass(HOUR_MS)
      for (const jump of [3 * DAY_MS, -7 * DAY_MS]) {
        host.wallMs += jump
        assert.equal(book.reserve([own], {}, host.wallMs).ok, false)
        // The next process, from what the ledger has of this one.
        const next = new BudgetBook(host.start(mark).clock)
        next.recall([own], {}, NOW_MS)
        assert.equal(next.reserve([own], {}, host.wallMs).ok, false)
        host.wallMs -= jump
      }
      host.pass(DAY_MS + HOUR_MS)
      assert.ok(book.reserve([own], {}, host.wallMs).ok)
    })
  }
})
