import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { CODE_POINT } from '../../../test/kit/texts.ts'
import { type Json, LIMITS, parseJson } from '../../model/index.ts'
import { FROM_CELL, FROM_UPSTREAM, jsonFaultText, parseStrictJson } from './strict-json.ts'

const bytes = (text: string) => new TextEncoder().encode(text)
const fault = (text: string | Uint8Array) => {
  const parsed = parseStrictJson(typeof text === 'string' ? bytes(text) : text)
  return parsed.ok ? 'accepted' : parsed.reason.kind
}

describe('parseStrictJson', () => {
  const refused: readonly (readonly [what: string, text: string | Uint8Array, fault: string])[] = [
    ['a key twice', '{"amount":1,"amount":4900}', 'duplicate-key'],
    ['a key twice, once escaped', '{"amount":1,"\\u0061mount":4900}', 'duplicate-key'],
    ['a key twice, deep inside', '[{"a":[{"b":1,"c":{},"b":2}]}]', 'duplicate-key'],
    ['a key twice, with colons and quotes in strings', '{"a":"\\":\\"","a":"::"}', 'duplicate-key'],
    ['an integer past 2^53', '{"id":9007199254740993}', 'unsafe-number'],
    ['a large integer by exponent', '1e300', 'unsafe-number'],
    ['infinity by exponent', '1e999', 'unsafe-number'],
    ['a number that a double takes for zero', '{"amount":1e-400}', 'unsafe-number'],
    ['a number that a double rounds', '[0.99999999999999999999]', 'unsafe-number'],
    ['an exponent of twelve digits', '1e-100000000000', 'unsafe-number'],
    ['a lone surrogate in a value', '"\\ud800"', 'lone-surrogate'],
    ['a lone surrogate in a key', '{"\\udc00":1}', 'lone-surrogate'],
    ['bytes that are not UTF-8', Uint8Array.of(0x22, 0xc0, 0xaf, 0x22), 'not-utf8'],
    ['an overlong encoding', Uint8Array.of(0x22, 0xe0, 0x80, 0xaf, 0x22), 'not-utf8'],
    ['a byte order mark', '\ufeff{}', 'not-json'],
    ['UTF-16', Uint8Array.of(0x7b, 0x00, 0x7d, 0x00), 'not-json'],
    ['a trailing comma', '{"a":1,}', 'not-json'],
    ['two values', '{}{}', 'not-json'],
    ['NaN', 'NaN', 'not-json'],
    ['a comment', '{}//', 'not-json'],
    ['an open string', '"abc', 'not-json'],
    ['nothing', '', 'not-json'],
    ['a prototype', '{"__proto__":{"admin":true}}', 'reserved-key'],
    [
      'nesting past the limit',
      `${'['.repeat(LIMITS.jsonDepthMax + 1)}${']'.repeat(LIMITS.jsonDepthMax + 1)}`,
      'too-deep',
    ],
    ['ten thousand brackets', '['.repeat(10_000), 'too-deep'],
    ['more values than the limit', `[${'0,'.repeat(LIMITS.jsonNodesMax)}0]`, 'too-many-values'],
  ]
  for (const [what, text, kind] of refused) {
    it(`S11: refuses ${what}`, () => assert.equal(fault(text), kind))
  }

  it('S11: says what is wrong, and where', () => {
    const said = (text: string, bounds = FROM_CELL) => {
      const parsed = parseStrictJson(bytes(text), bounds)
      return parsed.ok ? 'accepted' : jsonFaultText(parsed.reason)
    }
    assert.match(said('{"a":[{"b":1e-5},{"id":1e999999999}]}'), /^unsafe-number at \$\.a\[1\]\.id: readers of JSON/)
    assert.match(said('{"a":[{"b":0.10},{"id":-1e-400}]}'), /^unsafe-number at \$\.a\[1\]\.id:/)
    // As languages write doubles: the shortest, with seventeen digits, with zeros behind.
    const usual =
      '[0.1,0.10000000000000001,3.1415926535897931,1e-320,-0.0,0e999999,1E2,100.00000000000000000000,5e-324]'
    assert.equal(said(usual), 'accepted')
    assert.match(said('{"a":["x","\\ud800"]}'), /^lone-surrogate at \$\.a\[1\]:/)
    assert.match(said('{"a":{"__proto__":1}}'), /^reserved-key at \$\.a:/)
    assert.match(
      said('{"a":[1,{"b":{"x" : 1,"y":["x",{"x":2}],"\\u0078" :2}}]}'),
      /^duplicate-key at \$\.a\[1\]\.b\.x:/,
    )
    assert.equal(said('{"mean":NaN}'), 'not JSON: NaN at "mean", which JSON does not have')
    assert.equal(said('{"a b": -Infinity}'), 'not JSON: Infinity at "a b", which JSON does not have')
    assert.equal(said('{"a":"NaN"'), 'not JSON')
    assert.equal(said('['.repeat(40)), 'too-deep: 40 levels, and at most 32 are read')
    const rows = `[${Array.from({ length: 12_000 }, (_, id) => `{"id":${id},"sku":"s","n":1,"ok":true}`)}]`
    assert.match(said(rows), /^too-many-values: 60001, and at most 50000 are read/)
    assert.equal(said(rows, FROM_UPSTREAM), 'accepted')
    assert.equal(said(`${'{"a":['.repeat(100)}1${']}'.repeat(100)}`, FROM_UPSTREAM), 'accepted')
    assert.match(said('['.repeat(257), FROM_UPSTREAM), /^too-deep: 257 levels, and at most 256/)
    assert.match(said(`[${'0,'.repeat(100_000)}0]`, FROM_UPSTREAM), /^too-many-values: 100002, and at most 100000/)
  })

  it('S11: what an upstream says keeps its numbers as they were written; those of a cell are refused', () => {
    const text = '{"id":1215883588174806058,"wei":2500000000000000000,"price":19.90,"big":1e400,"n":5,"x":0.5}'
    const upstream = parseStrictJson(bytes(text), FROM_UPSTREAM)
    assert.equal(upstream.ok && JSON.stringify(upstream.value), text)
    const cell = parseStrictJson(bytes(text), FROM_CELL)
    assert.match(cell.ok ? '' : jsonFaultText(cell.reason), /^unsafe-number at \$\.id: .*write it as text$/)
    // A key that is written twice hides one of them, and a string that looks like one is half a character.
    for (const [odd, kind] of [
      ['{"a":1.0,"a":2}', 'duplicate-key'],
      ['{"a":"\\udfff0","b":1.0}', 'lone-surrogate'],
      ['{"1.0":1.0,"\\u0031.0":2}', 'duplicate-key'],
      [`{"a":1.${'0'.repeat(1_100)}}`, 'unsafe-number'],
    ] as const) {
      const parsed = parseStrictJson(bytes(odd), FROM_UPSTREAM)
      assert.equal(parsed.ok ? 'accepted' : parsed.reason.kind, kind, odd.slice(0, 40))
    }
  })

  it('S17: takes what lies just under the limits', () => {
    assert.equal(fault(`${'['.repeat(LIMITS.jsonDepthMax)}${']'.repeat(LIMITS.jsonDepthMax)}`), 'accepted')
    assert.equal(fault(`[${'0,'.repeat(LIMITS.jsonNodesMax - 3)}0]`), 'accepted')
  })

  it('S17: counts keys, wherever they stand', () => {
    assert.equal(LIMITS.frameKeysMax, 10_000)
    const objects = (count: number) => bytes(`[${Array.from({ length: count / 2 }, (_, i) => `{"a":1,"k${i}":":"}`)}]`)
    const taken = parseStrictJson(objects(LIMITS.frameKeysMax), FROM_CELL)
    assert.ok(taken.ok)
    const refused = parseStrictJson(objects(LIMITS.frameKeysMax + 2), FROM_CELL)
    assert.ok(!refused.ok && refused.reason.kind === 'too-many-keys')
  })

  it('S11: reads every other JSON as the platform does, and serialises it to the same value', () => {
    const json = fc
      .jsonValue({ maxDepth: 8, stringUnit: CODE_POINT })
      .filter((value) => fault(JSON.stringify(value)) !== 'too-deep')
    fc.assert(
      fc.property(json, fc.nat(3), (value, indent) => {
        const text = JSON.stringify(value, null, indent)
        const parsed = parseStrictJson(bytes(text))
        if (parsed.ok) assert.deepEqual(parsed.value, parseJson(text))
        else assert.ok(isUnsafe(parseJson(text)), `${parsed.reason.kind}: ${text}`)
      }),
      { numRuns: 2_000 },
    )
  })

  it('S11: a key added a second time is found, wherever it stands', () => {
    const objects = fc.dictionary(
      fc.string({ unit: CODE_POINT }).filter((key) => key !== '__proto__'),
      fc.string({ unit: CODE_POINT }),
      { minKeys: 1 },
    )
    fc.assert(
      fc.property(objects, fc.nat(), (value, pick) => {
        const keys = Object.keys(value)
        const key = keys[pick % keys.length]
        const text = JSON.stringify(value).replace(/\}$/, `,${JSON.stringify(key)}:"x"}`)
        assert.equal(fault(text), 'duplicate-key')
      }),
    )
  })
})

/** The rule said another way: some number or string in it is one that I-JSON forbids. */
function isUnsafe(value: Json): boolean {
  if (typeof value === 'number') return Math.abs(value) > 2 ** 53 - 1
  if (typeof value === 'string') return /[\ud800-\udfff]/u.test(value)
  if (value === null || typeof value !== 'object') return false
  if (Array.isArray(value)) return value.some(isUnsafe)
  return Object.entries(value).some(([key, item]) => key === '__proto__' || isUnsafe(key) || isUnsafe(item))
}
