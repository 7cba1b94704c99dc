import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { Log, onlyOf } from '../../../test/sentinel/fixture.ts'

const send = (to: string) => ({ to, body: 'hello' })

describe('novelty', () => {
  function settled(): Log {
    const log = new Log()
    const cell = log.cell('1')
    for (let i = 0; i < 100; i++) log.did(cell, 'books/send', send(`friend-${i % 5}`))
    log.ended(cell)
    return log
  }

  it('one new destination after the other, in whichever cells of the agent, as slowly as you like', () => {
    const log = settled()
    for (let i = 0; i < 6; i++) log.pass(86_400_000).did(log.cell(`${i + 2}`), 'books/send', send(`stranger-${i}`))
    assert.deepEqual(onlyOf(log, 'novelty'), ['restricted'])
    assert.equal(log.signals[0]?.raised.mode, 'observe')
  })

  it('its benign twins: a new one now and then, and an agent whose work is new ones', () => {
    const log = settled()
    const cell = log.cell('2')
    for (let i = 0; i < 200; i++) log.did(cell, 'books/send', send(i % 20 === 0 ? `new-${i}` : `friend-${i % 5}`))
    assert.deepEqual(onlyOf(log, 'novelty'), [])
    const seller = new Log()
    const always = seller.cell('1')
    for (let i = 0; i < 300; i++) seller.did(always, 'books/send', send(`customer-${i}`))
    assert.deepEqual(onlyOf(seller, 'novelty'), [])
    for (let i = 0; i < 60; i++) seller.did(always, 'books/send', send('customer-299'))
    assert.deepEqual(onlyOf(seller, 'novelty'), [])
  })
})
