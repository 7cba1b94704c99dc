/** A process whose main thread has ended looks like a zombie and runs on: neither a kill nor a teardown takes it for gone. */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, chownSync, closeSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import process from 'node:process'
import { createInterface } from 'node:readline'
import { describe, it } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import type { LinuxCell } from '../../src/cells/linux/launch/cell.ts'
import { CHECKOUT, NODE_FOR_ALL, UNREADABLE } from '../kit/open-checkout.ts'
import { until } from '../kit/until.ts'
import { hostDirectory, launched, NODE, SKIP, spec } from './kit.ts'

const skip = SKIP || (process.arch === 'x64' ? false : 'the attack is x86-64 code')
const USER = 1_900_000_003

describe('a cell whose pid 1 has lost its main thread and goes on', { skip }, () => {
  it('S8: is killed, and the kill says what was seen of its cgroup', async () => {
    const { cell, init } = await headless()
    const killed = await cell.kill()
    assert.deepEqual(killed, { ok: true, value: 'cgroup.events says populated 0' })
    // A thread has left its cgroup, and runs no instruction of its own any more, a moment before it is shown as ended.
    await until('nothing of it runs', () => threadsOf(init).length === 0)
    assert.ok((await cell.teardown()).gone)
  })

  it('S8: still shows the listeners in its network', async () => {
    const { cell, listener } = await headless()
    try {
      assert.equal(await cell.connections(process.pid), 1)
    } finally {
      closeSync(listener)
    }
    assert.equal(await cell.connections(process.pid), 0)
    await cell.kill()
    assert.ok((await cell.teardown()).gone)
  })

  it('S8: stands still when it is frozen', async () => {
    const { cell, init } = await headless()
    const first = turnsOf(init)
    await until('control: it runs', () => turnsOf(init).join() !== first.join())
    assert.deepEqual(await cell.freeze(), { ok: true, value: undefined })
    const then = turnsOf(init)
    await delay(400)
    assert.deepEqual(turnsOf(init), then)
    await cell.kill()
    assert.ok((await cell.teardown()).gone)
  })

  for (const how of ['kill', 'teardown'])
    it(`S13: without root and without cgroups a ${how} ends it, too`, { skip: UNREADABLE }, async () => {
      const { report, warden } = await ofUser(how)
      try {
        assert.deepEqual(threadsOf(report.init), [], `${report.said}, and it runs`)
        assert.doesNotMatch(report.said, /cgroup/)
        assert.equal(report.gone, true)
      } finally {
        warden.kill('SIGKILL')
      }
    })

  it('S13: without root and without cgroups it dies with a killed warden', { skip: UNREADABLE }, async () => {
    const { report, warden } = await ofUser('guard')
    assert.ok(threadsOf(report.init).length > 0, 'control: it runs')
    warden.kill('SIGKILL')
    await until('nothing of it runs', () => threadsOf(report.init).length === 0)
  })

  it('S13: where the guard was killed, too, the next start ends it', { skip: UNREADABLE }, async () => {
    const base = hostDirectory()
    const { report, warden } = await ofUser('guard', base)
    for (const pid of [...shellsOf(Number(warden.pid)), Number(warden.pid)]) process.kill(pid, 'SIGKILL')
    await once(warden, 'exit')
    assert.ok(threadsOf(report.init).length > 0, 'control: it runs')
    const next = await ofUser('next', base)
    next.warden.kill('SIGKILL')
    assert.deepEqual(threadsOf(report.init), [])
    assert.deepEqual(next.report.left, [])
    assert.equal(next.report.gone, true)
  })
})

/** Returns the guard of a warden, which is the shell among its children. */
function shellsOf(pid: number): readonly number[] {
  return readdirSync(`/proc/${pid}/task`)
    .flatMap((thread) => readFileSync(`/proc/${pid}/task/${thread}/children`, 'utf8').split(' '))
    .filter((child) => child !== '' && readFileSync(`/proc/${child}/cmdline`, 'utf8').startsWith('/bin/sh'))
    .map(Number)
}

/** Starts headless-warden.ts as an ordinary user and returns it with its first report. */
async function ofUser(how: string, base = hostDirectory()) {
  chownSync(base, USER, USER)
  chmodSync(base, 0o755)
  const warden = spawn(NODE_FOR_ALL, [join(CHECKOUT, 'test/escape/headless-warden.ts'), how, base], {
    uid: USER,
    gid: USER,
    cwd: '/',
    env: { PATH: '/usr/bin:/bin' },
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  const [line] = await once(createInterface({ input: warden.stdout }), 'line')
  const { init, said, gone, left } = JSON.parse(String(line))
  return { warden, report: { init: Number(init), said: String(said), gone, left } }
}

/** How often each of its threads has given its processor back; its worker does so ten times a second. */
function turnsOf(pid: number): readonly string[] {
  return threadsOf(pid).map((thread) => {
    const status = readFileSync(`/proc/${pid}/task/${thread}/status`, 'utf8')
    return `${thread} ${/^voluntary_ctxt_switches:\t(\d+)/m.exec(status)?.[1]}`
  })
}

async function headless(): Promise<{ readonly cell: LinuxCell; readonly init: number; readonly listener: number }> {
  const cell = await launched(spec([NODE, '/opt/attacks/headless.ts']))
  const init = Math.min(...cell.pids())
  const listener = cell.listeners[0]?.take() ?? -1
  cell.start()
  await until('its pid 1 is a zombie that runs', () => isZombie(init) && threadsOf(init).length > 0)
  return { cell, init, listener }
}

function isZombie(pid: number): boolean {
  return /^State:\tZ/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'))
}

/** Its threads that have not ended. */
function threadsOf(pid: number): readonly string[] {
  try {
    return readdirSync(`/proc/${pid}/task`).filter(
      (thread) => !/^State:\t[ZX]/m.test(readFileSync(`/proc/${pid}/task/${thread}/status`, 'utf8')),
    )
  } catch {
    return []
  }
}
