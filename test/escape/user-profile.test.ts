import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { chmodSync, chownSync, existsSync, lstatSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import process from 'node:process'
import { before, describe, it } from 'node:test'
import { CHECKOUT, NODE_FOR_ALL, UNREADABLE } from '../kit/open-checkout.ts'
import { hostDirectory, lastReport, SKIP } from './kit.ts'

/** An ordinary user; nobody on this host. */
const UID = 1_900_000_001

const skip = SKIP || UNREADABLE || (existsSync('/usr/bin/nsenter') ? false : 'nsenter is not installed')

describe('profile user', { skip }, () => {
  let report: Readonly<Record<string, unknown>> = {}
  let lower = ''
  const part = (name: string): Readonly<Record<string, unknown>> =>
    Object.fromEntries(Object.entries(Object(report[name])))

  before(async () => {
    const base = hostDirectory()
    lower = join(base, 'given')
    mkdirSync(lower)
    writeFileSync(join(lower, 'given'), 'as it was')
    for (const path of [base, lower, join(lower, 'given')]) chownSync(path, UID, UID)
    chmodSync(base, 0o755)
    const program = join(CHECKOUT, 'test/escape/user-warden.ts')
    const child = spawn(NODE_FOR_ALL, [program, base, lower], {
      uid: UID,
      gid: UID,
      cwd: '/',
      env: { PATH: '/usr/bin:/bin' },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    let [out, err] = ['', '']
    child.stdout.on('data', (chunk) => {
      out += chunk
    })
    child.stderr.on('data', (chunk) => {
      err += chunk
    })
    await new Promise((resolve) => child.on('close', resolve))
    report = lastReport(out, err)
  })

  it('limits that this profile cannot hold stop the launch unless a person accepts it', () => {
    assert.equal(report.profile, 'user')
    assert.ok(['memory', 'cpu', 'pids', 'freeze'].includes(String(report.refused)))
    assert.deepEqual(report.without, ['memory', 'cpu', 'pids', 'freeze', 'disk'])
  })

  it('S1: the kernel’s interfaces are as shut as with root', {
    skip: process.arch === 'x64' ? false : 'the attack has numbers of x86-64',
  }, () => {
    const kernel = part('kernel')
    for (const attempt of ['unshare user', 'clone new user', 'mount', 'chroot', 'ptrace attach 1', 'bpf', 'keyctl'])
      assert.equal(kernel[attempt], -1, attempt)
    assert.equal(kernel['socket netlink'], -93)
  })

  it('S1: no file, process or network of the host', () => {
    assert.equal(part('files').shadow, 'ENOENT')
    assert.equal(part('files')['symlink made here'], 'ENOENT')
    assert.equal(part('files').homes, 'agent')
    assert.equal(part('network')['host loopback'], 'ECONNREFUSED')
    assert.equal(part('network').interfaces, 'lo')
  })

  it('S10: what is hidden of a workspace is empty to its cell, and cannot be moved', () => {
    assert.equal(report.hiding, '')
  })

  it('S3: the listener works, made by a helper that is gone', () => {
    assert.equal(part('network').gateway, 'met: the gateway')
  })

  it('S1: every address leads to the gate, by a route that the helper makes and the cell cannot change', () => {
    const routed = part('routed')
    for (const way of ['first', 'overlay', 'anew']) {
      const { said, dialled, held, gone } = Object(routed[way])
      assert.match(said['tcp 1.1.1.1 80'], /^1\.1\.1\.1:80 of c_/, way)
      assert.match(said['udp 8.8.8.8 53'], / from 8\.8\.8\.8:53$/, way)
      assert.equal(said['tcp 1.1.1.1 22'], 'ECONNREFUSED', way)
      assert.deepEqual(dialled, ['tcp 1.1.1.1:80', 'tcp 169.254.169.254:80', 'udp 8.8.8.8'], way)
      assert.deepEqual([held, gone], [4, true], way)
    }
    const { said } = Object(routed.routes)
    for (const [attempt, answer] of Object.entries(said).filter(([name]) => /^(netlink|transparent)/.test(name)))
      assert.equal(answer, -1, attempt)
    assert.equal(said.afterwards, '1.1.1.1:443')
  })

  it('S17: a cell has as many doors as it may, and none beside those that stand', () => {
    assert.equal(report.doors, [...Array(16).fill('tcp'), ...Array(8).fill('tcp udp')].join(' '))
    assert.equal(report.beside, 'port 7000: bind: EADDRINUSE')
  })

  it('S1: three descriptors, although the overlay was mounted through more', () => {
    assert.equal(report.descriptors, 3)
  })

  it('S3: the workspace is an overlay; what changed is told and landed', () => {
    assert.ok(
      Array.isArray(report.diff) && report.diff.includes('added mine') && report.diff.includes('changed given'),
      JSON.stringify(report.diff),
    )
    assert.deepEqual(part('landing').landed, ['mine'])
    assert.deepEqual(report.landed, ['given', 'mine'])
    assert.equal(readFileSync(join(lower, 'given'), 'utf8'), 'as it was')
    assert.equal(lstatSync(join(lower, 'mine')).uid, UID)
  })

  it('S13: nothing is left', () => {
    assert.equal(report.gone, true)
    // Where no group was made, a receipt does not say that one was removed.
    const hadNone = Object.keys(part('enforcedBy')).length === 0
    assert.equal(report.cgroup, hadNone ? 'it had none: this host gives its cells none' : 'removed')
    assert.deepEqual(report.left, [])
    assert.equal(report.mounts, false)
    assert.equal(report.processes, '')
  })

  it('S13: what is kept of a workspace can be removed by its owner', () => {
    assert.equal(report.removing, '')
    assert.equal(existsSync(join(lower, '../changes')), false)
  })
})
