/** The stop where somebody has filled the disk: the fence has room of its own, and what has none says so. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { keepSpare, writeInPlace, writeOnFullDisk } from '../../src/host/state/durable-file.ts'
import { changeFence } from '../../src/host/stop/fence.ts'
import { lock } from '../../src/ledger/log/lock.ts'
import { ledgerOf, SKIP } from '../kit/command-line.ts'
import { cleanUp, temporaryDirectory } from '../kit/temporary.ts'
import { until } from '../kit/until.ts'
import { BY_MARIA, desk, fenced, nothingIsLeft, over, standsStill } from './kit.ts'

const skip = SKIP || (existsSync('/bin/mount') ? false : 'no mount(8)')

describe('S8: a full disk', { skip }, () => {
  it('what a stop writes has room of its own; without it, the order that finds none says so', async () => {
    const state = join(smallDisk(), 'state')
    const full = await desk({ state })
    const run = await full.start()
    const filler = join(state, 'filler')
    fill(filler)
    const soft = await full.ask(['contain', 'alpha', '--rung', 'restricted', ...BY_MARIA])
    assert.equal(soft.code, 1, 'the room is kept for an order that cuts off')
    assert.match(soft.stdout, /^NO {3}fence .*ENOSPC/m)
    assert.equal(fenced(state), undefined)
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
    const ended = await run.ended
    assert.equal(ended.code, 5, 'the run says what has no fence')
    assert.match(ended.stderr, /alpha: ordered to be killed by maria\.silva.*the fence does not say so: .*ENOSPC/)
    assert.equal(fenced(state), 'frozen')

    rmSync(filler)
    await over(full, run)
    still()
    assert.equal(fenced(state), 'killed')
    await nothingIsLeft(full)
  })

  it('a fence that found no room is written once there is some, without a word of anybody', async () => {
    const state = join(smallDisk(), 'state')
    const full = await desk({ state })
    const run = await full.start()
    const filler = join(state, 'filler')
    rmSync(join(state, 'fence', 'spare'))
    fill(filler)
    const stopped = await full.ask(['contain', 'alpha', '--rung', 'quarantined', ...BY_MARIA])
    assert.equal(stopped.code, 1, stopped.stdout)
    assert.equal(fenced(state), undefined)
    rmSync(filler)
    await until('it stands', () => fenced(state) === 'quarantined')
    await over(full, run)
  })

  it('S9: no start believes a fence that says less than the ledger, and a release lifts what it says', async () => {
    const each = await desk()
    const run = await each.start()
    const stopped = await each.ask(['contain', 'alpha', '--rung', 'quarantined', ...BY_MARIA])
    assert.equal(stopped.code, 0, stopped.stdout)
    run.child.kill('SIGKILL')
    await run.ended
    const forget = async () => assert.ok((await changeFence(each.state, (fence) => fence.clear())).ok)
    await forget()
    const calls = each.upstream.calls.length
    const again = await each.ask(['run'])
    assert.equal(again.code, 5, again.stderr)
    assert.match(again.stderr, /not started: alpha is quarantined/)
    assert.equal(fenced(each.state), 'quarantined')
    await forget()
    const release = ['release', 'alpha', '--by', 'joao@shop.example', '--reason', 'a test']
    const unseen = await each.ask(release)
    assert.equal(unseen.code, 5, unseen.stderr)
    assert.match(unseen.stderr, /by the ledger alpha is quarantined, while its fence said normal: the fence has it now/)
    assert.equal((await each.ask(release)).code, 0)
    assert.equal(fenced(each.state), undefined)
    assert.equal(each.upstream.calls.length, calls)
    const anew = await each.start()
    await over(each, anew)
  })

  it('S9: a release that does not come to the fence moves nobody up', async () => {
    const state = join(smallDisk(), 'state')
    const full = await desk({ state })
    const run = await full.start()
    assert.equal((await full.ask(['contain', 'alpha', '--rung', 'restricted', ...BY_MARIA])).code, 0)
    const release = ['release', 'alpha', '--by', 'joao@shop.example', '--reason', 'a test']
    const still = await standsStill(full)
    const filler = join(state, 'filler')
    fill(filler)
    const untold = await full.ask(release)
    assert.equal(untold.code, 1, untold.stderr)
    assert.match(untold.stderr, /not released: there is no room for the fence/)
    assert.deepEqual(await raised(state), [], 'the ledger has not been told')
    still()
    rmSync(filler)

    const held = await lock(join(state, 'fence'))
    assert.ok(held.ok)
    const unwritten = await full.ask(release)
    await held.value.release()
    assert.equal(unwritten.code, 1, unwritten.stderr)
    assert.match(unwritten.stderr, /the fence stands, and alpha stays restricted by it: the fence is held by/)
    assert.match(unwritten.stderr, /c_[0-9a-z]{16}: ordered back to restricted/)
    assert.deepEqual(await raised(state), ['joao@shop.example'])
    const standing = await standsStill(full)
    assert.match((await full.ask(['ps'])).stdout, /c_[0-9a-z]{16} .*restricted/)
    await delay(300)
    standing()

    const before = full.upstream.calls.length
    const done = await full.ask(release)
    assert.equal(done.code, 0, done.stderr)
    await until('it acts', () => full.upstream.calls.length > before)
    assert.deepEqual(readdirSync(join(state, 'fence')).sort(), ['fence.json', 'lock', 'spare', 'spare-all'])
    await over(full, run)
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

  it('a word of which any change counts is written as often as it is said', () => {
    const disk = smallDisk('1m')
    const [spare, path] = [join(disk, 'spare-all'), join(disk, 'all')]
    keepSpare(spare, 4_096)
    fill(join(disk, 'filler'))
    for (const order of ['o_1\n', 'o_2\n', 'o_3\n']) {
      writeInPlace(path, order, spare)
      assert.equal(readFileSync(path, 'utf8'), order)
      fill(join(disk, 'filler'))
    }
    assert.throws(() => writeInPlace(path, 'a longer word\n'.repeat(1_000), spare), /ENOSPC/)
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

/** Persons who have moved somebody up, by the ledger. */
async function raised(state: string): Promise<readonly string[]> {
  const entries = await ledgerOf(state)
  return entries.flatMap((entry) => (entry.kind === 'rung.changed' && entry.cell === undefined ? [entry.by] : []))
}

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
