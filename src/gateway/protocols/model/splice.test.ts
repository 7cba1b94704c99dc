import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { parseStrictJson } from '../../content/strict-json.ts'
import { withMember } from './splice.ts'

describe('withMember', () => {
  it('puts in or replaces one member, and leaves the others as they were', () => {
    assert.equal(withMember('{}', ['a'], '1'), '{"a":1}')
    assert.equal(withMember('{ \n }', ['a', 'b'], '1'), '{"a":{"b":1} \n }')
    assert.equal(withMember('{"b": [1,{"a":2}], "c":"}"}', ['a'], '1'), '{"a":1,"b": [1,{"a":2}], "c":"}"}')
    assert.equal(withMember('{"\\u0061": null ,"b":0}', ['a'], '1'), '{"\\u0061": 1 ,"b":0}')
    assert.equal(withMember('{"x":"a","a":{"y":":"}}', ['a', 'b'], '1'), '{"x":"a","a":{"b":1,"y":":"}}')
    assert.equal(withMember('{"a":null}', ['a', 'b'], '1'), '{"a":{"b":1}}')
  })

  it('reads back as the same object with that member', () => {
    // No name ends in a backslash: V8 confuses it with one that ends in a quotation mark, when it has just read the other.
    const names = fc.constantFrom('a', 'b', '"', '\n', 'ä', '{')
    const value = fc.jsonValue({ maxDepth: 2 })
    const inner = fc.dictionary(names, value)
    fc.assert(
      fc.property(
        fc.dictionary(names, fc.oneof(value, inner)),
        names,
        fc.nat(),
        fc.boolean(),
        (object, name, put, wide) => {
          const text = JSON.stringify(object, null, wide ? 2 : undefined)
          const strict = parseStrictJson(new TextEncoder().encode(text))
          fc.pre(strict.ok)
          const expected = JSON.parse(JSON.stringify({ ...object, [name]: put }))
          assert.deepEqual(JSON.parse(withMember(text, [name], String(put))), expected)
        },
      ),
      { numRuns: 500 },
    )
  })
})
