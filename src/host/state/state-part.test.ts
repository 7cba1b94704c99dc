/** S8: root's work in another user's state has that user's rights on files, whatever that user has put there. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import {
  chmodSync,
  chownSync,
  existsSync,
  lchownSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import process from 'node:process'
import { beforeEach, describe, it } from 'node:test'
import { temporaryDirectory } from '../../../test/kit/temporary.ts'
import { withFilesOf } from '../../cells/kernel/libc.ts'
import { askWardens, openControlSocket } from '../people/control-socket.ts'
import { fileMailbox } from '../people/file-mailbox.ts'
import type { HoldAnswer } from '../people/mailbox.ts'
import { ownStates } from '../services/run-places.ts'
import { changeFence, makeFence, readFence, readStopMark, writeStopMark } from '../stop/fence.ts'
import { openState } from './state.ts'
import { inPart } from './state-part.ts'
import { statesIn } from './tenants.ts'

/** An ordinary user; nobody on this host. */
const USER = 1_900_000_009

const skip = process.getuid?.() !== 0 && 'only root has more rights than its neighbour'

describe('a part of another user’s state', { skip }, () => {
  let victim = ''
  let state = ''
  beforeEach(() => {
    const directory = temporaryDirectory()
    victim = join(directory, 'of-root')
    state = join(directory, 'state')
    mkdirSync(victim, { mode: 0o755 })
    mkdirSync(state)
    chownSync(state, USER, USER)
  })

  /** What the user would do. */
  const link = (target: string, path: string) => {
    symlinkSync(target, path)
    lchownSync(path, USER, USER)
  }
  const answer = { hold: 'a_0000000000000001', approved: true, by: 'm@x.example', forMs: 1 } as unknown as HoldAnswer

  it('that is a link leads nowhere where the user could not write', async () => {
    for (const part of ['fence', 'approvals']) link(victim, join(state, part))
    assert.throws(() => makeFence(state), /EACCES/)
    assert.ok(!(await changeFence(state, () => undefined, true)).ok)
    assert.ok(!writeStopMark(state, 'o_1').ok)
    await assert.rejects(() => fileMailbox(state).put(answer), /EACCES/)
    assert.deepEqual(readdirSync(victim), [])
    assert.equal(statSync(victim).uid, 0)
  })

  it('of a tenant, too, and nothing is read there that the user could not read', () => {
    mkdirSync(join(victim, 'prod'), { mode: 0o755 })
    makeFence(join(victim, 'prod'))
    link(victim, join(state, 'tenants'))
    const tenant = join(state, 'tenants', 'prod')
    assert.match(textOf(readFence(tenant)), /EACCES/)
    assert.ok(!writeStopMark(tenant, 'o_1').ok)
    assert.ok(!existsSync(join(victim, 'prod/fence/all')))
  })

  it('what root makes there is the user’s, and what is root’s there stays of use to root', async () => {
    makeFence(state)
    assert.ok(writeStopMark(state, 'o_1').ok)
    assert.ok((await changeFence(state, () => undefined)).ok)
    for (const name of ['', 'fence.json', 'all', 'lock', 'spare'])
      assert.equal(statSync(join(state, 'fence', name)).uid, USER, name)
    const own = join(state, 'tenants', 'one')
    mkdirSync(own, { recursive: true, mode: 0o700 })
    makeFence(own)
    assert.ok(readFence(own).ok)
    assert.equal(statSync(join(own, 'fence')).uid, 0)
    // Of a state that is not there yet, it is the owner of what it will lie in.
    assert.ok(writeStopMark(join(state, 'new'), 'o_2').ok)
    assert.equal(statSync(join(state, 'new/fence')).uid, USER)
  })

  it('a pipe in the place of a file keeps nobody waiting, and is no fence', async () => {
    mkdirSync(join(state, 'fence'))
    chownSync(join(state, 'fence'), USER, USER)
    for (const name of ['fence.json', 'all']) assert.equal(spawnSync('mkfifo', [join(state, 'fence', name)]).status, 0)
    assert.match(textOf(readFence(state)), /is damaged: it is no regular file/)
    assert.match(readStopMark(state), /no regular file/)
    assert.ok((await changeFence(state, () => undefined, true)).ok)
    assert.ok(writeStopMark(state, 'o_1').ok)
    assert.equal(readStopMark(state), 'o_1\n')
    assert.ok(readFence(state).ok)
  })

  it('a directory of root’s that all can write to is everybody’s: what lies there leads nowhere', async () => {
    const shared = join(victim, 'shared')
    mkdirSync(shared)
    chmodSync(shared, 0o1777)
    const prod = join(victim, 'prod')
    mkdirSync(join(prod, 'approvals'), { recursive: true })
    chmodSync(prod, 0o711)
    mkdirSync(join(shared, 'tenants'))
    for (const path of [join(shared, 'tenants'), join(shared, 'fence')]) {
      mkdirSync(path, { recursive: true })
      chownSync(path, USER, USER)
    }
    link(prod, join(shared, 'tenants/a'))
    link(join(prod, 'approvals'), join(shared, 'approvals'))
    rmSync(state, { recursive: true })
    link(shared, state)
    assert.deepEqual(statesIn(state), [state])
    assert.deepEqual(ownStates([state]), [])
    await assert.rejects(() => fileMailbox(state).put(answer), /EACCES/)
    assert.ok(!writeStopMark(state, 'o_1').ok)
    assert.ok(!writeStopMark(join(state, 'tenants', 'a'), 'o_1').ok)
    assert.deepEqual([readdirSync(prod), readdirSync(join(prod, 'approvals'))], [['approvals'], []])
  })

  it('where no state is yet in such a directory, none of another comes into the place of it in the middle of an order', () => {
    const shared = join(victim, 'shared')
    mkdirSync(shared)
    chmodSync(shared, 0o1777)
    const theirs = join(shared, 'prepared')
    mkdirSync(theirs)
    chownSync(theirs, USER, USER)
    const prod = join(victim, 'prod')
    mkdirSync(prod, { mode: 0o700 })
    link(prod, join(theirs, 'fence'))
    const own = join(shared, '.firebreak')
    inPart(own, 'fence', (directory) => {
      assert.throws(() => withFilesOf(USER, () => renameSync(theirs, own)), /EPERM|EACCES/)
      mkdirSync(directory, { recursive: true })
      writeFileSync(join(directory, 'all'), '')
    })
    assert.deepEqual(readdirSync(prod), [])
    assert.equal(statSync(join(own, 'fence/all')).uid, 0)
    assert.equal(statSync(own).mode & 0o777, 0o711, 'services pass through it')
  })

  it('a directory of root’s that a group can write to, or who is named in its ACL, is no state of root’s', () => {
    const own = join(victim, 'own')
    mkdirSync(own)
    assert.deepEqual(ownStates([own]), [own])
    makeFence(own)
    assert.equal(statSync(join(own, 'fence')).uid, 0)
    for (const mode of [0o777, 0o775, 0o770]) {
      chmodSync(own, mode)
      assert.deepEqual(ownStates([own]), [], mode.toString(8))
      // What is root's alone there stays of use to root.
      assert.ok(writeStopMark(own, 'o_1').ok)
      assert.equal(statSync(join(own, 'fence/all')).uid, 0)
    }
  })

  it('another directory in the place of the state is not worked on in the middle of an order', () => {
    assert.ok(writeStopMark(state, 'o_1').ok)
    renameSync(state, `${state}.away`)
    link(victim, state)
    const said = writeStopMark(state, 'o_2')
    assert.match(said.ok ? '' : said.reason, /is another directory than before/)
    assert.deepEqual(readdirSync(victim), [])
  })

  it('a state that root makes in the user’s directory is root’s from its first run on', () => {
    const own = join(state, '.firebreak')
    assert.deepEqual(statesIn(own), [own])
    openState(own, true, Math.random)
    assert.deepEqual(statesIn(own), [own])
    assert.ok(readFence(own).ok)
    assert.equal(statSync(join(own, 'fence')).uid, 0)
  })

  it('its rights are the thread’s until the work is done, and are taken back whatever happens', () => {
    writeFileSync(join(victim, 'secret'), 'x', { mode: 0o600 })
    const read = () => readFileSync(join(victim, 'secret'), 'utf8')
    assert.throws(() => inPart(state, '', read), /EACCES/)
    assert.equal(read(), 'x')
    assert.equal(inPart(victim, '', read), 'x')
  })

  it('a socket is asked where it lies in the user’s state, and no other that a link leads to', async () => {
    const asked: string[] = []
    const open = async (at: string) => {
      const door = await openControlSocket(at, async (request, reply) => {
        if (request.kind === 'release') asked.push(at)
        reply({ kind: 'done', ok: true, said: '' })
      })
      assert.ok(door.ok)
      return door.value
    }
    const doors = [await open(victim), await open(state)]
    const release = { kind: 'release' } as Parameters<typeof askWardens>[1]
    const [name = ''] = readdirSync(join(victim, 'control'))
    link(join(victim, 'control', name), join(state, 'control', '1-abc.sock'))
    const told = await askWardens(state, release, () => undefined)
    assert.deepEqual([asked, told.length], [[state], 1])
    rmSync(join(state, 'control'), { recursive: true })
    link(join(victim, 'control'), join(state, 'control'))
    await askWardens(state, release, () => undefined)
    assert.deepEqual(asked, [state])
    for (const door of doors) await door.close()
  })
})

function textOf(read: ReturnType<typeof readFence>): string {
  return read.ok ? '' : read.reason
}
