import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Sensed } from '../../src/cells/driver.ts'
import { openSensors } from '../../src/cells/linux/sensors/sensors.ts'
import type { CellSpec } from '../../src/cells/spec.ts'
import { launched, NODE, outputOf, SKIP, spec, warden } from './kit.ts'

/** What the warden senses of a cell that runs this, from its first instruction to its end. */
async function sensed(command: CellSpec['command'], changes: Partial<CellSpec> = {}): Promise<readonly Sensed[]> {
  const cell = await launched(spec(command, changes))
  const output = outputOf(cell)
  const all: Sensed[] = []
  const { sense } = await warden()
  sense(cell, (each) => all.push(each))
  cell.start()
  await cell.exited
  await Promise.all([output.stdout, output.stderr])
  await cell.teardown()
  return all
}

const of = (all: readonly Sensed[], sensor: Sensed['sensor']) => all.filter((each) => each.sensor === sensor)

describe('S8: what the warden sees happen in a cell', { skip: SKIP }, () => {
  it('both sensors that need the kernel work here', () => {
    const sensors = openSensors()
    assert.deepEqual(sensors.working, { processes: true, 'decoy files': true })
    sensors.close()
  })

  it('processes start and end, and programs are named', async () => {
    const all = await sensed(['sh', '-c', 'for i in 1 2 3 4 5; do sleep 0.05; done; cat /etc/hostname'])
    const started = of(all, 'process').reduce((sum, { count }) => sum + count, 0)
    assert.ok(started >= 6, JSON.stringify(all))
    const programs = of(all, 'process').flatMap(({ detail }) => Object.keys(detail.programs as object))
    assert.ok(programs.includes('sleep'), programs.join())
    assert.deepEqual(of(all, 'storm'), [])
    assert.deepEqual(of(all, 'lost'), [])
  })

  it('another cell’s processes are not told of this one', async () => {
    const [busy, idle] = await Promise.all([
      sensed(['sh', '-c', 'for i in 1 2 3 4 5 6 7 8 9; do true & wait; done; sleep 0.5']),
      sensed(['sleep', '1.5']),
    ])
    assert.ok(
      of(busy, 'process').some(({ count }) => count >= 9),
      JSON.stringify(busy),
    )
    assert.ok(
      of(idle, 'process').every(({ count }) => count < 5),
      JSON.stringify(idle),
    )
  })

  it('an opened decoy is told at once, with the program; the honest files beside it are not', async () => {
    const decoys = ['/home/agent/.aws/credentials', '/opt/keys/id_ed25519']
    const all = await sensed(
      ['sh', '-c', 'ls -l /opt/keys >/dev/null; cat /etc/passwd >/dev/null; exec 5</opt/keys/id_ed25519; sleep 0.3'],
      {
        decoys,
      },
    )
    const [decoy, ...more] = of(all, 'decoy-file')
    assert.deepEqual(more, [])
    assert.equal(decoy?.detail.path, '/opt/keys/id_ed25519')
    assert.match(decoy?.what ?? '', /^sh opened /)
    const honest = await sensed(['sh', '-c', 'ls -lR /home/agent /opt/keys >/dev/null; cat /etc/passwd; sleep 0.3'], {
      decoys,
    })
    assert.deepEqual(of(honest, 'decoy-file'), [])
  })

  it('an opening is told of whoever is gone at once, also beside many others', async () => {
    const decoys = ['/opt/keys/id_ed25519']
    // A slow hour reaps late: all of its processes may be there at once, and it must still be able to open the file.
    const limits = { ...spec(['true']).limits, pids: 400 }
    for (let n = 0; n < 5; n++) {
      const opens = [
        'sh',
        '-c',
        'i=0; while [ $i -lt 300 ]; do true & i=$((i+1)); done; : </opt/keys/id_ed25519',
      ] as const
      const [gone, busy] = await Promise.all([
        sensed(['cat', ...decoys], { decoys }),
        sensed(opens, { decoys, limits }),
      ])
      assert.equal(of(gone, 'decoy-file').length, 1, JSON.stringify(gone))
      assert.equal(of(busy, 'decoy-file').length, 1, JSON.stringify(busy))
    }
  })

  it('S17: one that is opened all the time is told once in a second', async () => {
    const decoys = ['/opt/keys/id_ed25519']
    const loop = 'i=0; while [ $i -lt 3000 ]; do read x </opt/keys/id_ed25519; i=$((i+1)); done; sleep 0.2'
    const all = of(await sensed(['sh', '-c', loop], { decoys }), 'decoy-file')
    // What one process does again before anybody has looked is one event to the kernel.
    assert.ok(all.length >= 1 && all.length < 20, `${all.length}`)
  })

  it('by whatever way it is opened: renamed root, a link, a descriptor’s path, mapped by another program', async () => {
    const decoys = ['/opt/keys/id_ed25519']
    for (const way of [
      'ln -s /opt/keys/id_ed25519 /tmp/l && head -c1 /tmp/l >/dev/null',
      'cd /opt && cd keys && tail -n1 ./../keys/id_ed25519 >/dev/null',
      'exec 9</opt/keys; cat /proc/self/fd/9/id_ed25519 >/dev/null',
      'cp /opt/keys/id_ed25519 /tmp/c',
    ]) {
      const all = await sensed(['sh', '-c', `${way}; sleep 0.2`], { decoys })
      assert.ok(of(all, 'decoy-file').length > 0, way)
    }
  })

  it('a fork bomb is a storm that reaches its limit; a crash is told by its signal', async () => {
    const bomb = 'i=0; while [ $i -lt 1500 ]; do true & i=$((i+1)); done 2>/dev/null; wait'
    // Room for all of them at once: a slow hour reaps late, and bash ends at a fork that is refused.
    const room = { ...spec(['true']).limits, pids: 2_000 }
    const all = await sensed(['bash', '-c', `${bomb}; sleep 0.2`], { limits: room })
    // How many come in a second is the host's hour; that all of them are counted, and each such second told, is not.
    const counts = of(all, 'process').map(({ count }) => count)
    const started = counts.reduce((sum, count) => sum + count, 0)
    assert.ok(started >= 1_500 || of(all, 'lost').length > 0, JSON.stringify(all.slice(0, 5)))
    assert.deepEqual(
      of(all, 'storm').map(({ count }) => count),
      counts.filter((count) => count >= 200),
    )
    const limited = { ...spec(['true']).limits, pids: 16 }
    const reached = await sensed(['bash', '-c', 'for i in $(seq 20); do sleep 3 & done 2>/dev/null; wait; true'], {
      limits: limited,
    })
    assert.ok(
      of(reached, 'limit').some(({ detail }) => detail.limit === 'pids'),
      JSON.stringify(reached),
    )
    const crashed = await sensed(['bash', '-c', 'bash -c "kill -SEGV \\$\\$"; sleep 0.2'])
    assert.equal(of(crashed, 'crash')[0]?.detail.signal, 11)
  })

  it('the kernel’s want of memory is told', async () => {
    const limits = { ...spec(['true']).limits, memoryBytes: 64 * 1024 * 1024 }
    const bomb = `${NODE} -e "const a=[]; for(;;) a.push(Buffer.alloc(8<<20, 1))"; sleep 0.2`
    const all = await sensed(['sh', '-c', bomb], { limits })
    assert.ok(
      of(all, 'limit').some(({ detail }) => detail.limit === 'memory'),
      JSON.stringify(all),
    )
  })
})
