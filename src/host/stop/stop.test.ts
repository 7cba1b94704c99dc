import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, mkdirSync, mkdtempSync, openSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import process from 'node:process'
import { afterEach, beforeEach, describe, it } from 'node:test'
import type { Cell } from '../../cells/driver.ts'
import { initIn } from '../../cells/linux/launch/run-directory.ts'
import { lookAtCells } from '../../cells/linux/limits/census.ts'
import { agentName, type CellId, no, ok } from '../../model/index.ts'
import { runPlaces } from '../services/run-places.ts'
import { unbegun } from '../services/starting.ts'
import { memoryFences } from './memory-fences.ts'
import { reapDead } from './silent-warden.ts'
import { gatewayEnded, type Stop, stopCells } from './stop.ts'

const RUN = 'r_0123456789abcdef'
const CELL = 'c_0123456789abcdef' as CellId
let directory = ''
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'stop-'))
})
afterEach(() => rmSync(directory, { recursive: true, force: true }))

const own = { pid: process.pid, startTicks: '1' }

/** Makes a run directory with one cell, and returns that cell's. */
function runOf(owner: object): string {
  const run = join(directory, 'runs', RUN)
  const cell = join(run, 'cells', CELL)
  mkdirSync(cell, { recursive: true })
  writeFileSync(join(run, 'owner'), JSON.stringify(owner))
  return cell
}

