import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { Log, MINUTE, onlyOf } from '../../../test/sentinel/fixture.ts'
import type { JsonObject } from '../../model/index.ts'

const ids = (count: number) => Array.from({ length: count }, (_, i) => `f${i}`)

describe('destruction', () => {
  for (const [tool, args] of [
    ['books/files.delete', { paths: ids(25) }],
    ['books/files.delete', { path: '/' }],
    ['books/files.delete', { path: 'src', recursive: true }],
    ['books/deleteAllUsers', { filter: '*' }],
    ['books/volume_wipe', { volume: 'all' }],
    ['books/run', { command: 'rm -rf ~/work' }],
    ['books/run', { command: 'rm -f -r ~/work' }],
    ['books/run', { sql: 'DROP  TABLE customers' }],
    ['books/run', { sql: 'delete from customers;' }],
    ['books/run', { command: 'terraform destroy -auto-approve' }],
  ] as readonly (readonly [string, JsonObject])[]) {
    it(`at once: ${tool} ${JSON.stringify(args).slice(0, 40)}`, () => {
      const log = new Log()
      log.did(log.cell('1'), tool, args)
      assert.deepEqual(onlyOf(log, 'destruction'), ['restricted'])
    })
  }

  it('at once: what only its whole arguments show', () => {
    for (const [tool, name] of [
      ['books/run', 'a statement that destroys'],
      ['books/files.delete', 'all of something'],
    ] as const) {
      const log = new Log()
      log.did(log.cell('1'), tool, { command: '…' }, { noticed: [{ kind: 'destruction', name }] })
      assert.deepEqual(onlyOf(log, 'destruction'), ['restricted'])
    }
  })

  it('one after the other, over delegates', () => {
    const log = new Log()
    const top = log.cell('0')
    log.delegated(top, 'beta', 'd_1')
    const below = log.cell('1', 'beta', 'd_1')
    for (let i = 0; i < 25; i++) log.did(i % 2 === 0 ? top : below, 'books/files.delete', { path: `f${i}` })
    assert.deepEqual(onlyOf(log, 'destruction'), ['restricted'])
  })

  it('its benign twins: a few, some every hour, one row, a read that speaks of it, a note', () => {
    const log = new Log()
    const cell = log.cell('1')
    log.did(cell, 'books/files.delete', { paths: ids(20) })
    for (let i = 0; i < 50; i++) log.pass(60 * MINUTE).did(cell, 'books/files.delete', { path: `f${i}` })
    log.did(cell, 'books/run', { sql: "delete from customers where id = '7'" })
    log.did(cell, 'books/look', { q: 'drop table customers' })
    log.did(cell, 'books/note', { text: 'never rm -rf /' })
    assert.deepEqual(onlyOf(log, 'destruction'), [])
  })
})
