import assert from 'node:assert/strict'
import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import process from 'node:process'
import { describe, it } from 'node:test'
import { temporaryDirectory } from '../../test/kit/temporary.ts'

/** A state of an earlier Firebreak, whose ledger is whole. */
const STATE = join(import.meta.dirname, '..', '..', 'test', 'house', 'old-state', 'state.tar.gz')

/** Returns the exit code of a command whose output nobody reads. */
async function unread(...args: readonly string[]): Promise<unknown> {
  const words = [join(import.meta.dirname, 'main.ts'), ...args]
  const child = spawn(process.execPath, words, { stdio: ['ignore', 'pipe', 'pipe'] })
  for (const stream of [child.stdout, child.stderr]) stream.destroy()
  const [code] = await once(child, 'close')
  return code
}

describe('a command whose output nobody reads', () => {
  it('S12: ends with its own exit code: a damaged ledger is not told as intact', async () => {
    const directory = temporaryDirectory()
    execFileSync('tar', ['-xzSf', STATE, '-C', directory])
    const state = join(directory, '.firebreak')
    const verify = ['ledger', 'verify', join(state, 'ledger'), '--witness', join(state, 'witness')]
    assert.equal(await unread(...verify), 0)
    writeFileSync(join(state, 'ledger', 'test', 'notes.txt'), 'no log')
    assert.equal(await unread(...verify), 7)
  })

  it('that nobody knows is wrong usage, all the same', async () => {
    assert.equal(await unread('frobnicate'), 2)
  })
})
