import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import process from 'node:process'
import { describe, it } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import { temporaryDirectory } from '../../../../test/kit/temporary.ts'
import { until } from '../../../../test/kit/until.ts'
import { reapOrphans } from './run-directory.ts'

const DEAD = JSON.stringify({ pid: 4_194_304, startTicks: '1' })

describe('what dead wardens have left', () => {
  it('is removed, and nothing else is that lies where runs do', async () => {
    const base = join(temporaryDirectory(), 'base')
    const place = (name: string, file: string, text = '') => {
      mkdirSync(join(base, name), { recursive: true, mode: 0o700 })
      writeFileSync(join(base, name, file), text)
    }
    place('runs/r_0000000000000001', 'owner', DEAD)
    place('runs/r_0000000000000001/cells/c_1', 'about')
    // Its removal was cut off.
    place('runs/r_0000000000000002/cells/c_2', 'about')
    const others = ['runs/experiment-1', 'runs/r_0000000000000003', 'runs/r_12', 'runs/.r_0000000000000004']
    for (const name of others) place(name, 'model.bin')
    place('runs/r_12', 'owner', DEAD)
    place('uids', 'readme')
    place('uids', '1950000001')
    for (const name of ['readme', '1950000001']) utimesSync(join(base, 'uids', name), 1, 1)
    const reaped = await reapOrphans(base, { controllers: {} })
    assert.deepEqual(reaped.map(({ run }) => run).sort(), ['r_0000000000000001', 'r_0000000000000002'])
    assert.deepEqual(
      others.filter((name) => !existsSync(join(base, name, 'model.bin'))),
      [],
    )
    assert.equal(readdirSync(join(base, 'runs')).length, others.length)
    assert.deepEqual(readdirSync(join(base, 'uids')), ['readme'])
  })

  it('is removed when its warden, which is ending, has ended', async () => {
    const base = join(temporaryDirectory(), 'base')
    const run = join(base, 'runs/r_0000000000000001')
    mkdirSync(join(run, 'cells'), { recursive: true, mode: 0o700 })
    chmodSync(base, 0o700)
    chmodSync(join(base, 'runs'), 0o700)
    // Its main thread ends, and its others go on: `exit` of syscall(2), which is number 60 on x86-64 and 93 on arm64.
    const exit = process.arch === 'arm64' ? 93 : 60
    const program = `require('koffi').load(null).func('long syscall(long number, long status)')(${exit}, 0)`
    const warden = spawn(process.execPath, ['-e', program], { cwd: import.meta.dirname, stdio: 'ignore' })
    try {
      const { pid = 0 } = warden
      const stat = () => readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? []
      await until('its main thread has ended', () => stat()[0] === 'Z')
      assert.ok(Number(stat()[17]) > 1, 'control: others go on')
      writeFileSync(join(run, 'owner'), JSON.stringify({ pid, startTicks: stat()[19] }))
      const reaping = reapOrphans(base, { controllers: {} })
      await turn()
      assert.ok(existsSync(run))
      warden.kill('SIGKILL')
      assert.deepEqual(
        (await reaping).map(({ left }) => left),
        [[]],
      )
      assert.ok(!existsSync(run))
    } finally {
      warden.kill('SIGKILL')
    }
  })
})
