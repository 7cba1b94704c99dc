import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Json } from '../../model/json.ts'
import { guardOf } from './guard.ts'
import { judge } from './judge.ts'
import type { Request } from './request.ts'
import { type CompiledPolicy, type Scope, sliceOf, slicer } from './slices.ts'
import { Entity, Fault, type Value } from './value.ts'

const ALICE = new Entity('Agent', 'alice')
const when = (body: Json) => [{ kind: 'when', body }]
const equals = (left: Json, right: Json) => ({ '==': { left, right } })
const TENANT = { '.': { left: { '.': { left: { Var: 'context' }, attr: 'args' } }, attr: 'tenant' } }
const literal = (Value: Json) => ({ Value })
const AGENT = literal({ __entity: { type: 'Agent', id: 'alice' } })

function request(tenant: Value): Request {
  const context = new Map([['args', new Map([['tenant', tenant]])]])
  return { principal: ALICE, action: ALICE, resource: ALICE, context, entities: new Map() }
}

function policy(position: number, changes: Partial<CompiledPolicy> & { readonly guards?: Json } = {}): CompiledPolicy {
  const { guards, ...rest } = changes
  const guard = guards === undefined ? undefined : guardOf(when(guards), new Map())
  return {
    id: `p${position}`,
    effect: 'forbid',
    source: { file: 'a', line: 1, column: 1 },
    text: '',
    annotations: {},
    position,
    scope: () => true,
    condition: () => true,
    ...(guard && { guard }),
    ...rest,
  }
}

describe('guardOf', () => {
  const guard = (conditions: readonly Json[]) => guardOf(conditions, new Map())

  it('is the comparison that a policy begins with, whichever side the literal stands on', () => {
    for (const body of [
      equals(TENANT, literal('x')),
      equals(literal('x'), TENANT),
      { '&&': { left: { '&&': { left: equals(TENANT, literal('x')), right: literal(true) } }, right: literal(false) } },
    ]) {
      const found = guard([...when(body), { kind: 'unless', body: literal(true) }])
      assert.equal(found?.text, 'x')
      assert.equal(found.subjectKey, JSON.stringify(TENANT))
      assert.equal(found.subject(request('y')), 'y')
      assert.ok(!('entityKey' in found))
    }
    const entity = guard(when(equals({ Var: 'principal' }, AGENT)))
    assert.equal(entity?.entityKey, ALICE.key)
    assert.ok(!('text' in entity))
  })

  it('is none of anything else', () => {
    const none: readonly Json[][] = [
      [],
      [null],
      [{ kind: 'unless', body: equals(TENANT, literal('x')) }],
      [{ kind: 'when' }],
      when(literal(true)),
      when({ '&&': 5 }),
      when({ '||': { left: equals(TENANT, literal('x')), right: literal(true) } }),
      when({ '==': 5 }),
      when({ '==': {} }),
      when(equals(TENANT, literal(5))),
      when(equals(TENANT, TENANT)),
      when(equals(literal('x'), literal('x'))),
      when(equals({ '.': { left: { Set: [] }, attr: 'a' } }, literal('x'))),
      when(equals({ '.': 5 }, literal('x'))),
      when(equals({ Var: 5 }, literal('x'))),
      when(equals(TENANT, 'x')),
      when({ '==': { left: TENANT } }),
      when({ '==': { right: TENANT } }),
      when({ '&&': { left: literal(true), right: equals(TENANT, literal('x')) } }),
    ]
    for (const conditions of none) assert.equal(guard(conditions), undefined, JSON.stringify(conditions))
  })
})

