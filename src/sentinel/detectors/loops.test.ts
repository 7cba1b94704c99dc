import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { Log, onlyOf } from '../../../test/sentinel/fixture.ts'

function pair(log: Log) {
  const one = log.cell('1')
  log.delegated(one, 'beta', 'd_1')
  return { one, two: log.cell('2', 'beta', 'd_1') }
}

describe('loops', () => {
  it('two agents that hand the same thing to each other', () => {
    const log = new Log()
    const { one, two } = pair(log)
    let rounds = 0
    while (onlyOf(log, 'loops').length === 0 && rounds < 50) {
      rounds++
      log.did(one, 'books/send', { to: 'beta', body: 'please check' })
      log.did(two, 'books/send', { to: 'alpha', body: 'please check' }, { agent: 'beta' })
    }
    assert.equal(rounds, 12)
    assert.deepEqual(onlyOf(log, 'loops'), ['restricted'])
  })

  it('the same call with alternating agents, three in a round, new request ids each time', () => {
    const log = new Log()
    const one = log.cell('1')
    log.delegated(one, 'beta', 'd_1')
    log.delegated(one, 'gamma', 'd_2')
    const cells = [one, log.cell('2', 'beta', 'd_1'), log.cell('3', 'gamma', 'd_2')]
    for (let i = 0; i < 36; i++) {
      const cell = cells[i % 3]
      if (cell !== undefined) log.did(cell, 'books/send', { to: 'x', body: `${i % 3}`, request_id: `r${i}` })
    }
    assert.deepEqual(onlyOf(log, 'loops'), ['restricted'])
  })

  it('the same assignment to the same agent again and again', () => {
    const log = new Log()
    const top = log.cell('0')
    for (let i = 1; i <= 5; i++) log.delegated(top, 'beta', `d_${i}`)
    assert.deepEqual(onlyOf(log, 'loops'), [])
    log.delegated(top, 'beta', 'd_6')
    assert.deepEqual(onlyOf(log, 'loops'), ['restricted'])
    const mapped = new Log()
    const giver = mapped.cell('0')
    for (let i = 1; i <= 30; i++) mapped.delegated(giver, 'beta', `d_${i}`, 'alpha', `part ${i}`)
    assert.deepEqual(onlyOf(mapped, 'loops'), [])
  })

  it('one that polls is watched, and late', () => {
    const log = new Log()
    const cell = log.cell('1')
    for (let i = 0; i < 99; i++) log.did(cell, 'books/look', { id: 1 })
    assert.deepEqual(onlyOf(log, 'loops'), [])
    log.did(cell, 'books/look', { id: 1 })
    assert.deepEqual(onlyOf(log, 'loops'), ['watched'])
  })

  it('its benign twins: workers on one queue, delegates that read the same page, steps with other arguments', () => {
    const log = new Log()
    const top = log.cell('0')
    const workers = [1, 2, 3, 4].map((i) => {
      log.delegated(top, `worker-${i}`, `d_${i}`)
      return log.cell(`${i}`, `worker-${i}`, `d_${i}`)
    })
    for (const worker of workers) log.did(worker, 'books/look', { page: 'instructions' })
    for (let i = 0; i < 20; i++) {
      for (const worker of workers) {
        log.did(worker, 'books/next')
        log.did(worker, 'books/note', { text: `piece ${i} of ${worker}` })
      }
    }
    for (let i = 0; i < 2; i++)
      for (const worker of workers) log.did(worker, 'books/send', { to: 'board', body: 'done' })
    assert.deepEqual(onlyOf(log, 'loops'), [])
  })

  it('its benign twin: many that say the same twice', () => {
    const log = new Log()
    const top = log.cell('0')
    const workers = [1, 2, 3, 4, 5, 6, 7, 8].map((i) => {
      log.delegated(top, `worker-${i}`, `d_${i}`)
      return log.cell(`${i}`, `worker-${i}`, `d_${i}`)
    })
    for (let i = 0; i < 2; i++)
      for (const worker of workers) log.did(worker, 'books/send', { to: 'board', body: 'done' })
    assert.deepEqual(onlyOf(log, 'loops'), [])
  })
})
