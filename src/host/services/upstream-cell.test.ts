import assert from 'node:assert/strict'
import { readdirSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { it } from 'node:test'
import { temporaryDirectory } from '../../../test/kit/temporary.ts'
import { turnOver } from './upstream-cell.ts'

it('what servers log is bounded: a log past 8 MiB begins anew, with the one before it beside it', () => {
  const directory = temporaryDirectory()
  const log = join(directory, 'upstream-desk.log')
  turnOver(log)
  for (let started = 0; started < 3; started++) {
    writeFileSync(log, 'x')
    turnOver(log)
    assert.ok(readdirSync(directory).includes('upstream-desk.log'), 'a small one goes on')
    truncateSync(log, 9 * 1024 ** 2)
    turnOver(log)
    assert.deepEqual(readdirSync(directory), ['upstream-desk.log.1'])
  }
})
