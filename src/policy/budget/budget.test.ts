import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { grant, NOW_MS } from '../../../test/policy/fixture.ts'
import type { Budget, HolderId } from '../../model/budget.ts'
import type { Grant } from '../../model/grant.ts'
import { type CellId, grantId } from '../../model/ids.ts'
import type { Cost } from '../../model/measure.ts'
import type { Moment } from './book-clock.ts'
import { BudgetBook, type Reservation } from './budget.ts'

const MINUTE_MS = 60_000
const DAY_MS = 86_400_000
const CALLS: Budget = { kind: 'calls', max: 3, window: { kind: 'sliding', ms: MINUTE_MS } }
const SPEND: Budget = { kind: 'spend', maxUnits: 1_000_000n, currency: 'EUR', window: { kind: 'sliding', ms: DAY_MS } }

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
          if (book.reserve([own], euros(units), nowMs).ok) admitted.push({ atMs: nowMs, cost })
        }
        const max = budget.kind === 'calls' ? BigInt(budget.max) : budget.maxUnits
        for (const { atMs } of admitted) {
          const inWindow = admitted.filter((other) => other.atMs <= atMs && other.atMs > atMs - budget.window.ms)
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
      assert.equal(book.reserve([own], {}, usedMs + MINUTE_MS - 1).ok, false)
      // All of it: three more, and no fourth, in the very place of the ring where the old ones stood.
      use(book, own, 3, usedMs + MINUTE_MS + 1_000)
      assert.equal(book.reserve([own], {}, usedMs + MINUTE_MS + 1_000).ok, false)
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
    const [calls, spend] = book.refusals([own], euros(200_000n), NOW_MS)
    assert.ok(calls?.kind === 'budget' && calls.left === '0 calls' && calls.returnsAtMs !== undefined)
    assert.deepEqual(book.refusals([own], euros(1n), calls.returnsAtMs), [])
    assert.ok(spend?.kind === 'budget' && spend.left === '10.00 EUR' && spend.asked === '20.00 EUR')
    const [never] = book.refusals([own], euros(1_000_001n), NOW_MS + 2 * DAY_MS)
    assert.ok(never?.kind === 'budget' && never.returnsAtMs === undefined)
  })

  it('S15: a refusal names its budget, its holder, and who wrote that', () => {
    const book = new BudgetBook()
    const [one, other] = [grant({ budgets: [CALLS] }), { id: 'd_below' as HolderId, budgets: [CALLS] }]
    for (const holder of [one, other]) for (let i = 0; i < 3; i++) assert.ok(book.reserve([holder], {}, NOW_MS).ok)
    const asked = { budget: CALLS, left: '0 calls', asked: '1 call', returnsAtMs: NOW_MS + MINUTE_MS + 1_000 }
    const { id, source } = one
    assert.deepEqual(book.refusals([one, other], {}, NOW_MS), [
      { kind: 'budget', holder: id, source, ...asked },
      { kind: 'budget', holder: 'd_below', ...asked },
    ])
    const never = { ...other, budgets: [{ ...CALLS, window: { kind: 'total' as const } }] }
    for (let i = 0; i < 3; i++) assert.ok(new BudgetBook().reserve([never], {}, NOW_MS).ok)
    const empty = { id: 'd_none' as HolderId, budgets: [{ ...CALLS, max: 0 }] }
    assert.ok(!('returnsAtMs' in (book.refusals([empty], {}, NOW_MS)[0] ?? assert.fail())))
  })

  it('S7: a currency without a budget is refused where another has one', () => {
    const book = new BudgetBook()
    const own = grant({ budgets: [CALLS, SPEND, { ...SPEND, currency: 'CHF' }, SPEND] })
    assert.deepEqual(book.refusals([own], { spend: { units: 1n, currency: 'USD' } }, NOW_MS), [
      { kind: 'spend', path: '$', problem: 'USD has no budget in g_desk, only EUR, CHF' },
    ])
    assert.deepEqual(book.refusals([own], { spend: { units: 1n, currency: 'CHF' } }, NOW_MS), [])
    assert.deepEqual(
      book.refusals([grant({ budgets: [CALLS] })], { spend: { units: 1n, currency: 'USD' } }, NOW_MS),
      [],
    )
  })

  it('S7: a negative amount never refills', () => {
    const own = grant({ budgets: [SPEND] })
    assert.deepEqual(new BudgetBook().refusals([own], euros(-1n), NOW_MS), [
      { kind: 'spend', path: '$', problem: 'negative' },
    ])
  })

  it('S7: only a release gives back, and only what was reserved', () => {
    const own = grant({ budgets: [CALLS] })
    const book = new BudgetBook()
    const [, last] = [use(book, own, 2, NOW_MS), use(book, own, 1, NOW_MS)]
    assert.equal(book.reserve([own], {}, NOW_MS).ok, false)
    for (const reservation of last) book.release(reservation)
    assert.equal(book.reserve([own], {}, NOW_MS).ok, true)
    assert.equal(book.reserve([own], {}, NOW_MS).ok, false)
  })

  it('S7: a release that comes after its window gives nothing', () => {
    const own = grant({ budgets: [CALLS] })
    const book = new BudgetBook()
    const old = use(book, own, 3, NOW_MS)
    use(book, own, 3, NOW_MS + MINUTE_MS + 1_000)
    for (const reservation of old) book.release(reservation)
    assert.equal(book.reserve([own], {}, NOW_MS + MINUTE_MS + 1_000).ok, false)
  })

  it('S7: a clock that steps back returns nothing', () => {
    const own = grant({ budgets: [CALLS] })
    const book = new BudgetBook()
    use(book, own, 3, NOW_MS)
    assert.equal(book.reserve([own], {}, NOW_MS - DAY_MS).ok, false)
    // The book goes on from the latest time that it has seen.
    use(book, own, 1, NOW_MS + 2 * MINUTE_MS)
    use(book, own, 2, NOW_MS)
    assert.equal(book.reserve([own], {}, NOW_MS + 3 * MINUTE_MS - 1).ok, false)
  })

  it('S7: what is recalled of an earlier book counts as it did there', () => {
    fc.assert(
      fc.property(fc.array(anyCall, { maxLength: 60 }), anyCall, (calls, next) => {
        const own = grant({ budgets: [CALLS, SPEND] })
        const [lost, recalled] = [new BudgetBook(), new BudgetBook()]
        let nowMs = NOW_MS
        for (const { afterMs, units } of calls) {
          nowMs += afterMs
          if (lost.reserve([own], euros(units), nowMs).ok) recalled.recall([own], euros(units), at(nowMs))
        }
        nowMs += next.afterMs
        assert.deepEqual(
          recalled.refusals([own], euros(next.units), nowMs),
          lost.refusals([own], euros(next.units), nowMs),
        )
      }),
    )
  })

  it('S7: what was spent stays spent over a budget that shrank', () => {
    const book = new BudgetBook()
    const shrunk = grant({ budgets: [{ ...CALLS, max: 1 }] })
    for (const ms of [1, 2, 3]) book.recall([shrunk], {}, at(NOW_MS + ms))
    const [refusal] = book.refusals([shrunk], {}, NOW_MS + 10)
    assert.ok(refusal?.kind === 'budget' && refusal.left === '0 calls')
  })

  it('S7: a chain is charged whole or not at all', () => {
    const book = new BudgetBook()
    const [above, below] = [grant({ budgets: [CALLS] }), { id: 'd_below' as HolderId, budgets: [{ ...CALLS, max: 2 }] }]
    const both = [above, below]
    for (let i = 0; i < 2; i++) assert.ok(book.reserve(both, {}, NOW_MS).ok)
    const refused = book.reserve(both, {}, NOW_MS)
    assert.deepEqual(!refused.ok && refused.reason.map((reason) => reason.kind === 'budget' && reason.holder), [
      'd_below',
    ])
    // Of what the chain was refused, nothing was taken from the one that had room.
    assert.deepEqual(book.left(above, NOW_MS), ['1 call'])
    use(book, above, 1, NOW_MS)
    assert.equal(book.reserve([above], {}, NOW_MS).ok, false)
  })

  it('S7: a release and a settlement come once, whoever asks twice', () => {
    const own = grant({ budgets: [SPEND] })
    const book = new BudgetBook()
    const [first, second] = use(book, own, 2, NOW_MS, euros(400_000n))
    assert.ok(first && second)
    book.settle(first, euros(500_000n), NOW_MS)
    book.release(first)
    book.settle(first, euros(0n), NOW_MS)
    assert.deepEqual(book.left(own, NOW_MS), ['10.00 EUR'])
    book.release(second)
    book.release(second)
    assert.deepEqual(book.left(own, NOW_MS), ['50.00 EUR'])
  })

  it('S7: a release and a settlement leave alone what the call never took from', () => {
    const own = grant({ budgets: [CALLS, SPEND, { kind: 'rows', max: 9, window: { kind: 'total' } }] })
    const book = new BudgetBook()
    const [given, settled] = use(book, own, 2, NOW_MS, { rows: 4 })
    assert.ok(given && settled)
    book.release(given)
    book.settle(settled, { rows: 1 }, NOW_MS)
    assert.deepEqual(book.left(own, NOW_MS), ['2 calls', '100.00 EUR', '8 rows'])
  })

  it('S7: what is kept is given back no more', () => {
    const own = grant({ budgets: [CALLS] })
    const book = new BudgetBook()
    const [kept] = use(book, own, 1, NOW_MS)
    assert.ok(kept)
    book.keep(kept)
    book.release(kept)
    assert.deepEqual(book.left(own, NOW_MS), ['2 calls'])
  })

  it('S7: of a holder that was forgotten nothing is left, and nothing comes back', () => {
    const below = { id: 'd_below' as HolderId, budgets: [CALLS] }
    const book = new BudgetBook()
    const reserved = book.reserve([below], {}, NOW_MS)
    assert.ok(reserved.ok)
    assert.deepEqual(book.left(below, NOW_MS), ['2 calls'])
    book.forget(below.id)
    assert.deepEqual(book.left(below, NOW_MS), ['3 calls'])
    book.forget(below.id)
    book.release(reserved.value)
    assert.deepEqual(book.left(below, NOW_MS), ['3 calls'])
  })

  it('S7: a settlement counts past the maximum, and then nothing more is let through', () => {
    const own = grant({ budgets: [SPEND, CALLS] })
    const book = new BudgetBook()
    const [only] = use(book, own, 1, NOW_MS, euros(10_000n))
    assert.ok(only)
    book.settle(only, euros(9_990_000n), NOW_MS + 5_000)
    const [refusal] = book.refusals([own], euros(0n), NOW_MS + 6_000)
    assert.ok(refusal?.kind === 'budget' && refusal.left === '0.00 EUR')
    // More than was reserved returns with the time at which it was said, not with the intent's.
    assert.ok((refusal.returnsAtMs ?? 0) >= NOW_MS + 5_000 + DAY_MS)
  })

  it('S7: rows and bytes are reserved in full, and settled to what came', () => {
    const rows: Budget = { kind: 'rows', max: 100, window: { kind: 'total' } }
    const bytes: Budget = { kind: 'bytes', max: 1_000, window: { kind: 'total' } }
    const own = grant({ budgets: [rows, bytes] })
    const book = new BudgetBook()
    const [first] = use(book, own, 1, NOW_MS, { rows: 60, bytes: 600 })
    assert.ok(first)
    assert.equal(book.reserve([own], { rows: 60, bytes: 600 }, NOW_MS).ok, false)
    book.settle(first, { rows: 3 }, NOW_MS)
    assert.deepEqual(book.left(own, NOW_MS), ['97 rows', '400 bytes'])
    for (const [kind, cost] of [
      ['rows', { bytes: 1 }],
      ['bytes', { rows: 1 }],
    ] as const) {
      const problem = `nothing says how many ${kind} it may bring, and g_desk counts them`
      assert.deepEqual(book.refusals([own], cost, NOW_MS), [{ kind: 'spend', path: '$', problem }])
      // Before a restart nobody counted them.
      book.recall([own], cost, at(NOW_MS))
    }
    assert.deepEqual(book.left(own, NOW_MS), ['96 rows', '399 bytes'])
  })

  it('S7: a total never returns; a calendar day returns with its end', () => {
    const total = grant({ budgets: [{ ...CALLS, window: { kind: 'total' } }] })
    const day = grant({
      id: grantId('g_day'),
      budgets: [{ ...CALLS, window: { kind: 'calendar', unit: 'day', zone: 'UTC' } }],
    })
    const book = new BudgetBook()
    use(book, total, 3, NOW_MS)
    use(book, day, 3, NOW_MS)
    const [never] = book.refusals([total], {}, NOW_MS + 1_000 * DAY_MS)
    assert.ok(never?.kind === 'budget' && never.returnsAtMs === undefined)
    const midnightMs = Date.UTC(2026, 10, 23)
    const [until] = book.refusals([day], {}, midnightMs - 1)
    assert.ok(until?.kind === 'budget' && until.returnsAtMs === midnightMs)
    assert.deepEqual(book.refusals([day], {}, midnightMs), [])
  })

  it('S7: what is given back of a day that is over is given to nobody', () => {
    const own = grant({ budgets: [{ ...CALLS, window: { kind: 'calendar', unit: 'day', zone: 'UTC' } }] })
    const book = new BudgetBook()
    const old = use(book, own, 3, NOW_MS)
    use(book, own, 3, NOW_MS + DAY_MS)
    for (const reservation of old) book.release(reservation)
    assert.equal(book.reserve([own], {}, NOW_MS + DAY_MS).ok, false)
  })
})