/** Acts while this process can open one file at a time and no second one, as a note is read. */
function withOneDescriptor<T>(act: () => T): T {
  const limit = (nofile: string) => {
    const set = spawnSync('prlimit', [`--pid=${process.pid}`, `--nofile=${nofile}`])
    assert.equal(set.status, 0, String(set.stderr))
  }
  const before = /^Max open files +(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8'))?.[1]
  limit('128:')
  const held: number[] = []
  try {
    for (;;) held.push(openSync('/dev/null', 'r'))
  } catch {
    closeSync(held.pop() ?? -1)
  }
  try {
    return act()
  } finally {
    for (const fd of held) closeSync(fd)
    limit(`${before}:`)
  }
}

describe('S8: what cannot be looked at has not ended', () => {
  it('a gateway may live where the kernel does not tell', async () => {
    const child = spawn('/usr/bin/true')
    await once(child, 'exit')
    assert.ok((await gatewayEnded(Number(child.pid))).ok)
    const there = await gatewayEnded(process.pid, '/proc', 50)
    assert.equal(there.ok ? '' : there.reason, 'the gateway is still there')
    mkdirSync(join(directory, `${process.pid}`, 'stat'), { recursive: true })
    const untold = await gatewayEnded(process.pid, directory, 50)
    assert.match(untold.ok ? '' : untold.reason, /^whether the gateway lives cannot be told: EISDIR/)
  })

  it('nor has a warden whose note cannot be read: nothing of it is touched, and it is not confirmed', async () => {
    const cell = runOf({ pid: 0, startTicks: '1' })
    const told = await withOneDescriptor(() => reapDead([directory]))
    assert.deepEqual(
      told.map(({ point, confirmed }) => [point, confirmed]),
      [[`warden of ${RUN}`, false]],
    )
    assert.match(told[0]?.said ?? '', /cannot be told, and its cells may go on: .*owner cannot be read/)
    mkdirSync(join(cell, 'still-there'))
  })

  it('nor have the processes of a dead one’s cell', async () => {
    const cell = runOf(own)
    writeFileSync(join(cell, 'init'), JSON.stringify(own))
    const init = withOneDescriptor(() => {
      try {
        return initIn(cell)
      } catch (error) {
        return String(error)
      }
    })
    assert.match(String(init), /init cannot be read/)
    assert.equal(initIn(cell)?.lives(), false, 'control')
  })

  it('a cell of which the kernel does not tell, or of which a note cannot be read, cuts the census short', () => {
    const cell = runOf(own)
    const host = { unified: join(directory, 'cgroup'), controllers: {} }
    const group = join(host.unified, 'firebreak', CELL)
    mkdirSync(group, { recursive: true })
    const cut = () => lookAtCells([directory], host).cut ?? ''
    assert.equal(cut(), '')
    mkdirSync(join(group, 'cgroup.events'))
    assert.match(cut(), /EISDIR/)
    rmSync(join(group, 'cgroup.events'), { recursive: true })
    writeFileSync(join(group, 'cgroup.events'), 'populated 1\nfrozen 0\n')
    assert.equal(cut(), '', 'control: a helper')
    writeFileSync(join(cell, 'about'), '{}')
    assert.match(withOneDescriptor(cut), /about cannot be read/)
    assert.equal(cut(), '', 'control')
    symlinkSync('begun', join(cell, 'begun'))
    assert.match(cut(), /ELOOP/)
  })

  it('places of runs that are noted, and cannot be read, are not none', () => {
    assert.deepEqual(runPlaces([directory]), [])
    mkdirSync(join(directory, 'run-directories'))
    assert.throws(() => runPlaces([directory]), /run-directories cannot be read/)
  })

  it('a start is gone when its kill is confirmed, and not where its group shows nobody', async () => {
    const start = (halt: Cell['halt']) => {
      const cell = { id: CELL, halt, left: async () => [] } as unknown as Cell // all that is asked of it
      return unbegun({ number: 1, id: CELL, agent: { name: agentName('bot') }, cell, servers: [] } as never).gone()
    }
    assert.ok((await start(async () => ok({ by: 'kernel', said: 'populated 0', atMs: 0 }))).ok)
    const failed = await start(async () => no({ kind: 'timeout', step: 'kill', afterMs: 1 }))
    assert.match(failed.ok ? '' : failed.reason, /its end is not confirmed: .*timeout/)
  })
})

describe('S8: the connections of a cell', () => {
  /** Orders a cell that shows its table from `shownAfterMs` on, with `count` sockets in it. */
  async function ordered(shownAfterMs: number, count: number) {
    const begun = performance.now()
    const halted: string[] = []
    const cell = {
      id: CELL,
      halt: async (rung: string) => {
        halted.push(rung)
        return ok({ by: 'kernel', said: 'populated 0', atMs: 0 })
      },
      connections: async () => (performance.now() - begun < shownAfterMs ? no('no table is shown') : ok(count)),
    } as unknown as Cell // as far as it is asked
    const gateway = spawn('sleep', ['60'])
    const distrusted: string[] = []
    const services = {
      gatewayPid: gateway.pid,
      tell: () => ok(undefined),
      said: async () => ok(undefined),
      distrust: (why: string) => {
        distrusted.push(why)
        gateway.kill('SIGKILL')
      },
    }
    const stop = {
      order: { id: 'o_0123456789abcdef', target: { kind: 'all' }, rung: 'quarantined', by: 'firebreak', why: 'a test' },
      stopping: [{ number: 1, cell, agent: agentName('desk'), servers: [] }],
      leaving: [],
      shared: [],
      alsoAtGate: [],
      agents: [],
      services,
      number: 2,
    } as unknown as Stop // as far as it is read
    const told = await stopCells(stop)
    gateway.kill('SIGKILL')
    return {
      distrusted,
      halted: halted.filter((rung) => rung === 'killed'),
      seen: told.find(({ point }) => point.startsWith('connections')),
    }
  }

  it('are waited for while its table is not shown, as while its last process ends, and its gateway goes on', async () => {
    const { seen, distrusted } = await ordered(700, 0)
    assert.deepEqual([seen?.confirmed, seen?.escalated, distrusted], [true, false, []], JSON.stringify(seen))
  })

  it('end with its gateway where some stand', async () => {
    const { seen, distrusted, halted } = await ordered(0, 1)
    assert.deepEqual([seen?.confirmed, seen?.escalated, distrusted.length], [true, true, 1], JSON.stringify(seen))
    assert.deepEqual(halted, [])
  })

  it('end with the cell where its table stays hidden: that is no word against its gateway', async () => {
    const { seen, distrusted, halted } = await ordered(60_000, 0)
    assert.deepEqual([seen?.confirmed, seen?.escalated, halted, distrusted], [true, true, ['killed'], []])
  })
})

it('S8: a cell whose sockets take too long to look at is ended for it, and neither its neighbour nor the gateway', async () => {
  const ended: string[] = []
  const cellOf = (id: string, connections: Cell['connections']) => {
    const halt: Cell['halt'] = async (rung) => {
      if (rung === 'killed') ended.push(id)
      return ok({ by: 'kernel', said: rung, atMs: 0 })
    }
    return { number: 1, agent: agentName('bot'), servers: [], cell: { id, halt, connections } as unknown as Cell } // all that is asked of it
  }
  const stop = {
    order: { id: 'o_1', target: { kind: 'all' }, rung: 'frozen', by: 'maria', why: 'x' },
    stopping: [cellOf('c_long', () => new Promise(() => undefined)), cellOf('c_short', async () => ok(0))],
    ...{ leaving: [], shared: [], alsoAtGate: [], agents: [], number: 1, fences: memoryFences() },
    services: {
      gatewayPid: process.pid,
      tell: () => ok(undefined),
      said: async () => ok(undefined),
      distrust: () => ended.push('gateway'),
    },
  } as unknown as Stop // all that is asked of it
  const confirmations = await stopCells(stop)
  assert.deepEqual(ended, ['c_long'])
  assert.ok(confirmations.every(({ confirmed }) => confirmed))
  const said = confirmations.find(({ point }) => point === 'connections of c_long')?.said
  assert.match(said ?? '', /^no confirmation within \d+ ms; killed$/)
})
