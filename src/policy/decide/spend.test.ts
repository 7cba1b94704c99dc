import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { toolName } from '../../model/ids.ts'
import type { JsonObject } from '../../model/json.ts'
import { moneyText } from '../../model/money.ts'
import { no } from '../../model/result.ts'
import { readSpend } from './spend.ts'

const declared = {
  name: toolName('refund'),
  effect: 'spend',
  amount: '$.order.amount',
  currency: '$.currency',
} as const

describe('readSpend', () => {
  const good: readonly (readonly [JsonObject, string])[] = [
    [{ order: { amount: 12.5 }, currency: 'EUR' }, '12.50 EUR'],
    [{ order: { amount: '12.3456' }, currency: 'EUR' }, '12.3456 EUR'],
    [{ order: { amount: 0 }, currency: 'EUR' }, '0.00 EUR'],
    [{ order: { amount: '0.5' }, currency: 'EUR' }, '0.50 EUR'],
    [{ order: { amount: '1000000000000.25' }, currency: 'EUR' }, '1000000000000.25 EUR'],
    [{ order: { amount: 900_719_925_474.0991 }, currency: 'EUR' }, '900719925474.0991 EUR'],
    [{ order: { amount: 900_719_925_475 }, currency: 'EUR' }, '900719925475.00 EUR'],
  ]
  for (const [args, text] of good) {
    it(`reads ${text}`, () => {
      const read = readSpend(declared, args)
      assert.equal(read.ok && moneyText(read.value), text)
    })
  }

  const bad: readonly (readonly [what: string, JsonObject, problem: string])[] = [
    ['no amount', { currency: 'EUR' }, 'missing'],
    ['null', { order: { amount: null }, currency: 'EUR' }, 'missing'],
    ['a negative amount', { order: { amount: -1 }, currency: 'EUR' }, 'negative'],
    ['five places', { order: { amount: 0.00001 }, currency: 'EUR' }, 'too many places'],
    ['five places in a text', { order: { amount: '4900.00000' }, currency: 'EUR' }, 'too many places'],
    ['an exponent', { order: { amount: '4.9e3' }, currency: 'EUR' }, 'not a decimal'],
    ['an amount from a prototype', { order: {}, currency: 'EUR', __proto__: { order: { amount: 1 } } }, 'missing'],
    ['an amount that is neither number nor text', { order: { amount: [1] }, currency: 'EUR' }, 'not a number'],
    ['zeros before an amount', { order: { amount: '050.00' }, currency: 'EUR' }, 'not a decimal'],
    ['a minus before nothing', { order: { amount: '-0.00' }, currency: 'EUR' }, 'negative'],
    [
      'a number that a double does not hold',
      { order: { amount: 1_000_000_000_000.25 }, currency: 'EUR' },
      'inexact as a number',
    ],
    ['an amount past the largest', { order: { amount: '922337203685477.5808' }, currency: 'EUR' }, 'too large'],
    ['an amount inside of a list', { order: [{ amount: 1 }], currency: 'EUR' }, 'missing'],
    ['a currency that is a number', { order: { amount: 1 }, currency: 978 }, 'not three capital letters'],
    ['a list of a currency', { order: { amount: 1 }, currency: ['EUR'] }, 'not three capital letters'],
    ['no currency', { order: { amount: 1 } }, 'missing'],
    ['another word for a currency', { order: { amount: 1 }, currency: 'euro' }, 'not three capital letters'],
  ]
  for (const [what, args, problem] of bad) {
    it(`S7: ${what} is refused`, () => {
      const read = readSpend(declared, args)
      const path = /currency/.test(what) ? '$.currency' : '$.order.amount'
      assert.deepEqual(read, no({ path, problem }))
    })
  }

  it('S7: a declaration that does not say where is refused', () => {
    const { name, effect } = declared
    assert.deepEqual(
      readSpend({ name, effect }, { amount: 1 }),
      no({ path: '$', problem: 'the configuration does not say which argument is the amount' }),
    )
    assert.deepEqual(
      readSpend({ name, effect, amount: '$.amount' }, { amount: 1 }),
      no({ path: '$.amount', problem: 'the configuration does not say in which currency it is' }),
    )
  })

  it('S7: an amount is a member of an object, and its own', () => {
    for (const [amount, order] of [
      ['$.order.length', 'abc'],
      ['$.order.length', [1]],
      ['$.order.amount', null],
      ['$.order.toString', {}],
      ['$.toString', {}],
    ] as const)
      assert.deepEqual(
        readSpend({ ...declared, amount }, { order, currency: 'EUR' }),
        no({ path: amount, problem: 'missing' }),
      )
  })

  it('takes a fixed currency', () => {
    const read = readSpend({ ...declared, currency: 'CHF' }, { order: { amount: 1 } })
    assert.equal(read.ok && moneyText(read.value), '1.00 CHF')
  })
})
