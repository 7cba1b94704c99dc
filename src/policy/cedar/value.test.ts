import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { fits, isLong, long } from './long.ts'
import {
  CedarSet,
  Decimal,
  Entity,
  equal,
  Fault,
  isRecord,
  keyOf,
  obstacle,
  type Value,
  Withheld,
  wrongType,
} from './value.ts'

const record = (members: Readonly<Record<string, Value | Withheld>>) => new Map(Object.entries(members))
const LOSSY = new Fault('unrepresentable', 'order', '$.list')
const WITHHELD = new Fault('unrepresentable', 'not a text', '$.a')

/** No two of them are the same. */
const DIFFERENT: readonly Value[] = [
  true,
  false,
  0,
  1,
  -1,
  2n ** 53n,
  '',
  '1',
  'true',
  't',
  'l1',
  's1:1',
  new Decimal(0n),
  new Decimal(1n),
  new Entity('Agent', 'a'),
  new Entity('Agent', 'b'),
  new Entity('Team', 'a'),
  new Entity('Agent', ''),
  new CedarSet([]),
  new CedarSet([1]),
  new CedarSet(['1']),
  new CedarSet([1, 2]),
  new CedarSet([1, 3]),
  new CedarSet([new CedarSet([1])]),
  new CedarSet(['a', 'b']),
  new CedarSet(['as1:b']),
  new CedarSet(['a,s1:b']),
  record({}),
  record({ a: 1 }),
  record({ a: '1' }),
  record({ b: 1 }),
  record({ a: 1, b: 2 }),
  record({ a: 1, b: 3 }),
  record({ a: record({ a: 1 }) }),
  record({ 'a=l1,1:b': 2 }),
]

describe('values', () => {
  it('VA1: are equal to themselves, written anew, and to nothing else', () => {
    for (const [i, left] of DIFFERENT.entries()) {
      for (const [j, right] of DIFFERENT.entries()) {
        const other = copy(right)
        assert.equal(equal(left, other), i === j, `${keyOf(left)} ${keyOf(right)}`)
        assert.equal(keyOf(left) === keyOf(other), i === j, `${keyOf(left)} ${keyOf(right)}`)
      }
    }
  })

  it('sets have neither order nor repeats, records no order', () => {
    for (const [left, right] of [
      [new CedarSet([1, 2]), new CedarSet([2, 1, 2])],
      [new CedarSet([new CedarSet([1, 2])]), new CedarSet([new CedarSet([2, 1])])],
      [record({ a: 1, b: 2 }), record({ b: 2, a: 1 })],
    ] as const) {
      assert.equal(equal(left, right), true)
      assert.equal(keyOf(left), keyOf(right))
    }
    const { keys } = new CedarSet([1])
    assert.deepEqual([...keys], ['l1'])
    const asked = new CedarSet(['a'])
    assert.equal(asked.keys, asked.keys)
  })

  it('VA2: what cannot be compared is found wherever it is', () => {
    const lossy = new CedarSet([1, 2], LOSSY)
    const withheld = new Withheld(WITHHELD)
    for (const good of DIFFERENT) assert.equal(obstacle(good), undefined)
    assert.equal(obstacle(lossy), LOSSY)
    assert.equal(obstacle(record({ a: 1, b: lossy })), LOSSY)
    assert.equal(obstacle(record({ a: record({ b: withheld }), c: lossy })), WITHHELD)
    assert.deepEqual([isRecord(record({})), isRecord(lossy), isRecord(1)], [true, false, false])
    assert.notEqual(keyOf(withheld), keyOf('not a text'))
    assert.equal(keyOf(withheld), '?not a text')
  })

  it('are called in messages as Cedar calls them', () => {
    const names = [
      true,
      1,
      2n ** 53n,
      'a',
      new Decimal(1n),
      new Entity('Agent', 'a'),
      new CedarSet([]),
      record({}),
      undefined,
    ]
    assert.deepEqual(
      names.map((value) => wrongType('x', value).text),
      ['bool', 'long', 'long', 'string', 'decimal', '(entity of type `Agent`)', 'set', 'record', 'nothing'].map(
        (name) => `expected x, got ${name}`,
      ),
    )
    assert.deepEqual([wrongType('x', 1).kind, wrongType('x', 1).path], ['type', ''])
  })

  it('VA1: a Long is a number where that is exact, and nothing past 64 bits', () => {
    const [max, min] = [2n ** 63n - 1n, -(2n ** 63n)]
    assert.deepEqual([0n, 2n ** 53n - 1n, 2n ** 53n, max, max + 1n, min, min - 1n].map(long), [
      ...[0, Number.MAX_SAFE_INTEGER, 2n ** 53n, max, undefined, min, undefined],
    ])
    assert.deepEqual([max, max + 1n, min, min - 1n].map(fits), [true, false, true, false])
    assert.deepEqual([1, 1n, '1', true, undefined].map(isLong), [true, true, false, false, false])
  })
})

function copy(value: Value): Value {
  if (value instanceof Decimal) return new Decimal(value.units)
  if (value instanceof Entity) return new Entity(value.type, value.id)
  if (value instanceof CedarSet) return new CedarSet(value.items.map(copy))
  if (isRecord(value)) return new Map([...value].map(([name, member]) => [name, copy(member as Value)]))
  return value
}
