import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { action, authority, bundle, GRANT_SOURCE, grant, NOW_MS } from '../../../test/policy/fixture.ts'
import type { Action } from '../../model/action.ts'
import type { Grant } from '../../model/grant.ts'
import { agentName, environmentName, grantId, personName, sha256, toolName, upstreamName } from '../../model/ids.ts'
import { RUNGS } from '../../model/ladder.ts'
import type { PolicyBundle } from '../cedar/bundle.ts'
import type { Authority } from './authority.ts'
import { decide, decideListed, liveGrants } from './decide.ts'
import type { Decided } from './decided.ts'

const OPEN = await bundle('')
const REFUND_ONLY = grant({ tools: new Set([toolName('refund')]) })
const CONDITION = 'context.args.amount.lessThan(decimal("50.00"))'
const CONDITIONAL = await bundle('', CONDITION, [REFUND_ONLY])
const PERMIT = { kind: 'permit', grant: 'g_desk', source: GRANT_SOURCE }
const READ: Partial<Action> = { tool: toolName('orders.get'), effect: 'read', args: { id: 'o1' } }

const cases: readonly (readonly [
  what: string,
  policies: PolicyBundle,
  Partial<Action>,
  Partial<Authority>,
  readonly unknown[],
])[] = [
  ['a grant', OPEN, {}, {}, [PERMIT]],
  ['a grant that is watched', OPEN, {}, { rung: 'watched' }, [PERMIT]],
  ['a frozen cell', OPEN, {}, { rung: 'frozen' }, [{ kind: 'rung', rung: 'frozen' }]],
  ['a killed cell', OPEN, READ, { rung: 'killed' }, [{ kind: 'rung', rung: 'killed' }]],
  [
    'an environment that is not the cell’s, told once',
    OPEN,
    { environment: environmentName('production'), upstreamEnvironment: environmentName('production') },
    {},
    [{ kind: 'environment', cell: 'test', upstream: 'production' }],
  ],
  [
    'an upstream that is not of the cell’s environment',
    OPEN,
    { upstreamEnvironment: environmentName('production') },
    {},
    [{ kind: 'environment', cell: 'test', upstream: 'production' }],
  ],
  [
    'an action of another environment, to an upstream of the cell’s',
    OPEN,
    { environment: environmentName('production') },
    {},
    [{ kind: 'environment', cell: 'test', upstream: 'production' }],
  ],
  [
    'an action and an upstream of two other environments',
    OPEN,
    { environment: environmentName('production'), upstreamEnvironment: environmentName('staging') },
    {},
    [
      { kind: 'environment', cell: 'test', upstream: 'production' },
      { kind: 'environment', cell: 'test', upstream: 'staging' },
    ],
  ],
  [
    'a tool that the owner did not accept for the task',
    OPEN,
    {},
    { task: { text: 'refund', givenBy: personName('m'), tools: new Set(['payments/orders.get']) } },
    [{ kind: 'task', tool: 'refund' }],
  ],
  [
    'one that the owner accepted, and one of a task without a list',
    OPEN,
    {},
    { task: { text: '', givenBy: personName('m'), tools: new Set(['payments/refund']) } },
    [PERMIT],
  ],
  ['a task without a list of tools', OPEN, {}, { task: { text: '', givenBy: personName('m') } }, [PERMIT]],
  ['no grant at all', OPEN, {}, { grants: [] }, [{ kind: 'no-grant', upstream: 'payments', tool: 'refund' }]],
  [
    'the closest grant: of the same upstream before one of the same tool',
    OPEN,
    {},
    {
      grants: [
        other('g_tool', { upstream: upstreamName('vault'), tools: new Set([toolName('refund')]) }),
        other('g_dead', { expiresAtMs: NOW_MS, tools: new Set([toolName('orders.get')]) }),
        other('g_foreign', { agent: agentName('clerk') }),
        other('g_upstream', { tools: new Set([toolName('orders.get')]) }),
      ],
    },
    [{ kind: 'no-grant', upstream: 'payments', tool: 'refund', closest: 'g_upstream', source: GRANT_SOURCE }],
  ],
  [
    'the closest grant: else of the same tool',
    OPEN,
    {},
    {
      grants: [
        other('g_other', { upstream: upstreamName('vault'), tools: new Set([toolName('open')]) }),
        other('g_tool', { upstream: upstreamName('vault') }),
      ],
    },
    [{ kind: 'no-grant', upstream: 'payments', tool: 'refund', closest: 'g_tool', source: GRANT_SOURCE }],
  ],
  [
    'dead grants, each for itself',
    OPEN,
    {},
    {
      grants: [
        grant({ expiresAtMs: NOW_MS }),
        other('g_revoked', { revokedAtMs: NOW_MS + 5, expiresAtMs: NOW_MS + 9 }),
      ],
    },
    [
      { kind: 'grant-expired', grant: 'g_desk', source: GRANT_SOURCE, atMs: NOW_MS },
      { kind: 'grant-revoked', grant: 'g_revoked', source: GRANT_SOURCE, atMs: NOW_MS + 5 },
    ],
  ],
  [
    'a dead grant beside a live one is not told',
    OPEN,
    {},
    { grants: [other('g_dead', { expiresAtMs: 0 }), grant()] },
    [PERMIT],
  ],
  [
    'a condition that is false',
    CONDITIONAL,
    { args: { amount: 50, currency: 'EUR' } },
    {},
    [{ kind: 'grant-condition', grant: 'g_desk', source: GRANT_SOURCE, condition: CONDITION }],
  ],
  [
    'a condition on what is not there',
    CONDITIONAL,
    { args: { currency: 'EUR' } },
    {},
    [
      {
        kind: 'grant-condition',
        grant: 'g_desk',
        source: GRANT_SOURCE,
        condition: CONDITION,
        error: 'there is no attribute "amount"',
      },
    ],
  ],
  [
    'a condition on what Cedar cannot hold',
    CONDITIONAL,
    { args: { amount: 'x', currency: 'EUR' } },
    {},
    [
      {
        kind: 'unrepresentable',
        path: '$.amount',
        problem: 'not a number with at most four decimal places',
        policy: 'g_desk',
        source: GRANT_SOURCE,
      },
    ],
  ],
  [
    'a changed definition',
    OPEN,
    { definition: sha256('b'.repeat(64)) },
    {},
    [{ kind: 'definition', tool: 'refund', problem: 'changed since it was accepted' }],
  ],
  [
    'a withdrawn definition, of which nothing else is said',
    OPEN,
    { definition: sha256('b'.repeat(64)) },
    { definitionProblems: new Map([['payments/refund', 'withdrawn by its upstream']]) },
    [{ kind: 'definition', tool: 'refund', problem: 'withdrawn by its upstream' }],
  ],
  [
    'a tool that nobody accepted',
    await bundle('', undefined, [other('g_desk', { tools: new Set([toolName('unseen')]) })]),
    { tool: toolName('unseen'), effect: 'write' },
    { grants: [other('g_desk', { tools: new Set([toolName('unseen')]) })] },
    [{ kind: 'definition', tool: 'unseen', problem: 'not accepted' }],
  ],
  [
    'a tool that nobody declared',
    OPEN,
    { tool: toolName('nowhere'), effect: 'irreversible', args: {} },
    {},
    [
      { kind: 'no-grant', upstream: 'payments', tool: 'nowhere', closest: 'g_desk', source: GRANT_SOURCE },
      { kind: 'definition', tool: 'nowhere', problem: 'not accepted' },
    ],
  ],
  [
    'a negative amount, that of a write too',
    OPEN,
    { effect: 'write', spend: { units: -1n, currency: 'EUR' } },
    {},
    [
      { kind: 'spend', path: '$', problem: 'negative' },
      { kind: 'spend', path: '$', problem: 'negative' },
    ],
  ],
  ['an amount of nothing', OPEN, { spend: { units: 0n, currency: 'EUR' } }, {}, [PERMIT]],
]

