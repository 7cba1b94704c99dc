import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { action, authority, bundle, grant, NOW_MS } from '../../../test/policy/fixture.ts'
import type { Action } from '../../model/action.ts'
import type { Grant } from '../../model/grant.ts'
import { environmentName, grantId, sha256, toolName, upstreamName } from '../../model/ids.ts'
import type { Json } from '../../model/json.ts'
import { RUNGS } from '../../model/ladder.ts'
import type { PolicyBundle } from '../cedar/bundle.ts'
import type { Authority } from './authority.ts'
import { admit, decide, decideList, decideListed } from './decide.ts'
import type { Decided } from './decided.ts'

const OPEN = await bundle('')
const RULES = await bundle(
  `
  @id("limit") forbid(principal, action == Action::"payments/refund", resource)
    when { context.args.amount.greaterThan(decimal("100.00")) };
  @id("overflow") forbid(principal, action == Action::"payments/refund", resource)
    when { context.args has count && context.args.count * 9007199254740991 > 0 };
  @id("rush") @advice("ask Maria") forbid(principal, action == Action::"payments/refund", resource)
    when { context.args has urgent && context.args.urgent };
  @id("order") forbid(principal, action == Action::"payments/refund", resource)
    when { context.args has tags && context.args.tags == ["a", "b"] };
  @id("tag") forbid(principal, action == Action::"payments/refund", resource)
    when { context.args has tags && context.args.tags.contains("secret") };
  @id("to") forbid(principal, action == Action::"payments/refund", resource)
    when { context.args has to.name && context.args.to.name == "Mallory" };
  @id("night") forbid(principal, action in Action::"effect", resource) when { context.time.hour < 6 };
`,
  undefined,
)
/** The same, shown in a list because of what its arguments could be. */
const LONGER = await bundle('', 'context.args.currency == "EUR" && context.environment == "test"', [
  grant({ tools: new Set([toolName('refund')]) }),
])
const CONDITION = await bundle('', 'context.args.currency == "EUR"', [grant({ tools: new Set([toolName('refund')]) })])

