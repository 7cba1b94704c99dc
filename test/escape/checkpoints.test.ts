import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, unlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import process from 'node:process'
import { describe, it } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { openWarden } from '../../src/cells/linux/launch/warden.ts'
import type { CellSpec } from '../../src/cells/spec.ts'
import {
  makeCheckpoint,
  rehearseRestore,
  restoreCheckpoint,
  storeOf,
  type WantedCheckpoint,
} from '../../src/host/files/checkpoints.ts'
import { livedSpans } from '../../src/host/files/workspace-marks.ts'
import { personName } from '../../src/model/ids.ts'
import { BOUNDS_DEFAULT } from '../../src/recovery/bounds.ts'
import type { Checkpoint } from '../../src/recovery/checkpoint.ts'
import { until } from '../kit/until.ts'
import { attacked, hostDirectory, launched, NODE, ran, SKIP, spec, warden } from './kit.ts'

const BY = personName('maria.silva@shop.example')
const ASKED: WantedCheckpoint = { occasion: 'asked', by: BY, why: 'a test' }

function workspace(): { readonly lower: string; readonly changes: string; readonly at: string } {
  return { lower: hostDirectory(), changes: join(hostDirectory(), 'workspaces', 'desk'), at: '/work' }
}

async function saved(changes: string, wanted: WantedCheckpoint = ASKED, bounds = BOUNDS_DEFAULT): Promise<Checkpoint> {
  const made = await makeCheckpoint(await warden(), changes, wanted, bounds)
  assert.ok(made.ok, JSON.stringify(made))
  return made.value.checkpoint
}

async function restored(changes: string, checkpoint: Checkpoint): Promise<void> {
  const done = await restoreCheckpoint(await warden(), changes, checkpoint)
  assert.ok(done.ok, JSON.stringify(done))
}

/** What a program in a cell prints. */
async function said(command: readonly [string, ...string[]], changes: Partial<CellSpec>): Promise<string> {
  const { exit, stdout, stderr } = await ran(spec(command, changes))
  assert.equal(exit.code, 0, stderr)
  return stdout
}

