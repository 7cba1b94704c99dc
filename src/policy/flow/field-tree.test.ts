import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { type Json, jsonPath } from '../../model/index.ts'
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
  it('tells what says nothing, with the rule of its place', () => {
    const tree = new FieldTree([[jsonPath('$.a') ?? assert.fail(), 'a']])
    const lines: string[] = []
    const value: Json = { a: [null, '', [], true], b: {}, c: 0 }
    tree.walk(
      value,
      'else',
      () => undefined,
      (found, rule, path) => lines.push(`${path()} ${JSON.stringify(found)}: ${rule}`),
    )
    assert.deepEqual(lines, ['$.a[0] null: a', '$.a[2] []: a', '$.a[3] true: a', '$.b {}: else'])
  })

  it('tells of each rule that a value has nothing for, and with what stands in its way', () => {
    const rules = ['$.a', '$.b.c', '$.rows[*].id', '$.list[*]'].map(
      (text) => [jsonPath(text) ?? assert.fail(), text] as const,
    )
    const lacks = (value: Json) => {
      const lines: string[] = []
      new FieldTree(rules).lacks(value, (found, rule, path) =>
        lines.push(`${path()} ${JSON.stringify(found)}: ${rule}`),
      )
      return lines
    }
    const all = ['$.a undefined: $.a', '$.b.c undefined: $.b.c', '$.rows[*].id undefined: $.rows[*].id']
    assert.deepEqual(lacks({}), [...all, '$.list[*] undefined: $.list[*]'])
    assert.deepEqual(lacks({ a: null, b: { c: '' }, rows: [{ id: 1 }], list: ['x'] }), [])
    assert.deepEqual(lacks({ a: 1, b: 'x', rows: [{}, 5], list: 'y' }), [
      '$.b.c "x": $.b.c',
      '$.rows[0].id undefined: $.rows[*].id',
      '$.rows[1].id 5: $.rows[*].id',
      '$.list[*] "y": $.list[*]',
    ])
    assert.deepEqual(lacks({ a: [], b: [{ c: 1 }], rows: { id: 1 }, list: [] }), [
      '$.b.c [{"c":1}]: $.b.c',
      '$.rows[*].id {"id":1}: $.rows[*].id',
      '$.list[*] undefined: $.list[*]',
    ])
  })

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
      '$["b.c"] name b.c: else',
      '$["b.c"] number -0.5: else',
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
      '$["b.c"] name b.c: root',
      '$["b.c"] number -0.5: root',
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
