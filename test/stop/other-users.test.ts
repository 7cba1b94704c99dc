/** S8: an order by root over the state of another user reaches what that user has started; and all means all of it. */
import assert from 'node:assert/strict'
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import {
  chmodSync,
  chownSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { before, describe, it } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { recordAbout, recordBegun } from '../../src/cells/linux/abilities/about.ts'
import { recordInit } from '../../src/cells/linux/launch/run-directory.ts'
import { standingCells } from '../../src/cells/linux/limits/census.ts'
import { loadConfig } from '../../src/config/load.ts'
import { tryAll } from '../../src/control/advice/try-launch.ts'
import { openControlSocket } from '../../src/host/people/control-socket.ts'
import { judgeConfig } from '../../src/host/prepare/setup.ts'
import { noteRunPlace } from '../../src/host/services/run-places.ts'
import { statesIn } from '../../src/host/state/tenants.ts'
import { makeFence, writeStopMark } from '../../src/host/stop/fence.ts'
import { agentName } from '../../src/model/index.ts'
import { firebreak, SKIP } from '../kit/command-line.ts'
import { writeConfig } from '../kit/config-text.ts'
import { cleanUp, temporaryDirectory } from '../kit/temporary.ts'
import { until } from '../kit/until.ts'
import { BY_MARIA } from './kit.ts'

/** An ordinary user; nobody on this host. */
const USER = 1_900_000_007
const BASE = `/tmp/firebreak-${USER}`

describe('S8: an order by root over another user’s state', { skip: SKIP }, () => {
  const directory = temporaryDirectory()
  const state = join(directory, 'state')
  const config = writeConfig(directory, { upstreams: {}, agents: { alpha: { command: ['/usr/bin/true'] } } })
  const ask = (...args: readonly string[]) => firebreak([...args, ...BY_MARIA, '--config', config, '--state', state])

  before(() => {
    cleanUp(() => rmSync(BASE, { recursive: true, force: true }))
    for (const part of ['ledger', 'witness']) mkdirSync(join(state, part), { recursive: true })
    mkdirSync(join(BASE, 'runs/r_1/cells'), { recursive: true, mode: 0o711 })
    for (const path of [state, BASE, join(BASE, 'runs')]) chownSync(path, USER, USER)
    chmodSync(BASE, 0o711)
    makeFence(state)
  })

  /** A cell as that user's warden would have noted it, of which one process runs. */
  function cellOf(
    number: number,
    about: { readonly part: 'agent' | 'person'; readonly state: string },
    uid = USER,
    base = BASE,
  ) {
    const id = `c_${String(number).padStart(16, '0')}`
    const own = join(base, 'runs/r_1/cells', id)
    const child = spawn('/usr/bin/sleep', ['1000'], { uid, gid: uid, stdio: 'ignore' })
    cleanUp(() => void child.kill('SIGKILL'))
    mkdirSync(own, { recursive: true })
    recordAbout(own, { environment: 'test', ...about, ...(about.part === 'agent' && { agent: 'alpha' }) })
    recordInit(own, child.pid ?? 0)
    assert.ok(recordBegun(own).ok)
    return { id, child }
  }

  it('ends what no warden names there, names what goes on, and leaves a fence that the user can read', async () => {
    const stray = cellOf(1, { part: 'agent', state })
    // Of a warden that had an XDG_RUNTIME_DIR.
    const elsewhere = join(directory, 'xdg', `firebreak-${USER}`)
    const far = cellOf(9, { part: 'agent', state }, USER, elsewhere)
    for (const path of [elsewhere, join(elsewhere, 'runs')]) chownSync(path, USER, USER)
    assert.ok(noteRunPlace(state, elsewhere).ok)
    const person = cellOf(2, { part: 'person', state })
    // Pipes in the place of what is noted keep nobody waiting.
    for (const [number, name] of [
      [6, 'about'],
      [7, 'init'],
    ] as const) {
      const note = join(BASE, 'runs/r_1/cells', cellOf(number, { part: 'agent', state }).id, name)
      rmSync(note)
      assert.equal(spawnSync('/usr/bin/mkfifo', [note]).status, 0)
    }
    const drill = cellOf(3, { part: 'agent', state: join(directory, 'a-drill') })
    const listed = await firebreak(['ps', '--state', state])
    assert.equal(listed.code, 7, listed.stdout)
    assert.match(listed.stderr, new RegExp(`${stray.id} runs \\(alpha, test\\), and no warden tells of it`))
    assert.doesNotMatch(`${listed.stdout}${listed.stderr}`, new RegExp(`no cell runs|${person.id}`))
    const one = await ask('contain', 'alpha')
    assert.equal(one.code, 0, one.stdout + one.stderr)
    assert.match(one.stdout, new RegExp(`^yes {2}processes of ${stray.id} +no warden named it, and it was ended`, 'm'))
    assert.match(one.stdout, new RegExp(`^yes {2}server ${person.id} +goes on: it acts on a person`, 'm'))
    const all = await ask('contain', 'all')
    assert.equal(all.code, 0, all.stdout + all.stderr)
    assert.match(all.stdout, new RegExp(`^yes {2}server ${person.id} +goes on`, 'm'))
    assert.ok(
      all.stdout.includes(`no order to this one reaches it: --state ${join(directory, 'a-drill')} `),
      all.stdout,
    )
    assert.deepEqual(
      [stray, far, person, drill].map(({ child }) => lives(child)),
      [false, false, true, true],
    )
    for (const part of ['fence', 'fence/fence.json', 'fence/all', 'fence/lock'])
      assert.equal(lstatSync(join(state, part)).uid, USER, part)
  })

  it('ends nothing that only the user’s word makes theirs, and takes nobody else’s word for a state', async () => {
    const root = cellOf(4, { part: 'agent', state }, 0)
    const control = cellOf(13, { part: 'agent', state })
    const said = standingCells([BASE], { controllers: {} }, USER)
    for (const { id } of [root, control]) {
      const standing = said.find(({ cell }) => cell === id)
      assert.ok(standing)
      standing.end()
    }
    // Whoever was killed before is gone by then.
    await until('the user’s own has ended', () => !lives(control.child))
    await delay(100)
    assert.ok(lives(root.child))
    root.child.kill('SIGKILL')
    // What another user calls a trial of this state is none.
    const theirs = `${state}.try-theirs`
    mkdirSync(theirs)
    chownSync(theirs, USER + 1, USER + 1)
    const other = cellOf(5, { part: 'agent', state: theirs })
    // It would answer for a cell of this one.
    const ours = cellOf(8, { part: 'agent', state })
    const point = `processes of ${ours.id}`
    const word = { point, by: 'kernel', confirmed: true, said: 'frozen', afterMs: 1, escalated: false } as const
    const talks = async (trial: string) => {
      const door = await openControlSocket(trial, async (_, reply) => {
        reply({ kind: 'confirmation', confirmation: word })
        reply({ kind: 'done', ok: true, said: '1 cell' })
      })
      assert.ok(door.ok)
      return door.value
    }
    const doors = [await talks(theirs), await talks(`${state}.try-own`)]
    const told = await ask('contain', 'all')
    for (const door of doors) await door.close()
    rmSync(`${state}.try-own`, { recursive: true })
    assert.equal(told.stdout.split(`yes  ${point}`).length, 3, told.stdout)
    assert.match(told.stdout, new RegExp(`^yes {2}${point} +no warden named it, and it was ended`, 'm'))
    assert.ok(!lives(ours.child))
    rmSync(theirs, { recursive: true })
    assert.equal(told.code, 0, told.stdout)
    assert.ok(lives(other.child), 'it says of itself that it is of that state')
    other.child.kill('SIGKILL')
  })

  it('clears up after no warden in a place that the user has noted: it could be any of root’s', async () => {
    const base = join(directory, 'of-root')
    const run = join(base, 'runs/r_0000000000000001')
    const cell = join(run, 'cells/c_0000000000000010')
    mkdirSync(cell, { recursive: true, mode: 0o711 })
    const prey = spawn('/usr/bin/sleep', ['1000'], { stdio: 'ignore' })
    cleanUp(() => void prey.kill('SIGKILL'))
    recordInit(cell, prey.pid ?? 0)
    assert.ok(noteRunPlace(state, base).ok)
    const theirs = await ask('contain', 'alpha')
    assert.equal(theirs.code, 0, theirs.stdout)
    assert.deepEqual([lives(prey), existsSync(run)], [true, true])
    // Control: in a state of root's own it is what a dead warden has left.
    const own = join(directory, 'own')
    for (const part of ['ledger', 'witness']) mkdirSync(join(own, part), { recursive: true })
    makeFence(own)
    assert.ok(noteRunPlace(own, base).ok)
    await firebreak(['contain', 'alpha', ...BY_MARIA, '--config', config, '--state', own])
    assert.deepEqual([lives(prey), existsSync(run)], [false, false])
  })

  it('reaches cells of every tenant that the user keeps there, and none behind a link', async () => {
    const prod = join(directory, 'states', 'prod')
    for (const part of ['ledger', 'witness']) mkdirSync(join(prod, part), { recursive: true })
    const base = join(directory, 'of-root')
    assert.ok(noteRunPlace(state, base).ok)
    const ofRoot = cellOf(11, { part: 'agent', state: prod }, 0, base)
    symlinkSync(join(directory, 'states'), join(state, 'tenants'))
    const linked = await ask('contain', 'all')
    assert.equal(linked.code, 0, linked.stdout)
    assert.deepEqual([lives(ofRoot.child), readdirSync(prod).length], [true, 2])
    rmSync(join(state, 'tenants'))
    mkdirSync(join(state, 'tenants'))
    for (let i = 0; i < 1_100; i++) mkdirSync(join(state, 'tenants', `t${i}`))
    const listed = new Set(statesIn(state))
    const last = readdirSync(join(state, 'tenants'), { withFileTypes: true })
      .map(({ name }) => join(state, 'tenants', name))
      .find((path) => !listed.has(path))
    assert.ok(last !== undefined && listed.size === 1_025)
    for (const path of [join(state, 'tenants'), last]) chownSync(path, USER, USER)
    const unlisted = cellOf(12, { part: 'agent', state: last })
    const told = await ask('contain', 'all')
    rmSync(join(state, 'tenants'), { recursive: true })
    ofRoot.child.kill('SIGKILL')
    assert.equal(told.code, 1, told.stdout)
    assert.match(told.stdout, /^NO {3}tenants +no more than 1024 tenants/m)
    assert.match(
      told.stdout,
      new RegExp(`^yes {2}processes of ${unlisted.id} +no warden named it, and it was ended`, 'm'),
    )
    assert.ok(!lives(unlisted.child))
  })

  it('is not held by what the user’s configuration names', async () => {
    const theirs = join(directory, 'piped.yaml')
    const text = JSON.parse(readFileSync(config, 'utf8')) as object
    writeFileSync(theirs, JSON.stringify({ ...text, policies: ['*.cedar'] }))
    assert.equal(spawnSync('/usr/bin/mkfifo', [join(directory, 'waits.cedar')]).status, 0)
    const told = await firebreak(['contain', 'all', ...BY_MARIA, '--config', theirs, '--state', state], {}, 60_000)
    rmSync(join(directory, 'waits.cedar'))
    assert.equal(told.code, 0, told.stdout)

    const by = (name: string) => firebreak(['contain', name, ...BY_MARIA, '--config', theirs, '--state', state])
    writeFileSync(theirs, JSON.stringify({ ...text, policies: ['{a,b}'.repeat(28)] }))
    assert.equal((await by('all')).code, 0)
    writeFileSync(theirs, `${JSON.stringify(text)}\n# ${'x'.repeat(200_000)}`)
    assert.doesNotMatch((await by('alpha')).stderr, /cannot be read/, 'control: it is root’s own')
    chownSync(theirs, USER, USER)
    assert.match((await by('alpha')).stderr, /piped\.yaml cannot be read: contain all, or a cell/)
  })

  it('is not confirmed where the user keeps root from seeing what runs', async () => {
    const own = join(BASE, 'runs/r_2/cells')
    mkdirSync(own, { recursive: true })
    for (let i = 0; i < 4_097; i++) symlinkSync('nowhere', join(own, `c_${i}`))
    const told = await ask('contain', 'alpha')
    rmSync(join(BASE, 'runs/r_2'), { recursive: true })
    assert.equal(told.code, 1, told.stdout)
    assert.match(told.stdout, /^NO {3}host +what runs could not be looked at in whole: only 4096 names/m)
  })

  it('an order to all reaches what a doctor tries beside the state, says what it waits for, and nothing is tried after it', async () => {
    const orders: string[] = []
    const trial = await openControlSocket(`${state}.try-abc`, async (request, reply) => {
      orders.push(request.kind)
      // Long enough for a person to ask whether anything goes on.
      if (request.kind === 'contain') await delay(2_200)
      reply({ kind: 'done', ok: true, said: '0 cells' })
    })
    assert.ok(trial.ok)
    const told = await ask('contain', 'all')
    assert.match(told.stderr, /still there: 1 of 1 wardens, until \d\d:\d\d:\d\d UTC at the latest/)
    await trial.value.close()
    rmSync(`${state}.try-abc`, { recursive: true })
    assert.ok(orders.includes('contain'))

    const loaded = await loadConfig(config, { node: process.execPath })
    const judged = loaded.ok ? await judgeConfig(loaded.value) : loaded
    assert.ok(judged.ok)
    const tried = await tryAll(judged.value, join(directory, 'new'), new Set(), () => {
      assert.ok(writeStopMark(join(directory, 'new'), 'o_0000000000000001').ok)
    })
    const alpha = tried.launches.get(agentName('alpha'))
    assert.ok(alpha?.ok === false)
    assert.match(alpha.reason, /all were ordered to stop/)
  })
})

function lives({ pid = 0 }: ChildProcess): boolean {
  try {
    return !/^State:\tZ/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'))
  } catch {
    return false
  }
}
