/** The promises of every escrow (`src/policy/budget/escrow.ts`), asked of one: the same tests run over each. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { type Budget, type Holder, maximum } from '../../src/model/budget.ts'
import { grantId } from '../../src/model/ids.ts'
import { BookClock } from '../../src/policy/budget/book-clock.ts'
import { BudgetBook } from '../../src/policy/budget/budget.ts'
import { Allotments, type Escrow } from '../../src/policy/budget/escrow.ts'

const NOW_MS = Date.UTC(2026, 10, 30, 12)
const CALLS_MAX = 20
const CALLS: Budget = { kind: 'calls', max: CALLS_MAX, window: { kind: 'total' } }
const SPEND: Budget = {
  kind: 'spend',
  maxUnits: 1_000n,
  currency: 'EUR',
  window: { kind: 'calendar', unit: 'day', zone: 'UTC' },
}
const HOLDER: Holder = { id: grantId('g_1'), budgets: [CALLS, SPEND] }
const call = (units: number) => ({ calls: 1, spend: { units: BigInt(units), currency: 'EUR' } })

/**
 * @param open a store that nothing was allotted of, as each gateway has it; several only where it is made for several.
 */
export function escrowContract(name: string, gateways: number, open: () => (gateway: number) => Escrow): void {
  describe(`escrow: ${name}`, () => {
    it('S7: ES1: gateways that keep to what they are allotted exceed no budget together, over restarts', async () => {
      const step = fc.record({
        gateway: fc.nat(gateways - 1),
        units: fc.integer({ min: 1, max: 200 }),
        restarts: fc.boolean(),
      })
      await fc.assert(
        fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 60 }), async (steps) => {
          const escrowOf = open()
          let [calls, spent] = [0, 0]
          const paid: { readonly gateway: number; readonly units: number }[] = []
          const begin = async (gateway: number) => {
            const escrow = escrowOf(gateway)
            const allotments = new Allotments()
            const renewed = await escrow.renew(NOW_MS)
            assert.ok(renewed.ok)
            for (const each of renewed.value) allotments.take(each)
            const book = new BudgetBook(new BookClock(), allotments.amount)
            // The ledger tells the next gateway what this one let through.
            for (const each of paid)
              if (each.gateway === gateway)
                book.keep(book.recall([HOLDER], call(each.units), { steadyMs: NOW_MS, dateMs: NOW_MS }))
            return { escrow, allotments, book }
          }
          const open_ = await Promise.all(Array.from({ length: gateways }, (_, i) => begin(i)))
          for (const { gateway, units, restarts } of steps) {
            if (restarts) open_[gateway] = await begin(gateway)
            const { escrow, allotments, book } = open_[gateway] ?? (await begin(gateway))
            for (const { holder, budget, more } of book.lacking([HOLDER], call(units), NOW_MS)) {
              const allotted = await escrow.allot(holder, budget, more, NOW_MS)
              if (allotted.ok) allotments.take(allotted.value)
            }
            if (!book.reserve([HOLDER], call(units), NOW_MS).ok) continue
            paid.push({ gateway, units })
            calls++
            spent += units
          }
          assert.ok(calls <= CALLS_MAX && BigInt(spent) <= maximum(SPEND), `${calls} calls, ${spent} spent`)
          const asked = steps.reduce((sum, { units }) => sum + units, 0)
          if (steps.length <= CALLS_MAX && asked <= 1_000)
            assert.equal(calls, steps.length, 'what is there can be used')
        }),
        { numRuns: 60 },
      )
    })

    it('S7: ES1: of many who ask at once, no more get it than there is', async () => {
      const escrowOf = open()
      const asked = Array.from({ length: 30 }, (_, i) => escrowOf(i % gateways).allot(HOLDER, CALLS, 1n, NOW_MS))
      const got = (await Promise.all(asked)).filter(({ ok }) => ok).length
      assert.ok(gateways === 1 || got === CALLS_MAX, `${got}`)
      const sum = await Promise.all(
        Array.from({ length: gateways }, (_, i) => escrowOf(i).allot(HOLDER, CALLS, 0n, NOW_MS)),
      )
      const all = sum.reduce((total, each) => total + (each.ok ? each.value.amount : 0n), 0n)
      assert.equal(all, maximum(CALLS))
    })

    it('ES2: more than there is is refused, and what was had stays', async () => {
      const escrow = open()(0)
      const first = await escrow.allot(HOLDER, CALLS, 15n, NOW_MS)
      assert.ok(first.ok && first.value.amount >= 15n)
      const more = await escrow.allot(HOLDER, CALLS, 6n, NOW_MS)
      assert.ok(gateways === 1 || !more.ok)
      const still = await escrow.allot(HOLDER, CALLS, 0n, NOW_MS)
      assert.deepEqual(still.ok && still.value.amount, first.value.amount)
    })
  })
}
