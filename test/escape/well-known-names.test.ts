/** Another user of the host, who makes a directory of ours before we do: nothing in it is believed. As two uids. */
import assert from 'node:assert/strict'
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import {
  chmodSync,
  chownSync,
  existsSync,
  lchownSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import process from 'node:process'
import { after, afterEach, beforeEach, describe, it } from 'node:test'
import { isOwnPlace, makeOwnPlace } from '../../src/cells/kernel/own-place.ts'
import { CHECKOUT, UNREADABLE } from '../kit/open-checkout.ts'
import { temporaryDirectory } from '../kit/temporary.ts'
import { SKIP } from './kit.ts'

/** Ordinary users, nobody on this host, and no two runs of this file the same. */
const VICTIM = 1_910_000_000 + (process.pid % 1_000_000) * 2
const ATTACKER = VICTIM + 1
/** Where a user without a session of their own has it. */
const BASE = `/tmp/firebreak-${VICTIM}`

function as(uid: number, command: readonly [string, ...string[]], environment: Readonly<Record<string, string>> = {}) {
  const [program, ...args] = command
  const env = { PATH: '/usr/bin:/bin', ...environment }
  return spawnSync(program, args, { uid, gid: uid, cwd: '/', env, encoding: 'utf8', timeout: 240_000 })
}

/** Every order clears up what dead wardens have left; this one keeps no agent from a start. */
const CONTAIN = ['contain', 'all', '--rung', 'watched', '--as', 'v@x.example'] as const

/** What the attacker has prepared: a dead warden's run, in which a cell's first process is one of the victim's. */
function prepared(base: string, prey: ChildProcess): void {
  const cell = join(base, 'runs', 'r_0000000000000000', 'cells', 'c_0000000000000000')
  const stat = readFileSync(`/proc/${prey.pid}/stat`, 'utf8')
  const startTicks = stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19]
  const made = `umask 000; mkdir -p ${cell} && printf '%s' '${JSON.stringify({ pid: prey.pid, startTicks })}' > ${cell}/init`
  assert.equal(as(ATTACKER, ['/bin/sh', '-c', made]).status, 0)
}

describe('another user of this host, and names that everybody knows', { skip: SKIP || UNREADABLE }, () => {
  let directory = ''
  let prey: ChildProcess
  const firebreak = (args: readonly string[], environment: Readonly<Record<string, string>> = {}) =>
    as(
      VICTIM,
      [
        join(CHECKOUT, 'bin/firebreak'),
        ...args,
        '-c',
        join(directory, 'firebreak.yaml'),
        '--state',
        join(directory, 's'),
      ],
      environment,
    )

  beforeEach(() => {
    directory = temporaryDirectory()
    chownSync(directory, VICTIM, VICTIM)
    const config = {
      profile: 'user',
      environments: { test: {} },
      agents: { desk: { owner: 'm@x.example', environment: 'test', command: ['true'] } },
    }
    writeFileSync(join(directory, 'firebreak.yaml'), JSON.stringify(config))
    chmodSync(join(directory, 'firebreak.yaml'), 0o644)
    prey = spawn('/usr/bin/sleep', ['120'], { uid: VICTIM, gid: VICTIM, stdio: 'ignore' })
    rmSync(BASE, { recursive: true, force: true })
  })
  afterEach(() => void prey.kill('SIGKILL'))
  after(() => rmSync(BASE, { recursive: true, force: true }))

  // One that was killed stands there, dead, until somebody has asked after it.
  const lives = () => /^State:\t[^ZX]/m.test(readFileSync(`/proc/${prey.pid}/status`, 'utf8'))

  it('who has made the run directory names no process of ours to kill, and run says whose it is', () => {
    prepared(BASE, prey)
    firebreak(CONTAIN)
    assert.ok(lives(), 'by contain')
    const run = firebreak(['run'])
    assert.ok(lives(), 'by run')
    assert.equal(run.status, 1, run.stderr)
    assert.match(
      run.stderr,
      new RegExp(`^firebreak: not started: ${BASE} belongs to uid ${ATTACKER}, and not to this user`),
    )
    assert.doesNotMatch(run.stderr, /\n\s+at /, 'no stack')
    assert.ok(existsSync(join(BASE, 'runs', 'r_0000000000000000')), 'and nothing of theirs is removed')
  })

  it('who can write to it, or has put a part of it there, is believed in nothing either', () => {
    mkdirSync(BASE, { mode: 0o777 })
    chmodSync(BASE, 0o777)
    chownSync(BASE, VICTIM, VICTIM)
    prepared(BASE, prey)
    firebreak(CONTAIN)
    assert.ok(lives(), 'others can write to it')
    chmodSync(BASE, 0o711)
    firebreak(CONTAIN)
    assert.ok(lives(), 'a part of it is theirs')
    assert.match(firebreak(['run']).stderr, /runs belongs to uid/)
  })

  it('whose link has its name opens no private directory', () => {
    const home = join(directory, 'private')
    mkdirSync(home, { mode: 0o700 })
    chownSync(home, VICTIM, VICTIM)
    symlinkSync(home, BASE)
    lchownSync(BASE, ATTACKER, ATTACKER)
    const run = firebreak(['run'])
    assert.match(run.stderr, new RegExp(`not started: ${BASE} is a link`))
    assert.equal(statSync(home).mode & 0o777, 0o700)
    assert.deepEqual(readdirSync(home), [])
  })

  it('nor where XDG_RUNTIME_DIR names a place that everybody can write to, and one of the user’s own is used', () => {
    const shared = join(directory, 'shared')
    mkdirSync(shared)
    chmodSync(shared, 0o1777)
    prepared(join(shared, `firebreak-${VICTIM}`), prey)
    firebreak(CONTAIN, { XDG_RUNTIME_DIR: shared })
    firebreak(['run'], { XDG_RUNTIME_DIR: shared })
    assert.ok(lives())
    const own = join(directory, 'own')
    mkdirSync(own, { mode: 0o700 })
    chownSync(own, VICTIM, VICTIM)
    const run = firebreak(['run'], { XDG_RUNTIME_DIR: own })
    assert.ok(existsSync(join(own, `firebreak-${VICTIM}`)), run.stderr)
  })

  it('control: a directory that is ours is made and believed', () => {
    const place = join(directory, 'place')
    assert.ok(!isOwnPlace(place))
    chownSync(directory, 0, 0)
    assert.ok(makeOwnPlace(place).ok)
    assert.ok(isOwnPlace(place))
    chmodSync(directory, 0o777)
    assert.ok(!isOwnPlace(place), 'who can write to what it lies in can put another one in its place')
    chmodSync(directory, 0o1777)
    assert.ok(isOwnPlace(place), 'unless that is sticky')
  })
})
