import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { action, authority, bundle, grant, NOW_MS } from '../../../test/policy/fixture.ts'
import type { Budget } from '../../model/budget.ts'
import type { Reason } from '../../model/decision.ts'
import { type DelegationId, environmentName, grantId, personName, toolName } from '../../model/ids.ts'
import { UNTRUSTED } from '../../model/label.ts'
import { BudgetBook } from '../budget/budget.ts'
import { Exposure } from '../flow/exposure.ts'
import type { Authority, Delegation } from './authority.ts'
import { type Admitted, admit, decide, personCouldAllow } from './decide.ts'
import type { Denied, Held } from './decided.ts'

const OPEN = await bundle('')
const NO_REFUNDS = await bundle('@id("none") forbid(principal, action == Action::"payments/refund", resource);')
const calls = (max: number): Budget => ({ kind: 'calls', max, window: { kind: 'total' } })
const kinds = ({ reasons }: { readonly reasons: readonly Reason[] }) => reasons.map(({ kind }) => kind)

/** A cell that has read what anyone could have written. */
function tainted(): Exposure {
  return new Exposure(new Map([[UNTRUSTED, { tool: 'x', path: '$', labels: [UNTRUSTED] }]]))
}

/** What an answer of this kind makes of it, and what the person was asked. */
function answered(own: Partial<Authority>, answer: boolean, policies = OPEN) {
  const asked: (Held | Denied)[] = []
  const admitted = admit(action(), authority(policies, own), NOW_MS, (waiting) => {
    asked.push(waiting)
    return answer
  })
  return { admitted, asked }
}

describe('admit: what a person may let through', () => {
  it('S2: what nobody granted, once a person says so; no grant is charged for it', () => {
    const budgets = new BudgetBook()
    const { admitted, asked } = answered({ grants: [], budgets }, true)
    assert.deepEqual(asked.map(kinds), [['no-grant']])
    assert.ok(admitted.verdict === 'allow')
    assert.deepEqual(admitted.reasons, [{ kind: 'approved' }])
    assert.deepEqual(admitted.reservation.holders, [])
    assert.deepEqual(admitted.reservation.cost, { spend: { units: 100_000n, currency: 'EUR' } })
    assert.deepEqual(kinds(answered({ grants: [] }, false).admitted), ['no-grant'])
  })

  it('S2: without somebody to ask, nothing that nobody granted and nothing that waits', () => {
    assert.equal(admit(action(), authority(OPEN, { grants: [] }), NOW_MS).verdict, 'deny')
    assert.equal(admit(action(), authority(OPEN, { exposure: tainted() }), NOW_MS).verdict, 'hold')
  })

  it('S2: what a rule forbids is asked of nobody, and no answer allows it', () => {
    for (const own of [{}, { grants: [] }]) {
      const { admitted, asked } = answered(own, true, NO_REFUNDS)
      assert.equal(admitted.verdict, 'deny')
      assert.deepEqual(asked, [])
    }
  })

  it('S15: what waits is charged to its grant, once a person lets it through', () => {
    const own = { exposure: tainted(), grants: [grant({ budgets: [calls(1)] })] }
    const { admitted, asked } = answered(own, true)
    assert.deepEqual(asked.map(kinds), [['label']])
    assert.ok(admitted.verdict === 'allow')
    assert.deepEqual(admitted.reasons, [{ kind: 'permit', grant: 'g_desk', source: grant().source }])
    assert.deepEqual(
      admitted.reservation.holders.map(({ id }) => id),
      ['g_desk'],
    )
    assert.deepEqual(kinds(answered(own, false).admitted), ['label'])
  })

  it('S7: what a person lets through is charged to every delegation above the cell, and refused where one is used up', () => {
    const budgets = new BudgetBook()
    const own = { ...below(authority(OPEN, { budgets, grants: [] }), [calls(1)]), budgets }
    const first = answered(own, true).admitted
    assert.ok(first.verdict === 'allow')
    assert.deepEqual(
      first.reservation.holders.map(({ id }) => id),
      ['d_below'],
    )
    const { admitted: second, asked }: { readonly admitted: Admitted; readonly asked: readonly unknown[] } = answered(
      own,
      true,
    )
    assert.equal(second.verdict, 'deny')
    assert.ok(!('reservation' in second))
    assert.deepEqual(asked, [], 'no approval is used up')
    const [denied, reason, ...more] = second.reasons
    assert.equal(denied.kind, 'no-grant')
    assert.ok(reason?.kind === 'budget' && reason.holder === 'd_below' && more.length === 0)
  })

  it('S7: of several grants that cover what a person lets through, the first by id is charged, whatever their order', async () => {
    const refund = new Set([toolName('refund')])
    const ids = ['g_b', 'g_c', 'g_a'].map(grantId)
    const grants = ids.map((id) => grant({ id, tools: refund }))
    const never = await bundle('', 'context.args.currency == "USD"', grants)
    for (const order of [grants, grants.toReversed()]) {
      const { admitted } = answered({ grants: order }, true, never)
      assert.ok(admitted.verdict === 'allow')
      assert.deepEqual(
        admitted.reservation.holders.map(({ id }) => id),
        ['g_a'],
      )
    }
  })

  it('S7: what costs nothing but a call is charged as such', () => {
    const read = { tool: toolName('orders.get'), effect: 'read', args: { id: 'o1' } } as const
    const { spend: _, ...free } = action(read)
    const admitted = admit({ ...free, most: { bytes: 9 } }, authority(OPEN), NOW_MS)
    assert.ok(admitted.verdict === 'allow')
    assert.deepEqual(admitted.reservation.cost, { bytes: 9 })
  })

  it('S7: the grant that permits is the one that is charged, of several too', async () => {
    const [full, other] = [grant({ budgets: [calls(0)] }), grant({ id: grantId('g_other') })]
    const both = await bundle('', undefined, [full, other])
    const admitted = admit(action(), authority(both, { grants: [full, other] }), NOW_MS)
    assert.ok(admitted.verdict === 'allow')
    assert.deepEqual(
      admitted.reservation.holders.map(({ id }) => id),
      ['g_other'],
    )
  })
})

