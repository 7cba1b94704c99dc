import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { toolName } from '../model/ids.ts'
import type { JsonObject } from '../model/json.ts'
import { moneyText } from '../model/money.ts'
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
    ['no currency', { order: { amount: 1 } }, 'missing'],
    ['another word for a currency', { order: { amount: 1 }, currency: 'euro' }, 'not three capital letters'],
  ]
  for (const [what, args, problem] of bad) {
    it(`S7: ${what} is refused`, () => {
      const read = readSpend(declared, args)
      assert.equal(!read.ok && read.reason.problem, problem)
    })
  }

  it('S7: a declaration that does not say where is refused', () => {
    assert.equal(readSpend({ name: declared.name, effect: 'spend' }, { amount: 1 }).ok, false)
    assert.equal(readSpend({ name: declared.name, effect: 'spend', amount: '$.amount' }, { amount: 1 }).ok, false)
  })

  it('takes a fixed currency', () => {
    const read = readSpend({ ...declared, currency: 'CHF' }, { order: { amount: 1 } })
    assert.equal(read.ok && moneyText(read.value), '1.00 CHF')
  })
})
