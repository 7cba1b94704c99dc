import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import type { Budget, Grant } from '../model/grant.ts'
import { grantId } from '../model/ids.ts'
import type { Money } from '../model/money.ts'
import { BudgetBook, type Reservation } from './budget.ts'
import { grant, NOW_MS } from './fixture.ts'

const MINUTE_MS = 60_000
const DAY_MS = 86_400_000
const CALLS: Budget = { kind: 'calls', max: 3, windowMs: MINUTE_MS }
const SPEND: Budget = { kind: 'spend', maxUnits: 1_000_000n, currency: 'EUR', windowMs: DAY_MS }

describe('BudgetBook', () => {
  it('S7: no window ever holds more than its budget, however calls are spread', () => {
    fc.assert(
      fc.property(anyBudget, fc.array(anyCall, { maxLength: 200 }), (budget, calls) => {
        const own = grant({ budgets: [budget] })
        const book = new BudgetBook()
        const admitted: { readonly atMs: number; readonly cost: bigint }[] = []
        let nowMs = NOW_MS
        for (const { afterMs, units } of calls) {
          nowMs += afterMs
          const cost = budget.kind === 'calls' ? 1n : units
          if (book.reserve(own, euros(units), nowMs).ok) admitted.push({ atMs: nowMs, cost })
        }
        const max = budget.kind === 'calls' ? BigInt(budget.max) : budget.maxUnits
        for (const { atMs } of admitted) {
          const inWindow = admitted.filter((other) => other.atMs <= atMs && other.atMs > atMs - budget.windowMs)
          assert.ok(inWindow.reduce((sum, { cost }) => sum + cost, 0n) <= max)
        }
      }),
    )
  })

  it('S7: what was used returns at the latest a sixtieth of the window after it has passed', () => {
    const own = grant({ budgets: [CALLS] })
    for (const offsetMs of [0, 500, 999]) {
      const book = new BudgetBook()
      const usedMs = NOW_MS + offsetMs
      use(book, own, 3, usedMs)
      assert.equal(book.reserve(own, undefined, usedMs + MINUTE_MS - 1).ok, false)
      // All of it: three more, and no fourth, in the very place of the ring where the old ones stood.
      use(book, own, 3, usedMs + MINUTE_MS + 1_000)
      assert.equal(book.reserve(own, undefined, usedMs + MINUTE_MS + 1_000).ok, false)
    }
  })

  it('what a place of the ring once held is forgotten when another time takes it', () => {
    const own = grant({ budgets: [CALLS] })
    const book = new BudgetBook()
    use(book, own, 2, NOW_MS)
    use(book, own, 1, NOW_MS + 30_000)
    use(book, own, 1, NOW_MS + MINUTE_MS + 1_000)
    use(book, own, 2, NOW_MS + MINUTE_MS + 32_000)
  })

  it('S15: a refusal says how much is left, and when enough returns', () => {
    const own = grant({ budgets: [CALLS, SPEND] })
    const book = new BudgetBook()
    use(book, own, 3, NOW_MS, euros(300_000n))
    const [calls, spend] = book.refusals(own, euros(200_000n), NOW_MS)
    assert.ok(calls?.kind === 'budget' && calls.left === '0 calls' && calls.returnsAtMs !== undefined)
    assert.deepEqual(book.refusals(own, euros(1n), calls.returnsAtMs), [])
    assert.ok(spend?.kind === 'budget' && spend.left === '10.00 EUR' && spend.asked === '20.00 EUR')
    const [never] = book.refusals(own, euros(1_000_001n), NOW_MS + 2 * DAY_MS)
    assert.ok(never?.kind === 'budget' && never.returnsAtMs === undefined)
  })

  it('S7: a currency without a budget is refused where another has one', () => {
    const book = new BudgetBook()
    const refusals = book.refusals(grant({ budgets: [SPEND] }), { units: 1n, currency: 'USD' }, NOW_MS)
    assert.deepEqual(
      refusals.map(({ kind }) => kind),
      ['spend'],
    )
    assert.deepEqual(book.refusals(grant({ budgets: [CALLS] }), { units: 1n, currency: 'USD' }, NOW_MS), [])
  })

  it('S7: a negative amount never refills', () => {
    const own = grant({ budgets: [SPEND] })
    assert.equal(new BudgetBook().reserve(own, euros(-1n), NOW_MS).ok, false)
  })

  it('S7: only a release gives back, and only what was reserved', () => {
    const own = grant({ budgets: [CALLS] })
    const book = new BudgetBook()
    const [, last] = [use(book, own, 2, NOW_MS), use(book, own, 1, NOW_MS)]
    assert.equal(book.reserve(own, undefined, NOW_MS).ok, false)
    for (const reservation of last) book.release(own, reservation)
    assert.equal(book.reserve(own, undefined, NOW_MS).ok, true)
    assert.equal(book.reserve(own, undefined, NOW_MS).ok, false)
  })

  it('S7: a release that comes after its window gives nothing', () => {
    const own = grant({ budgets: [CALLS] })
    const book = new BudgetBook()
    const old = use(book, own, 3, NOW_MS)
    use(book, own, 3, NOW_MS + MINUTE_MS + 1_000)
    for (const reservation of old) book.release(own, reservation)
    assert.equal(book.reserve(own, undefined, NOW_MS + MINUTE_MS + 1_000).ok, false)
  })

  it('S7: a clock that steps back returns nothing', () => {
    const own = grant({ budgets: [CALLS] })
    const book = new BudgetBook()
    use(book, own, 3, NOW_MS)
    assert.equal(book.reserve(own, undefined, NOW_MS - DAY_MS).ok, false)
    // The book goes on from the latest time that it has seen.
    use(book, own, 1, NOW_MS + 2 * MINUTE_MS)
    use(book, own, 2, NOW_MS)
    assert.equal(book.reserve(own, undefined, NOW_MS + 3 * MINUTE_MS - 1).ok, false)
  })

  it('S7: a book restored from the intents of a ledger refuses what the lost one would have', () => {
    fc.assert(
      fc.property(fc.array(anyCall, { maxLength: 60 }), anyCall, (calls, next) => {
        const own = grant({ budgets: [CALLS, SPEND] })
        const lost = new BudgetBook()
        const intents: { readonly grantId: Grant['id']; readonly timeMs: number; readonly spend: Money }[] = []
        let timeMs = NOW_MS
        for (const { afterMs, units } of calls) {
          timeMs += afterMs
          if (lost.reserve(own, euros(units), timeMs).ok) intents.push({ grantId: own.id, timeMs, spend: euros(units) })
        }
        const restored = new BudgetBook()
        restored.restore(new Map([[own.id, own]]), intents)
        timeMs += next.afterMs
        assert.deepEqual(
          restored.refusals(own, euros(next.units), timeMs),
          lost.refusals(own, euros(next.units), timeMs),
        )
      }),
    )
  })

  it('S7: what was spent stays spent over a budget that shrank', () => {
    const id = grantId('g_desk')
    const book = new BudgetBook()
    const shrunk = grant({ budgets: [{ ...CALLS, max: 1 }] })
    book.restore(
      new Map([[id, shrunk]]),
      [1, 2, 3].map((timeMs) => ({ grantId: id, timeMs: NOW_MS + timeMs })),
    )
    const [refusal] = book.refusals(shrunk, undefined, NOW_MS + 10)
    assert.ok(refusal?.kind === 'budget' && refusal.left === '0 calls')
  })
})

function use(book: BudgetBook, own: Grant, times: number, nowMs: number, spend?: Money): Reservation[] {
  return Array.from({ length: times }, () => {
    const reserved = book.reserve(own, spend, nowMs)
    assert.ok(reserved.ok)
    return reserved.value
  })
}

function euros(units: bigint): Money {
  return { units, currency: 'EUR' }
}

const anyCall = fc.record({
  afterMs: fc.oneof(
    fc.integer({ min: 0, max: 2_000 }),
    fc.integer({ min: 0, max: 90_000 }),
    fc.constantFrom(0, 58, 970, 980, 999),
  ),
  units: fc.bigInt({ min: 0n, max: 600_000n }),
})
const anyBudget: fc.Arbitrary<Budget> = fc.oneof(
  fc.record({
    kind: fc.constant('calls' as const),
    max: fc.integer({ min: 0, max: 20 }),
    windowMs: fc.constantFrom(1, 59, 1_000, MINUTE_MS),
  }),
  fc.record({
    kind: fc.constant('spend' as const),
    maxUnits: fc.bigInt({ min: 0n, max: 2_000_000n }),
    currency: fc.constant('EUR'),
    windowMs: fc.constantFrom(100, MINUTE_MS),
  }),
)
