import assert from 'node:assert/strict'
import { readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { CGROUP_PARENT } from '../../src/cells/linux/limits/cgroup.ts'
import { openCgroups } from '../../src/cells/linux/limits/cgroup-host.ts'
import { until } from '../kit/until.ts'
import { cgroupFile, hostDirectory, launched, NODE, outputOf, ran, SKIP, spec, workspaceOver } from './kit.ts'

const MIB = 1024 * 1024
const base = spec(['true']).limits

describe('limits', { skip: SKIP }, () => {
  it('S17: a fork bomb stops at the pids limit, and the whole of it is killed', async () => {
    const cell = await launched(
      spec(['bash', '-c', 'b() { b | b & }; b; sleep 20'], { limits: { ...base, pids: 40, cpu: 0.5 } }),
    )
    const output = outputOf(cell)
    cell.start()
    await until('it is refused another process', () => output.said().includes('Resource temporarily unavailable'))
    const count = cell.pids().length
    assert.ok(count > 20 && count <= 40, `${count} processes`)
    const frozen = await cell.freeze()
    assert.ok(frozen.ok)
    const killed = await cell.kill()
    assert.ok(killed.ok)
    assert.equal(cell.pids().length, 0)
    assert.ok((await cell.teardown()).gone)
  })

  it('S17: a memory bomb ends itself, and the receipt says why', async () => {
    const bomb = 'const a=[]; for(;;) a.push(Buffer.alloc(8<<20, 1))'
    const { exit } = await ran(spec([NODE, '-e', bomb], { limits: { ...base, memoryBytes: 128 * MIB } }))
    assert.equal(exit.why, 'out-of-memory')
    assert.notEqual(exit.code, 0)
  })

  it('S17: files in /tmp and shared memory count as memory', async () => {
    const { exit, stderr } = await ran(
      spec(
        ['sh', '-c', 'for at in /dev/shm /tmp /home/agent; do dd if=/dev/zero of=$at/x bs=1M count=600; done; exit 0'],
        {
          limits: { ...base, memoryBytes: 64 * MIB },
        },
      ),
    )
    // What was killed is dd: its shell goes on, and the cell with it.
    assert.ok(exit.limits[0]?.limit === 'memory', `${exit.why} ${stderr}`)
    assert.deepEqual([exit.why, exit.code], ['ended', 0])
    const tmp = await ran(
      spec(['sh', '-c', 'for at in /tmp /dev/shm; do dd if=/dev/zero of=$at/x bs=1M count=64; done'], {
        limits: { ...base, memoryBytes: 64 * MIB, temporaryBytes: 8 * MIB },
      }),
    )
    assert.equal(tmp.stderr.match(/No space left/g)?.length, 2, tmp.stderr)
  })

  it('S17: what connections hold counts as memory, or is limited beside it', async () => {
    const hoard = `const net=require('net'),full=Buffer.alloc(8<<20),all=[]
      const server=net.createServer({pauseOnConnect:true},(s)=>{all.push(s);s.on('error',()=>{})}).listen(0,'127.0.0.1',()=>{
      for(let i=0;i<40;i++){const s=net.connect(server.address().port,'127.0.0.1',()=>s.write(full));s.on('error',()=>{});all.push(s)}})
      const held=()=>all.reduce((sum,s)=>sum+s.bytesWritten-(s._handle?.writeQueueSize??0),0)
      setTimeout(()=>{console.log(all.length,held());process.exit()},1500)`
    const { stdout, exit } = await ran(spec([NODE, '-e', hoard], { limits: { ...base, memoryBytes: 128 * MIB } }))
    const [connections, held] = stdout.trim().split(' ').map(Number)
    assert.ok(exit.why === 'out-of-memory' || (connections === 80 && Number(held) < 96 * MIB), `${exit.why} ${stdout}`)
  })

  it('S17: the changes to a workspace fill their own disk, and no other', async () => {
    const workspace = workspaceOver(hostDirectory())
    const fill =
      'dd if=/dev/zero of=/work/x bs=1M count=64; rm /work/x; i=0; while touch /work/f$i 2>/tmp/e; do i=$((i+1)); done; cat /tmp/e >&2; echo $i; rm -f /work/f*; echo again > /work/y && cat /work/y'
    const { stdout, stderr } = await ran(
      spec(['sh', '-c', fill], { workspace, limits: { ...base, diskBytes: 16 * MIB } }),
    )
    assert.equal(stderr.match(/No space left on device/g)?.length, 2, stderr)
    const [files, again] = stdout.trim().split('\n')
    assert.ok(Number(files) > 500 && Number(files) < 1_100, `${files} files`)
    assert.equal(again, 'again')
    const onHost = statSync(join(workspace.changes, 'disk'))
    assert.ok(onHost.blocks * 512 <= 17 * MIB, `${onHost.blocks * 512} bytes of the host`)
  })

  it('S17: full disks and processes without descriptors are told at the end', async () => {
    const workspace = workspaceOver(hostDirectory())
    const fill = 'head -c 32M /dev/zero > /work/x; head -c 64M /dev/zero > /tmp/x; ulimit -n; sleep 2'
    const hoard = `const fs=require("fs");try{for(;;)fs.openSync("/dev/null")}catch{};setTimeout(()=>{},2000)`
    const limits = { ...base, diskBytes: 16 * MIB, temporaryBytes: 8 * MIB, descriptors: 256 }
    const { exit } = await ran(spec(['sh', '-c', `${NODE} -e '${hoard}' & ${fill}; wait`], { workspace, limits }))
    assert.deepEqual(exit.limits.map(({ limit }) => limit).toSorted(), ['descriptors', 'disk', 'temporary'])
  })

  it('S17: a write limit that the host cannot hold stops the launch; one that it can holds', async () => {
    const limits = { ...base, io: { writeBytesPerSecond: 4 * MIB } }
    const write = spec(['dd', 'if=/dev/zero', 'of=/work/x', 'bs=1M', 'count=12', 'conv=fsync'], {
      workspace: workspaceOver(hostDirectory()),
      limits,
    })
    const io = openCgroups(CGROUP_PARENT).controllers.io?.version
    if (io !== 2) return await assert.rejects(launched(write), /"lacking","layer":"io"/)
    const startMs = performance.now()
    await ran(write)
    assert.ok(performance.now() - startMs > 1_500)
  })

  it('S17: a spinner gets its share of a core and no more', async () => {
    const cell = await launched(spec(['sh', '-c', 'while :; do :; done'], { limits: { ...base, cpu: 0.2 } }))
    cell.start()
    await until('it spins', () => cpuTicks(cell.pids().at(-1)) > 2)
    const pid = cell.pids().at(-1)
    const [since, before] = [performance.now(), cpuTicks(pid)]
    await delay(1_000)
    await until('it has run on', () => cpuTicks(pid) > before)
    const share = ((cpuTicks(pid) - before) * 10) / (performance.now() - since)
    // On a machine that others use it may get less than its share, and never more.
    assert.ok(share > 0 && share < 0.4, `${share} of a core`)
    await cell.teardown()
  })

  for (const order of ['freeze', 'kill'] as const)
    it(`S9: a cell with a small share of a core does not wait for it when it is told to ${order}`, async () => {
      const script = 'for i in $(seq 50); do sleep 60 & done; wait'
      const cell = await launched(spec(['bash', '-c', script], { limits: { ...base, cpu: 0.05 } }))
      cell.start()
      await until('all of them run', () => cell.pids().length > 50)
      const throttled = () => /nr_throttled (\d+)/.exec(cgroupFile('cpu', cell.id, 'cpu.stat', 'cpu.stat'))?.[1]
      await delay(300)
      const before = throttled()
      assert.ok(Number(before) > 0, 'control: its share was too small to begin with')
      assert.ok((await cell[order]()).ok)
      assert.equal(throttled(), before)
      await cell.teardown()
    })

  it('S17: descriptors of a process', async () => {
    const hoard =
      'const fs=require("fs");let n=0;try{for(;;){fs.openSync("/dev/null");n++}}catch(e){console.log(e.code,n)}'
    const { stdout } = await ran(spec([NODE, '-e', hoard], { limits: { ...base, descriptors: 256 } }))
    const [code, count] = stdout.trim().split(' ')
    assert.equal(code, 'EMFILE')
    assert.ok(Number(count) <= 256 && Number(count) > 200, count)
  })

  it('S17: the wall clock', async () => {
    const startMs = performance.now()
    const { exit } = await ran(spec(['sleep', '20'], { limits: { ...base, wallMs: 300 } }))
    assert.equal(exit.why, 'wall-clock')
    assert.equal(exit.code, 137)
    assert.ok(performance.now() - startMs < 15_000)
  })

  it('S17: launches that no limit could hold are refused', async () => {
    for (const limits of [
      { ...base, memoryBytes: 0 },
      { ...base, pids: 0 },
      { ...base, cpu: Number.NaN },
      { ...base, wallMs: -1 },
    ]) {
      await assert.rejects(launched(spec(['true'], { limits })), /"kind":"spec"/)
    }
    const many = Array.from({ length: 17 }, (_, i) => 7_000 + i)
    await assert.rejects(launched(spec(['true'], { ports: many })), /"kind":"spec"/)
    await assert.rejects(launched(spec(['true', 'x'.repeat(2 * MIB)])), /"kind":"spec"/)
  })

  it('S17: limits are in force before the first instruction', async () => {
    const { stdout } = await ran(spec(['cat', '/proc/self/cgroup'], {}))
    for (const controller of ['memory', 'cpu', 'pids']) {
      // v1 names each controller on its line; v2 has one line for all.
      assert.match(stdout, new RegExp(`(:${controller}:|^0::).*firebreak/c_`, 'm'))
    }
  })
})

/** User and system time, in hundredths of a second. proc(5) */
function cpuTicks(pid: number | undefined): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return Number(fields[11]) + Number(fields[12])
}