describe('a slice', () => {
  const ids = (policies: readonly CompiledPolicy[]) => policies.map(({ id }) => id)

  it('has policies that compare the same thing in one group, by what they compare it with', () => {
    const other = { '.': { left: { Var: 'context' }, attr: 'other' } }
    const { unguarded, guarded } = sliceOf([
      policy(0, { guards: equals(TENANT, literal('x')) }),
      policy(1),
      policy(2, { guards: equals(TENANT, AGENT) }),
      policy(3, { guards: equals(other, literal('x')) }),
      policy(4, { guards: equals(TENANT, literal('x')) }),
      policy(5, { guards: equals(TENANT, literal('y')) }),
    ])
    assert.deepEqual(ids(unguarded), ['p1'])
    const [tenant, second, ...more] = guarded
    assert.ok(tenant && second && more.length === 0)
    assert.deepEqual(
      [...tenant.byText].map(([text, all]) => [text, ids(all)]),
      [
        ['x', ['p0', 'p4']],
        ['y', ['p5']],
      ],
    )
    assert.deepEqual(
      [...tenant.byEntity].map(([key, all]) => [key, ids(all)]),
      [[ALICE.key, ['p2']]],
    )
    assert.deepEqual(ids(tenant.all), ['p0', 'p2', 'p4', 'p5'])
    assert.deepEqual([ids(second.all), [...second.byEntity]], [['p3'], []])
  })

  it('is made once for each principal, action and resource, of the policies in whose scope they are', () => {
    const asked: string[] = []
    const scope: Scope = (principal, action, resource) => {
      asked.push([principal, action, resource].map(({ id }) => id).join(' '))
      return action.id === 'a'
    }
    const slice = slicer([policy(0, { scope })])
    const [a, b] = [new Entity('X', 'a'), new Entity('X', 'b')]
    const entities = new Map()
    const made = slice(a, a, a, entities)
    for (let i = 0; i < 2; i++)
      for (const [principal, action, resource] of [
        [a, a, a],
        [b, a, a],
        [a, b, a],
        [a, a, b],
      ] as const)
        slice(principal, action, resource, entities)
    assert.deepEqual(asked, ['a a a', 'b a a', 'a b a', 'a a b'])
    assert.equal(slice(new Entity('X', 'a'), a, a, entities), made)
    assert.deepEqual([ids(made.unguarded), ids(slice(a, b, a, entities).unguarded)], [['p0'], []])
  })

  it('S17: are 4,096 at most, and then made anew', () => {
    let asked = 0
    const slice = slicer([policy(0, { scope: () => asked++ >= 0 })])
    const at = (i: number) => slice(ALICE, ALICE, new Entity('X', String(i)), new Map())
    for (let i = 0; i < 4_096; i++) at(i)
    at(0)
    assert.equal(asked, 4_096)
    at(4_096)
    at(4_096)
    assert.equal(asked, 4_097)
    at(0)
    assert.equal(asked, 4_098)
    for (let i = 1; i < 4_095; i++) at(i)
    at(0)
    assert.equal(asked, 4_098 + 4_094)
    at(4_095)
    at(0)
    assert.equal(asked, 4_098 + 4_094 + 2)
  })
})

describe('judge', () => {
  const fault = new Fault('overflow', 'too large')

  it('S2: says what holds and what faults, in the order of the bundle, whatever they compare first', () => {
    const permit = { effect: 'permit' as const }
    const x = { guards: equals(TENANT, literal('x')) }
    const slice = sliceOf([
      policy(0, permit),
      policy(1, { ...x, ...permit }),
      policy(2, { condition: () => fault }),
      policy(3, { ...x, condition: () => fault }),
      policy(4),
      policy(5, { guards: equals(TENANT, literal('y')) }),
      policy(6, x),
      policy(7, { ...x, condition: () => false }),
      policy(8, { guards: equals(TENANT, AGENT) }),
      policy(9),
    ])
    const judged = (tenant: Value) => {
      const { permits, forbids, faults } = judge(slice, request(tenant))
      const places = [permits, forbids].map((all) => all.map(({ position }) => position))
      return [...places, faults.map(({ policy }) => policy.position)]
    }
    assert.deepEqual(judged('x'), [
      [0, 1],
      [4, 6, 9],
      [2, 3],
    ])
    assert.deepEqual(judged('y'), [[0], [4, 5, 9], [2]])
    assert.deepEqual(judged('z'), [[0], [4, 9], [2]])
    assert.deepEqual(judged(ALICE), [[0], [4, 8, 9], [2]])
    // Of another type, or none: each policy says for itself what it makes of it.
    assert.deepEqual(judged(5), [
      [0, 1],
      [4, 5, 6, 8, 9],
      [2, 3],
    ])
    assert.equal(judge(slice, request('x')).faults[0]?.fault, fault)
  })
})
