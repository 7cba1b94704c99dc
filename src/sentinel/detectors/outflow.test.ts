import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { Log, onlyOf } from '../../../test/sentinel/fixture.ts'

describe('outflow', () => {
  it('by bytes, slowly, in small pieces, over cells of one agent and over delegates', () => {
    const log = new Log()
    for (let i = 1; i <= 16; i++) {
      const cell = log.cell(`${i}`)
      log.saw(cell, 'confidential:customers', 'crm/customers.get')
      log.delegated(cell, 'beta', `d_${i}`)
      const below = log.cell(`9${i}`, 'beta', `d_${i}`)
      log.pass(3_600_000).did(below, 'books/send', { to: 'x', body: '…' }, { bytes: 4_096, agent: 'beta' })
      log.ended(below)
      log.ended(cell)
    }
    assert.deepEqual(onlyOf(log, 'outflow'), ['restricted'])
    assert.equal(log.signals[0]?.raised.mode, 'observe')
  })

  it('by calls', () => {
    const log = new Log()
    const cell = log.cell('1')
    log.saw(cell, 'confidential', 'crm/customers.get')
    for (let i = 0; i < 50; i++) log.did(cell, 'books/send', { to: `${i}` }, { bytes: 40 })
    assert.deepEqual(onlyOf(log, 'outflow'), ['restricted'])
  })

  it('its benign twins: back to where it came from, other labels, no such read, a day later', () => {
    const log = new Log()
    const cell = log.cell('1')
    log.saw(cell, 'confidential:customers', 'books/customers.get')
    for (let i = 0; i < 80; i++) log.did(cell, 'books/send', { to: `${i}` }, { bytes: 4_096 })
    const other = log.cell('2')
    log.saw(other, 'untrusted', 'crm/page')
    for (let i = 0; i < 80; i++) log.did(other, 'books/send', { to: `${i}` }, { bytes: 4_096 })
    const slow = log.cell('3')
    log.saw(slow, 'confidential:customers', 'crm/customers.get')
    for (let i = 0; i < 40; i++) log.pass(6 * 3_600_000).did(slow, 'books/send', { to: 'x' }, { bytes: 4_096 })
    assert.deepEqual(onlyOf(log, 'outflow'), [])
  })
})
