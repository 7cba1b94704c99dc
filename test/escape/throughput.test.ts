import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { CGROUP_PARENT, createCgroup } from '../../src/cells/linux/limits/cgroup.ts'
import { openCgroups } from '../../src/cells/linux/limits/cgroup-host.ts'
import { hostDirectory, ran, SKIP, spec, workspaceOver } from './kit.ts'

const MIB = 1024 * 1024
const base = spec(['true']).limits
const io = { readBytesPerSecond: MIB, writeBytesPerSecond: MIB }
const host = SKIP === false ? openCgroups(CGROUP_PARENT) : undefined
const NO_IO = host?.controllers.io === undefined && 'this host has no io controller'

/** Past the page cache, where each hierarchy counts what a cell does; says how long each took. */
const WRITE_AND_READ = `
dd if=/dev/zero of=/work/x bs=128k count=8 oflag=direct 2>&1 | tail -1
dd if=/work/x of=/dev/null bs=128k iflag=direct 2>&1 | tail -1
`

describe('throughput', { skip: SKIP }, () => {
  it('S17: what a cell reads and writes of its disk comes no faster than its limit', { skip: NO_IO }, async (t) => {
    const workspace = workspaceOver(hostDirectory())
    // On version 1 a person must accept that writes through the page cache are not held back.
    const accepts = host?.controllers.io?.version === 1 ? (['io'] as const) : []
    const limited = await ran(spec(['sh', '-c', WRITE_AND_READ], { workspace, limits: { ...base, io }, accepts }))
    const [write = 0, read = 0] = secondsIn(limited.stdout)
    t.diagnostic(`1 MiB at 1 MiB/s: written in ${write} s, read in ${read} s`)
    assert.ok(write > 0.7, limited.stdout)
    assert.ok(read > 0.7, limited.stdout)
    const free = await ran(spec(['sh', '-c', WRITE_AND_READ], { workspace: workspaceOver(hostDirectory()) }))
    const [fastWrite = 9, fastRead = 9] = secondsIn(free.stdout)
    assert.ok(fastWrite < write && fastRead < read, `control, without a limit: ${free.stdout}`)
  })

  it('S17: a host that cannot hold it refuses the launch, and says what', () => {
    const { io: _, ...controllers } = host?.controllers ?? {}
    const without = { ...(host?.unified !== undefined && { unified: host.unified }), controllers }
    const made = createCgroup(without, 'c_never', { ...base, io }, '7:0', [])
    if (made.ok) made.value.remove()
    assert.deepEqual(made, { ok: false, reason: { kind: 'lacking', layer: 'io', problem: 'no io controller' } })
  })
})

function secondsIn(output: string): readonly number[] {
  return [...output.matchAll(/ ([\d.e-]+) s, /g)].map(([, seconds]) => Number(seconds))
}
