import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { Log, onlyOf } from '../../../test/sentinel/fixture.ts'
import type { Noticed } from '../../model/index.ts'

const reached: readonly Noticed[] = [{ kind: 'own-authority', name: 'firebreak.yaml' }]

describe('own-authority', () => {
  it('once is enough, and a delegate’s reach is its whole tree’s', () => {
    const log = new Log()
    const top = log.cell('1')
    log.delegated(top, 'beta', 'd_1')
    const below = log.cell('2', 'beta', 'd_1')
    const [signal] = log.did(below, 'books/look', { path: 'firebreak.yaml' }, { noticed: reached, agent: 'beta' })
    assert.deepEqual(onlyOf(log, 'own-authority'), ['quarantined'])
    assert.equal(signal?.tree, top)
    assert.match(signal?.raised.what ?? '', /firebreak\.yaml/)
  })

  it('its benign twin: what else is noticed', () => {
    const log = new Log()
    const cell = log.cell('1')
    log.did(cell, 'books/look', {}, { noticed: [{ kind: 'environment', name: 'x' }] })
    assert.deepEqual(onlyOf(log, 'own-authority'), [])
  })
})