describe('BudgetBook: the share of a task', () => {
  const TASK: Budget = { kind: 'spend', maxUnits: 300_000n, currency: 'EUR', window: { kind: 'task' } }
  const plain = grant({ budgets: [SPEND, TASK] })
  const ofTask = (task: string): Grant => ({ ...plain, task: task as CellId })

  it('S7: is there for it, whatever others spend meanwhile', () => {
    const book = new BudgetBook()
    book.setAside([ofTask('c_one')], NOW_MS)
    let others = 0
    while (book.reserve([plain], euros(10_000n), NOW_MS).ok) others++
    const [refusal] = book.refusals([plain], euros(10_000n), NOW_MS)
    assert.ok(refusal?.kind === 'budget' && refusal.setAside === '30.00 EUR')
    assert.ok((refusal.returnsAtMs ?? 0) >= NOW_MS + DAY_MS)
    assert.equal(others, 70)
    use(book, ofTask('c_one'), 3, NOW_MS, euros(100_000n))
    assert.deepEqual(book.left(plain, NOW_MS), ['0.00 EUR', '30.00 EUR'])
  })

  it('S7: is the most that it may spend', () => {
    const book = new BudgetBook()
    const own = ofTask('c_one')
    book.setAside([own], NOW_MS)
    use(book, own, 1, NOW_MS, euros(290_000n))
    const [refusal] = book.refusals([own], euros(10_001n), NOW_MS)
    assert.ok(refusal?.kind === 'budget' && refusal.left === '1.00 EUR' && refusal.budget.window.kind === 'task')
    assert.deepEqual(book.refusals([own], euros(10_000n), NOW_MS), [])
  })

  it('S7: returns when the task ends, but for what it spent', () => {
    const book = new BudgetBook()
    const own = ofTask('c_one')
    book.setAside([own], NOW_MS)
    use(book, own, 1, NOW_MS, euros(100_000n))
    assert.deepEqual(book.left(plain, NOW_MS)[0], '70.00 EUR')
    book.endTask('c_one' as CellId)
    assert.deepEqual(book.left(plain, NOW_MS)[0], '90.00 EUR')
  })

  it('S7: does not come of nothing: where there is no room, the first call that finds some sets it aside', () => {
    const book = new BudgetBook()
    use(book, plain, 1, NOW_MS, euros(800_000n))
    const own = ofTask('c_one')
    book.setAside([own], NOW_MS)
    const [refusal] = book.refusals([own], euros(10_000n), NOW_MS)
    assert.ok(refusal?.kind === 'budget' && refusal.asked === '30.00 EUR' && refusal.left === '20.00 EUR')
    assert.ok((refusal.returnsAtMs ?? 0) >= NOW_MS + DAY_MS)
    use(book, own, 1, NOW_MS + DAY_MS + DAY_MS / 60, euros(10_000n))
    assert.deepEqual(book.left(plain, NOW_MS + DAY_MS + DAY_MS / 60)[0], '70.00 EUR')
  })

  it('S7: what it spent long ago does not make room for it again, nor for others', () => {
    const book = new BudgetBook()
    const own = ofTask('c_one')
    book.setAside([own], NOW_MS)
    use(book, own, 1, NOW_MS, euros(300_000n))
    const laterMs = NOW_MS + 2 * DAY_MS
    assert.equal(book.reserve([own], euros(1n), laterMs).ok, false)
    use(book, plain, 1, laterMs, euros(1_000_000n))
  })

  it('S7: over the maximum by what an answer said, even a share is refused', () => {
    const book = new BudgetBook()
    const own = ofTask('c_one')
    book.setAside([own], NOW_MS)
    const [lied] = use(book, plain, 1, NOW_MS, euros(10_000n))
    assert.ok(lied)
    book.settle(lied, euros(900_000n), NOW_MS)
    const [refusal] = book.refusals([own], euros(10_000n), NOW_MS)
    assert.ok(refusal?.kind === 'budget' && refusal.asked === '1.00 EUR')
  })

  it('S15: says when what is set aside for it is free again: its own call asks for nothing more', () => {
    const book = new BudgetBook()
    const own = ofTask('c_one')
    book.setAside([own], NOW_MS)
    const hourMs = 3_600_000
    for (const [afterMs, said] of [
      [0, 200_000n],
      [hourMs, 700_000n],
    ] as const) {
      const [lied] = use(book, plain, 1, NOW_MS + afterMs, euros(1n))
      assert.ok(lied)
      book.settle(lied, euros(said), NOW_MS + afterMs)
    }
    const [refusal] = book.refusals([own], euros(10_000n), NOW_MS + hourMs)
    assert.ok(refusal?.kind === 'budget' && refusal.returnsAtMs !== undefined)
    assert.ok(refusal.returnsAtMs >= NOW_MS + DAY_MS && refusal.returnsAtMs < NOW_MS + DAY_MS + hourMs)
  })

  it('S7: fits where exactly as much is free, and says whose was set aside', () => {
    const book = new BudgetBook()
    const [own, other] = [ofTask('c_one'), { ...ofTask('c_one'), id: grantId('g_other') }]
    use(book, plain, 1, NOW_MS, euros(700_000n))
    use(book, { ...plain, id: other.id }, 1, NOW_MS, euros(700_001n))
    assert.deepEqual(book.setAside([own, other], NOW_MS), [own.id])
  })

  it('S7: comes out of whatever counts the same, wherever it stands, and of nothing else', () => {
    const book = new BudgetBook()
    const total: Budget = { kind: 'spend', maxUnits: 500_000n, currency: 'EUR', window: { kind: 'total' } }
    const mixed = grant({ budgets: [TASK, CALLS, total, { ...total, currency: 'CHF' }] })
    book.setAside([{ ...mixed, task: 'c_one' as CellId }], NOW_MS)
    assert.deepEqual(book.left(mixed, NOW_MS), ['30.00 EUR', '3 calls', '20.00 EUR', '50.00 CHF'])
  })

  it('S7: returns once, however often the end is told', () => {
    const book = new BudgetBook()
    book.setAside([ofTask('c_one'), ofTask('c_two')], NOW_MS)
    for (let i = 0; i < 2; i++) book.endTask('c_one' as CellId)
    assert.deepEqual(book.left(plain, NOW_MS)[0], '70.00 EUR')
  })

  it('S7: what it spent before a restart is spent after it', () => {
    const book = new BudgetBook()
    const own = ofTask('c_one')
    book.recall([own], euros(250_000n), at(NOW_MS))
    book.setAside([own], NOW_MS)
    assert.deepEqual(book.left(own, NOW_MS), ['70.00 EUR', '5.00 EUR'])
    assert.equal(book.reserve([own], euros(50_001n), NOW_MS).ok, false)
    assert.equal(book.reserve([own], euros(50_000n), NOW_MS).ok, true)
  })
})