describe('decide', () => {
  it('S2: a live grant alone allows', () => {
    const decided = decide(action(), authority(OPEN), NOW_MS)
    assert.equal(decided.verdict, 'allow')
    assert.deepEqual(decided.reasons, [{ kind: 'permit', grant: 'g_desk', source: grant().source }])
  })

  const denials: readonly (readonly [name: string, kind: string, () => Decided])[] = [
    ['S2: no grant', 'no-grant', () => on(OPEN, {}, { grants: [] })],
    ['S2: an empty bundle', 'no-grant', () => on(NOTHING, {}, {})],
    ['S2: a grant that no permit stands for', 'grant-condition', () => on({ ...OPEN, policies: [] }, {}, {})],
    ['S2: a grant of no tool', 'no-grant', () => on(OPEN, {}, { grants: [grant({ tools: new Set() })] })],
    [
      'S2: a grant of another agent',
      'no-grant',
      () => on(OPEN, {}, { grants: [grant({ agent: 'other' as Grant['agent'] })] }),
    ],
    [
      'S2: a grant of another upstream that has a tool of this name',
      'no-grant',
      () => on(OPEN, {}, { grants: [grant({ upstream: upstreamName('vault') })] }),
    ],
    ['S2: a tool that is in no catalogue', 'definition', () => on(OPEN, { tool: toolName('refunds') }, {})],
    [
      'S2: a name too long for any tool',
      'definition',
      () => on(OPEN, { tool: toolName('x'.repeat(256)), operation: 'resource' }, {}),
    ],
    [
      'S2: a tool of which no definition was accepted',
      'definition',
      () => on(OPEN, { tool: toolName('unseen'), effect: 'write' }, {}),
    ],
    ['S2: a changed definition', 'definition', () => on(OPEN, { definition: sha256('b'.repeat(64)) }, {})],
    [
      'S2: a withdrawn definition',
      'definition',
      () => on(OPEN, {}, { definitionProblems: new Map([['payments/refund', 'withdrawn by its upstream']]) }),
    ],
    ['S2: an expired grant', 'grant-expired', () => on(OPEN, {}, { grants: [grant({ expiresAtMs: NOW_MS })] })],
    ['S2: a revoked grant', 'grant-revoked', () => on(OPEN, {}, { grants: [grant({ revokedAtMs: NOW_MS + 1 })] })],
    ['S2: a resource that is named like a granted tool', 'definition', () => on(OPEN, { operation: 'resource' }, {})],
    [
      'S2: a condition that is false',
      'grant-condition',
      () => on(CONDITION, { args: { amount: 1, currency: 'USD' } }, {}),
    ],
    ['S2: a condition that cannot be evaluated', 'grant-condition', () => on(CONDITION, { args: { amount: 1 } }, {})],
    [
      'S2: a condition on an argument that Cedar cannot hold',
      'unrepresentable',
      () => on(CONDITION, { args: { amount: 1, currency: 5 } }, {}),
    ],
    ['S2: a forbid', 'forbid', () => on(RULES, { args: { amount: 100.01, currency: 'EUR' } }, {})],
    ['S2: a forbid that overflows', 'forbid', () => on(RULES, { args: refund({ count: 9_007_199_254_740_991 }) }, {})],
    [
      'S2: a forbid on an amount with five places',
      'unrepresentable',
      () => on(RULES, { args: { amount: 1.00001, currency: 'EUR' } }, {}),
    ],
    [
      'S2: a forbid on an amount in exponents',
      'unrepresentable',
      () => on(RULES, { args: { amount: 1e21, currency: 'EUR' } }, {}),
    ],
    [
      'S2: a forbid on the order of an array',
      'unrepresentable',
      () => on(RULES, { args: refund({ tags: ['b', 'a'] }) }, {}),
    ],
    [
      'S2: a forbid on an array with a null',
      'unrepresentable',
      () => on(RULES, { args: refund({ tags: ['a', null] }) }, {}),
    ],
    [
      'S2: a forbid on an array of nothing but null',
      'unrepresentable',
      () => on(RULES, { args: refund({ tags: [null] }) }, {}),
    ],
    [
      'S2: a forbid on a member of what is no object',
      'unrepresentable',
      () => on(RULES, { args: refund({ to: 'x' }) }, {}),
    ],
    [
      'S2: a forbid on an array that is none',
      'unrepresentable',
      () => on(RULES, { args: refund({ tags: 'secret' }) }, {}),
    ],
    [
      'S2: a forbid on a lone surrogate',
      'unrepresentable',
      () => on(RULES, { args: refund({ to: { iban: 'x', name: '\ud800' } }) }, {}),
    ],
    ['S2: a forbid by the clock', 'forbid', () => decide(action(), authority(RULES), NOW_MS - 10 * 3_600_000)],
    [
      'S6: an upstream of another environment',
      'environment',
      () => on(OPEN, { upstreamEnvironment: environmentName('production') }, {}),
    ],
    [
      'S6: an action of another environment',
      'environment',
      () => on(OPEN, { environment: environmentName('production') }, {}),
    ],
    [
      'S6: a cell of another environment',
      'environment',
      () => on(OPEN, {}, { environment: environmentName('production') }),
    ],
    ['S7: a spend without an amount', 'spend', () => decide(withoutSpend(), authority(OPEN), NOW_MS)],
    ['S7: a negative amount', 'spend', () => on(OPEN, { spend: { units: -1n, currency: 'EUR' } }, {})],
    ['S8: a quarantined cell, even to read', 'rung', () => on(OPEN, READ, { rung: 'quarantined' })],
    ['S8: a restricted cell, to change something', 'rung', () => on(OPEN, {}, { rung: 'restricted' })],
    [
      'S8: a restricted cell whose action only claims to read',
      'rung',
      () => on(OPEN, { effect: 'read' }, { rung: 'restricted' }),
    ],
    [
      'S11: an entity smuggled into an argument',
      'arguments',
      () => on(OPEN, { args: refund({ note: { __entity: { type: 'Agent', id: 'root' } } }) }, {}),
    ],
    [
      'S11: a function smuggled into an array',
      'arguments',
      () => on(OPEN, { args: refund({ tags: [{ __extn: { fn: 'unknown', arg: 'x' } }] }) }, {}),
    ],
    ['S11: an expression smuggled at the top', 'arguments', () => on(OPEN, { args: refund({ __expr: 'true' }) }, {})],
    ['S17: arguments nested too deeply', 'arguments', () => on(OPEN, { args: refund({ anything: nested(40) }) }, {})],
    ['S17: too many values', 'arguments', () => on(OPEN, { args: refund({ tags: Array(60_000).fill('a') }) }, {})],
  ]
  for (const [name, kind, run] of denials) {
    it(`${name} is denied`, () => {
      const decided = run()
      assert.equal(decided.verdict, 'deny')
      assert.ok(
        decided.reasons.some((reason) => reason.kind === kind),
        JSON.stringify(decided.reasons),
      )
    })
  }

  const allows: readonly (readonly [name: string, () => Decided])[] = [
    [
      'arguments that no rule objects to',
      () => on(RULES, { args: refund({ count: 0, tags: ['c'], urgent: false }) }, {}, true),
    ],
    [
      'a null where a rule asks for presence',
      () => on(RULES, { args: refund({ to: { iban: 'x', name: null } }) }, {}, true),
    ],
    ['five places where no rule looks', () => on(CONDITION, { args: { amount: 1.00001, currency: 'EUR' } }, {})],
    ['the exact limit', () => on(RULES, { args: { amount: 100, currency: 'EUR' } }, {})],
    ['a read of a restricted cell', () => on(OPEN, READ, { rung: 'restricted' })],
  ]
  for (const [name, run] of allows) {
    it(`${name}: allowed`, () => {
      const decided = run()
      assert.equal(decided.verdict, 'allow', JSON.stringify(decided.reasons))
    })
  }

  it('S15: a refusal names every check that failed, in the order of the checks', () => {
    const decided = on(
      RULES,
      { args: refund({ urgent: true }), spend: { units: -1n, currency: 'EUR' } },
      { rung: 'frozen', environment: environmentName('production') },
    )
    assert.deepEqual(
      decided.reasons.map(({ kind }) => kind),
      ['rung', 'environment', 'spend', 'forbid', 'spend'],
    )
  })

  it('S15: a forbid tells its id, its place and its advice', () => {
    const [reason] = on(RULES, { args: refund({ urgent: true }) }, {}).reasons
    const source = { file: 'policies/shop.cedar', line: 6, column: 3 }
    assert.deepEqual(reason, { kind: 'forbid', policy: 'rush', source, advice: 'ask Maria' })
  })

  it('S7: what is admitted is reserved in the same tick, and a budget refuses the next', () => {
    const own = authority(OPEN, {
      grants: [grant({ budgets: [{ kind: 'calls', max: 1, window: { kind: 'sliding', ms: 60_000 } }] })],
    })
    const first = admit(action(), own, NOW_MS)
    assert.ok(first.verdict === 'allow' && first.reservation.holders[0]?.id === 'g_desk')
    const second = admit(action(), own, NOW_MS)
    assert.deepEqual(
      second.reasons.map(({ kind }) => kind),
      ['budget'],
    )
    assert.ok(!('reservation' in second))
  })

  it('S2: with two grants, the first by id that has room is charged, whatever their order', async () => {
    const [empty, full] = [0, 9].map((max) =>
      grant({ budgets: [{ kind: 'calls', max, window: { kind: 'sliding', ms: 60_000 } }] }),
    )
    assert.ok(empty && full)
    const other = grant({ id: grantId('g_other') })
    const both = await bundle('', undefined, [full, other])
    const charged = (grants: readonly Grant[]) => decide(action(), authority(both, { grants }), NOW_MS).reasons[0]
    for (const grants of [
      [empty, other],
      [other, empty],
    ])
      assert.deepEqual(charged(grants), permit('g_other'))
    for (const grants of [
      [full, other],
      [other, full],
    ])
      assert.deepEqual(charged(grants), permit('g_desk'))
  })

  it('S2: a dead grant does not lend its condition to a live one', async () => {
    const dead = grant({ id: grantId('g_dead'), expiresAtMs: NOW_MS })
    const both = await bundle('', undefined, [dead])
    const policies = { ...CONDITION, policies: [...CONDITION.policies, ...both.policies] }
    const decided = on(policies, { args: { amount: 1, currency: 'USD' } }, { grants: [dead, grant()] })
    assert.deepEqual(
      decided.reasons.map(({ kind }) => kind),
      ['grant-condition'],
    )
  })

  it('S15: a tool that nobody has accepted is not said to have changed', () => {
    const [, reason] = on(OPEN, { tool: toolName('unseen'), effect: 'write' }, {}).reasons
    assert.deepEqual(reason, { kind: 'definition', tool: 'unseen', problem: 'not accepted' })
  })

  it('S2: allowed means that every check, asked alone, has nothing against it', () => {
    fc.assert(
      fc.property(
        anyAction,
        anyAuthority,
        fc.integer({ min: NOW_MS - 86_400_000, max: NOW_MS + 86_400_000 }),
        (act, own, nowMs) => {
          if (decide(act, own, nowMs).verdict !== 'allow') return
          assert.ok(
            own.rung === 'normal' || own.rung === 'watched' || (own.rung === 'restricted' && act.tool === 'orders.get'),
          )
          assert.ok(act.environment === own.environment && act.upstreamEnvironment === own.environment)
          assert.ok(
            own.grants.some(
              (each) =>
                each.tools.has(act.tool) &&
                each.upstream === act.upstream &&
                each.expiresAtMs > nowMs &&
                each.revokedAtMs === undefined,
            ),
          )
          const { amount, urgent, tags } = act.args
          assert.ok(act.tool !== 'refund' || (typeof amount === 'number' && amount <= 100))
          assert.ok(act.tool !== 'refund' || urgent === false || urgent === undefined || urgent === null)
          assert.ok(act.tool !== 'refund' || !Array.isArray(tags) || !tags.includes('secret'))
          assert.ok(act.tool === 'orders.get' || new Date(nowMs).getUTCHours() >= 6)
        },
      ),
      { numRuns: 3_000 },
    )
  })

  it('S2: taking a grant away never allows anything', () => {
    fc.assert(
      fc.property(anyAction, anyAuthority, (act, own) => {
        const fewer = { ...own, grants: own.grants.slice(1) }
        if (decide(act, own, NOW_MS).verdict === 'deny') assert.equal(decide(act, fewer, NOW_MS).verdict, 'deny')
      }),
    )
  })

  it('S2: whatever bytes are in the arguments, there is a decision and it has a reason', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.jsonValue()), (args) => {
        const decided = on(RULES, { args: JSON.parse(JSON.stringify(args)) }, {})
        assert.ok(decided.reasons.length > 0)
      }),
    )
  })
})

