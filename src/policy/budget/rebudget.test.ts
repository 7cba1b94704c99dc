import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { grant, NOW_MS } from '../../../test/policy/fixture.ts'
import type { Budget } from '../../model/budget.ts'
import type { CellId } from '../../model/ids.ts'
import { BudgetBook } from './budget.ts'

const DAY = { kind: 'sliding', ms: 86_400_000 } as const
const calls = (max: number, window: Budget['window'] = DAY): Budget => ({ kind: 'calls', max, window })

describe('S7, B7: budgets whose maxima become others', () => {
  it('keep what was counted, however often they change: no more are let through than the smallest left', () => {
    const step = fc.record({ max: fc.integer({ min: 0, max: 20 }), tries: fc.nat({ max: 8 }) })
    fc.assert(
      fc.property(fc.array(step, { maxLength: 20 }), (steps) => {
        const book = new BudgetBook()
        let spent = 0
        for (const { max, tries } of steps) {
          const own = grant({ budgets: [calls(max)] })
          book.rebudget([own])
          for (let i = 0; i < tries; i++) {
            const passes = book.reserve([own], {}, NOW_MS).ok
            assert.equal(passes, spent < max)
            if (passes) spent++
          }
        }
      }),
    )
  })

  it('keep what is set aside for a task, and give its share the other maximum', () => {
    const book = new BudgetBook()
    const task = 'c_0000000000000001' as CellId
    const budgets = (share: number) => [calls(10), calls(share, { kind: 'task' })]
    const own = (share: number) => ({ ...grant({ budgets: budgets(share) }), task })
    const others = (share: number) => grant({ budgets: budgets(share) })
    assert.equal(book.setAside([own(6)], NOW_MS).length, 1)
    assert.ok(book.reserve([own(6)], {}, NOW_MS).ok)
    assert.deepEqual(book.left(others(6), NOW_MS).slice(0, 1), ['4 calls'])
    book.rebudget([others(3)])
    assert.deepEqual(book.left(others(3), NOW_MS).slice(0, 1), ['7 calls'])
    const passed = [1, 2, 3].map(() => book.reserve([own(3)], {}, NOW_MS).ok)
    assert.deepEqual(passed, [true, true, false], 'one of three was spent before')
  })

  it('drop a budget that is gone, and refuse one that was not counted before, changing nothing', () => {
    const book = new BudgetBook()
    const own = grant({ budgets: [calls(2), calls(100, { kind: 'total' })] })
    assert.ok(book.reserve([own], {}, NOW_MS).ok)
    const hourly = grant({ budgets: [calls(1), calls(1, { kind: 'sliding', ms: 3_600_000 })] })
    assert.throws(() => book.rebudget([hourly]), /was not counted/)
    assert.deepEqual(book.left(own, NOW_MS), ['1 call', '99 calls'])
    const daily = grant({ budgets: [calls(2)] })
    book.rebudget([daily])
    assert.deepEqual(book.left(daily, NOW_MS), ['1 call'])
  })
})
