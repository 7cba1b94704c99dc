/** What schemas say in the drafts in which they are found, whatever their `$schema` says. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { type Json, type JsonObject, parseExactJson } from '../../model/index.ts'
import { compileSchema } from './schema.ts'

/** Of one argument `v`. Numbers in `value` are read as they are written. */
function check(schema: Json | string, value: string, more: JsonObject = {}): string {
  const own = typeof schema === 'string' ? parseExactJson(schema) : schema
  const compiled = compileSchema({ ...more, type: 'object', properties: { v: own } }, 'arguments')
  if (!compiled.ok) return `not compiled: ${compiled.reason}`
  const fault = compiled.value.check({ v: parseExactJson(value) })
  return fault === undefined ? 'ok' : `${fault.path} ${fault.problem}`
}

const DRAFTS = [
  {},
  { $schema: 'http://json-schema.org/draft-04/schema#' },
  { $schema: 'http://json-schema.org/draft-07/schema#' },
  { $schema: 'https://json-schema.org/draft/2019-09/schema' },
  { $schema: 'https://json-schema.org/draft/2020-12/schema' },
]

describe('numbers in schemas', () => {
  it('takes every price from 0.00 to 100.00 for a multiple of 0.01', () => {
    const price = { type: 'number', minimum: 0, multipleOf: 0.01 }
    for (let cents = 0; cents <= 10_000; cents++) {
      const text = (cents / 100).toFixed(2)
      assert.equal(check(price, text), 'ok', text)
    }
    assert.equal(check(price, '19.995'), '$.v must be multiple of 0.01')
  })

  it('takes multiples as decimals: in exponents, in very small ones, and past what a double holds', () => {
    for (const [of, value, good] of [
      ['1e-7', '3e-7', true],
      ['1e-7', '0.00000035', false],
      ['0.0001', '0.0075', true],
      ['0.1', '0.3', true],
      ['0.3', '0.9', true],
      ['0.7', '0.8', false],
      ['2.5e2', '1e3', true],
      ['3', '9007199254740993', true],
      ['2', '9007199254740993', false],
      ['1e-300', '1', true],
      ['5', '-0.0', true],
      ['1000000', '9223372036854000000', true],
    ] as const)
      assert.equal(check(`{"multipleOf":${of}}`, value), good ? 'ok' : `$.v must be multiple of ${of}`)
  })

  it('has for multiples what sums of whole units say', () => {
    const places = fc.integer({ min: 0, max: 6 })
    const written = (units: bigint, of: number) =>
      of === 0 ? `${units}` : `${units / 10n ** BigInt(of)}.${String(units % 10n ** BigInt(of)).padStart(of, '0')}`
    fc.assert(
      fc.property(places, fc.bigInt(1n, 10_000n), fc.bigInt(0n, 10n ** 20n), (of, step, units) => {
        const said = check(`{"multipleOf":${written(step, of)}}`, written(units, of))
        assert.equal(said === 'ok', units % step === 0n)
      }),
    )
  })

  it('bounds 64-bit numbers and longer ones by all of their digits', () => {
    const int64 = '{"type":"integer","minimum":0,"maximum":9223372036854775807}'
    assert.equal(check(int64, '9223372036854775807'), 'ok')
    assert.equal(check(int64, '9223372036854775808'), '$.v must be <= 9223372036854775807')
    assert.equal(check(int64, '9007199254740993'), 'ok')
    assert.equal(check(int64, '1e18'), 'ok')
    assert.equal(check(int64, '9007199254740993.5'), '$.v must be integer')
    assert.equal(
      check('{"exclusiveMinimum":-9223372036854775808}', '-9223372036854775808').startsWith('$.v must'),
      true,
    )
    assert.equal(check('{"minimum":1e300}', '1e400'), 'ok')
    assert.equal(check('{"maximum":-1e-400}', '0'), '$.v must be <= -1e-400')
  })

  it('tells such numbers apart in lists of values', () => {
    const ids = '{"enum":[9007199254740993,1.0,"9007199254740995"]}'
    assert.equal(check(ids, '9007199254740993'), 'ok')
    assert.equal(check(ids, '9007199254740992'), '$.v must be equal to one of the allowed values')
    assert.equal(check(ids, '9007199254740995'), '$.v must be equal to one of the allowed values')
    assert.equal(check(ids, '1'), 'ok')
    const unique = '{"type":"array","uniqueItems":true}'
    assert.equal(check(unique, '[9007199254740993,9007199254740992,"9007199254740993"]'), 'ok')
    assert.equal(check(unique, '[1.0,1]'), '$.v must NOT have duplicate items')
    assert.equal(check('{"const":{"a":9007199254740993}}', '{"a":9007199254740993}'), 'ok')
    assert.notEqual(check('{"const":{"a":9007199254740993}}', '{"a":9007199254740992}'), 'ok')
  })
})

