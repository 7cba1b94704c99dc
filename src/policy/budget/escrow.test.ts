import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Budget, Holder } from '../../model/budget.ts'
import { grantId } from '../../model/ids.ts'
import { BookClock } from './book-clock.ts'
import { BudgetBook } from './budget.ts'
import { Allotments, SOLE_ESCROW, WHOLE } from './escrow.ts'
import { MemoryEscrow } from './memory-escrow.ts'

const NOW_MS = Date.UTC(2026, 10, 30, 12)
const CALLS: Budget = { kind: 'calls', max: 10, window: { kind: 'sliding', ms: 60_000 } }
const EUROS: Budget = { kind: 'spend', maxUnits: 500n, currency: 'EUR', window: { kind: 'total' } }
const HOLDER: Holder = { id: grantId('g_1'), budgets: [CALLS, EUROS] }
const ONE = { calls: 1, spend: { units: 100n, currency: 'EUR' } } as const

function gateway(store: MemoryEscrow, name: string) {
  const escrow = store.as(name)
  const allotments = new Allotments()
  const book = new BudgetBook(new BookClock(), allotments.amount)
  const allot = async (budget: Budget, more: bigint, nowMs = NOW_MS) => {
    const allotted = await escrow.allot(HOLDER, budget, more, nowMs)
    if (allotted.ok) allotments.take(allotted.value)
    return allotted.ok
  }
  return { escrow, allotments, book, allot }
}

describe('S7: a book over allotments', () => {
  it('B8: lets nothing through of what it was not allotted, and says what it lacks', async () => {
    const { book, allot } = gateway(new MemoryEscrow(1_000), 'a')
    const refused = book.reserve([HOLDER], ONE, NOW_MS)
    assert.deepEqual(!refused.ok && refused.reason.map((reason) => reason.kind === 'budget' && reason.left), [
      '0 calls',
      '0.00 EUR',
    ])
    assert.deepEqual(book.lacking([HOLDER], ONE, NOW_MS), [
      { holder: HOLDER, budget: CALLS, more: 1n },
      { holder: HOLDER, budget: EUROS, more: 100n },
    ])
    await allot(CALLS, 2n)
    await allot(EUROS, 150n)
    assert.ok(book.reserve([HOLDER], ONE, NOW_MS).ok)
    assert.deepEqual(book.left(HOLDER, NOW_MS), ['1 call', '0.005 EUR'])
    assert.deepEqual(book.lacking([HOLDER], ONE, NOW_MS), [{ holder: HOLDER, budget: EUROS, more: 50n }])
    assert.equal(book.reserve([HOLDER], ONE, NOW_MS).ok, false)
  })

  it('lacks nothing where a maximum is in the way: nobody could allot that', async () => {
    const { book, allot } = gateway(new MemoryEscrow(1_000), 'a')
    await allot(CALLS, 10n)
    await allot(EUROS, 450n)
    const large = { calls: 1, spend: { units: 501n, currency: 'EUR' } } as const
    assert.deepEqual(book.lacking([HOLDER], large, NOW_MS), [])
    assert.equal(book.reserve([HOLDER], large, NOW_MS).ok, false)
    const whole = { calls: 1, spend: { units: 500n, currency: 'EUR' } } as const
    assert.deepEqual(book.lacking([HOLDER], whole, NOW_MS), [{ holder: HOLDER, budget: EUROS, more: 50n }])
  })

  it('ES4: an allotment that is not renewed is nothing, and is what it was once it is', async () => {
    const store = new MemoryEscrow(1_000)
    const { escrow, allotments, book, allot } = gateway(store, 'a')
    await allot(CALLS, 5n)
    await allot(EUROS, 500n)
    assert.ok(book.reserve([HOLDER], ONE, NOW_MS + 999).ok)
    assert.equal(book.reserve([HOLDER], ONE, NOW_MS + 1_000).ok, false)
    store.away = 'it does not answer'
    assert.equal((await escrow.renew(NOW_MS + 1_000)).ok, false)
    assert.equal(await allot(CALLS, 1n, NOW_MS + 1_000), false)
    delete store.away
    const renewed = await escrow.renew(NOW_MS + 1_000)
    assert.ok(renewed.ok)
    for (const each of renewed.value) allotments.take(each)
    assert.deepEqual(book.left(HOLDER, NOW_MS + 1_000), ['4 calls', '0.04 EUR'])
  })

  it('ES3: what a gateway that died had is nobody else’s, until the next one of its name gives it back', async () => {
    const store = new MemoryEscrow(1_000)
    const [first, other] = [gateway(store, 'a'), gateway(store, 'b')]
    assert.ok(await first.allot(CALLS, 7n))
    assert.equal(await other.allot(CALLS, 4n, NOW_MS + 3_600_000), false)
    assert.ok(await other.allot(CALLS, 3n))
    assert.equal(store.allotted(HOLDER.id, CALLS), 10n)
    const next = gateway(store, 'a')
    const renewed = await next.escrow.renew(NOW_MS)
    assert.deepEqual(renewed.ok && renewed.value.map(({ amount }) => amount), [7n])
    assert.equal((await next.escrow.giveBack(HOLDER, CALLS, 8n, NOW_MS)).ok, false, 'it has not so much')
    const left = await next.escrow.giveBack(HOLDER, CALLS, 5n, NOW_MS)
    assert.deepEqual(left.ok && left.value.amount, 2n)
    assert.ok(await other.allot(CALLS, 5n))
    assert.equal(await other.allot(CALLS, 1n), false)
  })

  it('a maximum that was lowered holds at once, whatever was allotted before', async () => {
    const { allotments, allot } = gateway(new MemoryEscrow(1_000), 'a')
    await allot(CALLS, 8n)
    assert.equal(allotments.amount(HOLDER.id, { ...CALLS, max: 3 }, NOW_MS), 3n)
    assert.equal(allotments.amount(HOLDER.id, CALLS, NOW_MS), 8n)
    assert.equal(allotments.amount(grantId('g_2'), CALLS, NOW_MS), 0n)
  })

  it('what is allotted of one currency, or over one window, is nothing of another', async () => {
    const { allotments, allot } = gateway(new MemoryEscrow(1_000), 'a')
    await allot(EUROS, 100n)
    const dollars: Budget = { kind: 'spend', maxUnits: 500n, currency: 'USD', window: EUROS.window }
    const daily: Budget = { kind: 'spend', maxUnits: 500n, currency: 'EUR', window: CALLS.window }
    const amounts = [EUROS, dollars, daily].map((budget) => allotments.amount(HOLDER.id, budget, NOW_MS))
    assert.deepEqual(amounts, [100n, 0n, 0n])
  })

  it('a gateway that is alone has everything, for as long as it lives', async () => {
    const whole = { holder: HOLDER.id, budget: CALLS, amount: 10n, untilMs: Number.POSITIVE_INFINITY }
    assert.deepEqual(await SOLE_ESCROW.allot(HOLDER, CALLS, 3n, NOW_MS), { ok: true, value: whole })
    assert.deepEqual(await SOLE_ESCROW.giveBack(HOLDER, CALLS, 3n, NOW_MS), { ok: true, value: whole })
    assert.deepEqual(await SOLE_ESCROW.renew(NOW_MS), { ok: true, value: [] })
    assert.equal(WHOLE(HOLDER.id, EUROS, NOW_MS), 500n)
  })
})