describe('personCouldAllow', () => {
  const askable = ['no-grant', 'grant-condition', 'grant-expired', 'label', 'destination', 'link']
  const never = [
    ...['rung', 'environment', 'delegation', 'task', 'grant-revoked', 'forbid', 'unrepresentable', 'arguments'],
    ...['definition', 'budget', 'spend', 'unavailable', 'requested'],
  ]
  const denied = (...kinds: readonly string[]) =>
    ({ verdict: 'deny', reasons: kinds.map((kind) => ({ kind })) }) as unknown as Denied // kinds are all it looks at

  it('S2: only where nobody granted it, or it would wait anyway', () => {
    for (const kind of askable) assert.equal(personCouldAllow(denied(kind), {}), true, kind)
    for (const kind of never) assert.equal(personCouldAllow(denied(kind), {}), false, kind)
    assert.equal(personCouldAllow(denied(...askable), {}), true)
    assert.equal(personCouldAllow(denied('no-grant', 'forbid'), {}), false)
  })

  it('F1: over a label only what they are shown whole, and nothing where that cannot be', () => {
    for (const kind of [...askable, ...never]) {
      const isAllowed = askable.includes(kind) && kind !== 'label'
      assert.equal(personCouldAllow(denied(kind), { approvable: 'unlabelled' }), isAllowed, kind)
      assert.equal(personCouldAllow(denied(kind), { approvable: 'never' }), false, kind)
    }
    assert.equal(personCouldAllow(denied('no-grant', 'label'), { approvable: 'unlabelled' }), false)
  })
})

describe('decide: what waits for a person', () => {
  const task = (text: string) => ({ text, givenBy: personName('maria@shop.example') })

  it('S15: an effect of a cell that has read what anyone could have written, unless its owner asked for it', () => {
    const verdict = (own: Partial<Authority>) =>
      decide(action(), authority(OPEN, { exposure: tainted(), ...own }), NOW_MS).verdict
    assert.equal(verdict({}), 'hold')
    assert.equal(verdict({ task: task('refund the order') }), 'allow')
    assert.equal(verdict({ task: task('look at the order') }), 'hold')
    assert.equal(verdict({ task: { ...task('look'), tools: new Set(['payments/refund']) } }), 'allow')
  })

  it('S15: what the owner of the first cell asked for is asked for below it, too; what a cell asks is not', () => {
    const verdict = (above: Partial<Authority>, own: Partial<Authority>) =>
      decide(action(), { ...below(authority(OPEN, above)), exposure: tainted(), ...own }, NOW_MS).verdict
    assert.equal(verdict({ task: task('refund the order') }, {}), 'allow')
    assert.equal(verdict({}, { task: task('refund the order') }), 'hold')
  })

  it('S15: where arguments go is judged by the tool’s declaration; where there is none, all text is a destination, names too', () => {
    const own = authority(OPEN, { flows: new Map() })
    const decided = decide(action({ args: { amount: 10, currency: 'EUR' } }), own, NOW_MS)
    const destination = (path: string, value: string) => ({ kind: 'destination', path, value })
    assert.deepEqual(decided.verdict === 'hold' && decided.reasons, [
      destination('$.amount', 'amount'),
      destination('$.currency', 'currency'),
      destination('$.currency', 'EUR'),
    ])
    assert.deepEqual(decided.verdict === 'hold' && decided.permits, [
      { kind: 'permit', grant: 'g_desk', source: grant().source },
    ])
  })

  it('S15: what is refused tells what would wait, too; arguments that are not looked at tell nothing else', () => {
    const exposure = tainted()
    assert.deepEqual(kinds(decide(action(), authority(NO_REFUNDS, { exposure }), NOW_MS)), ['forbid', 'label'])
    const smuggled = action({ args: { amount: 10, currency: 'EUR', __expr: 'x' } })
    const limits = [{ tool: 'payments/refund', path: [{ name: 'amount' }], maxUnits: 0n }]
    for (const own of [
      authority(NO_REFUNDS, { exposure }),
      below(authority(NO_REFUNDS, { exposure }), [], { arguments: limits }),
    ])
      assert.deepEqual(decide(smuggled, { ...own, exposure }, NOW_MS).reasons, [
        { kind: 'arguments', path: '$.__expr', problem: 'a name that Cedar reserves' },
      ])
  })
})

