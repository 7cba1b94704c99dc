import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { Log, onlyOf } from '../../../test/sentinel/fixture.ts'

describe('drift', () => {
  it('a tool that has changed is asked for', () => {
    const log = new Log()
    const reasons = [{ kind: 'definition', tool: 'look', problem: 'changed since it was accepted' }]
    log.refused(log.cell('1'), 'books/look', {}, { reasons })
    assert.deepEqual(onlyOf(log, 'drift'), ['watched'])
  })

  it('its benign twins: one that was never accepted, or is offered no more', () => {
    const log = new Log()
    const cell = log.cell('1')
    for (const problem of ['not accepted', 'withdrawn by its upstream']) {
      log.refused(cell, 'books/look', {}, { reasons: [{ kind: 'definition', tool: 'look', problem }] })
    }
    assert.deepEqual(onlyOf(log, 'drift'), [])
  })
})