describe('S15: a decision says exactly', () => {
  for (const [what, policies, act, own, reasons] of cases) {
    it(`S15: ${what}`, () => assert.deepEqual(decided(policies, act, own).reasons, reasons))
  }

  it('S15: that no amount was read', () => {
    const { spend: _, ...rest } = action()
    const spend = { kind: 'spend', path: '$', problem: 'no amount was read' }
    assert.deepEqual(decide(rest, authority(OPEN), NOW_MS).reasons, [spend])
    assert.deepEqual(decide({ ...rest, effect: 'write' }, authority(OPEN), NOW_MS).reasons, [PERMIT])
  })

  it('S8: what each rung lets through: everything, reads that are declared as such, nothing', () => {
    const verdicts = (act: Partial<Action>) => RUNGS.map((rung) => decided(OPEN, act, { rung }).verdict)
    assert.deepEqual(RUNGS, ['normal', 'watched', 'restricted', 'quarantined', 'frozen', 'killed'])
    assert.deepEqual(verdicts({}), ['allow', 'allow', 'deny', 'deny', 'deny', 'deny'])
    assert.deepEqual(verdicts(READ), ['allow', 'allow', 'allow', 'deny', 'deny', 'deny'])
    assert.deepEqual(verdicts({ ...READ, effect: 'write' }), ['allow', 'allow', 'deny', 'deny', 'deny', 'deny'])
    assert.deepEqual(verdicts({ effect: 'read' }), ['allow', 'allow', 'deny', 'deny', 'deny', 'deny'])
  })

  it('S2: a rule of the first cell sees that nobody delegated to it', async () => {
    const rules = await bundle('@id("top") forbid(principal, action, resource) when { context.delegationDepth == 0 };')
    const source = { file: 'policies/shop.cedar', line: 1, column: 1 }
    assert.deepEqual(decided(rules, READ, {}).reasons, [{ kind: 'forbid', policy: 'top', source }])
  })

  it('S2: a task that has a list takes no tool that nobody declared', () => {
    const task = { text: '', givenBy: personName('m'), tools: new Set(['']) }
    assert.ok(kindsOf(decided(OPEN, { tool: toolName('nowhere') }, { task })).includes('task'))
  })

  it('S2: which rule forbids, and why it could not be asked', async () => {
    const rules = await bundle(`
      @id("none") forbid(principal, action == Action::"payments/refund", resource);
      @id("much") @advice("less") forbid(principal, action == Action::"payments/refund", resource)
        when { context.args has count && context.args.count * 9007199254740991 > 0 };
    `)
    const source = (line: number) => ({ file: 'policies/shop.cedar', line, column: 7 })
    const args = { amount: 1, currency: 'EUR', count: 9_007_199_254_740_991 }
    assert.deepEqual(decided(rules, { args }, {}).reasons, [
      { kind: 'forbid', policy: 'none', source: source(2) },
      {
        kind: 'forbid',
        policy: 'much',
        source: source(3),
        error: 'integer overflow while attempting to multiply 9007199254740991 and 9007199254740991',
      },
    ])
  })

  it('S2: a grant whose condition cannot be asked takes nothing from one that permits', async () => {
    const [plain] = (await bundle('', undefined, [other('g_other', {})])).policies
    assert.ok(plain)
    const both = { ...CONDITIONAL, policies: [...CONDITIONAL.policies, plain] }
    for (const amount of ['x', 60]) {
      const own = { grants: [REFUND_ONLY, other('g_other', {})] }
      const { reasons } = decided(both, { args: { amount, currency: 'EUR' } }, own)
      assert.deepEqual(reasons, [{ ...PERMIT, grant: 'g_other' }])
    }
  })

  it('S2: several grants that permit are all named, by id', async () => {
    const grants = ['g_b', 'g_c', 'g_a'].map((id) => other(id, {}))
    const both = await bundle('', undefined, grants)
    const { reasons } = decided(both, {}, { grants })
    assert.deepEqual(
      reasons.map((reason) => reason.kind === 'permit' && reason.grant),
      ['g_a', 'g_b', 'g_c'],
    )
  })
})