describe('decide: below another cell', () => {
  it('S5: every cell on the way is asked, each in its own name', () => {
    const giver = authority(OPEN)
    const refused = (own: Partial<Authority>, restriction: Partial<Delegation['restriction']> = {}) =>
      decide(action(), { ...below(giver, [], restriction), ...own }, NOW_MS).reasons
    assert.deepEqual(refused({}), [{ kind: 'permit', grant: 'g_desk', source: grant().source }])
    assert.deepEqual(refused({ rung: 'frozen' }), [{ kind: 'rung', rung: 'frozen' }])
    const tools = new Set(['payments/orders.get'])
    assert.deepEqual(refused({ task: { text: '', givenBy: personName('m'), tools } }), [
      { kind: 'task', tool: 'refund' },
    ])
    assert.deepEqual(refused({}, { tools }), [
      { kind: 'delegation', delegation: 'd_below', problem: 'the tool is not part of it' },
    ])
    for (const [tool, effect] of [
      ['unseen', 'write'],
      ['nowhere', 'write'],
    ] as const) {
      const act = action({ tool: toolName(tool), effect })
      assert.deepEqual(decide(act, below(giver), NOW_MS).reasons, decide(act, giver, NOW_MS).reasons)
    }
    // Its environment is where the agent was granted something.
    assert.deepEqual(refused({ environment: environmentName('production') }), refused({}))
  })

  it('S15: a rule that forbids to both is told once, one that forbids to the lower alone as well', async () => {
    const rules = await bundle(`
      @id("all") forbid(principal, action == Action::"payments/refund", resource);
      @id("deep") forbid(principal, action == Action::"payments/refund", resource) when { context.delegationDepth > 0 && context.rung == "watched" };
      @id("bad") forbid(principal, action == Action::"payments/refund", resource) when { context.args.amount.greaterThan(decimal("1.0")) && context.rung == "watched" };
    `)
    const policies = (args: { amount: number; currency: string }) =>
      decide(action({ args }), { ...below(authority(rules)), rung: 'watched' }, NOW_MS).reasons.map((reason) =>
        'policy' in reason ? `${reason.kind} ${reason.policy}` : reason.kind,
      )
    assert.deepEqual(policies({ amount: 1, currency: 'EUR' }), ['forbid all', 'forbid deep'])
    assert.deepEqual(policies({ amount: 2, currency: 'EUR' }), ['forbid all', 'forbid deep', 'forbid bad'])
    assert.deepEqual(policies({ amount: 1.00001, currency: 'EUR' }), [
      'forbid all',
      'unrepresentable bad',
      'forbid deep',
    ])
  })
})

/** The authority of a cell that another one delegated to. */
function below(
  giver: Authority,
  budgets: readonly Budget[] = [],
  restriction: Partial<Delegation['restriction']> = {},
): Authority & { readonly budgets: BudgetBook } {
  const above: Delegation = {
    id: 'd_below' as DelegationId,
    depth: 1,
    restriction: { arguments: [], budgets, expiresAtMs: NOW_MS + 1, ...restriction },
    from: () => giver,
    revokedAtMs: () => undefined,
  }
  return { ...authority(OPEN, { grants: [] }), policies: giver.policies, budgets: giver.budgets as BudgetBook, above }
}
