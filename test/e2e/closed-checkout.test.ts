/**
 * A checkout that other users may not pass, as in `/root`: services of uids of their own read its code all the same, and
 * nobody reads anything else of it. The checkout is this one, mounted once more below a directory that is closed.
 */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { chmodSync, cpSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { before, describe, it } from 'node:test'
import { NODE_CELL, type Running, repository, SKIP, startFirebreak } from '../kit/command-line.ts'
import { writeConfig } from '../kit/config-text.ts'
import { childrenOf, mountPoints, stateOf } from '../kit/host.ts'
import { runsProgram } from '../kit/runs-program.ts'
import { cleanUp, temporaryDirectory } from '../kit/temporary.ts'
import { until } from '../kit/until.ts'

const SHOWN = '/run/firebreak/code'
const closed = temporaryDirectory()
const root = join(closed, 'private', 'checkout')
const directory = temporaryDirectory()
const config = writeConfig(directory, {
  upstreams: { desk: { mcp: { command: ['/bin/false'] }, tools: { note: 'write' } } },
  agents: { alpha: { cell: { files: NODE_CELL.files }, grants: [] } },
})

function start(state: string, ...command: readonly string[]): Running {
  const args = ['run', '-c', config, '-a', 'alpha', '--state', join(directory, state), '--', ...command]
  return startFirebreak(args, { root })
}

const WAITING = ['/bin/sh', '-c', 'echo ready; exec sleep 30'] as const

/** What is shown by a process, and where something is mounted for it. */
function shownBy({ pid }: Running): { readonly places: readonly string[]; readonly mounts: readonly string[] } {
  const all = existsSync(SHOWN) ? readdirSync(SHOWN) : []
  return {
    places: all.filter((name) => name.startsWith(`${pid}.`)).map((name) => join(SHOWN, name)),
    mounts: mountPoints().filter((at) => at.startsWith(`${SHOWN}/${pid}.`)),
  }
}

const NOTHING = { places: [], mounts: [] }

/** The exit status of what somebody runs who may read only what everybody may. */
function asNobody(...[program, ...args]: readonly [string, ...string[]]): number | null {
  return spawnSync(program, args, { uid: 65_534, gid: 65_534, stdio: 'ignore' }).status
}

before(() => {
  if (SKIP) return
  mkdirSync(root, { recursive: true })
  chmodSync(join(closed, 'private'), 0o700)
  const mounted = spawnSync('/bin/mount', ['-o', 'bind,ro', repository, root])
  assert.equal(mounted.status, 0, mounted.stderr.toString())
  cleanUp(() => void spawnSync('/bin/umount', ['-l', root]))
  assert.notEqual(asNobody('/bin/ls', root), 0, 'control: others may not pass')
})

describe('a checkout in a closed place', { skip: SKIP, concurrency: true }, () => {
  it('S10: its code alone is shown to the services, read-only, and is gone when the run is', async () => {
    const running = start('shown', ...WAITING)
    await until('the cell runs', () => running.stdout().includes('ready'))
    const { places, mounts } = shownBy(running)
    const [place = ''] = places
    assert.deepEqual(
      [...mounts].sort(),
      ['node_modules', 'package.json', 'src'].map((part) => join(place, part)),
    )
    assert.deepEqual(readdirSync(place).sort(), ['node_modules', 'package.json', 'src'])
    for (const at of mounts) {
      assert.match(optionsOf(at), /^ro,nosuid,nodev\b/)
      assert.throws(() => writeFileSync(at.endsWith('.json') ? at : join(at, 'planted'), 'x'), /EROFS/)
    }
    assert.equal(asNobody('/bin/cat', join(place, 'package.json')), 0, 'every uid reads it')
    assert.equal(asNobody('/bin/ls', join(place, 'src/gateway')), 0)
    assert.notEqual(asNobody('/bin/ls', SHOWN), 0, 'which places there are is not listed')
    const [gateway = 0] = childrenOf(running.pid, 'gateway/main')
    const loaded = readFileSync(`/proc/${gateway}/cmdline`, 'utf8').split('\0')
    assert.ok(loaded.some((word) => word.startsWith(`${place}/`) && runsProgram(word, 'gateway/main')))

    const second = start('shown', '/bin/true')
    const { code, stderr } = await second.ended
    assert.equal(code, 1)
    assert.match(stderr, /^firebreak: not started: .* has a writer already/m, 'a gateway that cannot open its ledger')
    assert.deepEqual(shownBy(second), NOTHING)
    assert.equal(shownBy(running).mounts.length, 3, 'the first one keeps its own')

    running.child.kill('SIGTERM')
    assert.equal((await running.ended).code, 143)
    assert.deepEqual(shownBy(running), NOTHING)
  })

  it('S13: it is gone as well when the cell cannot be started', async () => {
    const running = start('no-cell', '/nowhere/at/all')
    assert.notEqual((await running.ended).code, 0)
    assert.deepEqual(shownBy(running), NOTHING)
  })

  it('S13: and when upstreams are only asked what they offer', async () => {
    const running = startFirebreak(['accept', '-c', config, '--as', 'maria.silva@shop.example', '--yes'], { root })
    assert.notEqual((await running.ended).code, 0, 'control: its server is none')
    assert.deepEqual(shownBy(running), NOTHING)
  })

  it('an open checkout is used where it lies', async (t) => {
    if (asNobody('/bin/ls', repository) !== 0) return t.skip('this checkout lies in a closed place itself')
    const args = ['run', '-c', config, '-a', 'alpha', '--state', join(directory, 'open'), '--', ...WAITING]
    const running = startFirebreak(args)
    await until('the cell runs', () => running.stdout().includes('ready'))
    assert.deepEqual(shownBy(running), NOTHING)
    running.child.kill('SIGTERM')
    await running.ended
  })
})

describe('a checkout and a shell whose umask is 077', { skip: SKIP }, () => {
  const own = join(temporaryDirectory(), 'checkout')

  before(() => {
    if (SKIP) return
    mkdirSync(join(own, 'node_modules'), { recursive: true })
    for (const part of ['src', 'bin', 'package.json'])
      cpSync(join(repository, part), join(own, part), { recursive: true })
    assert.equal(spawnSync('/bin/chmod', ['-R', 'go=', own]).status, 0)
    const packages = join(own, 'node_modules')
    assert.equal(spawnSync('/bin/mount', ['-o', 'bind,ro', join(repository, 'node_modules'), packages]).status, 0)
    cleanUp(() => void spawnSync('/bin/umount', ['-l', packages]))
  })

  it('S13: its services read the code, its cell what was made for it, and nothing is left', async () => {
    const args = [
      'run',
      '-c',
      config,
      '-a',
      'alpha',
      '--state',
      join(directory, 'masked'),
      '--',
      '/bin/cat',
      '/firebreak/mcp.json',
    ]
    const running = startFirebreak(args, { root: own, umask: 0o077 })
    const { code, stdout, stderr } = await running.ended
    assert.equal(code, 0, stderr)
    assert.match(stdout, /mcpServers/)
    assert.deepEqual(shownBy(running), NOTHING)
  })
})

describe('a closed checkout whose warden was killed', { skip: SKIP }, () => {
  it('S13: what it has left goes at the next start', async () => {
    const running = start('killed', ...WAITING)
    await until('the cell runs', () => running.stdout().includes('ready'))
    const [gateway = 0] = childrenOf(running.pid, 'gateway/main')
    running.child.kill('SIGKILL')
    await running.ended
    assert.equal(shownBy(running).mounts.length, 3, 'control: it is left')
    await until('its gateway has ended', () => (stateOf(gateway) ?? 'Z') === 'Z')
    const next = start('next', '/bin/true')
    const { code, stderr } = await next.ended
    assert.equal(code, 0, stderr)
    assert.deepEqual(shownBy(running), NOTHING)
    assert.deepEqual(shownBy(next), NOTHING)
  })
})

function optionsOf(at: string): string {
  const line = readFileSync('/proc/self/mountinfo', 'utf8')
    .split('\n')
    .find((each) => each.split(' ')[4] === at)
  return line?.split(' ')[5] ?? ''
}
