import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { Log, onlyOf } from '../../../test/sentinel/fixture.ts'
import type { Noticed } from '../../model/index.ts'

const place: Noticed = { kind: 'environment', name: 'payments.internal of production' }
const reasons = [{ kind: 'environment', cell: 'test', upstream: 'production' }]

describe('environment-crossing', () => {
  it('with a credential, once is enough', () => {
    const log = new Log()
    const cell = log.cell('1')
    log.did(cell, 'books/run', {}, { noticed: [{ ...place, credential: true }] })
    assert.deepEqual(onlyOf(log, 'environment-crossing'), ['quarantined'])
  })

  it('a mistaken name is watched; the third one only reads', () => {
    const log = new Log()
    const cell = log.cell('1')
    for (let i = 0; i < 3; i++) log.refused(cell, 'payments/refunds', {}, { reasons })
    assert.deepEqual(onlyOf(log, 'environment-crossing'), ['watched', 'restricted'])
    assert.equal(log.saidOf('environment-crossing').at(-1)?.raised.evidence.length, 3)
  })

  it('tries are counted over a fan-out of delegates', () => {
    const log = new Log()
    const top = log.cell('0')
    for (let i = 1; i <= 3; i++) {
      log.delegated(top, 'beta', `d_${i}`)
      log.refused(log.cell(`${i}`, 'beta', `d_${i}`), 'payments/refunds', {}, { reasons, agent: 'beta' })
    }
    assert.deepEqual(onlyOf(log, 'environment-crossing').at(-1), 'restricted')
  })

  it('its benign twin: refusals for other reasons', () => {
    const log = new Log()
    const cell = log.cell('1')
    for (let i = 0; i < 5; i++) log.refused(cell, 'books/run', {}, { reasons: [{ kind: 'grant-condition' }] })
    assert.deepEqual(onlyOf(log, 'environment-crossing'), [])
  })
})
