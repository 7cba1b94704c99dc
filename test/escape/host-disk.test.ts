/** Workspaces that promise more than the host's disk has (S14, S17). */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { closeSync, fsyncSync, mkdirSync, openSync, statfsSync, truncateSync, writeFileSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { DISK_BYTES_DEFAULT, openChangesDisks } from '../../src/cells/linux/workspace/changes-disk.ts'
import { until } from '../kit/until.ts'
import { hostDirectory, launched, outputOf, ran, SKIP, spec } from './kit.ts'

const MIB = 1024 * 1024

/** Runs `act` with a disk of the host of its own, of 160 MiB. */
async function onDisk(act: (disk: string) => Promise<void>): Promise<void> {
  const directory = hostDirectory()
  const [image, disk] = [join(directory, 'image'), join(directory, 'mounted')]
  writeFileSync(image, '')
  truncateSync(image, 160 * MIB)
  mkdirSync(disk)
  assert.equal(spawnSync('mkfs.ext4', ['-q', '-F', '-m', '0', image], { env: { PATH: '/usr/sbin:/sbin' } }).status, 0)
  assert.equal(spawnSync('mount', ['-o', 'loop', image, disk]).status, 0)
  try {
    await act(disk)
  } finally {
    spawnSync('umount', ['-l', disk])
  }
}

const free = (disk: string): number => {
  const { bavail, bsize } = statfsSync(disk)
  return bavail * bsize
}

describe('a disk of the host', { skip: SKIP }, () => {
  it('S17: a workspace that promises more than there is ends before the reserve of the disk does', async () => {
    await onDisk(async (disk) => {
      const workspace = { lower: hostDirectory(), changes: join(disk, 'workspaces/desk'), at: '/work' }
      const fill =
        // Who looks whether it is full has to come round on a busy host; and room comes back when the disk below has heard of it.
        'head -c 400M /dev/zero > /work/x; sync /work/x; sleep 5; rm /work/x; for i in $(seq 60); do head -c 8M /dev/zero > /work/y && echo again && exit; sleep 0.5; done'
      const { stdout, stderr, exit } = await ran(spec(['sh', '-c', fill], { workspace }))
      assert.match(stderr, /No space left on device/)
      assert.ok(free(disk) > 5 * MIB, `${free(disk)} bytes are free`)
      assert.equal(stdout, 'again\n', 'room that it has given back is its own again')
      assert.ok(exit.limits.some(({ limit }) => limit === 'disk'))
    })
  })

  it('S17: two of them share what there is, also where they fill it at one time', async () => {
    await onDisk(async (disk) => {
      const filled = ['one', 'two'].map(async (name) => {
        const workspace = { lower: hostDirectory(), changes: join(disk, name), at: '/work' }
        const cell = await launched(
          spec(['sh', '-c', 'head -c 200M /dev/urandom > /work/x; echo full; sleep 30'], { workspace }),
        )
        const output = outputOf(cell)
        cell.start()
        await until('it is full', () => output.said().includes('full'))
        return cell
      })
      const cells = await Promise.all(filled)
      for (const { upper = disk } of cells) spawnSync('sync', ['-f', upper])
      writeFileSync(join(disk, 'ledger'), Buffer.alloc(4 * MIB))
      assert.ok(free(disk) > 512 * 1024, `${free(disk)} bytes are free`)
      for (const cell of cells) await cell.teardown()
    })
  })

  for (const [by, take] of [
    ['written and not flushed', (path: string) => writeFileSync(path, Buffer.alloc(60 * MIB))],
    ['kept for a file', (path: string) => assert.equal(spawnSync('fallocate', ['-l', '60M', path]).status, 0)],
  ] as const) {
    it(`S17: what one of them has ${by} is no room of another one, also of another run`, async () => {
      await onDisk(async (disk) => {
        const runs = [openChangesDisks(hostDirectory()), openChangesDisks(hostDirectory())]
        const at = (index: number) => join(disk, `at-${index}`)
        try {
          for (const [index, run] of runs.entries()) {
            const changes = join(disk, `${index}`)
            mkdirSync(changes)
            assert.ok((await run.mount(changes, DISK_BYTES_DEFAULT, at(index))).ok)
          }
          take(join(at(0), 'x'))
          for (let round = 0; round < 8; round++) {
            fill(join(at(1), `${round}`))
            // Each in turn: the second is given its part of what is left again and again.
            for (const run of runs) run.bound()
          }
          writeFileSync(join(at(0), 'x'), Buffer.alloc(60 * MIB), { flag: 'r+' })
          spawnSync('sync', ['-f', at(0)])
          writeFileSync(join(disk, 'ledger'), Buffer.alloc(4 * MIB))
          assert.ok(free(disk) > 512 * 1024, `${free(disk)} bytes are free`)
        } finally {
          for (const index of runs.keys()) spawnSync('umount', ['-l', at(index)])
        }
      })
    })
  }
})

/** Writes to `path` until there is no room, and flushes it. */
function fill(path: string): void {
  const fd = openSync(path, 'w')
  try {
    for (;;) writeSync(fd, Buffer.alloc(MIB))
  } catch (error) {
    assert.match(String(error), /ENOSPC/)
  } finally {
    fsyncSync(fd)
    closeSync(fd)
  }
}