describe('S15: a list', () => {
  it('S15: says of what nobody accepted only that', () => {
    const unseen = action({ tool: toolName('unseen'), effect: 'write' })
    const rules = authority(OPEN, { grants: [other('g_desk', { tools: new Set([toolName('unseen')]) })] })
    assert.deepEqual(decideListed(unseen, rules, NOW_MS).reasons, [
      { kind: 'definition', tool: 'unseen', problem: 'not accepted' },
    ])
  })

  it('S8: shows a restricted cell what it may read', () => {
    const shown = (act: Partial<Action>) =>
      decideListed(action(act), authority(OPEN, { rung: 'restricted' }), NOW_MS).verdict
    assert.deepEqual([READ, {}].map(shown), ['allow', 'deny'])
  })
})

describe('liveGrants', () => {
  it('S2: are those of the agent, for the tool, that have not ended', () => {
    const grants = [
      grant(),
      other('g_expired', { expiresAtMs: NOW_MS }),
      other('g_revoked', { revokedAtMs: 0 }),
      other('g_foreign', { agent: agentName('clerk') }),
      other('g_elsewhere', { upstream: upstreamName('vault') }),
      other('g_reader', { tools: new Set([toolName('orders.get')]) }),
    ]
    const live = (tool: string) =>
      liveGrants(action({ tool: toolName(tool) }), authority(OPEN, { grants }), NOW_MS).map(({ id }) => id)
    assert.deepEqual(live('refund'), ['g_desk'])
    assert.deepEqual(live('orders.get'), ['g_desk', 'g_reader'])
    assert.deepEqual(live('nowhere'), [])
  })
})

function decided(policies: PolicyBundle, act: Partial<Action>, own: Partial<Authority>): Decided {
  return decide(action(act), authority(policies, own), NOW_MS)
}

function kindsOf({ reasons }: Decided): readonly string[] {
  return reasons.map(({ kind }) => kind)
}

function other(id: string, changes: Partial<Grant>): Grant {
  return grant({ id: grantId(id), ...changes })
}
