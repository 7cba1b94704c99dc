import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { bundle, DIGEST, GRANT_SOURCE, grant } from '../../../test/policy/fixture.ts'
import { grantId, toolName, upstreamName } from '../../model/ids.ts'
import type { Json } from '../../model/json.ts'
import { isJsonObject } from '../../model/json.ts'
import { NO_ARGUMENTS } from '../decide/argument-type.ts'
import type { BundledPolicy, PolicyBundle } from './bundle.ts'
import { actionsInScope, compilePolicies, compilePolicy } from './compile.ts'

const UPSTREAM = upstreamName('payments')

describe('compilePolicies', () => {
  it('S2: a resource, a prompt and a tool of one name are three things, whatever an upstream calls its tools', () => {
    const names = ['refund', 'resource:a', 'prompt:a', 'tool:resource:a', 'sub:a']
    const { action } = compilePolicies(bundleOf(names))
    const found = (operation: 'tool' | 'resource' | 'prompt', tool: string) =>
      action(UPSTREAM, operation, toolName(tool))?.tool
    assert.equal(found('tool', 'refund'), 'refund')
    assert.equal(found('resource', 'a'), 'resource:a')
    assert.equal(found('prompt', 'a'), 'prompt:a')
    assert.equal(found('tool', 'resource:a'), 'tool:resource:a')
    assert.equal(found('tool', 'sub:a'), 'sub:a')
    for (const operation of ['resource', 'prompt'] as const) assert.equal(found(operation, 'refund'), undefined)
    for (const tool of ['a', 'prompt:a', 'tool:resource:a']) assert.equal(found('tool', tool), undefined, tool)
  })

  it('S17: a name of 240 characters is the longest', () => {
    const long = 'x'.repeat(240)
    const { action } = compilePolicies(bundleOf([`resource:${long}`, `resource:${long}x`]))
    assert.notEqual(action(UPSTREAM, 'resource', toolName(long)), undefined)
    assert.equal(action(UPSTREAM, 'resource', toolName(`${long}x`)), undefined)
  })

  it('has the condition of a grant as it was written, and as Cedar has it', async () => {
    const [conditional, plain] = [grant({ tools: new Set([toolName('refund')]) }), grant({ id: grantId('g_plain') })]
    const [withOne, without] = [
      await bundle('', 'context.args.currency == "EUR"', [conditional]),
      await bundle('', undefined, [plain]),
    ]
    const compiled = compilePolicies({ ...withOne, policies: [...without.policies, ...withOne.policies] })
    assert.equal(compiled.grantText(conditional.id), 'context.args.currency == "EUR"')
    assert.equal(compiled.grantText(plain.id), '')
    assert.equal(compiled.grantText(grantId('g_none')), '')
    const condition = compiled.grantCondition(conditional.id)
    assert.ok(isJsonObject(condition) && '==' in condition)
    assert.equal(compiled.grantCondition(plain.id), undefined)
    assert.equal(compiled.grantCondition(grantId('g_none')), undefined)
  })

  it('has no single condition of a grant that has several, or one that must not hold', () => {
    const condition = (conditions: Json) => {
      const json = { ...EVERYTHING, effect: 'permit', conditions }
      const policies = [{ ...FORBID, effect: 'permit' as const, grant: grantId('g_desk'), json }]
      return compilePolicies({ ...bundleOf([]), policies }).grantCondition(grantId('g_desk'))
    }
    const [when, unless] = ['when', 'unless'].map((kind) => ({ kind, body: { Value: true } }))
    assert.ok(when && unless)
    assert.deepEqual(condition([when]), { Value: true })
    for (const others of [[], [unless], [when, when]]) assert.equal(condition(others), undefined)
  })

  it('says in which environment an upstream is, and in which groups an action', () => {
    const { entities } = compilePolicies(bundleOf(['refund']))
    const parents = (key: string) => [...(entities.get(key)?.ancestors ?? assert.fail(key))]
    assert.deepEqual(parents('Upstream::"payments"'), ['Environment::"test"'])
    assert.deepEqual(parents('Environment::"test"'), [])
    assert.deepEqual(parents('Action::"payments/refund"'), ['Action::"write"', 'Action::"effect"'])
    assert.deepEqual(parents('Action::"effect"'), [])
  })
})

describe('compilePolicy', () => {
  it('S2: a bundle that is none is a bug, and told as such', () => {
    const jsons: readonly (readonly [Json, message: RegExp])[] = [
      [null, /not a policy of Cedar: rule/],
      [{ ...EVERYTHING, effect: 'permit' }, /not a policy of Cedar: rule/],
      [{ ...EVERYTHING, conditions: null }, /not a policy of Cedar: rule/],
      [{ ...EVERYTHING, principal: null }, /a scope without a constraint/],
      [{ ...EVERYTHING, action: { op: 'like' } }, /unknown constraint: \{"op":"like"\}/],
      [{ ...EVERYTHING, resource: { op: '==' } }, /cannot be compiled/],
    ]
    for (const [json, message] of jsons) assert.throws(() => compilePolicy({ ...FORBID, json }, 0), message)
    assert.throws(() => actionsInScope({ ...FORBID, json: null }, {}), /a scope without a constraint/)
  })

  it('has a guard where its condition begins with a comparison, and none else', () => {
    const text = { '==': { left: { Var: 'principal' }, right: { Value: 'x' } } }
    const conditions = (body: Json) => ({ ...FORBID, json: { ...EVERYTHING, conditions: [{ kind: 'when', body }] } })
    assert.equal(compilePolicy(conditions(text), 0).guard?.text, 'x')
    assert.ok(!('guard' in compilePolicy(conditions({ Value: true }), 0)))
  })
})

const EVERYTHING = {
  effect: 'forbid',
  principal: { op: 'All' },
  action: { op: 'All' },
  resource: { op: 'All' },
  conditions: [],
}
const FORBID: BundledPolicy = {
  id: 'rule',
  effect: 'forbid',
  source: GRANT_SOURCE,
  text: '',
  annotations: {},
  json: EVERYTHING,
}

/** One upstream with these tools and no policies. */
function bundleOf(tools: readonly string[]): PolicyBundle {
  const actions = tools.map((tool) => [
    `payments/${tool}`,
    { upstream: UPSTREAM, tool: toolName(tool), effect: 'write' as const, definition: DIGEST, args: NO_ARGUMENTS },
  ])
  return { policies: [], actions: Object.fromEntries(actions), upstreams: { [UPSTREAM]: 'test' } as never, waiting: [] }
}
