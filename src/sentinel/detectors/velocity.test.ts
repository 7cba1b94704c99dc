import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { Log, onlyOf } from '../../../test/sentinel/fixture.ts'

/** Every entry takes a second, and an action has two. */
function minute(log: Log, cell: ReturnType<Log['cell']>, actions: number): void {
  for (let i = 0; i < actions; i++) log.did(cell, 'books/look', { i })
  log.pass(60_000 - actions * 2_000)
}

function settled(): { readonly log: Log; readonly cell: ReturnType<Log['cell']> } {
  const log = new Log()
  const cell = log.cell('1')
  for (let i = 0; i < 120; i++) minute(log, cell, 3 + (i % 3))
  return { log, cell }
}

describe('velocity', () => {
  it('a storm is seen within two minutes', () => {
    const { log, cell } = settled()
    minute(log, cell, 29)
    minute(log, cell, 29)
    assert.deepEqual(onlyOf(log, 'velocity'), ['restricted'])
    assert.equal(log.signals[0]?.raised.mode, 'observe')
  })

  it('and a rise that is small as well, when it has added up, in another cell of the agent', () => {
    const { log, cell } = settled()
    log.ended(cell)
    const next = log.cell('2')
    for (let i = 0; i < 30 && log.signals.length === 0; i++) minute(log, next, 9)
    assert.deepEqual(onlyOf(log, 'velocity'), ['restricted'])
  })

  it('money by the hour', () => {
    const log = new Log()
    const cell = log.cell('1')
    const pays = (amount: string) => {
      log.did(cell, 'books/pay', { amount, account: `${log.entries.length}` }, { spend: `${amount} EUR` })
      log.pass(3_598_000)
    }
    for (let i = 0; i < 40; i++) pays(`${20 + (i % 3)}.00`)
    assert.deepEqual(onlyOf(log, 'velocity'), [])
    pays('5000.00')
    assert.deepEqual(onlyOf(log, 'velocity'), ['restricted'])
  })

  it('its benign twins: what it always does, a busy minute, its first minutes, a pause', () => {
    const { log, cell } = settled()
    for (let i = 0; i < 200; i++) minute(log, cell, 3 + (i % 3))
    minute(log, cell, 12)
    log.pass(7 * 86_400_000)
    for (let i = 0; i < 100; i++) minute(log, cell, 3 + (i % 3))
    assert.deepEqual(onlyOf(log, 'velocity'), [])
    const fresh = new Log()
    const first = fresh.cell('1')
    for (let i = 0; i < 20; i++) minute(fresh, first, 29)
    assert.deepEqual(onlyOf(fresh, 'velocity'), [])
  })
})
