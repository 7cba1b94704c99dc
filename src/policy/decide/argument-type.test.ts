import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import type { Json, JsonObject } from '../../model/json.ts'
import { CedarSet, Decimal, type Value, Withheld } from '../cedar/value.ts'
import { argumentsOf } from './argument-type.ts'
import { argumentMapper } from './arguments.ts'

describe('argumentsOf', () => {
  const cases: readonly (readonly [what: string, schema: JsonObject, kind: string])[] = [
    ['a text', { type: 'string', format: 'email' }, 'string'],
    ['an integer', { type: 'integer', minimum: 1 }, 'long'],
    ['a number, whole or not', { type: 'number' }, 'decimal'],
    ['texts to choose from', { enum: ['a', 'b'] }, 'string'],
    ['numbers to choose from', { enum: [1, 2] }, 'decimal'],
    ['one or null', { anyOf: [{ type: 'string' }, { type: 'null' }] }, 'string'],
    ['two alike', { oneOf: [{ type: 'string', maxLength: 1 }, { type: 'string' }] }, 'string'],
    ['a reference', { $ref: '#/$defs/name' }, 'string'],
    ['a reference to itself', { $ref: '#/$defs/loop' }, 'opaque'],
    ['a reference to elsewhere', { $ref: 'https://example.com/schema' }, 'opaque'],
    ['two that differ', { anyOf: [{ type: 'string' }, { type: 'integer' }] }, 'opaque'],
    ['several types', { type: ['string', 'integer'] }, 'opaque'],
    ['anything', {}, 'opaque'],
    ['an array of texts', { type: 'array', items: { type: 'string' } }, 'set'],
    ['an array of anything', { type: 'array' }, 'opaque'],
    ['an array with nulls', { type: 'array', items: { type: ['string', 'null'] } }, 'opaque'],
    ['a tuple', { type: 'array', prefixItems: [{ type: 'string' }] }, 'opaque'],
    ['an object', { type: 'object', properties: { a: { type: 'string' } } }, 'record'],
  ]
  for (const [what, schema, kind] of cases) {
    it(`${what}: ${kind}`, () => assert.equal(typeOf(schema)?.type.kind, kind))
  }

  it('what may be null is not required, because null is absent', () => {
    assert.equal(typeOf({ type: 'string' })?.required, true)
    assert.equal(typeOf({ type: ['string', 'null'] })?.required, false)
  })

  it('a resource has its uri, a prompt its arguments', () => {
    assert.deepEqual(Object.keys(argumentsOf({ definition: { uri: 'file:///a' } }).fields), ['uri'])
    const prompt = argumentsOf({ definition: { arguments: [{ name: 'city', required: true }, { name: 'mood' }] } })
    assert.deepEqual(
      Object.values(prompt.fields).map(({ required }) => required),
      [true, false],
    )
  })
})

describe('argumentMapper', () => {
  it('AR2: a number is the decimal that its JSON text says, or withheld', () => {
    fc.assert(
      fc.property(fc.oneof(money, fc.double()), (number) => {
        const mapped = only({ type: 'number' }, number)
        const text = JSON.stringify(number)
        const [, whole, fraction = ''] = /^(-?\d+)(?:\.(\d+))?$/.exec(text) ?? []
        const units = whole === undefined || fraction.length > 4 ? undefined : BigInt(whole + fraction.padEnd(4, '0'))
        if (units === undefined || units >= 2n ** 63n || units < -(2n ** 63n))
          assert.ok(mapped instanceof Withheld, text)
        else assert.ok(mapped instanceof Decimal && mapped.units === units, text)
      }),
      { numRuns: 5_000 },
    )
  })

  it('AR2: an integer is itself; a fraction, a text and anything unsafe are withheld', () => {
    assert.equal(only({ type: 'integer' }, 3), 3)
    for (const bad of [3.5, '3', 2 ** 53, true, [3]])
      assert.ok(only({ type: 'integer' }, bad) instanceof Withheld, String(bad))
  })

  it('AR1: every member but nulls is there, declared or not', () => {
    const map = argumentMapper(
      argumentsOf({ definition: {}, input: { type: 'object', properties: { a: { type: 'string' } } } }),
    )
    const record = map(JSON.parse('{"a":"x","b":1,"c":null,"__proto__":{"a":1},"constructor":2}'))
    assert.deepEqual([...record.keys()].sort(), ['__proto__', 'a', 'b', 'constructor'])
    assert.ok(record.get('b') instanceof Withheld && record.get('__proto__') instanceof Withheld)
  })

  it('AR2: order and repeats of an array are lost, and it says so', () => {
    const schema = { type: 'array', items: { type: 'string' } }
    const [empty, one, two] = [[], ['a'], ['a', 'a']].map((array) => only(schema, array))
    assert.ok(empty instanceof CedarSet && !empty.lossy && one instanceof CedarSet && !one.lossy)
    assert.ok(two instanceof CedarSet && two.lossy)
    const nested = { type: 'array', items: schema }
    assert.ok(only(nested, [['a', 'b']]) instanceof Withheld && only(nested, [['a'], ['b']]) instanceof CedarSet)
  })
})

function typeOf(schema: JsonObject) {
  const $defs = { name: { type: 'string' }, loop: { $ref: '#/$defs/loop' } }
  return argumentsOf({ definition: {}, input: { type: 'object', properties: { x: schema }, required: ['x'], $defs } })
    .fields.x
}

function only(schema: JsonObject, x: Json): Value | Withheld | undefined {
  const input = { type: 'object', properties: { x: schema } }
  return argumentMapper(argumentsOf({ definition: {}, input }))({ x }).get('x')
}

const money = fc.tuple(fc.integer(), fc.integer({ min: 0, max: 99_999 })).map(([a, b]) => Number(`${a}.${b}`))
