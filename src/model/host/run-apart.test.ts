import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { it } from 'node:test'
import { temporaryDirectory } from '../../../test/kit/temporary.ts'
import { runApart } from './run-apart.ts'

it('S8: while a program is waited for, everything else goes on', async () => {
  const pipe = join(temporaryDirectory(), 'pipe')
  assert.equal(spawnSync('mkfifo', [pipe]).status, 0)
  const ran = runApart('sh', ['-c', `read word < ${pipe} && test "$word" = on`])
  // It ends by what is written after it was begun, and never where that waits for it.
  await writeFile(pipe, 'on\n')
  assert.deepEqual(await ran, { ok: true, value: undefined })
})

it('a program that cannot be started, or fails, is a fault in words', async () => {
  assert.match(JSON.stringify(await runApart('/nonexistent/program', [])), /ENOENT/)
  assert.match(JSON.stringify(await runApart('true', ['\0'])), /null bytes/)
  assert.deepEqual(await runApart('false', []), { ok: false, reason: 'false ended with 1' })
  assert.deepEqual(await runApart('sh', ['-c', 'kill -9 $$']), { ok: false, reason: 'sh ended with SIGKILL' })
})
