import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { parseStrictText } from '../../gateway/content/strict-json.ts'
import { parseJson } from './parse-json.ts'

describe('S11: parseJson', () => {
  it('reads each key as it is written, whatever object of its shape was read before', () => {
    // Each text is written in one of the ways in which JSON has it: as itself, by a short escape, by a code.
    const unit = fc.tuple(fc.constantFrom('a', 'u', '0', '"', '\\', '\n', '/', 'é'), fc.nat(2))
    fc.assert(
      fc.property(fc.array(unit, { minLength: 1, maxLength: 8 }), fc.nat(), (units, n) => {
        const key = units.map(([char]) => char).join('')
        const raw = units.map(([char, way]) => written(char, way)).join('')
        const before = raw.slice(0, key.length)
        const [first, second] = [`{"p${n}":0,${JSON.stringify(before)}:1}`, `{"p${n}":0,"${raw}":1}`]
        const read = [first, second, `[${first},${second}]`].map((text) => JSON.stringify(parseJson(text)))
        const want = [
          { [`p${n}`]: 0, [before]: 1 },
          { [`p${n}`]: 0, [key]: 1 },
        ] as const
        assert.deepEqual(read, [JSON.stringify(want[0]), JSON.stringify(want[1]), JSON.stringify(want)])
      }),
      { numRuns: 2_000 },
    )
  })

  it('reads two keys that are the beginnings of each other’s writing', () => {
    parseJson('{"q":0,"\\\\u005c":1,"\\\\\\\\u005":2}')
    const value = parseJson('{"q":0,"\\u005c\\\\u005":1,"\\\\u005c":2}')
    assert.deepEqual(Object.keys(value as object), ['q', '\\\\u005', '\\u005c'])
  })

  it('is the specified parser for every value, its keys escaped or not', () => {
    fc.assert(
      fc.property(fc.jsonValue({ depthSize: 'medium' }), (value) => {
        const text = JSON.stringify(value)
        const escaped = text.replaceAll(/"([a-z])/g, (_, letter: string) => `"\\u${hex(letter)}`)
        assert.equal(JSON.stringify(parseJson(text)), text)
        assert.equal(JSON.stringify(parseJson(escaped)), text)
      }),
      { numRuns: 1_000 },
    )
  })

  it('refuses what is no JSON, also where a key has an escape', () => {
    for (const text of [
      '{"\\x":1}',
      '{"\\n":1',
      '{"\\n"',
      '{"a\\',
      '"\\":1',
      '{"\\n\n":1}',
      '{"\\u00":1}',
      '{,"\\n":1}',
    ]) {
      assert.throws(() => parseJson(text), SyntaxError, text)
    }
  })

  it('keeps a member that is called __proto__ a member, in whatever way it is written', () => {
    const value = parseJson('{"a":{"\\u005f_proto__":{"b":1}}}') as { readonly a: object }
    assert.deepEqual(Object.keys(value.a), ['__proto__'])
    assert.equal(Object.getPrototypeOf(value.a), Object.prototype)
    assert.equal(parseStrictText('{"a":{"\\u005f_proto__":{"b":1}}}').ok, false)
  })

  it('takes no text for a key that stands for another, and knows of two of one name', () => {
    assert.deepEqual(Object.keys(parseJson('{"\\udffd0":1,"\\n":2}') as object), ['\udffd0', '\n'])
    assert.throws(() => parseJson('{"\udffd7":1,"\\n":2}'), SyntaxError)
    assert.equal(parseStrictText('{"a":1,"\\u0061":2}').ok, false)
  })
})

function written(char: string, way: number): string {
  if (way === 0) return `\\u${hex(char)}`
  return JSON.stringify(char).slice(1, -1)
}

function hex(char: string): string {
  return char.charCodeAt(0).toString(16).padStart(4, '0')
}
