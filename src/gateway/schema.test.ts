import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Json, JsonObject } from '../model/index.ts'
import { compileSchema } from './schema.ts'

function check(schema: JsonObject, value: Json): string {
  const compiled = compileSchema(schema, 'arguments')
  if (!compiled.ok) return `not compiled: ${compiled.reason}`
  const fault = compiled.value.check(value)
  return fault === undefined ? 'ok' : `${fault.path} ${fault.problem}`
}

const REFUND: JsonObject = {
  type: 'object',
  required: ['id', 'amount'],
  properties: {
    id: { type: 'string', pattern: '^o_[0-9]+$' },
    amount: { type: 'number' },
    to: { type: 'object', properties: { account: { type: 'string' } } },
    lines: { type: 'array', items: { type: 'object', properties: { sku: { type: 'string' } } } },
  },
}

const NEXT: JsonObject = { next: { $ref: '#/$defs/node' } }

describe('compileSchema for arguments', () => {
  it('accepts what is declared', () => {
    assert.equal(check(REFUND, { id: 'o_1', amount: 5, to: { account: 'x' }, lines: [{ sku: 'a' }] }), 'ok')
  })

  it('S11: refuses an undeclared argument, also inside objects and lists', () => {
    assert.equal(check(REFUND, { id: 'o_1', amount: 5, bcc: 'x' }), '$.bcc is not declared')
    assert.equal(check(REFUND, { id: 'o_1', amount: 5, to: { bcc: 'x' } }), '$.to.bcc is not declared')
    assert.equal(check(REFUND, { id: 'o_1', amount: 5, lines: [{ price: 1 }] }), '$.lines.0.price is not declared')
    assert.equal(check({ type: 'object' }, { any: 1 }), '$.any is not declared')
  })

  it('leaves a schema open that says so itself', () => {
    assert.equal(check({ type: 'object', additionalProperties: true }, { any: 1 }), 'ok')
  })

  it('S11: closes a composed schema over all of its branches', () => {
    const composed: JsonObject = {
      type: 'object',
      properties: { kind: { type: 'string' } },
      oneOf: [
        { type: 'object', properties: { mail: { type: 'string' } }, required: ['mail'] },
        { type: 'object', properties: { phone: { type: 'string' } }, required: ['phone'] },
      ],
    }
    assert.equal(check(composed, { kind: 'a', mail: 'x' }), 'ok')
    assert.equal(check(composed, { kind: 'a', mail: 'x', bcc: 'y' }), '$.bcc is not declared')
    const referring: JsonObject = {
      type: 'object',
      $ref: '#/$defs/a',
      $defs: { a: { type: 'object', properties: { x: { type: 'number' } } } },
    }
    assert.equal(check(referring, { x: 1 }), 'ok')
    assert.equal(check(referring, { x: 1, y: 1 }), '$.y is not declared')
  })

  it('S11: closes what is referred to, what has alternatives, and draft-07 in the same way', () => {
    const address: JsonObject = {
      type: 'object',
      properties: { city: { type: 'string' }, geo: { type: 'object', properties: { lat: { type: 'number' } } } },
    }
    for (const $schema of ['http://json-schema.org/draft-07/schema#', 'https://json-schema.org/draft/2020-12/schema']) {
      const referring: JsonObject = {
        $schema,
        type: 'object',
        $defs: { address },
        properties: {
          home: { $ref: '#/$defs/address' },
          work: { anyOf: [{ $ref: '#/$defs/address' }, { type: 'null' }] },
        },
      }
      assert.equal(check(referring, { home: { city: 'Porto', geo: { lat: 1 } }, work: null }), 'ok')
      assert.equal(check(referring, { home: { city: 'Porto', bcc: 'x' } }), '$.home.bcc is not declared')
      assert.equal(check(referring, { home: { geo: { lat: 1, bcc: 'x' } } }), '$.home.geo.bcc is not declared')
      assert.equal(check(referring, { work: { city: 'Porto', bcc: 'x' } }), '$.work.bcc is not declared')
      const composed: JsonObject = {
        $schema,
        type: 'object',
        oneOf: [
          { properties: { mail: { type: 'string' } }, required: ['mail'] },
          { properties: { phone: { type: 'string' } }, required: ['phone'] },
        ],
      }
      assert.equal(check(composed, { mail: 'x' }), 'ok')
      assert.equal(check(composed, { mail: 'x', bcc: 'y' }), '$.bcc is not declared')
    }
  })

  it('leaves an argument open that is declared as an object and nothing else', () => {
    const free: JsonObject = {
      type: 'object',
      properties: { filter: { type: 'object' }, more: { anyOf: [{ type: 'object' }, { type: 'null' }] } },
    }
    assert.equal(check(free, { filter: { any: { thing: 1 } }, more: { any: 1 } }), 'ok')
    assert.equal(check(free, { filter: {}, more: null, bcc: 1 }), '$.bcc is not declared')
  })

  it('S17: unique items are told without comparing every pair', () => {
    const schema: JsonObject = { type: 'object', properties: { a: { type: 'array', uniqueItems: true } } }
    const items = Array.from({ length: 20_000 }, (_, i) => ({ i, of: [i, String(i)] }))
    const started = performance.now()
    assert.equal(check(schema, { a: items }), 'ok')
    assert.match(check(schema, { a: [...items, { of: [7, '7'], i: 7 }] }), /\$\.a /)
    assert.ok(performance.now() - started < 5_000)
  })

  it('S17: a recursive schema that would be walked for 2^30 steps stops early', () => {
    const twice: JsonObject = {
      type: 'object',
      $defs: { node: { type: 'object', allOf: [{ properties: NEXT }, { properties: NEXT }] } },
      $ref: '#/$defs/node',
    }
    let value: Json = {}
    for (let depth = 0; depth < 30; depth++) value = { next: value }
    assert.equal(check(twice, value), '$ takes too long to check')
    assert.equal(check(twice, { next: { next: {} } }), 'ok')
  })

  it('compiles what the dialect itself checks with a pattern', () => {
    const anchored: JsonObject = {
      type: 'object',
      $defs: { a: { $anchor: 'a', type: 'object' } },
      properties: { x: {} },
    }
    assert.equal(check(anchored, { x: 1 }), 'ok')
  })

  it('reads draft-07 as draft-07', () => {
    const tuple: JsonObject = {
      $schema: 'http://json-schema.org/draft-07/schema#',
      type: 'object',
      properties: { pair: { type: 'array', items: [{ type: 'number' }, { type: 'string' }] } },
    }
    assert.equal(check(tuple, { pair: [1, 'a'] }), 'ok')
    assert.match(check(tuple, { pair: ['a', 1] }), /must be number/)
  })

  it('S17: a pattern that would backtrack for years answers at once', () => {
    const schema: JsonObject = { type: 'object', properties: { a: { type: 'string', pattern: '^(a+)+$' } } }
    const started = performance.now()
    assert.match(check(schema, { a: `${'a'.repeat(50_000)}!` }), /must match pattern/)
    assert.ok(performance.now() - started < 5_000)
  })

  it('S17: a large pattern over a large text is not begun', () => {
    const schema: JsonObject = { type: 'object', properties: { a: { type: 'string', pattern: '(?:.{1,30}a){1,30}x' } } }
    assert.equal(check(schema, { a: `x${'a'.repeat(1_000_000)}` }), '$ takes too long to check')
    assert.equal(check(schema, { a: 'aax' }), 'ok')
    const word: JsonObject = {
      type: 'object',
      properties: { a: { type: 'string', pattern: '^[A-Za-z0-9+/]+={0,2}$' } },
    }
    assert.equal(check(word, { a: 'QUJD'.repeat(250_000) }), 'ok')
  })

  it('refuses what cannot be checked: look-around, outside references, oversized and broken schemas', () => {
    const pattern = { type: 'object', properties: { a: { type: 'string', pattern: '^(?!x).*$' } } }
    assert.match(check(pattern, {}), /not compiled/)
    assert.match(check({ type: 'object', $ref: 'https://attacker.example/s.json' }, {}), /attacker.example/)
    assert.match(check({ type: 'object', properties: { a: { $ref: 'file:///etc/passwd' } } }, {}), /not compiled/)
    assert.match(check({ type: 'object', description: 'x'.repeat(70_000) }, {}), /larger than/)
    assert.match(check({ type: 'no such type' }, {}), /not compiled/)
  })
})
