import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import process from 'node:process'
import { describe, it } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { openWarden } from '../../src/cells/linux/launch/warden.ts'
import { until } from '../kit/until.ts'
import { hostDirectory, launched, outputOf, ran, SKIP, spec, warden, workspaceOver } from './kit.ts'

describe('a cell’s life', { skip: SKIP }, () => {
  it('S1: not one instruction runs before start', async () => {
    const workspace = workspaceOver(hostDirectory())
    const cell = await launched(spec(['touch', '/work/ran'], { workspace }))
    const merged = merge(cell.id)
    await delay(150)
    assert.deepEqual(readdirSync(merged), [])
    cell.start()
    assert.equal((await cell.exited).code, 0)
    assert.deepEqual(readdirSync(merged), ['ran'])
    await cell.teardown()
  })

  it('S13: a teardown proves each thing gone', async () => {
    const cell = await launched(
      spec(['sh', '-c', 'sleep 20 & sleep 20'], { workspace: workspaceOver(hostDirectory()) }),
    )
    cell.start()
    await until('it runs', () => cell.pids().length > 2)
    assert.ok(mountinfo().includes(cell.id), 'control: its overlay is mounted while it lives')
    assert.ok(cgroupsNamed(cell.id).length > 0, 'control: it has cgroups')
    assert.ok(existsSync(`/run/firebreak/uids/${cell.uid}`), 'control: its uid is reserved')
    const receipt = await cell.teardown()
    assert.ok(receipt.gone, JSON.stringify(receipt))
    assert.deepEqual(receipt.checks.map((check) => check.what).toSorted(), [
      'cgroup',
      'descriptors',
      'directory',
      'listener',
      'mounts',
      'processes',
      'uid',
    ])
    assert.ok(!mountinfo().includes(cell.id))
    assert.deepEqual(cgroupsNamed(cell.id), [])
    assert.ok(!existsSync(`/run/firebreak/uids/${cell.uid}`))
    assert.equal(processesOf(cell.uid), 0)
    assert.equal(await cell.teardown(), receipt, 'the same receipt again')
  })

  it('S13: a cell that was never started goes as cleanly', async () => {
    const cell = await launched(spec(['true'], { workspace: workspaceOver(hostDirectory()) }))
    assert.ok((await cell.teardown()).gone)
    assert.equal((await cell.exited).why, 'never-started')
  })

  it('S13: a launch that fails leaves nothing', async () => {
    // A place whose name no file system takes: bubblewrap fails half-way.
    const files = [{ from: '/etc/hostname', to: `/opt/${'x'.repeat(300)}` }]
    const wanted = spec(['true'], { files, workspace: workspaceOver(hostDirectory()) })
    await assert.rejects(launched(wanted), /bubblewrap/)
    // Cells of other tests come and go: what counts is what is left of this one.
    assert.deepEqual(cgroupsNamed(wanted.id), [])
    assert.deepEqual(readdirSync('/run/firebreak/uids').filter(isHeldBy(wanted.id)), [])
    assert.ok(!mountinfo().includes(wanted.id))
  })

  it('S13: 200 launches leak no descriptor', async () => {
    await ran(spec(['true']))
    await delay(20)
    const before = readdirSync('/proc/self/fd').length
    for (let round = 0; round < 20; round++) {
      const cells = await Promise.all(Array.from({ length: 10 }, () => launched(spec(['true']))))
      for (const cell of cells) cell.start()
      const receipts = await Promise.all(cells.map(async (cell) => cell.exited.then(() => cell.teardown())))
      assert.ok(
        receipts.every((receipt) => receipt.gone),
        JSON.stringify(receipts.find((receipt) => !receipt.gone)),
      )
    }
    await until(`no more than ${before} descriptors`, () => readdirSync('/proc/self/fd').length <= before)
  })

  it('S13: cells die with a killed warden, and the next one removes what it left', async () => {
    const lower = hostDirectory()
    const changesOfBlocked = join(hostDirectory(), 'changes')
    const doomed = [
      join(import.meta.dirname, 'doomed-warden.ts'),
      lower,
      join(hostDirectory(), 'changes'),
      changesOfBlocked,
    ]
    const child = spawn(process.execPath, doomed, { stdio: ['ignore', 'pipe', 'inherit'] })
    assert.ok(child.stdout)
    const [line] = await once(child.stdout, 'data')
    const left: { cell: string; uid: number; blocked: string; blockedUid: number } = JSON.parse(String(line))
    assert.ok(processesOf(left.uid) > 0, 'control: it runs')
    child.kill('SIGKILL')
    await once(child, 'exit')
    await until('its processes die with it', () => processesOf(left.uid) === 0)
    // A warden of another test may open at this moment, and remove it before ours does: that is the promise, too.
    const neighbour = !mountinfo().includes(left.cell)
    const next = await openWarden()
    assert.ok(next.ok)
    const reaped = next.value.reaped.find(({ cells }) => cells.includes(left.cell))
    if (!neighbour && reaped !== undefined) {
      assert.deepEqual(reaped.left, [])
      assert.ok(reaped.cells.includes(left.blocked), 'the one that was never started, too')
    }
    assert.equal(processesOf(left.blockedUid), 0)
    const diff = await next.value.diff(changesOfBlocked)
    assert.ok(diff.ok, JSON.stringify(diff))
    assert.deepEqual(diff.value.changes, [], 'the end of its warden did not let it run')
    assert.ok(!mountinfo().includes(left.cell))
    assert.deepEqual(cgroupsNamed(left.cell), [])
    assert.ok(!existsSync(`/run/firebreak/uids/${left.uid}`))
    await next.value.close()
  })

  it('S13: several that clear up at a time are not in each other’s way', async () => {
    const changes = () => join(hostDirectory(), 'changes')
    const doomed = [join(import.meta.dirname, 'doomed-warden.ts'), hostDirectory(), changes(), changes()]
    const child = spawn(process.execPath, doomed, { stdio: ['ignore', 'pipe', 'inherit'] })
    const [line] = await once(child.stdout, 'data')
    const left: { cell: string; uid: number } = JSON.parse(String(line))
    const reapers = Array.from({ length: 6 }, () =>
      spawn(process.execPath, [join(import.meta.dirname, 'reaper.ts')], { stdio: ['pipe', 'pipe', 'inherit'] }),
    )
    await Promise.all(reapers.map(({ stdout }) => once(stdout, 'data')))
    child.kill('SIGKILL')
    await once(child, 'exit')
    const said = reapers.map(({ stdout }) => once(stdout, 'data'))
    for (const { stdin } of reapers) stdin.write('go\n')
    assert.deepEqual(
      (await Promise.all(said)).map(([text]) => JSON.parse(String(text))),
      reapers.map(() => []),
    )
    assert.equal(processesOf(left.uid), 0)
    assert.ok(!mountinfo().includes(left.cell))
    assert.deepEqual(cgroupsNamed(left.cell), [])
  })

  it('S13: a warden never reaps a live one’s cells', async () => {
    const cell = await launched(spec(['sleep', '20']))
    cell.start()
    const next = await openWarden()
    assert.ok(next.ok)
    await next.value.close()
    assert.ok(cell.pids().length > 0)
    assert.ok((await warden()).cells().some(({ id }) => id === cell.id))
    await cell.teardown()
  })

  it('a frozen cell stands still, a thawed one goes on, and the kernel’s word is awaited', async () => {
    const cell = await launched(spec(['sh', '-c', 'i=0; while :; do i=$((i+1)); echo $i; sleep 0.01; done']))
    const output = outputOf(cell)
    cell.start()
    await until('it counts', () => output.said().includes('3\n'))
    assert.ok((await cell.freeze()).ok)
    const [pid] = cell.pids()
    const stat = readFileSync(`/proc/${pid}/status`, 'utf8')
    assert.ok(stat)
    const frozen = cell.pids().map((each) => readFileSync(`/proc/${each}/schedstat`, 'utf8'))
    await delay(100)
    assert.deepEqual(
      cell.pids().map((each) => readFileSync(`/proc/${each}/schedstat`, 'utf8')),
      frozen,
    )
    assert.ok((await cell.thaw()).ok)
    const stood = output.said()
    await until('it goes on', () => output.said() !== stood)
    assert.ok((await cell.freeze()).ok)
    assert.ok((await cell.kill()).ok, 'a frozen cell can be killed as it stands')
    assert.equal((await cell.exited).why, 'killed')
    await output.stdout
    await cell.teardown()
  })

  it('a signal reaches the command, and its exit code comes back', async () => {
    const cell = await launched(spec(['sh', '-c', 'trap "exit 42" TERM; echo ready; while :; do sleep 0.05; done']))
    const output = outputOf(cell)
    cell.start()
    await until('it listens for the signal', () => output.said() === 'ready\n')
    assert.equal(cell.signal(15), true)
    assert.deepEqual((await cell.exited).code, 42)
    assert.equal(cell.signal(15), false)
    assert.equal(await output.stdout, 'ready\n')
    await cell.teardown()
  })
})

