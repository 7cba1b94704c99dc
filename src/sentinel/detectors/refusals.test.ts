import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { Log, onlyOf } from '../../../test/sentinel/fixture.ts'

describe('refusals', () => {
  it('a search is seen after a handful, and only observed', () => {
    const log = new Log()
    const cell = log.cell('1')
    let tries = 0
    while (log.signals.length === 0 && tries < 20) {
      tries++
      log.refused(cell, `books/tool${tries}`)
    }
    // ln(0.99 / 0.0001) / ln(0.8 / 0.2) = 6.6
    assert.equal(tries, 7)
    assert.deepEqual(onlyOf(log, 'refusals'), ['restricted'])
    assert.equal(log.signals[0]?.raised.mode, 'observe')
  })

  it('in the same second, under one entry, as well; and spread over delegates', () => {
    const gathered = new Log()
    gathered.refused(gathered.cell('1'), 'books/x', {}, { more: 500 })
    assert.deepEqual(onlyOf(gathered, 'refusals'), ['restricted'])
    const spread = new Log()
    const top = spread.cell('0')
    for (let i = 1; i <= 7; i++) {
      spread.delegated(top, 'beta', `d_${i}`)
      spread.refused(spread.cell(`${i}`, 'beta', `d_${i}`), `books/t${i}`, {}, { agent: 'beta' })
    }
    assert.deepEqual(onlyOf(spread, 'refusals'), ['restricted'])
  })

  it('slowly as well: time earns nothing, and long good behaviour only a few refusals', () => {
    const log = new Log()
    const cell = log.cell('1')
    for (let i = 0; i < 1_000; i++) log.did(cell, 'books/look', { i })
    for (let i = 0; i < 11; i++) log.pass(86_400_000).refused(cell, `books/t${i}`)
    assert.deepEqual(onlyOf(log, 'refusals'), ['restricted'])
  })

  it('its benign twins: clumsy arguments, an upstream that is away, every fifth attempt refused', () => {
    const log = new Log()
    const cell = log.cell('1')
    for (let i = 0; i < 50; i++) log.refused(cell, 'books/pay', {}, { reasons: [{ kind: 'arguments', path: '$' }] })
    for (let i = 0; i < 50; i++) log.refused(cell, 'books/pay', {}, { reasons: [{ kind: 'unavailable' }] })
    for (let i = 0; i < 500; i++) {
      if (i % 5 === 0) log.refused(cell, 'books/pay')
      else log.did(cell, 'books/look', { i })
    }
    assert.deepEqual(onlyOf(log, 'refusals'), [])
  })

  it('Wald: of honest series no larger share than was asked for ends in an alarm', () => {
    // A share of one in a hundred is asked for, so that a thousand series tell.
    let alarms = 0
    let series = 0
    const property = fc.property(
      fc.array(fc.integer({ min: 0, max: 4 }), { minLength: 40, maxLength: 40 }),
      (draws) => {
        const log = new Log()
        const cell = log.cell('1')
        for (const draw of draws) draw === 0 ? log.refused(cell, 'books/pay') : log.did(cell, 'books/look')
        series++
        if (onlyOf(log, 'refusals').length > 0) alarms++
      },
    )
    fc.assert(property, { numRuns: 1_000, seed: 20_261_122 })
    assert.ok(alarms / series < 0.01, `${alarms} of ${series}`)
  })
})
