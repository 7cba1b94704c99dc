import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { Log, MINUTE, onlyOf } from '../../../test/sentinel/fixture.ts'

const pay = (more: object = {}) => ({ amount: '20.00', currency: 'EUR', account: 'PT50', ...more })

describe('duplicates', () => {
  it('the sixth of one and the same payment', () => {
    const log = new Log()
    const cell = log.cell('1')
    for (let i = 0; i < 5; i++) log.did(cell, 'books/pay', pay())
    assert.deepEqual(log.said, [])
    log.did(cell, 'books/pay', pay())
    assert.deepEqual(onlyOf(log, 'duplicates'), ['restricted'])
    assert.equal(log.signals[0]?.raised.evidence.length, 6)
  })

  it('with its members in another order, and over delegates', () => {
    const log = new Log()
    const top = log.cell('0')
    for (let i = 1; i <= 6; i++) {
      log.delegated(top, 'beta', `d_${i}`)
      const cell = log.cell(`${i}`, 'beta', `d_${i}`)
      const args = i % 2 === 0 ? pay() : Object.fromEntries(Object.entries(pay()).reverse())
      log.did(cell, 'books/pay', args, { agent: 'beta' })
    }
    assert.deepEqual(onlyOf(log, 'duplicates'), ['restricted'])
  })

  for (const [what, differing] of [
    ['a new idempotency key for each', (i: number) => pay({ idempotency_key: `k${i}` })],
    ['another note for each', (i: number) => pay({ note: `refund ${i}` })],
    ['another amount for each', (i: number) => pay({ amount: `${i + 1}.01` })],
    ['spaces and case', (i: number) => pay({ account: `${' '.repeat(i)}${i % 2 === 0 ? 'pt50' : 'PT50'}` })],
  ] as const) {
    it(`alike but for ${what}: the twelfth`, () => {
      const log = new Log()
      const cell = log.cell('1')
      for (let i = 0; i < 11; i++) log.did(cell, 'books/pay', differing(i))
      assert.deepEqual(onlyOf(log, 'duplicates'), [])
      log.did(cell, 'books/pay', differing(11))
      assert.deepEqual(onlyOf(log, 'duplicates'), ['restricted'])
    })
  }

  it('its benign twins: a batch to different accounts, retries, one a quarter of an hour, a worker’s queue, reads', () => {
    const log = new Log()
    const cell = log.cell('1')
    for (let i = 0; i < 100; i++) log.did(cell, 'books/pay', pay({ account: `PT${i}` }))
    for (let i = 0; i < 3; i++) log.did(cell, 'books/pay', pay({ account: 'retried' }), { outcome: 'failed' })
    for (let i = 0; i < 20; i++) log.pass(15 * MINUTE).did(cell, 'books/pay', pay())
    for (let i = 0; i < 150; i++) log.did(cell, 'books/next')
    for (let i = 0; i < 99; i++) log.did(cell, 'books/look', { id: 1 })
    assert.deepEqual(onlyOf(log, 'duplicates'), [])
  })

  it('a write without an end is watched', () => {
    const log = new Log()
    const cell = log.cell('1')
    for (let i = 0; i < 99; i++) log.did(cell, 'books/note', { text: 'alive' })
    assert.deepEqual(onlyOf(log, 'duplicates'), [])
    log.did(cell, 'books/note', { text: 'alive' })
    assert.deepEqual(onlyOf(log, 'duplicates'), ['watched'])
  })

  it('keeps no more than so many different calls', () => {
    const log = new Log()
    const cell = log.cell('1')
    for (let i = 0; i < 5; i++) log.did(cell, 'books/pay', pay())
    for (let i = 0; i < 64; i++) log.did(cell, 'books/note', { text: `${i}` })
    log.did(cell, 'books/pay', pay())
    assert.deepEqual(onlyOf(log, 'duplicates'), [])
  })
})
