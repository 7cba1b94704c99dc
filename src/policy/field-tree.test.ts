import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { type Json, jsonPath } from '../model/index.ts'
import { FieldTree } from './field-tree.ts'

const VALUE: Json = {
  a: 'x',
  rows: [
    { id: 1, note: 'n' },
    { id: 2, other: ['o', true, null] },
  ],
  'b.c': -0.5,
}

/** Everything that is visited, as one line each. */
function visited(rules: Readonly<Record<string, string | undefined>>, value: Json = VALUE): readonly string[] {
  const tree = new FieldTree(Object.entries(rules).map(([text, rule]) => [jsonPath(text) ?? assert.fail(text), rule]))
  const lines: string[] = []
  tree.walk(value, 'else', (text, rule, path, what) => lines.push(`${path()} ${what} ${text}: ${rule}`))
  return lines
}

describe('FieldTree', () => {
  it('visits every text and number, and every name that no rule names', () => {
    assert.deepEqual(visited({}), [
      '$.a name a: else',
      '$.a text x: else',
      '$.rows name rows: else',
      '$.rows[0].id name id: else',
      '$.rows[0].id number 1: else',
      '$.rows[0].note name note: else',
      '$.rows[0].note text n: else',
      '$.rows[1].id name id: else',
      '$.rows[1].id number 2: else',
      '$.rows[1].other name other: else',
      '$.rows[1].other[0] text o: else',
      '$.b.c name b.c: else',
      '$.b.c number -0.5: else',
    ])
  })

  it('takes the most specific rule, and keeps it below', () => {
    const rules = { '$.rows[*].id': 'id', $: 'root', '$.rows': 'rows', '$.rows[*].other': 'other', '$.a': undefined }
    assert.deepEqual(visited(rules), [
      '$.a text x: root',
      '$.rows[0].id number 1: id',
      '$.rows[0].note name note: rows',
      '$.rows[0].note text n: rows',
      '$.rows[1].id number 2: id',
      '$.rows[1].other[0] text o: other',
      '$.b.c name b.c: root',
      '$.b.c number -0.5: root',
    ])
    assert.deepEqual(visited({ $: 'root' }, 'text'), ['$ text text: root'])
  })

  it('keeps a rule of a path that is named again without one', () => {
    const path = jsonPath('$.a') ?? assert.fail()
    const tree = new FieldTree<string>([
      [path, 'a'],
      [path, undefined],
      [[], 'root'],
    ])
    const rules: string[] = []
    tree.walk({ a: 'x' }, 'else', (_, rule) => rules.push(rule))
    assert.deepEqual([rules, tree.root], [['a'], 'root'])
  })

  it('visits all of a value under one rule, names too', () => {
    const tree = new FieldTree<string>([[jsonPath('$.a') ?? assert.fail(), 'a']])
    const lines: string[] = []
    tree.walkAs({ a: ['x'] }, 'one', (text, rule, path, what) => lines.push(`${path()} ${what} ${text}: ${rule}`))
    assert.deepEqual(lines, ['$.a name a: one', '$.a[0] text x: one'])
    assert.equal(tree.root, undefined)
  })
})
