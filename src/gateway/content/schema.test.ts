import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { cpuMs } from '../../../test/kit/cpu.ts'
import type { Json, JsonObject } from '../../model/index.ts'
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
    assert.equal(check(REFUND, { id: 'o_1', amount: 5, lines: [{ price: 1 }] }), '$.lines[0].price is not declared')
    assert.equal(check({ type: 'object' }, { any: 1 }), '$.any is not declared')
  })

  it('S11: closes one that names members by patterns to all others', () => {
    const patterned: JsonObject = {
      type: 'object',
      properties: { to: { type: 'string' } },
      patternProperties: { '^x-': { type: 'string' } },
    }
    assert.equal(check(patterned, { to: 'a', 'x-a': 'b' }), 'ok')
    assert.match(check(patterned, { to: 'a', 'x-a': 1 }), /x-a/)
    assert.equal(check(patterned, { to: 'a', bcc: 5 }), '$.bcc is not declared')
    const inner: JsonObject = { type: 'object', properties: { headers: { patternProperties: { '^x-': {} } } } }
    assert.equal(check(inner, { headers: { 'x-a': 1 } }), 'ok')
    assert.equal(check(inner, { headers: { b: 1 } }), '$.headers.b is not declared')
    assert.equal(check({ type: 'object', patternProperties: { '': {} } }, { any: 1 }), 'ok', 'a pattern of all names')
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
    const items = Array.from({ length: 5_000 }, (_, i) => ({ i, of: [i, String(i)] }))
    const started = cpuMs()
    assert.equal(check(schema, { a: items }), 'ok')
    assert.match(check(schema, { a: [...items, { of: [7, '7'], i: 7 }] }), /^\$\.a must NOT/)
    assert.equal(check(schema, { a: Array.from({ length: 49_000 }, (_, i) => i) }), 'ok')
    assert.ok(cpuMs() - started < 5_000)
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
    const started = cpuMs()
    assert.match(check(schema, { a: `${'a'.repeat(30_000)}!` }), /must match pattern/)
    assert.ok(cpuMs() - started < 5_000)
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

  it('S17: thousands of alternatives against thousands of values are found at once, or refused soon', () => {
    const texts = Array.from({ length: 4_500 }, (_, i) => `v${i.toString(36)}zzz`)
    const objects = Array.from({ length: 2_500 }, (_, b) => ({ a: 1, b }))
    const needs = Array.from({ length: 800 }, (_, i) => ({ type: 'object', required: [`k${i}`] }))
    for (const [items, value, expected] of [
      [{ type: 'string', enum: texts }, texts.at(-1), 'ok'],
      [{ enum: objects }, objects.at(-1), 'ok'],
      [{ anyOf: texts.slice(0, 2_000).map((each) => ({ const: each })) }, texts[1_999], 'ok'],
      [{ anyOf: texts.slice(0, 1_500).map((each) => ({ enum: [each] })) }, texts[1_499], '$ takes too long to check'],
      [{ oneOf: needs }, { k799: 1 }, '$ takes too long to check'],
    ] as const) {
      const schema: JsonObject = { type: 'object', properties: { l: { type: 'array', items } } }
      const list = Array<Json>(16_000).fill(value ?? null)
      const started = cpuMs()
      assert.equal(check(schema, { l: list }), expected)
      assert.ok(cpuMs() - started < 1_000, `${JSON.stringify(items).slice(0, 80)}: too slow`)
    }
  })

  it('S17: what is referred to hundreds of times is compiled once', () => {
    const many = (prefix: string, count: number, schema: JsonObject) =>
      Object.fromEntries(Array.from({ length: count }, (_, i) => [`${prefix}${i}`, schema]))
    const $defs = { a: { type: 'object', properties: many('q', 400, { type: 'string' }) } }
    const schema: JsonObject = { type: 'object', properties: many('p', 400, { $ref: '#/$defs/a' }), $defs }
    const started = cpuMs()
    assert.match(check(schema, { p399: { q399: 1 } }), /^\$\.p399\.q399 must be string/)
    assert.ok(cpuMs() - started < 1_000)
  })

  it('S17: a reference that leads to itself, and one that is nested without end, are refused', () => {
    assert.equal(check({ type: 'object', $ref: '#' }, {}), '$ takes too long to check')
    let nested: JsonObject = { type: 'string' }
    for (let depth = 0; depth < 20_000; depth++) nested = { not: nested }
    assert.equal(
      check({ type: 'object', properties: { a: nested } }, {}),
      'not compiled: it is nested more than 96 levels deep',
    )
  })

  it('S17: patterns that grow when they are compiled are not begun', () => {
    const schema = (pattern: string): JsonObject => ({ type: 'object', properties: { a: { type: 'string', pattern } } })
    const started = cpuMs()
    assert.equal(check(schema('a{1000}'.repeat(9_000)), {}), 'not compiled: its patterns are too large')
    assert.equal(check(schema('((a{30}){30}){20}'), {}), 'not compiled: its patterns are too large')
    assert.equal(check(schema('\\p{L}'.repeat(1_000)), {}), 'not compiled: its patterns are too large')
    assert.ok(cpuMs() - started < 1_000)
  })

  it('S17: what is said of a fault is short, whatever its name or pattern', () => {
    const long = check({ type: 'object', properties: {} }, { [`${'k'.repeat(196)}😀${'k'.repeat(300_000)}`]: 1 })
    assert.ok(long.length <= 200 + ' is not declared'.length && long.isWellFormed())
    const pattern = `^[a-z]{1,3}${'x'.repeat(5_000)}$`
    assert.ok(check({ type: 'object', properties: { a: { type: 'string', pattern } } }, { a: '1' }).length < 500)
  })

  it('refuses what cannot be checked: look-around, outside references, oversized and broken schemas', () => {
    const pattern = { type: 'object', properties: { a: { type: 'string', pattern: '^(?!x).*$' } } }
    assert.match(check(pattern, {}), /not compiled/)
    assert.match(check({ type: 'object', $ref: 'https://attacker.example/s.json' }, {}), /attacker.example/)
    assert.match(check({ type: 'object', properties: { a: { $ref: 'file:///etc/passwd' } } }, {}), /not compiled/)
    assert.match(check({ type: 'object', description: 'ü'.repeat(131_100) }, {}), /2622\d\d bytes, and at most 262144/)
    assert.equal(check({ type: 'object', description: 'ü'.repeat(131_000) }, {}), 'ok')
    assert.match(check({ type: 'no such type' }, {}), /not compiled/)
  })
})
