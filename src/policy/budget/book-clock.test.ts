import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { grant, NOW_MS } from '../../../test/policy/fixture.ts'
import type { Budget } from '../../model/budget.ts'
import { grantId } from '../../model/ids.ts'
import { BookClock, type ClockMark } from './book-clock.ts'
import { BudgetBook } from './budget.ts'

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
    if (earlier !== undefined) clock.resume(earlier)
    return { clock, mark: clock.start(this.wallMs, { boot: this.boot, nowMs: () => this.upMs }) }
  }
}

describe('BookClock', () => {
  it('follows the wall clock, to two milliseconds', () => {
    const host = new Host()
    const { clock } = host.start()
    for (const ms of [0, 1, 999, DAY_MS]) {
      host.pass(ms)
      const { steadyMs, dateMs } = clock.count(host.wallMs)
      for (const at of [steadyMs, dateMs]) assert.ok(at <= host.wallMs && at >= host.wallMs - 2)
    }
  })

  it('S7: BC1: never steps back behind what was counted', () => {
    const clock = new BookClock()
    const counted = clock.count(NOW_MS)
    assert.deepEqual(clock.at(NOW_MS - DAY_MS), counted)
    assert.deepEqual(clock.recall({ steadyMs: NOW_MS - DAY_MS, dateMs: NOW_MS - DAY_MS }), counted)
  })

  it('S7: BC2: BC3: a wall clock that is set forward gains nothing, nor over a restart', () => {
    const host = new Host()
    const { clock, mark } = host.start()
    host.pass(HOUR_MS)
    host.wallMs += 10 * DAY_MS
    for (const each of [clock, host.start(mark).clock, host.start(host.start(mark).mark).clock]) {
      const { steadyMs, dateMs } = each.at(host.wallMs)
      assert.ok(steadyMs <= NOW_MS + HOUR_MS && dateMs <= NOW_MS + HOUR_MS)
    }
  })

  it('S7: BC2: BC3: one that is behind and set right gains nothing; the old day goes on meanwhile', () => {
    const host = new Host()
    const { clock, mark } = host.start()
    clock.count(host.wallMs)
    host.pass(HOUR_MS)
    host.wallMs -= 3 * DAY_MS
    const behind = clock.count(host.wallMs)
    assert.ok(behind.steadyMs > NOW_MS + HOUR_MS - 3 && behind.dateMs === NOW_MS)
    host.wallMs += 3 * DAY_MS
    const next = new BookClock()
    next.resume(mark)
    next.recall(behind)
    next.start(host.wallMs, { boot: host.boot, nowMs: () => host.upMs })
    assert.ok(next.at(host.wallMs).steadyMs <= NOW_MS + HOUR_MS)
  })

  it('after a boot, the wall clock is believed where it is later', () => {
    const host = new Host()
    const { mark } = host.start()
    host.boot = 'b2'
    host.upMs = 1
    host.wallMs += DAY_MS
    assert.equal(host.start(mark).clock.at(host.wallMs).steadyMs, NOW_MS + DAY_MS)
  })

  it('goes on from an earlier mark of the same boot, of this very moment too, and from none that lies ahead of it', () => {
    const mark: ClockMark = { atMs: NOW_MS - DAY_MS, boot: 'b1', upMs: 5_001 }
    const host = new Host()
    assert.deepEqual(host.start(mark).mark, mark)
    host.upMs = 4_999.5
    assert.deepEqual(host.start(mark).mark, { atMs: NOW_MS, boot: 'b1', upMs: 5_000 })
  })

  it('before it starts, and right after, it says what the caller’s clock says', () => {
    const clock = new BookClock()
    clock.resume({ atMs: NOW_MS - DAY_MS, boot: 'b1', upMs: 1 })
    assert.deepEqual(clock.at(NOW_MS), { steadyMs: NOW_MS, dateMs: NOW_MS })
    const { clock: started } = new Host().start()
    assert.deepEqual(started.at(NOW_MS), { steadyMs: NOW_MS, dateMs: NOW_MS })
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
        next.recall([own], {}, { steadyMs: NOW_MS, dateMs: NOW_MS })
        assert.equal(next.reserve([own], {}, host.wallMs).ok, false)
        host.wallMs -= jump
      }
      host.pass(DAY_MS + HOUR_MS)
      assert.ok(book.reserve([own], {}, host.wallMs).ok)
    })
  }

  it('S7: a day goes on while the wall clock is behind, and a refusal says when by that clock', () => {
    const host = new Host()
    const { clock } = host.start()
    const book = new BudgetBook(clock)
    const [day, minute] = [
      { kind: 'calendar', unit: 'day', zone: 'UTC' } as const,
      { kind: 'sliding', ms: 60_000 } as const,
    ].map((window, i) => ({
      ...grant(),
      id: grantId(`g_${i}-own`),
      budgets: [{ kind: 'calls' as const, max: 1, window }],
    }))
    assert.ok(day && minute)
    for (const own of [day, minute]) assert.ok(book.reserve([own], {}, host.wallMs).ok)
    host.pass(30_000)
    host.wallMs -= HOUR_MS
    const returns = (own: typeof day) =>
      book.refusals([own], {}, host.wallMs).map((reason) => 'returnsAtMs' in reason && reason.returnsAtMs)
    assert.deepEqual(returns(day), [Date.UTC(2026, 10, 23)])
    const [inMs] = returns(minute)
    assert.ok(typeof inMs === 'number' && Math.abs(inMs - host.wallMs - 31_000) <= 2)
    host.pass(9 * HOUR_MS)
    assert.deepEqual(
      [book.reserve([day], {}, host.wallMs).ok, book.reserve([minute], {}, host.wallMs).ok],
      [false, true],
    )
    host.wallMs += HOUR_MS
    assert.ok(book.reserve([day], {}, host.wallMs).ok)
  })
})
