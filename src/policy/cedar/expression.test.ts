import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Json } from '../../model/json.ts'
import { compileConditions, compileExpression, entityLiteral, type Known } from './expression.ts'
import type { EntityData, Request } from './request.ts'
import { CedarSet, Decimal, Entity, Fault } from './value.ts'

const ALICE = { __entity: { type: 'Agent', id: 'alice' } }
const TEAM = { __entity: { type: 'Team', id: 'one' } }
const literal = (value: Json) => ({ Value: value })
const variable = (name: string) => ({ Var: name })

function request(entities: ReadonlyMap<string, EntityData> = new Map()): Request {
  return {
    principal: new Entity('Agent', 'alice'),
    action: new Entity('Action', 'a'),
    resource: new Entity('Upstream', 'u'),
    context: new Map<string, never>([['n', 5 as never]]),
    entities,
  }
}

describe('compileExpression', () => {
  it('S2: what is no expression of Cedar’s is a bug, and told as such', () => {
    const cases: readonly (readonly [Json, told: string])[] = [
      [null, 'null'],
      ['a', '"a"'],
      [5, '5'],
      [[literal(1)], '[{"Value":1}]'],
      [{}, '{}'],
      [{ Value: 1, Var: 'context' }, '{"Value":1,"Var":"context"}'],
      [{ toString: {} }, '"toString"'],
      [{ Value: null }, 'null'],
      [{ Value: {} }, 'undefined'],
      [{ Value: [1] }, '[1]'],
      [{ Value: { __entity: { type: 'Agent', id: 5 } } }, '{"type":"Agent","id":5}'],
      [{ Value: { __entity: { id: 'alice' } } }, '{"id":"alice"}'],
      [{ Var: 'contexts' }, '"contexts"'],
      [{ Var: null }, 'null'],
      [{ '==': null }, 'null'],
      [{ '==': { left: literal(1) } }, '"right"'],
      [{ '!': {} }, '"arg"'],
      [{ '.': { left: variable('context') } }, '"attr"'],
      [{ '.': { left: variable('context'), attr: 5 } }, '"attr"'],
      [{ has: { left: variable('context') } }, 'null'],
      [{ has: { left: variable('context'), attr: [5] } }, '5'],
      [{ like: { left: literal('a') } }, 'null'],
      [{ like: { left: literal('a'), pattern: ['Wild'] } }, '"Literal"'],
      [{ is: { left: variable('principal') } }, '"entity_type"'],
      [{ is: 5 }, '"entity_type"'],
      [{ 'if-then-else': JSON.parse('{"if":{"Value":true},"then":{"Value":1}}') }, '"else"'],
      [{ Set: 5 }, '5'],
      [{ Record: 5 }, '5'],
      [{ Record: { a: 5 } }, '5'],
      [{ decimal: literal('1.0') }, '{"Value":"1.0"}'],
      [{ ip: [literal('1.2.3.4')] }, '"ip"'],
    ]
    for (const [json, told] of cases) {
      assert.throws(() => compileExpression(json), {
        name: 'TypeError',
        message: `a policy was bundled that cannot be compiled: ${told}`,
      })
    }
    assert.throws(() => entityLiteral(undefined), /cannot be compiled: undefined/)
  })

  it('looks at the request for whatever is no constant', () => {
    const ancestors = new Set(['Team::"one"'])
    const entities = new Map([['Agent::"alice"', { attributes: new Map([['level', 3]]), ancestors }]])
    const value = (json: Json) => {
      const evaluate = compileExpression(json)
      return [evaluate(request()), evaluate(request(entities))]
    }
    const alice = literal(ALICE)
    assert.deepEqual(value({ in: { left: alice, right: literal(TEAM) } }), [false, true])
    assert.deepEqual(value({ is: { left: alice, entity_type: 'Agent', in: literal(TEAM) } }), [false, true])
    assert.deepEqual(value({ is: { left: alice, entity_type: 'Team', in: literal(ALICE) } }), [false, false])
    assert.deepEqual(value({ is: { left: alice, entity_type: 'Agent' } }), [true, true])
    assert.deepEqual(value({ has: { left: alice, attr: 'level' } }), [false, true])
    const [fault, level] = value({ '.': { left: alice, attr: 'level' } })
    assert.ok(fault instanceof Fault && level === 3)
    const asked = request()
    for (const name of ['principal', 'action', 'resource', 'context'] as const)
      assert.equal(compileExpression(variable(name))(asked), asked[name])
  })

  it('makes what is constant once, and what is written twice as well', () => {
    const known: Known = new Map()
    const set = { Set: [literal(1), literal(2)] }
    const constants = [
      set,
      { Record: { a: set } },
      { decimal: [literal('1.50')] },
      { 'if-then-else': Object.fromEntries([['if', literal(true)], ...['then', 'else'].map((name) => [name, set])]) },
    ]
    for (const json of constants) {
      const evaluate = compileExpression(json, known)
      assert.equal(evaluate(request()), evaluate(request()))
      assert.equal(compileExpression(structuredClone(json), known), evaluate)
    }
    assert.deepEqual(compileExpression(set)(request()), new CedarSet([1, 2]))
    assert.deepEqual(compileExpression({ decimal: [literal('1.50')] })(request()), new Decimal(15_000n))
    const varying = { Set: [literal(1), { '.': { left: variable('context'), attr: 'n' } }] }
    const evaluate = compileExpression(varying, known)
    assert.notEqual(evaluate(request()), evaluate(request()))
    assert.deepEqual(evaluate(request()), new CedarSet([1, 5]))
    const record = compileExpression({ Record: { a: literal(1), b: varying } })
    assert.notEqual(record(request()), record(request()))
  })
})

describe('compileConditions', () => {
  it('S2: all of them hold, in their order; none is always true', () => {
    const value = (...conditions: readonly Json[]) => compileConditions(conditions)(request())
    const [yes, no, fault] = [literal(true), literal(false), { '.': { left: variable('context'), attr: 'zz' } }]
    assert.equal(value(), true)
    assert.equal(value({ kind: 'when', body: yes }, { kind: 'unless', body: no }), true)
    assert.equal(value({ kind: 'when', body: yes }, { kind: 'unless', body: yes }), false)
    assert.equal(value({ kind: 'when', body: no }, { kind: 'when', body: fault }), false)
    const faults = [
      value({ kind: 'when', body: fault }, { kind: 'when', body: no }),
      value({ kind: 'when', body: literal(1) }),
    ]
    assert.deepEqual(
      faults.map((each) => each instanceof Fault && each.kind),
      ['attribute', 'type'],
    )
    assert.throws(() => compileConditions([null]), /cannot be compiled: null/)
    assert.throws(() => compileConditions([{ kind: 'when' }]), /cannot be compiled: null/)
  })
})