describe('what drafts say', () => {
  it('a list of items is a tuple in each, and so is prefixItems', () => {
    for (const draft of DRAFTS) {
      const listed = { type: 'array', items: [{ type: 'integer' }, { type: 'string' }], additionalItems: false }
      const prefixed = { type: 'array', prefixItems: [{ type: 'integer' }, { type: 'string' }], items: false }
      for (const tuple of [listed, prefixed]) {
        assert.equal(check(tuple, '[1,"a"]', draft), 'ok')
        assert.equal(check(tuple, '["a",1]', draft), '$.v[0] must be integer')
        assert.equal(check(tuple, '[1,"a",2]', draft), '$.v[2] is not allowed')
      }
      const further = { items: [{ type: 'integer' }], additionalItems: { type: 'object', properties: { a: {} } } }
      assert.equal(check(further, '[1,{"a":1}]', draft), 'ok')
      assert.equal(check(further, '[1,{"b":1}]', draft), '$.v[1].b is not declared')
    }
  })

  it('exclusiveMinimum is a truth value of draft-04 or a number, by what it is', () => {
    for (const draft of DRAFTS) {
      const between = { minimum: 0, exclusiveMinimum: true, maximum: 10, exclusiveMaximum: false }
      assert.equal(check(between, '0', draft), '$.v must be > 0')
      assert.equal(check(between, '10', draft), 'ok')
      assert.equal(check({ exclusiveMaximum: 10 }, '10', draft), '$.v must be < 10')
    }
  })

  it('what depends on a property, definitions and $defs are known in each', () => {
    for (const draft of DRAFTS)
      for (const [where, keyword] of [
        ['definitions', 'dependencies'],
        ['$defs', 'dependentRequired'],
        ['$defs', 'dependencies'],
      ] as const) {
        const more = { ...draft, [where]: { card: { properties: { n: {}, cvc: {} }, [keyword]: { n: ['cvc'] } } } }
        const schema = { $ref: `#/${where}/card` }
        assert.equal(check(schema, '{"n":1,"cvc":2}', more), 'ok')
        assert.equal(check(schema, '{"n":1}', more), "$.v must have required property 'cvc'")
        assert.equal(check(schema, '{"cvc":1,"bcc":1}', more), '$.v.bcc is not declared')
      }
  })

  it('parts are found by the names that they have: id, $id, $anchor, and the address of the whole', () => {
    const text = { type: 'string' }
    for (const [more, $ref] of [
      [{ definitions: { a: { id: '#a', ...text } } }, '#a'],
      [{ definitions: { a: { $id: '#a', ...text } } }, '#a'],
      [{ $defs: { a: { $anchor: 'a', ...text } } }, '#a'],
      [{ $defs: { a: { $id: 'Text', ...text } } }, 'Text'],
      [{ $id: 'https://shop.example/t.json', $defs: { a: text } }, 'https://shop.example/t.json#/$defs/a'],
    ] as const) {
      assert.equal(check({ $ref }, '"x"', more), 'ok', $ref)
      assert.equal(check({ $ref }, '1', more), '$.v must be string', $ref)
    }
    const old = {
      $schema: 'http://json-schema.org/draft-04/schema#',
      id: 'https://shop.example/t',
      definitions: { a: text },
    }
    assert.equal(check({ $ref: 'https://shop.example/t#/definitions/a' }, '1', old), '$.v must be string')
    // Elsewhere it is a member like any other, and often stands in what is no schema.
    const noted = {
      $defs: { a: { id: 'A', properties: { x: { $ref: '#/$defs/t' } } }, t: text },
      'x-rows': [{ id: 'A' }, { id: 'A' }],
    }
    assert.equal(check({ $ref: '#/$defs/a' }, '{"x":"y"}', noted), 'ok')
    const twice = { $defs: { a: { $id: 'T', ...text }, b: { $id: 'T' } } }
    assert.equal(check({ type: 'integer' }, '1', twice), 'ok')
    assert.match(check({ $ref: 'T' }, '1', twice), /"T", which is not in it/)
    const within = { $defs: { a: { $id: 'https://x.example/', $ref: '#/$defs/b', $defs: { b: text } } } }
    assert.match(check({ $ref: 'https://x.example/' }, '1', within), /address of its own/)
  })

  it('null is welcome where OpenAPI says so, with a type or without one', () => {
    const more = { $defs: { a: { type: 'object', properties: { x: {} } } } }
    for (const schema of [
      { type: 'string', nullable: true },
      { $ref: '#/$defs/a', nullable: true },
      { anyOf: [{ type: 'string' }, { type: 'integer' }], nullable: true },
    ]) {
      assert.equal(check(schema, 'null', more), 'ok')
      assert.notEqual(check(schema, 'true', more), 'ok')
    }
    assert.equal(check({ $ref: '#/$defs/a', nullable: false }, 'null', more), '$.v must be object')
  })

  it('draft-03 says of a property that it is required, and that it may be anything', () => {
    const schema = { type: 'object', properties: { a: { type: 'any', required: true }, b: { required: false } } }
    assert.equal(check(schema, '{"a":[1]}'), 'ok')
    assert.equal(check(schema, '{"b":1}'), "$.v must have required property 'a'")
  })

  it('a schema that refers to itself is one in each', () => {
    for (const keyword of ['$ref', '$dynamicRef', '$recursiveRef']) {
      const tree: JsonObject = { type: 'object', properties: { n: { type: 'integer' }, below: { [keyword]: '#' } } }
      const compiled = compileSchema(tree, 'arguments')
      assert.ok(compiled.ok)
      assert.equal(compiled.value.check({ n: 1, below: { n: 2, below: {} } }), undefined)
      assert.equal(compiled.value.check({ below: { below: { n: 'x' } } })?.path, '$.below.below.n')
      assert.equal(compiled.value.check({ below: { bcc: 1 } })?.problem, 'is not declared')
    }
  })
})