/** Where its overlay is mounted on the host. */
function merge(id: string): string {
  return (
    mountinfo()
      .split('\n')
      .map((line) => line.split(' ')[4] ?? '')
      .find((path) => path.endsWith(`${id}/merged`)) ?? ''
  )
}

function mountinfo(): string {
  return readFileSync('/proc/self/mountinfo', 'utf8')
}

function cgroupsNamed(name: string): readonly string[] {
  return ['memory', 'cpu', 'pids', 'unified', '.'].flatMap((hierarchy) => {
    const directory = join('/sys/fs/cgroup', hierarchy, 'firebreak')
    return existsSync(directory)
      ? readdirSync(directory)
          .filter((entry) => entry.startsWith(name))
          .map((entry) => `${hierarchy}/${entry}`)
      : []
  })
}

/** Including zombies that are not reaped yet would be wrong: they run nothing. */
function processesOf(uid: number): number {
  return readdirSync('/proc').filter((entry) => {
    if (!/^\d+$/.test(entry)) return false
    try {
      const status = readFileSync(`/proc/${entry}/status`, 'utf8')
      return new RegExp(`^Uid:\\t${uid}\\t`, 'm').test(status) && !/^State:\tZ/m.test(status)
    } catch {
      return false
    }
  }).length
}

/** A reservation names its holder. One that ends while we look is nobody's. */
function isHeldBy(id: string): (uid: string) => boolean {
  return (uid) => {
    try {
      return readFileSync(join('/run/firebreak/uids', uid), 'utf8').includes(id)
    } catch {
      return false
    }
  }
}
