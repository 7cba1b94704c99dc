import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { Log } from '../../../test/sentinel/fixture.ts'
import type { Noticed } from '../../model/index.ts'

const touched: readonly Noticed[] = [{ kind: 'decoy', name: 'the tool books/admin.escalate' }]

describe('decoy', () => {
  it('one touch is enough, refused or not, and names its entry', () => {
    for (const how of ['refused', 'did'] as const) {
      const log = new Log()
      const cell = log.cell('1')
      log.did(cell, 'books/look')
      const [signal] = log[how](cell, 'books/admin.escalate', {}, { noticed: touched })
      assert.equal(signal?.raised.rung, 'quarantined')
      assert.equal(signal?.raised.mode, 'enforce')
      assert.equal(
        log.entries[signal?.raised.evidence[0] ?? -1]?.kind,
        how === 'did' ? 'action.intent' : 'action.refused',
      )
    }
  })

  it('a decoy file that was opened, and no other sensor', () => {
    const log = new Log()
    const cell = log.cell('1')
    log.sensed(cell, 'process')
    assert.deepEqual(log.said, [])
    log.sensed(cell, 'decoy-file')
    assert.deepEqual(log.said, ['decoy quarantined'])
  })

  it('a delegate’s touch is its whole tree’s', () => {
    const log = new Log()
    const top = log.cell('1')
    log.delegated(top, 'beta', 'd_1')
    const below = log.cell('2', 'beta', 'd_1')
    const [signal] = log.refused(below, 'books/admin.escalate', {}, { noticed: touched, agent: 'beta' })
    assert.equal(signal?.tree, top)
    assert.equal(signal?.raised.cell, below)
  })

  it('its benign twin: everything else that is noticed', () => {
    const log = new Log()
    log.did(log.cell('1'), 'books/look', { q: 'admin' }, { noticed: [] })
    assert.deepEqual(log.said, [])
  })
})
