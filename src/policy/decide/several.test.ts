/** One action of several operations: `orders.get`, which makes use of `refund`. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { action, authority, bundle, DIGEST, grant, NOW_MS } from '../../../test/policy/fixture.ts'
import type { Action } from '../../model/action.ts'
import type { Budget } from '../../model/budget.ts'
import type { Reason } from '../../model/decision.ts'
import { type DelegationId, grantId, toolName } from '../../model/ids.ts'
import { UNTRUSTED } from '../../model/label.ts'
import { BudgetBook } from '../budget/budget.ts'
import { Exposure } from '../flow/exposure.ts'
import type { Authority } from './authority.ts'
import { admit, decide, decideStanding } from './decide.ts'

const calls = (max: number): Budget => ({ kind: 'calls', max, window: { kind: 'total' } })
const euros = (max: number): Budget => ({
  kind: 'spend',
  maxUnits: BigInt(max) * 10_000n,
  currency: 'EUR',
  window: { kind: 'total' },
})
const kinds = ({ reasons }: { readonly reasons: readonly Reason[] }) => reasons.map(({ kind }) => kind)

const [LOOKS, PAYS] = ['orders.get', 'refund'].map(toolName) as [Action['tool'], Action['tool']] // two of two
const READER = grant({ id: grantId('g_reads'), tools: new Set([LOOKS]), budgets: [calls(9)] })
const PAYER = grant({ id: grantId('g_pays'), tools: new Set([PAYS]), budgets: [calls(1), euros(1_000)] })
const BOTH = await bundle('', undefined, [READER, PAYER])

/** Looks at an order, and pays beside. */
const LOOKING = action({
  tool: LOOKS,
  args: { id: 'o_1', amount: 10, currency: 'EUR' },
  alongside: [{ tool: PAYS, effect: 'spend', definition: DIGEST }],
})
/** The same the other way round. */
const PAYING = action({
  args: LOOKING.args,
  alongside: [{ tool: LOOKS, effect: 'read', definition: DIGEST }],
})

function desk(own: Partial<Authority> = {}, policies = BOTH) {
  const budgets = new BudgetBook()
  const of = { ...authority(policies, { grants: [READER, PAYER], ...own }), budgets }
  return { of, left: () => [READER, PAYER].map((each) => budgets.room([each], 'calls', NOW_MS)) }
}

describe('an action of several operations', () => {
  it('S2: is allowed where a grant permits each of them, and not by a grant of one', () => {
    for (const asked of [LOOKING, PAYING]) {
      const decided = decide(asked, desk().of, NOW_MS)
      assert.equal(decided.verdict, 'allow')
      const granted = decided.reasons.map((reason) => 'grant' in reason && reason.grant)
      assert.deepEqual(granted.toSorted(), ['g_pays', 'g_reads'])
      assert.equal(granted[0], asked === LOOKING ? 'g_reads' : 'g_pays', 'its own comes first')
      for (const grants of [[READER], [PAYER]]) {
        const { of } = desk({ grants })
        assert.deepEqual(kinds(decide(asked, of, NOW_MS)), ['no-grant'])
        assert.equal(decideStanding(asked, of, NOW_MS).verdict, 'deny')
        assert.deepEqual(kinds(admit(asked, of, NOW_MS)), ['no-grant'])
      }
    }
  })

  it('S7: takes from every grant that permits one of them, all or nothing, whatever their order', () => {
    for (const asked of [LOOKING, PAYING]) {
      const { of, left } = desk()
      const first = admit(asked, of, NOW_MS)
      assert.ok(first.verdict === 'allow')
      assert.deepEqual(first.reservation.holders.map(({ id }) => id).toSorted(), ['g_pays', 'g_reads'])
      assert.deepEqual(left(), [8n, 0n])
      assert.deepEqual(kinds(admit(asked, of, NOW_MS)), ['budget'])
      assert.deepEqual(left(), [8n, 0n], 'what is refused takes nothing of the other')
      of.budgets.release(first.reservation)
      assert.deepEqual(left(), [9n, 1n])
    }
  })

  it('S7: takes one call of a grant that permits both, and its last one is enough', async () => {
    const one = grant({ budgets: [calls(1), euros(10)] })
    const { of } = desk({ grants: [one] }, await bundle(''))
    const admitted = admit(LOOKING, of, NOW_MS)
    assert.ok(admitted.verdict === 'allow')
    assert.deepEqual(
      admitted.reservation.holders.map(({ id }) => id),
      ['g_desk'],
    )
    assert.deepEqual(of.budgets.left(one, NOW_MS), ['0 calls', '0.00 EUR'], 'its money once')
  })

  it('S7: a grant that is charged for one of them already is charged for the other before any further one', async () => {
    const wide = grant({ id: grantId('g_wide') })
    const { of } = desk({ grants: [PAYER, wide] }, await bundle('', undefined, [PAYER, wide]))
    const admitted = admit(LOOKING, of, NOW_MS)
    assert.ok(admitted.verdict === 'allow')
    assert.deepEqual(
      admitted.reservation.holders.map(({ id }) => id),
      ['g_wide'],
    )
  })

  it('S5: takes from each delegation above its cell once', () => {
    const { of } = desk()
    const above = {
      id: 'd_below' as DelegationId,
      depth: 1,
      restriction: { arguments: [], budgets: [calls(1)], expiresAtMs: NOW_MS + 1_000 },
      from: () => of,
      revokedAtMs: () => undefined,
    }
    const below = { ...of, grants: [], above }
    const admitted = admit(LOOKING, below, NOW_MS)
    assert.ok(admitted.verdict === 'allow')
    assert.deepEqual(admitted.reservation.holders.map(({ id }) => id).toSorted(), ['d_below', 'g_pays', 'g_reads'])
    assert.deepEqual(kinds(admit(LOOKING, below, NOW_MS)).toSorted(), ['budget', 'budget'])
  })

  it('S15: waits where one of them does, for a person who lets all of it through, and pays for all', () => {
    const exposure = new Exposure(new Map([[UNTRUSTED, { tool: 'x', path: '$', labels: [UNTRUSTED] }]]))
    const { of, left } = desk({ exposure })
    const held = admit(LOOKING, of, NOW_MS)
    assert.deepEqual([held.verdict, kinds(held)], ['hold', ['label']])
    assert.deepEqual(left(), [9n, 1n])
    assert.equal(admit(LOOKING, of, NOW_MS, () => true).verdict, 'allow')
    assert.deepEqual(left(), [8n, 0n])
  })

  it('S7: that a person lets through without a grant for one of them takes from the grant of the other', () => {
    for (const asked of [LOOKING, PAYING]) {
      const { of, left } = desk({ grants: [PAYER] })
      const admitted = admit(asked, of, NOW_MS, () => true)
      assert.ok(admitted.verdict === 'allow')
      const [reason] = admitted.reasons
      assert.ok(reason.kind === 'approved' && reason.grant === 'g_pays', 'the next gateway counts by it')
      assert.equal(left()[1], 0n)
      const again = admit(asked, of, NOW_MS, () => assert.fail('nobody is asked without room'))
      assert.deepEqual(kinds(again).toSorted(), ['budget', 'no-grant'])
    }
  })

  it('D2: a denial names what is against each of them, once', () => {
    const { of } = desk({ grants: [], rung: 'quarantined' })
    assert.deepEqual(kinds(decide(LOOKING, of, NOW_MS)), ['rung', 'no-grant', 'no-grant'])
  })
})
