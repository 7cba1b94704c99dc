/** The stop where somebody has filled the disk: the fence has room of its own, and what has none says so. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { keepSpare, writeOnFullDisk } from '../../src/control/durable-file.ts'
import { lock } from '../../src/ledger/lock.ts'
import { SKIP } from '../kit/command-line.ts'
import { cleanUp, temporaryDirectory } from '../kit/temporary.ts'
import { BY_MARIA, desk, fenced, nothingIsLeft, over, standsStill } from './kit.ts'

const skip = SKIP || (existsSync('/bin/mount') ? false : 'no mount(8)')

describe('S8: a full disk', { skip }, () => {
  it('what a stop writes has room of its own; without it, the order that finds none says so', async () => {
    const state = join(smallDisk(), 'state')
    const full = await desk({ state })
    const run = await full.start()
    const filler = join(state, 'filler')
    fill(filler)
    const stopped = await full.ask(['contain', 'alpha', ...BY_MARIA])
    assert.equal(stopped.code, 0, stopped.stdout + stopped.stderr)
    const still = await standsStill(full)
    assert.equal(fenced(state), 'frozen')

    fill(filler)
    const again = await full.ask(['contain', 'alpha', ...BY_MARIA])
    assert.equal(again.code, 0, `what stands already needs no room: ${again.stdout}${again.stderr}`)
    assert.match(again.stderr, /no receipt could be written: ENOSPC/)
    const harder = await full.ask(['kill', 'alpha', ...BY_MARIA])
    assert.equal(harder.code, 1, harder.stdout)
    assert.match(harder.stdout, /^NO {3}fence .*ENOSPC/m)
    assert.match(harder.stdout, /^NOT CONTAINED: /m)
    await run.ended
    assert.equal(fenced(state), 'frozen')

    rmSync(filler)
    await over(full, run)
    still()
    assert.equal(fenced(state), 'killed')
    await nothingIsLeft(full)
  })

  it('the room that was kept becomes the file, whoever takes what becomes free', () => {
    const disk = smallDisk('3m')
    const [spare, path] = [join(disk, 'spare'), join(disk, 'fence.json')]
    writeFileSync(path, 'before')
    keepSpare(spare)
    const { ino } = statSync(spare)
    fill(join(disk, 'filler'))
    writeOnFullDisk(path, 'x'.repeat(10_000), spare)
    assert.equal(readFileSync(path, 'utf8'), 'x'.repeat(10_000))
    assert.equal(statSync(path).ino, ino, 'no block had to be found for it')
    fill(join(disk, 'filler'))
    assert.throws(() => writeOnFullDisk(path, 'y'.repeat(20_000), spare), /ENOSPC/)
    assert.equal(readFileSync(path, 'utf8'), 'x'.repeat(10_000), 'what stood there stands')
    keepSpare(spare)
    assert.ok(!existsSync(spare), 'there is no room to keep')
    rmSync(join(disk, 'filler'))
    keepSpare(spare)
    truncateSync(spare, 100)
    keepSpare(spare)
    assert.equal(statSync(spare).size, 1_048_576, 'one whose writer was killed halfway is made whole')
  })

  it('a lock is held by the kernel, also where nobody can be told by whom', async () => {
    const disk = smallDisk('1m')
    writeFileSync(join(disk, 'lock'), '')
    fill(join(disk, 'filler'))
    const held = await lock(disk)
    assert.ok(held.ok)
    assert.deepEqual(await lock(disk), {
      ok: false,
      reason: { kind: 'locked', directory: disk, by: 'another process' },
    })
    await held.value.release()
    const again = await lock(disk)
    assert.ok(again.ok)
    await again.value.release()
  })
})

function smallDisk(size = '24m'): string {
  const disk = join(temporaryDirectory(), 'disk')
  mkdirSync(disk, { mode: 0o711 })
  const mounted = spawnSync('/bin/mount', ['-t', 'tmpfs', '-o', `size=${size},mode=711`, 'tmpfs', disk])
  assert.equal(mounted.status, 0, mounted.stderr.toString())
  cleanUp(() => void spawnSync('/bin/umount', ['-l', disk]))
  return disk
}

/** Until nothing more fits. */
function fill(path: string): void {
  for (const size of [65_536, 4_096, 1])
    for (;;) {
      try {
        writeFileSync(path, Buffer.alloc(size), { flag: 'a' })
      } catch {
        break
      }
    }
}
