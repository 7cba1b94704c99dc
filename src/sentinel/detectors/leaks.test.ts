import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { Log, onlyOf } from '../../../test/sentinel/fixture.ts'

describe('leaks', () => {
  it('once it is watched, the second time it only reads; over delegates as well', () => {
    const log = new Log()
    const top = log.cell('1')
    log.delegated(top, 'beta', 'd_1')
    const below = log.cell('2', 'beta', 'd_1')
    log.did(top, 'books/look', { env: 1 }, { outcome: 'withheld', leaked: ['payments'] })
    assert.deepEqual(onlyOf(log, 'leaks'), ['watched'])
    log.did(below, 'books/look', { env: 2 }, { outcome: 'withheld', leaked: ['payments'], agent: 'beta' })
    assert.deepEqual(onlyOf(log, 'leaks'), ['watched', 'restricted'])
    const signal = log.signals.at(-1)
    assert.deepEqual(
      signal?.raised.evidence.map((seq) => log.entries[seq]?.kind),
      ['action.outcome', 'action.intent', 'action.outcome'],
    )
    assert.equal(signal?.raised.cell, below)
  })

  it('its benign twin: an answer that was withheld for something else', () => {
    const log = new Log()
    const cell = log.cell('1')
    for (let i = 0; i < 5; i++) log.did(cell, 'books/look', {}, { outcome: 'withheld' })
    assert.deepEqual(onlyOf(log, 'leaks'), [])
  })
})
