import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import process from 'node:process'
import { after, describe, it } from 'node:test'
import { startOf, unlessGone } from './process-end.ts'

const directory = mkdtempSync(join(tmpdir(), 'process-end-'))
after(() => rmSync(directory, { recursive: true, force: true }))

describe('S8, S13: a process that has ended', () => {
  it('is one that the kernel does not have, or shows as a zombie without threads', async () => {
    assert.match(startOf(process.pid) ?? '', /^\d+$/)
    const child = spawn('/usr/bin/true')
    await once(child, 'exit')
    assert.equal(startOf(Number(child.pid)), undefined)
    const proc = join(directory, 'states')
    mkdirSync(join(proc, '1'), { recursive: true })
    const stat = (state: string, threads: number) =>
      writeFileSync(join(proc, '1', 'stat'), `1 (a) b) ${state} ${'0 '.repeat(16)}${threads} 0 77 0\n`)
    for (const [state, threads, since] of [
      ['S', 1, '77'],
      ['Z', 2, '77'],
      ['Z', 1, undefined],
      ['X', 1, undefined],
    ] as const) {
      stat(state, threads)
      assert.equal(startOf(1, proc), since, `${state} ${threads}`)
    }
  })

  it('is none that cannot be looked at', () => {
    const proc = join(directory, 'proc')
    mkdirSync(join(proc, `${process.pid}`, 'stat'), { recursive: true })
    assert.throws(() => startOf(process.pid, proc), /EISDIR/)
    rmSync(join(proc, `${process.pid}`), { recursive: true })
    assert.throws(() => startOf(process.pid, proc), /is missing, and process \d+ is there/, 'as `hidepid=2` shows it')
    mkdirSync(join(proc, `${process.pid}`))
    writeFileSync(join(proc, `${process.pid}`, 'stat'), '1 (a) S')
    assert.throws(() => startOf(process.pid, proc), /is cut off/)
  })

  it('of what is gone nothing is read, and every other fault is thrown', () => {
    const failing = (code: string) => () => {
      throw Object.assign(new Error(code), { code })
    }
    for (const code of ['ENOENT', 'ESRCH', 'ENODEV']) assert.equal(unlessGone(failing(code)), undefined)
    for (const code of ['EACCES', 'EMFILE', 'EIO', 'EPERM', 'ENOMEM'])
      assert.throws(() => unlessGone(failing(code)), { code })
  })
})
