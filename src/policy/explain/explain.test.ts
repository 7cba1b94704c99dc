import assert from 'node:assert/strict'
import { it } from 'node:test'
import { action, authority, bundle, grant, NOW_MS } from '../../../test/policy/fixture.ts'
import { toolName } from '../../model/ids.ts'
import type { Label } from '../../model/label.ts'
import { decide } from '../decide/decide.ts'
import { explain } from './explain.ts'

const policies = await bundle(
  '@id("cap") @advice("ask Maria") forbid(principal, action, resource) when { context.args has amount && context.args.amount.greaterThan(decimal("50.00")) };',
  undefined,
  [grant()],
)

it('S15: a refusal says which rule, who wrote it, where, and what would change it', () => {
  const own = authority(policies, {
    grants: [
      grant({
        budgets: [{ kind: 'spend', maxUnits: 50_000n, currency: 'EUR', window: { kind: 'sliding', ms: 60_000 } }],
      }),
    ],
  })
  const decided = decide(action({ args: { amount: 60, currency: 'EUR' } }), own, NOW_MS)
  const [forbid, ...more] = explain(decided, own.grants)
  assert.equal(forbid, 'forbidden by cap · policies/shop.cedar:1 (ask Maria) — its author can change it')
  assert.deepEqual(more, [
    'over the budget of grant g_desk · made by maria@shop.example · firebreak.yaml:30: 10.00 EUR asked, 5.00 EUR left of 5.00 EUR/min — no wait is enough',
  ])
})

it('S15: says whether a person can be asked about what holds an action', () => {
  const label = { kind: 'label', label: 'customers' as Label, accepts: [], cause: undefined } as const // by its shape
  assert.match(explain({ reasons: [label] })[0] ?? '', / — a person can approve this one; "accepts: \[customers\]" /)
  assert.match(explain({ reasons: [{ ...label, unseen: true }] })[0] ?? '', / — no person can approve it, since more /)
})

it('S15: without a grant, it names the one that comes closest', () => {
  const own = authority(policies, { grants: [grant({ tools: new Set([toolName('refund')]) })] })
  const [line] = explain(
    decide(action({ tool: toolName('orders.get'), effect: 'read', args: { id: '1' } }), own, NOW_MS),
  )
  assert.match(line ?? '', /^no grant for orders\.get of payments — the closest is grant g_desk · firebreak\.yaml:30/)
})
