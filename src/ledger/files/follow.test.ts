import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, it, mock } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import { Changes } from './follow.ts'

describe('changes in a directory', () => {
  const directory = mkdtempSync(join(tmpdir(), 'firebreak-changes-'))
  after(() => rmSync(directory, { recursive: true, force: true }))

  it('are told by the kernel, long before anybody would have looked anyway', async () => {
    const stop = new AbortController()
    const changes = new Changes(stop.signal)
    changes.add(directory)
    mock.timers.enable({ apis: ['setTimeout'] })
    let told = false
    const next = changes.next().then(() => {
      told = true
    })
    writeFileSync(join(directory, 'one'), 'x')
    // A small part of the time after which it looks without a word; turns of the loop let the kernel's word in.
    for (let ms = 0; ms < 100; ms++) {
      for (let i = 0; i < 100 && !told; i++) await turn()
      mock.timers.tick(1)
    }
    mock.timers.reset()
    const early = told
    stop.abort()
    await next
    assert.ok(early, 'it waited for its own look')
  })
})
