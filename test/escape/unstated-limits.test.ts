/** The limits of a cell whose configuration names none (S17). */
import assert from 'node:assert/strict'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import process from 'node:process'
import { describe, it } from 'node:test'
import { loadConfig } from '../../src/config/load.ts'
import { cellSpec } from '../../src/host/prepare/cell-spec.ts'
import { openState } from '../../src/host/state/state.ts'
import { writeConfig } from '../kit/config-text.ts'
import { temporaryDirectory } from '../kit/temporary.ts'
import { cgroupFile, launched, outputOf, SKIP } from './kit.ts'

const GIB = 1024 ** 3

describe('a cell whose configuration names no limit', { skip: SKIP }, () => {
  it('S17: has 1 GiB, one core, 128 processes, two hours, 4,096 descriptors, 8 GiB of changes', async () => {
    const directory = temporaryDirectory()
    mkdirSync(join(directory, 'work'))
    const upstreams = { desk: { mcp: { url: 'http://127.0.0.1:1/mcp' }, tools: { note: 'read' } } } as const
    const agents = { alpha: { cell: { workspace: join(directory, 'work') } } }
    const loaded = await loadConfig(writeConfig(directory, { upstreams, agents }), { node: process.execPath })
    if (!loaded.ok) assert.fail(JSON.stringify(loaded.reason))
    const [agent] = loaded.value.agents.values()
    assert.ok(agent)
    const state = openState(join(directory, 'state'), true, Math.random)
    const script = 'ulimit -n; df -B1 --output=size /workspace | tail -1'
    const spec = cellSpec(loaded.value, state, {
      name: 'alpha',
      cell: agent.cell,
      command: ['/bin/sh', '-c', script],
      stdio: { kind: 'pipes' },
      listener: false,
      variables: {},
      about: { part: 'agent', state: state.directory, environment: 'test' },
    })
    assert.deepEqual(spec.limits, { memoryBytes: GIB, cpu: 1, pids: 128, wallMs: 7_200_000 })
    const cell = await launched(spec)
    assert.equal(cgroupFile('memory', cell.id, 'memory.limit_in_bytes', 'memory.max'), `${GIB}`)
    assert.equal(cgroupFile('pids', cell.id, 'pids.max', 'pids.max'), '128')
    assert.match(cgroupFile('cpu', cell.id, 'cpu.cfs_quota_us', 'cpu.max'), /^100000\b/)
    const output = outputOf(cell)
    cell.start()
    const [descriptors, bytes] = (await output.stdout).trim().split('\n').map(Number)
    await cell.teardown()
    assert.equal(descriptors, 4_096)
    // What the file system itself takes is not left to the cell.
    assert.ok(Number(bytes) > 7.5 * GIB && Number(bytes) <= 8 * GIB, `${bytes} bytes`)
  })
})