describe('checkpoints', { skip: SKIP }, () => {
  it('S16: everything that a hostile cell can make is saved and comes back as it was, looked at by nobody', async () => {
    const over = workspace()
    writeFileSync(join(over.lower, 'given'), 'given')
    writeFileSync(join(over.lower, 'gone'), 'given')
    const made = await attacked('tree.ts', ['make'], { workspace: over })
    assert.deepEqual(made.failed, [])
    const before = await attacked('tree.ts', ['tell'], { workspace: over })
    assert.ok(Number(before.entries) > 500, JSON.stringify(before))
    const checkpoint = await saved(over.changes)
    await said(['sh', '-c', 'chmod -R u+rwx . ; rm -rf ./* ; echo other > given; mkdir new'], { workspace: over })
    assert.notEqual((await attacked('tree.ts', ['tell'], { workspace: over })).digest, before.digest)
    await restored(over.changes, checkpoint)
    assert.deepEqual(await attacked('tree.ts', ['tell'], { workspace: over }), before)
    assert.deepEqual(readdirSync(over.lower).toSorted(), ['given', 'gone'], 'the owner’s files are nobody’s')
  })

  it('of a live cell it is one moment: what is written in one order is found in that order, and the cell goes on', async () => {
    const over = workspace()
    const cell = await launched(
      spec(['sh', '-c', 'i=0; while :; do i=$((i+1)); echo $i >> first; echo $i >> second; done'], { workspace: over }),
    )
    cell.start()
    const second = () => readFileSync(join(cell.upper ?? '', 'second'), 'utf8')
    await until('it writes', () => existsSync(join(cell.upper ?? '', 'second')) && second() !== '')
    const checkpoint = await saved(over.changes)
    const seen = second()
    await until('it goes on', () => second() !== seen)
    await cell.teardown()
    await restored(over.changes, checkpoint)
    const [firsts = 0, seconds = 0] = (await said(['sh', '-c', 'wc -l < first; wc -l < second'], { workspace: over }))
      .split('\n')
      .map(Number)
    assert.ok(firsts > 0 && (firsts === seconds || firsts === seconds + 1), `${firsts} and ${seconds}`)
  })

  it('S9: saving the files of a frozen cell does not set it free', async () => {
    const over = workspace()
    const cell = await launched(
      spec(['sh', '-c', 'i=0; while :; do i=$((i+1)); echo $i > count; done'], { workspace: over }),
    )
    cell.start()
    await until('it counts', () => existsSync(join(cell.upper ?? '', 'count')))
    assert.ok((await cell.freeze()).ok)
    await saved(over.changes)
    const stands = () => readFileSync(join(cell.upper ?? '', 'count'), 'utf8')
    const then = stands()
    await delay(60)
    assert.equal(stands(), then)
    await cell.teardown()
  })

  it('nothing is restored under a live cell, and none starts while somebody restores', async () => {
    const over = workspace()
    await said(['sh', '-c', 'echo one > file'], { workspace: over })
    const checkpoint = await saved(over.changes)
    const cell = await launched(spec(['sleep', '60'], { workspace: over }))
    cell.start()
    const refused = await restoreCheckpoint(await warden(), over.changes, checkpoint)
    assert.ok(!refused.ok && refused.reason.kind === 'in-use')
    await cell.teardown()
    const held = await (await warden()).still(over.changes, async () => {
      const other = await (await warden()).launch(spec(['true'], { workspace: over }))
      return other.ok ? 'launched' : other.reason.kind
    })
    assert.deepEqual(held, { ok: true, value: 'workspace' })
  })

  it('what comes back is told before: a dry run names each file that goes, returns or is put back', async () => {
    const over = workspace()
    writeFileSync(join(over.lower, 'given'), 'given')
    writeFileSync(join(over.lower, 'taken'), 'given')
    await said(['sh', '-c', 'echo 1 > same; echo one > edited; echo x > lost; rm taken'], { workspace: over })
    const checkpoint = await saved(over.changes)
    await said(['sh', '-c', 'echo two > edited; rm lost; echo x > new; rm given; echo given > taken'], {
      workspace: over,
    })
    const told = await rehearseRestore(await warden(), over.changes, checkpoint)
    assert.ok(told.ok, JSON.stringify(told))
    assert.deepEqual(
      told.value.differences.map(({ path, what }) => `${what} ${path}`),
      ['put-back edited', 'returns given', 'returns lost', 'goes new', 'goes taken'],
    )
    await restored(over.changes, checkpoint)
    const after = await rehearseRestore(await warden(), over.changes, checkpoint)
    assert.deepEqual(after, { ok: true, value: { differences: [], truncated: false } })
  })

  it('one made by itself while nothing has changed is the last one again; a write makes another', async () => {
    const over = workspace()
    const timed: WantedCheckpoint = { occasion: 'scheduled', by: 'firebreak', why: 'it was time' }
    const cell = await launched(
      spec(['sh', '-c', 'echo 1 > file; while [ ! -e go ]; do read -r _ < /work/never; sleep 0.05; done 2>/dev/null'], {
        workspace: over,
      }),
    )
    cell.start()
    const file = join(cell.upper ?? '', 'file')
    await until('it has written', () => existsSync(file) && readFileSync(file, 'utf8') === '1\n')
    const first = await saved(over.changes, timed)
    assert.equal((await saved(over.changes, timed)).id, first.id)
    assert.notEqual((await saved(over.changes, ASKED)).id, first.id, 'a person gets one of their own')
    await cell.teardown()
    await said(['sh', '-c', 'echo 2 > file'], { workspace: over })
    assert.notEqual((await saved(over.changes, timed)).id, first.id)
  })

  it('S15: what cells saw after the checkpoint falls with the files, and only then', async () => {
    const over = workspace()
    const state = join(over.changes, '../..')
    await said(['true'], { workspace: over })
    const checkpoint = await saved(over.changes)
    const refused = await restoreCheckpoint(await warden(), over.changes, {
      ...checkpoint,
      id: 'k_00000000000000000000' as never,
    })
    assert.ok(!refused.ok)
    assert.deepEqual(livedSpans(state, 'desk'), [[0, null]])
    await restored(over.changes, checkpoint)
    const [[from, to] = [-1, -1], [again, open] = [-1, -1]] = livedSpans(state, 'desk')
    assert.deepEqual([from, to, open], [0, checkpoint.madeAtMs, null])
    assert.ok(again >= checkpoint.madeAtMs)
  })

  it('thrown away by a person, it comes back whole: with its owner and its beginning', async () => {
    const over = workspace()
    await said(['sh', '-c', 'echo kept > file'], { workspace: over })
    const checkpoint = await saved(over.changes)
    assert.ok((await (await warden()).discard(over.changes)).ok)
    // Another cell begins anew, under another uid.
    await said(['sh', '-c', 'test ! -e file && echo other > other'], { workspace: over })
    await restored(over.changes, checkpoint)
    assert.equal(await said(['sh', '-c', 'cat file; ls; echo more >> file'], { workspace: over }), 'kept\nfile\n')
  })

  it('S17: twenty of each occasion are kept, and one with a name never goes by itself', async () => {
    const over = workspace()
    await said(['true'], { workspace: over })
    const named = await saved(over.changes, { ...ASKED, name: 'first' })
    const timed = (await saved(over.changes, { ...ASKED, occasion: 'asked' })).id
    const bounds = { ...BOUNDS_DEFAULT, keep: 3 }
    for (let i = 0; i < 5; i++) await saved(over.changes, ASKED, bounds)
    const left = storeOf(over.changes).list()
    assert.equal(left.length, 4)
    assert.ok(left.some(({ id }) => id === named.id))
    assert.ok(!left.some(({ id }) => id === timed))
    const twice = await makeCheckpoint(await warden(), over.changes, { ...ASKED, name: 'first' }, bounds)
    assert.ok(!twice.ok && twice.reason.kind === 'unfit')
    assert.deepEqual(
      readdirSync(join(over.changes, 'checkpoints')).filter((name) => name.startsWith('.')),
      [],
    )
  })

  it('S17: files that take more than all of a workspace may are not saved, and nothing is left of it', async () => {
    const over = workspace()
    await said(['sh', '-c', 'head -c 8000000 /dev/urandom > large'], { workspace: over })
    const bounds = { keep: 20, bytesMax: 4_000_000 }
    const made = await makeCheckpoint(await warden(), over.changes, ASKED, bounds)
    assert.ok(!made.ok && made.reason.kind === 'unfit', JSON.stringify(made))
    assert.match(made.reason.problem, /more than the 4000000 that all of this workspace may/)
    assert.deepEqual(storeOf(over.changes).list(), [])
  })

  it('S17: a cell that writes a terabyte of holes costs what it has written', async () => {
    const over = workspace()
    await said(['sh', '-c', 'truncate -s 1T tera; echo x > small'], { workspace: over })
    const checkpoint = await saved(over.changes)
    assert.ok(checkpoint.bytes < 8 * 1024 ** 2, `${checkpoint.bytes}`)
    const { blocks } = statSync(storeOf(over.changes).imageOf(checkpoint.id))
    assert.ok(blocks * 512 < 8 * 1024 ** 2, `${blocks}`)
    await restored(over.changes, checkpoint)
    assert.equal(await said(['stat', '-c', '%s', 'tera'], { workspace: over }), `${1024 ** 4}\n`)
  })

  it('S17: a cell ends at the files that its disk has room for; all of them are saved, and an earlier state has room again', async () => {
    const over = workspace()
    const limits = { ...spec(['true']).limits, diskBytes: 16 * 1024 ** 2 }
    await said(['true'], { workspace: over, limits })
    const empty = await saved(over.changes)
    const many = `const fs=require('fs');let i=0;try{for(;;i++)fs.writeFileSync('f'+i,'')}catch(e){console.log(e.code,i)}`
    const [code, count] = (await said([NODE, '-e', many], { workspace: over, limits })).trim().split(' ')
    assert.equal(code, 'ENOSPC')
    assert.ok(Number(count) > 500 && Number(count) < 2_000, count)
    const full = await saved(over.changes)
    await restored(over.changes, empty)
    assert.equal(await said(['sh', '-c', 'ls | wc -l; echo x > file'], { workspace: over, limits }), '0\n')
    await restored(over.changes, full)
    const diff = await (await warden()).diff(over.changes)
    assert.ok(diff.ok)
    assert.equal(diff.value.changes.length, Number(count))
  })

  const doomed = (what: string, changes: string, id: string, step: string) => {
    const program = join(import.meta.dirname, 'doomed-restorer.ts')
    const ended = spawnSync(process.execPath, [program, what, changes, id, step], { encoding: 'utf8' })
    assert.equal(ended.signal, 'SIGKILL', `${step}: ${ended.stdout} ${ended.stderr}`)
    assert.equal(ended.stdout, `${step}\n`)
  }
  const steps = {
    copied: 'old',
    prepared: 'old',
    decided: 'saved',
    'old out of the way': 'saved',
    'image in place': 'saved',
    'all in place': 'saved',
  }

  for (const [step, expected] of Object.entries(steps)) {
    it(`S16: a warden that is killed when it has "${step}" leaves the ${expected} files, and never half`, async () => {
      const over = workspace()
      await said(['sh', '-c', 'echo saved > file; mkdir d; for i in 1 2 3; do echo saved > d/$i; done'], {
        workspace: over,
      })
      const checkpoint = await saved(over.changes)
      await said(['sh', '-c', 'echo old > file; for i in 1 2 3; do echo old > d/$i; done'], { workspace: over })
      doomed('restore', over.changes, checkpoint.id, step)
      // The next warden frees what the killed one held.
      const next = await openWarden()
      assert.ok(next.ok)
      await next.value.close()
      const { stdout } = await ran(spec(['cat', 'file', 'd/1', 'd/2', 'd/3'], { workspace: over }))
      assert.equal(stdout, `${expected}\n`.repeat(4))
      await restored(over.changes, checkpoint)
      assert.deepEqual(
        readdirSync(over.changes).filter((name) => /restored/.test(name)),
        [],
      )
    })
  }

  for (const [step, more] of Object.entries({ copied: 0, recorded: 0, durable: 0, 'in the history': 1 })) {
    it(`S16: a warden that is killed when a checkpoint is "${step}" leaves a whole one, or none`, async () => {
      const over = workspace()
      await said(['sh', '-c', 'echo kept > file'], { workspace: over })
      const first = await saved(over.changes)
      doomed('save', over.changes, first.id, step)
      const next = await openWarden()
      assert.ok(next.ok)
      await next.value.close()
      const store = storeOf(over.changes)
      assert.equal(store.list().length, 1 + more)
      assert.deepEqual(store.damaged(), [])
      const last = store.list().at(-1)
      assert.ok(last)
      await said(['sh', '-c', 'rm file'], { workspace: over })
      await restored(over.changes, last)
      assert.equal(await said(['cat', 'file'], { workspace: over }), 'kept\n')
      await saved(over.changes)
      assert.deepEqual(
        readdirSync(join(over.changes, 'checkpoints')).filter((name) => name.startsWith('.')),
        [],
        'the next one clears up',
      )
    })
  }

  it('S16: one that was half removed is none', async () => {
    const over = workspace()
    await said(['true'], { workspace: over })
    const first = await saved(over.changes)
    doomed('remove', over.changes, first.id, 'out of the history')
    assert.deepEqual([storeOf(over.changes).list(), storeOf(over.changes).damaged()], [[], []])
  })

  it('S17: a full disk of the host takes no checkpoint and no restoration, and what is there stays', async () => {
    const disk = join(hostDirectory(), 'disk')
    mkdirSync(disk)
    const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=24M', 'firebreak-test', disk])
    assert.equal(mounted.status, 0)
    try {
      const over = { lower: hostDirectory(), changes: join(disk, 'workspaces', 'desk'), at: '/work' }
      await said(['sh', '-c', 'head -c 6000000 /dev/urandom > large; echo old > file'], { workspace: over })
      const checkpoint = await saved(over.changes)
      await said(['sh', '-c', 'echo new > file'], { workspace: over })
      writeFileSync(join(disk, 'filler'), Buffer.alloc(7_000_000))
      const made = await makeCheckpoint(await warden(), over.changes, ASKED, BOUNDS_DEFAULT)
      assert.ok(!made.ok && made.reason.kind === 'full', JSON.stringify(made))
      const back = await restoreCheckpoint(await warden(), over.changes, checkpoint)
      assert.ok(!back.ok && back.reason.kind === 'full', JSON.stringify(back))
      assert.equal(await said(['cat', 'file'], { workspace: over }), 'new\n')
      assert.equal(storeOf(over.changes).list().length, 1)
      unlinkSync(join(disk, 'filler'))
      await restored(over.changes, checkpoint)
      assert.equal(await said(['cat', 'file'], { workspace: over }), 'old\n')
    } finally {
      spawnSync('umount', ['-l', disk])
    }
  })

  it('S1: links that are swapped while files are saved, restored and looked at lead nobody anywhere', async () => {
    const over = workspace()
    const victim = hostDirectory()
    writeFileSync(join(victim, 'kept'), 'x')
    const swaps = `mkdir dir; while :; do ln -sfn ${victim} link; rm -rf link; mkdir link 2>/dev/null; echo x > link/f 2>/dev/null
      mv dir away; ln -s ${victim} dir; rm dir; mv away dir; done`
    const cell = await launched(spec(['sh', '-c', swaps], { workspace: over }))
    cell.start()
    await until('it swaps', () => existsSync(join(cell.upper ?? '', 'dir')))
    const states: Checkpoint[] = []
    for (let i = 0; i < 8; i++) states.push(await saved(over.changes))
    await cell.teardown()
    for (const state of states) {
      await restored(over.changes, state)
      const told = await rehearseRestore(await warden(), over.changes, state)
      assert.deepEqual(told, { ok: true, value: { differences: [], truncated: false } })
    }
    assert.deepEqual(readdirSync(victim), ['kept'])
  })

  it('S1: no attribute of overlayfs that a cell can write means anything when its files come back', async () => {
    const over = workspace()
    writeFileSync(join(over.lower, 'secret'), 'of the owner')
    const forged = await attacked('overlay.ts', [], { workspace: over })
    const checkpoint = await saved(over.changes)
    await restored(over.changes, checkpoint)
    const seen = await said(['sh', '-c', 'ls; cat plain'], { workspace: over })
    assert.match(seen, /secret/, 'nothing of what was given is hidden')
    assert.match(seen, /mine$/)
    // user.* is nobody's to read here, trusted.* nobody's to write there, and a whiteout is a device.
    assert.equal(forged['trusted.overlay.redirect'], 'EPERM')
    assert.equal(forged['trusted.overlay.opaque'], 'EPERM')
    assert.equal(forged['a whiteout'], 'EPERM')
  })
})