function use(book: BudgetBook, own: Grant, times: number, nowMs: number, cost: Cost = {}): Reservation[] {
  return Array.from({ length: times }, () => {
    const reserved = book.reserve([own], cost, nowMs)
    assert.ok(reserved.ok)
    return reserved.value
  })
}

function at(ms: number): Moment {
  return { steadyMs: ms, dateMs: ms }
}

function euros(units: bigint): Cost {
  return { spend: { units, currency: 'EUR' } }
}

const anyCall = fc.record({
  afterMs: fc.oneof(
    fc.integer({ min: 0, max: 2_000 }),
    fc.integer({ min: 0, max: 90_000 }),
    fc.constantFrom(0, 58, 970, 980, 999),
  ),
  units: fc.bigInt({ min: 0n, max: 600_000n }),
})
const anyBudget = fc.oneof(
  fc.record({
    kind: fc.constant('calls' as const),
    max: fc.integer({ min: 0, max: 20 }),
    window: fc.record({ kind: fc.constant('sliding' as const), ms: fc.constantFrom(1, 59, 1_000, MINUTE_MS) }),
  }),
  fc.record({
    kind: fc.constant('spend' as const),
    maxUnits: fc.bigInt({ min: 0n, max: 2_000_000n }),
    currency: fc.constant('EUR'),
    window: fc.record({ kind: fc.constant('sliding' as const), ms: fc.constantFrom(100, MINUTE_MS) }),
  }),
)

