/** What a cell can take of the kernel that no cgroup counts (S17). */

import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { accessSync, constants, existsSync, readFileSync } from 'node:fs'
import process from 'node:process'
import { describe, it } from 'node:test'
import { CLOSED_MAX } from '../../src/cells/linux/network/open-sockets.ts'
import { overLocked } from '../../src/cells/linux/uncounted/locks.ts'
import { overOpen } from '../../src/cells/linux/uncounted/open-files.ts'
import { overUnaccepted } from '../../src/cells/linux/uncounted/unaccepted.ts'
import { LOCKS_MAX } from '../../src/cells/spec.ts'
import { until } from '../kit/until.ts'
import { launched, NODE, outputOf, ran, SKIP, spec } from './kit.ts'

const UNBOUNDED = mayWrite('/proc/sys/net/ipv4/tcp_max_tw_buckets') ? false : 'this host lets nobody bound them'
const attack = (kind: string, many: number) => spec([NODE, '/opt/attacks/uncounted.ts', kind, `${many}`])

describe('what no cgroup counts', { skip: SKIP }, () => {
  for (const kind of ['locks', 'open-file locks'])
    it(`S17: ${kind}: a cell that holds more than its bound is killed, and they are gone`, async () => {
      const { exit, torn } = await ran(attack(kind, 3 * LOCKS_MAX))
      assert.equal(exit.why, 'file-locks')
      assert.deepEqual(exit.limits, [{ limit: 'file-locks' }])
      assert.ok(torn.gone)
    })

  it('S17: two cells go on that hold more together, and less each', async () => {
    const both = await Promise.all([0, 1].map(() => launched(attack('locks', 0.6 * LOCKS_MAX))))
    for (const cell of both) cell.start()
    await until('both hold them', async () => (await overLocked(both, LOCKS_MAX / 2)).length === 2)
    assert.equal((await overLocked(both)).length, 0)
    assert.ok(both.every((cell) => cell.pids().length > 0))
    await Promise.all(both.map((cell) => cell.teardown()))
    for (const cell of both) assert.equal((await cell.exited).why, 'killed')
  })

  it('S17: answers of the kernel that nobody reads', async () => {
    const { exit } = await ran(attack('asks', 1_000))
    assert.equal(exit.why, 'socket-queues')
  })

  for (const [address, anywhere] of [
    ['127.0.0.1', undefined],
    ['::1', undefined],
    ['93.184.216.34', [{ transport: 'tcp', port: 443 }]],
  ] as const)
    it(`S17: connections to itself at ${address} that nobody accepts, and what was sent into them`, async () => {
      const { exit, torn } = await ran({
        ...spec([NODE, '/opt/attacks/uncounted.ts', 'unaccepted', '1000', address]),
        ...(anywhere && { anywhere }),
      })
      assert.equal(exit.why, 'unaccepted')
      assert.deepEqual(exit.limits, [{ limit: 'unaccepted' }])
      assert.ok(torn.gone)
    })

  it('S17: connections that nobody accepts, and that are closed, which take no descriptor', async () => {
    const cell = await launched(attack('closed unaccepted', 3_000))
    const output = outputOf(cell)
    cell.start()
    await until('all are closed', () => output.said().includes('made'))
    assert.deepEqual(await overUnaccepted([cell], 2_000 * 4_096), [cell])
    assert.deepEqual(await overUnaccepted([cell]), [], 'so many may wait')
    await cell.teardown()
  })

  it('S17: closed connections: a few are remembered, and a look at all of them is short', {
    skip: UNBOUNDED,
  }, async () => {
    const cell = await launched(attack('closed', 3 * CLOSED_MAX))
    const output = outputOf(cell)
    cell.start()
    await until('all are closed', () => output.said().includes('made'))
    assert.match(output.said(), new RegExp(`"made":${3 * CLOSED_MAX}`), 'each was served')
    const [pid] = cell.pids()
    const [, remembered] = / tw (\d+) /.exec(readFileSync(`/proc/${pid}/net/sockstat`, 'utf8')) ?? []
    assert.ok(Number(remembered) > 0 && Number(remembered) <= CLOSED_MAX, remembered)
    assert.equal(await cell.connections(process.pid), 0)
    await cell.teardown()
  })

  it('S17: as many that are accepted and read cost a cell nothing', async () => {
    const { exit, stdout } = await ran(spec([NODE, '/opt/attacks/uncounted.ts', 'accepted', '300', '127.0.0.1']))
    assert.equal(exit.why, 'ended')
    assert.equal(stdout.trim(), '{"made":300}')
  })

  it('S17: open files are counted over all the processes of a cell', async () => {
    const command = 'node /opt/attacks/uncounted.ts files 600 & node /opt/attacks/uncounted.ts files 600 & wait'
    const cell = await launched(spec(['sh', '-c', command.replaceAll('node', NODE)]))
    const output = outputOf(cell)
    cell.start()
    await until('both hold them', () => output.said().match(/made/g)?.length === 2)
    const other = await launched(spec(['sleep', '30']))
    other.start()
    assert.deepEqual(await overOpen([other, cell], 1_100), [cell])
    await Promise.all([cell.teardown(), other.teardown()])
  })

  it('databases and version control keep the locks they need', {
    skip: missing('/usr/bin/sqlite3', '/usr/bin/git'),
  }, async () => {
    const script = `cd /tmp && sqlite3 a.db 'create table t (x); insert into t values (1); select count(*) from t' &&
      git init -q r && cd r && git -c user.name=a -c user.email=a@b commit -q --allow-empty -m x && git log --format=%s`
    const { stdout, stderr } = await ran(spec(['sh', '-c', script]))
    assert.equal(stdout, '1\nx\n', stderr)
  })
})

function mayWrite(path: string): boolean {
  try {
    accessSync(path, constants.W_OK)
    return true
  } catch {
    return false
  }
}

function missing(...programs: readonly string[]): string | false {
  const absent = programs.find((path) => !existsSync(path) || spawnSync(path, ['--version']).status !== 0)
  return absent === undefined ? false : `${absent} is not installed here`
}
