import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { type Json, type JsonPath, jsonPath, no, ok } from '../../model/index.ts'
import { chargedIn, rowsIn } from './answer-cost.ts'

const path = (text: string): JsonPath => jsonPath(text) ?? assert.fail(text)

describe('rowsIn', () => {
  const cases: readonly (readonly [what: string, at: string, Json[], ReturnType<typeof rowsIn>])[] = [
    ['a list has its length', '$.rows', [{ rows: [1, [2, 3]] }], { rows: 2, counted: true }],
    ['the whole may be the list', '$', [['a', 'b', 'c']], { rows: 3, counted: true }],
    ['lists of several items add up', '$[*].rows', [[{ rows: [1] }, { rows: [1, 2] }]], { rows: 3, counted: true }],
    ['an empty list has none', '$.rows', [{ rows: [] }], { rows: 0, counted: true }],
    ['a number is what the upstream says', '$.total', [{ total: 7 }], { rows: 7, counted: false }],
    ['… and may be none', '$.total', [{ total: 0 }], { rows: 0, counted: false }],
    ['numbers add up, and make the whole a claim', '$[*]', [[[1, 2], 3, 4]], { rows: 9, counted: false }],
    [
      'said twice, the most counts',
      '$.rows',
      [{ rows: 2 }, { rows: [1, 2, 3] }, { rows: 1 }],
      { rows: 3, counted: true },
    ],
    ['said twice alike, the first counts', '$.rows', [{ rows: [1] }, { rows: 1 }], { rows: 1, counted: true }],
    ['a value that does not say is passed over', '$.rows', ['text', { rows: [1] }, {}], { rows: 1, counted: true }],
    ['nobody says', '$.rows', ['text', {}, [{ rows: [1] }]], undefined],
    ['nothing was answered', '$.rows', [], undefined],
    ['items of what is no list', '$.rows[*]', [{ rows: { a: [1] } }], undefined],
    ['a text is no number', '$.total', [{ total: '7' }], undefined],
    ['a part is no number', '$.total', [{ total: 1.5 }], undefined],
    ['less than none', '$.total', [{ total: -1 }], undefined],
    ['null', '$.total', [{ total: null }], undefined],
    ['one that cannot be told spoils the rest', '$[*]', [[[1], 'x']], undefined],
    ['the length of a list is no field of it', '$.length', [[1, 2], 'text', null], undefined],
    ['a member of the prototype', '$.constructor.length', [{ a: 1 }], undefined],
  ]
  for (const [what, at, values, expected] of cases) {
    it(`S7: ${what}`, () => assert.deepEqual(rowsIn(path(at), values), expected))
  }
})

describe('chargedIn', () => {
  const cases: readonly (readonly [what: string, at: string, Json[], bigint | string])[] = [
    ['an amount', '$.charged', [{ charged: 12.5 }], 125_000n],
    ['an amount as text', '$.charged', [{ charged: '12.50' }], 125_000n],
    ['the most of several', '$.items[*]', [{ items: [1, '3', 2] }], 30_000n],
    ['the most of several values', '$.charged', [{ charged: 2 }, { charged: 5 }, { charged: 1 }], 50_000n],
    ['what can be read, beside what cannot', '$.charged', [{ charged: 2 }, { charged: 'two' }], 20_000n],
    ['nothing', '$.charged', [{ other: 2 }, 'text'], 'missing'],
    ['a null', '$.charged', [{ charged: null }], 'missing'],
    ['a negative amount', '$.charged', [{ charged: -2 }], 'negative'],
    ['a word', '$.charged', [{ charged: 'two' }], 'not a decimal'],
  ]
  for (const [what, at, values, expected] of cases) {
    it(`S7: ${what}`, () => {
      const charged = chargedIn(path(at), values)
      assert.deepEqual(charged, typeof expected === 'string' ? no(expected) : ok(expected))
    })
  }
})
