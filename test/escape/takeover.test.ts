/** Pid 1 of a cell has the cell's uid: whoever runs there can become it. What must not hang on its good will. */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, chownSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import process from 'node:process'
import { createInterface } from 'node:readline'
import { describe, it } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { CHECKOUT, NODE_FOR_ALL, UNREADABLE } from '../kit/open-checkout.ts'
import { until } from '../kit/until.ts'
import { hostDirectory, launched, NODE, SKIP, spec } from './kit.ts'

const PAUSE = '34'
const skip = SKIP || (process.arch === 'x64' ? false : 'the attack is x86-64 code')

describe('a cell that has taken its pid 1 over', { skip }, () => {
  it('S13: dies with a killed warden all the same', async () => {
    const child = spawn(process.execPath, [join(import.meta.dirname, 'taken-over-warden.ts')], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    const { initPid, pid1 } = await firstReport(child.stdout)
    assert.equal(pid1, PAUSE, 'control: it is taken over')
    assert.ok(lives(initPid))
    child.kill('SIGKILL')
    await once(child, 'exit')
    await until('nothing of it runs', () => !lives(initPid))
  })

  it('S13: is killed at the end that it has lied about', async () => {
    const cell = await launched(spec([NODE, '/opt/attacks/takeover.ts', 'lie']))
    cell.start()
    const exit = await cell.exited
    assert.equal(exit.code, 42, 'control: it has lied')
    const pids = cell.pids()
    assert.ok(pids.length > 0, 'control: it runs on')
    const receipt = await cell.teardown()
    assert.ok(receipt.gone, JSON.stringify(receipt))
    assert.ok(pids.every((pid) => !lives(pid)))
  })

  it('S13: the same without root and without cgroups', { skip: UNREADABLE }, async () => {
    const base = hostDirectory()
    chownSync(base, 1_900_000_002, 1_900_000_002)
    chmodSync(base, 0o755)
    const child = spawn(NODE_FOR_ALL, [join(CHECKOUT, 'test/escape/taken-over-warden.ts'), 'lie', base], {
      uid: 1_900_000_002,
      gid: 1_900_000_002,
      cwd: '/',
      env: { PATH: '/usr/bin:/bin' },
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    const { initPid, code, livedOn, gone } = await firstReport(child.stdout)
    // A cell that runs on holds its warden's streams open, too.
    if (child.exitCode === null) await Promise.race([once(child, 'exit'), delay(3_000)])
    child.kill('SIGKILL')
    assert.equal(code, 42, 'control: it has lied')
    assert.equal(livedOn, true, 'control: it runs on')
    assert.equal(gone, true)
    assert.ok(!lives(initPid), 'gone, says the receipt, and it runs')
  })
})

async function firstReport(output: NodeJS.ReadableStream): Promise<Record<string, unknown>> {
  const [line] = await once(createInterface({ input: output }), 'line')
  return JSON.parse(String(line))
}

/** A zombie runs nothing. */
function lives(pid: unknown): boolean {
  if (!readdirSync('/proc').includes(String(pid))) return false
  return !/^State:\tZ/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'))
}
