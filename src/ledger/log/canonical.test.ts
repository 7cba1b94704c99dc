import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { type Json, parseJson } from '../../model/index.ts'
import { canonicalText } from './canonical.ts'
import { LEDGER_LIMITS } from './limits.ts'

describe('canonical bytes', () => {
  it('RFC 8785 3.2.2: the sample of literals, numbers and escapes', () => {
    const sample = {
      numbers: [Number('333333333.33333329'), 1e30, 4.5, 2e-3, 1e-27],
      string: '\u20ac$\u000F\u000aA\'\u0042\u0022\u005c\\"/',
      literals: [null, true, false],
    }
    const expected =
      '{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],' +
      '"string":"€$\\u000f\\nA\'B\\"\\\\\\\\\\"/"}'
    assert.equal(textOf(sample), expected)
  })

  it('RFC 8785 3.2.3: keys sort by UTF-16 code units, not by code points or locale', () => {
    const sample = {
      '\u20ac': 'Euro Sign',
      '\r': 'Carriage Return',
      '\ufb33': 'Hebrew Letter Dalet With Dagesh',
      '1': 'One',
      '\u{1f600}': 'Emoji: Grinning Face',
      '\u0080': 'Control',
      '\u00f6': 'Latin Small Letter O With Diaeresis',
    }
    const order = [...textOf(sample).matchAll(/:"([^"]+)"/g)].map(([, value]) => value)
    assert.deepEqual(order, [
      'Carriage Return',
      'One',
      'Control',
      'Latin Small Letter O With Diaeresis',
      'Euro Sign',
      'Emoji: Grinning Face',
      'Hebrew Letter Dalet With Dagesh',
    ])
  })

  it('RFC 8785 appendix B: numbers, from their IEEE 754 bits', () => {
    const samples: [string, string][] = [
      ['0000000000000000', '0'],
      ['8000000000000000', '0'],
      ['0000000000000001', '5e-324'],
      ['8000000000000001', '-5e-324'],
      ['7fefffffffffffff', '1.7976931348623157e+308'],
      ['ffefffffffffffff', '-1.7976931348623157e+308'],
      ['4340000000000000', '9007199254740992'],
      ['c340000000000000', '-9007199254740992'],
      ['4430000000000000', '295147905179352830000'],
      ['44b52d02c7e14af5', '9.999999999999997e+22'],
      ['44b52d02c7e14af6', '1e+23'],
      ['44b52d02c7e14af7', '1.0000000000000001e+23'],
      ['444b1ae4d6e2ef4e', '999999999999999700000'],
      ['444b1ae4d6e2ef4f', '999999999999999900000'],
      ['444b1ae4d6e2ef50', '1e+21'],
      ['3eb0c6f7a0b5ed8c', '9.999999999999997e-7'],
      ['3eb0c6f7a0b5ed8d', '0.000001'],
      ['41b3de4355555553', '333333333.3333332'],
      ['41b3de4355555557', '333333333.33333343'],
      ['becbf647612f3696', '-0.0000033333333333333333'],
      ['43143ff3c1cb0959', '1424953923781206.2'],
    ]
    for (const [bits, expected] of samples) {
      assert.equal(textOf(Buffer.from(bits, 'hex').readDoubleBE(0)), expected)
    }
  })

  it('refuses what I-JSON cannot hold, instead of repairing it', () => {
    const nested = (depth: number) => JSON.parse(`${'['.repeat(depth)}${']'.repeat(depth)}`)
    const deep = nested(LEDGER_LIMITS.entryDepthMax + 1)
    for (const value of [Number.NaN, Number.POSITIVE_INFINITY, '\ud800', { '\udc00': 1 }, ['a\ud800b'], deep]) {
      assert.equal(canonicalText(value).ok, false)
    }
    assert.equal(canonicalText(nested(LEDGER_LIMITS.entryDepthMax)).ok, true)
  })

  it('keys that hold commas do not pass for other keys', () => {
    const samples = [{ b: 1, 'a,c': 2 }, { 'b,a': 1, c: 2 }, { b: 1, a: 2, c: 3 }, { c: 1, 'b,a': 2 }, { 'b,a,c': 1 }]
    for (let i = 0; i < 3; i++) for (const sample of samples) assert.equal(textOf(sample), oracle(sample))
  })

  it('an own __proto__ is a key like any other', () => {
    const text = '{"__proto__":{"x":1},"a":2}'
    assert.equal(textOf(JSON.parse(text)), text)
  })

  it('is the same JSON, whatever order its keys came in, and has no space outside strings', () => {
    const json = fc.jsonValue({ maxDepth: 5 }).map((value) => parseJson(JSON.stringify(value)))
    fc.assert(
      fc.property(json, (value) => {
        const text = textOf(value)
        assert.deepEqual(parseJson(text), value)
        assert.equal(textOf(reversed(value)), text)
        assert.equal(text, oracle(value))
      }),
      { numRuns: 1000 },
    )
  })
})

/** Sorts by the big-endian bytes of UTF-16, as RFC 8785 words it, and leaves all else to JSON.stringify. */
function oracle(value: Json): string {
  if (typeof value !== 'object' || value === null) return JSON.stringify(value)
  if (Array.isArray(value)) return `[${value.map(oracle).join()}]`
  const units = (key: string) => Buffer.from(key, 'utf16le').swap16()
  const members = Object.entries(value).sort(([a], [b]) => Buffer.compare(units(a), units(b)))
  return `{${members.map(([key, member]) => `${JSON.stringify(key)}:${oracle(member as Json)}`).join()}}`
}

function reversed(value: Json): Json {
  if (Array.isArray(value)) return value.map(reversed)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(value)
      .reverse()
      .map(([key, member]) => [key, reversed(member as Json)]),
  )
}

function textOf(value: Json): string {
  const text = canonicalText(value)
  assert.ok(text.ok)
  return text.value
}
