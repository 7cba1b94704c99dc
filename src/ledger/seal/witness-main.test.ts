import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import process from 'node:process'
import { after, describe, it } from 'node:test'
import { LEDGER_LIMITS } from '../log/limits.ts'

const MAIN = join(import.meta.dirname, 'witness-main.ts')

describe('the logs of one witness', () => {
  const state = mkdtempSync(join(tmpdir(), 'firebreak-witness-'))
  after(() => rmSync(state, { recursive: true, force: true }))

  /** Starts one with so many logs, each writer gone at once: it ends when all have. */
  async function witness(directory: string, logs: number): Promise<{ readonly code: number; readonly said: string }> {
    const named = Array.from({ length: logs }, (_, i) => ['--log', `log-${i}=${3 + i}`])
    const child = spawn(process.execPath, [MAIN, '--directory', directory, ...named.flat()], {
      stdio: ['ignore', 'ignore', 'pipe', ...Array<'pipe'>(logs).fill('pipe')],
    })
    for (const stream of child.stdio.slice(3)) stream?.on('error', () => undefined).destroy()
    let said = ''
    child.stderr?.on('data', (chunk: Buffer) => {
      said += chunk.toString()
    })
    const [code] = await once(child, 'close')
    return { code: Number(code ?? NaN), said }
  }

  it('S17: are 64 at the most: one more, and it does not start', async () => {
    assert.equal(LEDGER_LIMITS.witnessLogsMax, 64)
    const [most, over] = [join(state, 'most'), join(state, 'over')]
    const refused = await witness(over, 65)
    assert.equal(refused.code, 2)
    assert.match(refused.said, /^witness: 65 logs are given: one witness serves at most 64/)
    assert.ok(!existsSync(over), 'nothing was made')
    const served = await witness(most, 64)
    assert.deepEqual(served, { code: 0, said: '' })
    assert.equal(readdirSync(most).filter((name) => name.startsWith('log-')).length, 64)
  })
})