describe('decideList', () => {
  it('shows what some call could be granted, and nothing else', () => {
    const shown = decideList(
      ['orders.get', 'refund', 'unseen', 'nope'].map((tool) => action({ tool: toolName(tool) })),
      authority(RULES),
      NOW_MS,
    )
    assert.deepEqual(
      shown.map(({ tool }) => tool),
      ['orders.get', 'refund'],
    )
  })

  it('shows what a condition on unknown arguments could permit', () => {
    for (const policies of [CONDITION, LONGER]) {
      assert.equal(decideListed(action(), authority(policies), NOW_MS).verdict, 'allow')
    }
  })

  it('hides what is forbidden whatever the arguments', async () => {
    const hidden = await bundle(
      'forbid(principal, action in Action::"spend", resource) unless { context.environment == "production" };',
    )
    assert.equal(decideListed(action(), authority(hidden), NOW_MS).verdict, 'deny')
    const never = await bundle('', 'context.args.amount == decimal("1.0") && context.environment == "production"', [
      grant({ tools: new Set([toolName('refund')]) }),
    ])
    assert.equal(decideListed(action(), authority(never), NOW_MS).verdict, 'deny')
  })

  it('never hides what a call would be allowed', () => {
    fc.assert(
      fc.property(anyAction, anyAuthority, (act, own) => {
        if (decide(act, own, NOW_MS).verdict === 'allow') assert.equal(decideListed(act, own, NOW_MS).verdict, 'allow')
      }),
      { numRuns: 2_000 },
    )
  })
})

