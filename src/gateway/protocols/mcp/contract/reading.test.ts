import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { isJsonObject, type Json } from '../../../../model/index.ts'
import { readingOf } from './reading.ts'

const ruled = (result: Json) => readingOf(result).ruled

describe('S15: the parts of a result', () => {
  it('S15: structured content, text that is JSON, other text, and everything else that a cell would see', () => {
    const result = {
      content: [
        { type: 'text', text: '{"a":1}' },
        { type: 'text', text: '"quoted"' },
        { type: 'text', text: 'plain' },
        { type: 'resource', resource: { uri: 'x:1', text: 'inner' } },
        { type: 'thought', text: '{"a":1}' },
        { type: 'text', text: 5 },
        { type: 'text', text: ' \n[1]' },
        { type: 'text', text: '{not JSON' },
        '{"a":1}',
        null,
      ],
      structuredContent: { b: 2 },
      isError: false,
      other: 'said',
      _meta: { hidden: true },
    }
    assert.deepEqual(readingOf(result).values, [
      { b: 2 },
      { a: 1 },
      '"quoted"',
      'plain',
      { type: 'resource', resource: { uri: 'x:1', text: 'inner' } },
      { type: 'thought', text: '{"a":1}' },
      { type: 'text', text: 5 },
      [1],
      '{not JSON',
      '{"a":1}',
      null,
      'said',
    ])
    assert.deepEqual(readingOf(null).values, [null])
  })

  it('S15: the fields of a declaration are those of the structured content or of the only text, and of no error', () => {
    const text = (value: string) => ({ type: 'text', text: value })
    assert.deepEqual(ruled({ content: [text('other')], structuredContent: { id: 1 } }), { id: 1 })
    assert.deepEqual(ruled({ content: [text('{"id":2}')] }), { id: 2 })
    assert.equal(ruled({ content: [text('{"id":2}'), text('{"id":3}')] }), undefined)
    const twice = '{"a":{"b":"EVIL"},"a":null,"__proto__":1}'
    assert.equal(ruled({ content: [text(twice)] }), twice)
    const once = ruled({ content: [text('{"a:":{"__proto__":[":",{}]},"b":{"a:":1.50}}')] })
    assert.ok(isJsonObject(once))
    assert.equal(ruled({ content: [text('{"id":2}')], isError: true }), undefined)
  })
})