describe('measures of budgets', () => {
  const total = { kind: 'total' } as const
  const own = grant({
    budgets: [
      { kind: 'calls', max: 2, window: total },
      { kind: 'connections', max: 2, window: total },
      { kind: 'rows', max: 5, window: total },
      { kind: 'bytes', max: 100, window: total },
    ],
  })
  const connection = (bytes: number): Cost => ({ connections: 1, bytes })

  it('S7: a connection counts as one, never as a call, and no rows are asked of it', () => {
    const book = new BudgetBook()
    for (let i = 0; i < 2; i++) assert.ok(book.reserve([own], connection(10), NOW_MS).ok)
    assert.deepEqual(book.left(own, NOW_MS), ['2 calls', '0 connections', '5 rows', '80 bytes'])
    const [refused, ...more] = book.refusals([own], connection(10), NOW_MS)
    assert.deepEqual([refused?.kind === 'budget' && refused.budget.kind, more], ['connections', []])
    assert.deepEqual(book.refusals([own], { rows: 1, bytes: 1 }, NOW_MS), [])
  })

  it('a step that takes nothing of a budget sets no share aside for which there is no room', () => {
    const book = new BudgetBook()
    const budgets: readonly Budget[] = [
      { kind: 'calls', max: 10, window: total },
      { kind: 'calls', max: 5, window: { kind: 'task' } },
    ]
    const shared = grant({ id: grantId('g_shared'), budgets })
    for (let i = 0; i < 8; i++) assert.ok(book.reserve([shared], {}, NOW_MS).ok)
    const inTask = { ...shared, task: 'c_task' as CellId } // an id by its shape
    assert.ok(book.reserve([inTask], connection(1), NOW_MS).ok)
    assert.deepEqual(book.left(shared, NOW_MS), ['2 calls', '5 calls'])
  })

  it('what is left of a measure is the least that any holder of a chain has', () => {
    const book = new BudgetBook()
    const below = { id: 'd_1' as HolderId, budgets: [{ kind: 'bytes', max: 30, window: total }] } as const // an id by its shape
    assert.equal(book.room([own, below], 'bytes', NOW_MS), 30n)
    assert.ok(book.reserve([own], connection(90), NOW_MS).ok)
    assert.equal(book.room([own, below], 'bytes', NOW_MS), 10n)
    assert.equal(book.room([grant({ id: grantId('g_other') })], 'bytes', NOW_MS), undefined)
  })
})
