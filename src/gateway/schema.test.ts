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

  it('refuses what cannot be checked: look-around, outside references, oversized and broken schemas', () => {
    const pattern = { type: 'object', properties: { a: { type: 'string', pattern: '^(?!x).*$' } } }
    assert.match(check(pattern, {}), /not compiled/)
    assert.match(check({ type: 'object', $ref: 'https://attacker.example/s.json' }, {}), /attacker.example/)
    assert.match(check({ type: 'object', properties: { a: { $ref: 'file:///etc/passwd' } } }, {}), /not compiled/)
    assert.match(check({ type: 'object', description: 'x'.repeat(70_000) }, {}), /larger than/)
    assert.match(check({ type: 'no such type' }, {}), /not compiled/)
  })
})
