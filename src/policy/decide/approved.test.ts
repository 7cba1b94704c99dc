/** S7: a call that no grant permits and a person let through, once, takes from budgets like every other. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { action, authority, bundle, GRANT_SOURCE, grant, NOW_MS } from '../../../test/policy/fixture.ts'
import { type Budget, type DelegationId, type Grant, grantId, toolName } from '../../model/index.ts'
import { explain } from '../explain/explain.ts'
import { type Admitted, admit } from './decide.ts'

const UPTO_50 = 'context.args has amount && context.args.amount.lessThanOrEqual(decimal("50.00"))'
const eur = (maximum: number): Budget => ({
  kind: 'spend',
  currency: 'EUR',
  maxUnits: BigInt(maximum) * 10_000n,
  window: { kind: 'total' },
})

/** Of grants that cover refunds, the condition is an amount of at most 50. */
async function desk(grants: readonly Grant[]) {
  const refunds = grants.some(({ tools }) => tools.has(toolName('refund')))
  return authority(await bundle('', refunds ? UPTO_50 : undefined, grants), { grants })
}

const refund = (amount: number, currency = 'EUR') =>
  action({ args: { amount, currency }, spend: { units: BigInt(amount) * 10_000n, currency } })

/** With the number of approvals that were asked for. */
function asking(of: Awaited<ReturnType<typeof desk>>, call: ReturnType<typeof refund>) {
  let asked = 0
  const decided = admit(call, of, NOW_MS, () => {
    asked++
    return true
  })
  return { asked, decided, kinds: decided.reasons.map(({ kind }) => kind), charged: holdersOf(decided) }
}

function holdersOf(decided: Admitted): readonly string[] {
  return decided.verdict === 'allow' ? decided.reservation.holders.map(({ id }) => id) : []
}

describe('S7: what a person lets through', () => {
  it('S7: and what a grant permits never take more together than its budget, and no less than it has room for', async () => {
    const one = grant({ budgets: [eur(100)] })
    const policies = await bundle('', UPTO_50, [one])
    const call = fc.record({ amount: fc.integer({ min: 1, max: 120 }), agreed: fc.boolean() })
    fc.assert(
      fc.property(fc.array(call, { maxLength: 12 }), (calls) => {
        const of = authority(policies, { grants: [one] })
        let spent = 0
        for (const { amount, agreed } of calls) {
          const { verdict } = admit(refund(amount), of, NOW_MS, () => agreed)
          const passes = (amount <= 50 || agreed) && spent + amount <= 100
          assert.equal(verdict, passes ? 'allow' : 'deny')
          if (passes) spent += amount
        }
      }),
    )
  })

  it('S7: takes from the first grant that covers it and has room, and says which', async () => {
    const grants = ['g_a', 'g_b', 'g_c'].map((id, i) =>
      grant({ id: grantId(id), budgets: [eur([60, 80, 200][i] ?? 0)] }),
    )
    const of = await desk(grants.toReversed())
    const first = asking(of, refund(70))
    assert.deepEqual([first.charged, first.asked], [['g_b'], 1])
    assert.deepEqual(first.decided.reasons, [{ kind: 'approved', grant: 'g_b', source: GRANT_SOURCE }])
    assert.match(explain(first.decided)[0] ?? '', /takes from the budget of grant g_b · firebreak\.yaml:30/)
    assert.deepEqual(asking(of, refund(70)).charged, ['g_c'])
  })

  it('S7, S15: without room is refused for it beside the first reason, nobody is asked, and no approval is used up', async () => {
    const of = await desk([grant({ budgets: [eur(100)] })])
    assert.equal(asking(of, refund(60)).decided.verdict, 'allow')
    const over = asking(of, refund(60))
    assert.deepEqual([over.kinds, over.asked], [['grant-condition', 'budget'], 0])
  })

  it('S7: a currency that its grant has no budget for stays refused', async () => {
    const { kinds, asked } = asking(await desk([grant({ budgets: [eur(100)] })]), refund(60, 'USD'))
    assert.deepEqual([kinds, asked], [['grant-condition', 'spend'], 0])
  })

  it('stands alone where no live grant covers it: never granted, granted to other tools, expired', async () => {
    const other = grant({ tools: new Set([toolName('orders.get')]), budgets: [eur(1)] })
    const expired = grant({ expiresAtMs: NOW_MS, budgets: [eur(1)] })
    for (const [grants, kind] of [
      [[], 'no-grant'],
      [[other], 'no-grant'],
      [[expired], 'grant-expired'],
    ] as const) {
      const of = await desk(grants)
      assert.equal(admit(refund(60), of, NOW_MS).reasons[0].kind, kind)
      const { decided, charged, asked } = asking(of, refund(60))
      assert.deepEqual([decided.reasons, charged, asked], [[{ kind: 'approved' }], [], 1])
      assert.match(explain(decided)[0] ?? '', /none covers it/)
    }
  })

  it('S5: S7: takes from every delegation above its cell as well, with a grant or without one', async () => {
    const budgets = [eur(100)]
    const restriction = { arguments: [], budgets, expiresAtMs: NOW_MS + 1 }
    for (const [grants, holders] of [
      [[grant({ budgets: [eur(1_000)] })], ['g_desk', 'd_1']],
      [[], ['d_1']],
    ] as const) {
      const giver = await desk(grants)
      const above = {
        id: 'd_1' as DelegationId, // by its shape
        depth: 1,
        restriction,
        from: () => giver,
        revokedAtMs: () => undefined,
      }
      const of = { ...giver, grants: [], above }
      assert.deepEqual(asking(of, refund(60)).charged, holders)
      const over = asking(of, refund(60))
      assert.deepEqual([over.kinds.at(-1), over.asked], ['budget', 0])
    }
  })
})