const NOTHING: PolicyBundle = { policies: [], actions: {}, upstreams: {}, waiting: [] }
const READ: Partial<Action> = { tool: toolName('orders.get'), effect: 'read', args: { id: 'o1' } }

function on(policies: PolicyBundle, act: Partial<Action>, own: Partial<Authority>, debug = false): Decided {
  const decided = decide(action(act), authority(policies, own), NOW_MS)
  if (debug && decided.verdict === 'deny') assert.fail(JSON.stringify(decided.reasons))
  return decided
}

function permit(id: string) {
  return { kind: 'permit', grant: id, source: grant().source }
}

function refund(more: Record<string, Json>): Action['args'] {
  return { amount: 10, currency: 'EUR', ...more }
}

function withoutSpend(): Action {
  const { spend: _, ...rest } = action()
  return rest
}

function nested(depth: number): Json {
  return depth === 0 ? 1 : [nested(depth - 1)]
}

const environments = fc.constantFrom('test', 'test', 'test', 'production').map(environmentName)
const anyArgs = fc.record(
  {
    amount: fc.constantFrom(1, 99.99, 100, 100.0001, 100.00001, 1e300, -5),
    currency: fc.constantFrom('EUR', 'USD'),
    urgent: fc.constantFrom<Json>(true, false, null, 'true'),
    tags: fc.array(fc.constantFrom<Json>('a', 'b', 'secret', null), { maxLength: 3 }),
    count: fc.constantFrom(0, 1, 1025, -1),
    id: fc.string(),
  },
  { requiredKeys: ['amount', 'currency'] },
)
const anyAction = fc
  .record({
    tool: fc.constantFrom('refund', 'refund', 'orders.get', 'unseen', 'open').map(toolName),
    upstream: fc.constantFrom('payments', 'payments', 'payments', 'vault').map(upstreamName),
    environment: environments,
    upstreamEnvironment: environments,
    args: anyArgs,
  })
  .map((changes): Action => {
    const effect = changes.tool === 'orders.get' ? 'read' : changes.tool === 'refund' ? 'spend' : 'irreversible'
    return action({ ...changes, effect })
  })
const anyGrant = fc
  .record({
    expiresAtMs: fc.constantFrom(NOW_MS - 1, NOW_MS, NOW_MS + 1, NOW_MS + 86_400_000, NOW_MS + 86_400_000),
    tools: fc.subarray(['refund', 'orders.get', 'unseen', 'open']).map((names) => new Set(names.map(toolName))),
    revokedAtMs: fc.option(fc.constant(NOW_MS), { nil: undefined, freq: 6 }),
  })
  .map(({ revokedAtMs, ...rest }) => grant({ ...rest, ...(revokedAtMs !== undefined && { revokedAtMs }) }))
const RULES_AUTHORITY = authority(RULES)
const anyAuthority = fc
  .record({
    rung: fc.constantFrom(...RUNGS, 'normal', 'normal', 'normal'),
    environment: environments,
    grants: fc.array(anyGrant, { maxLength: 3 }),
  })
  .map((changes): Authority => ({ ...RULES_AUTHORITY, ...changes }))
