import assert from 'node:assert/strict'
import { it } from 'node:test'
import { locksIn } from './locks.ts'
import { openFilesMax } from './open-files.ts'
import { queuedIn } from './queues.ts'
import { fullestOf, heldByAll, socketsIn, unacceptedIn } from './unaccepted.ts'

it('a line of /proc/locks is a lock, of a process or of an open file, held or waited for', () => {
  const text = `1: POSIX  ADVISORY  WRITE 812 fe:00:10086848 0 EOF
1: -> POSIX  ADVISORY  WRITE 813 fe:00:10086848 0 EOF
2: OFDLCK ADVISORY  READ  -1 00:1b:877 4 4
3: LEASE  ACTIVE    READ  900 00:1b:12 0 EOF
`
  assert.deepEqual(
    locksIn(text).map(({ pid, file }) => [pid, file]),
    [
      [812, 'fe:00:10086848'],
      [813, 'fe:00:10086848'],
      [-1, '00:1b:877'],
      [900, '00:1b:12'],
    ],
  )
})

it('a file of fdinfo tells locks in the same words', () => {
  const text =
    'pos:\t0\nflags:\t0100002\nlock:\t1: OFDLCK ADVISORY  WRITE -1 00:1b:878 0 0\nlock:\t2: FLOCK  ADVISORY  WRITE 7 00:1b:878 0 EOF\n'
  assert.deepEqual(
    locksIn(text).map(({ pid }) => pid),
    [-1, 7],
  )
  assert.deepEqual(locksIn('pos:\t0\n'), [])
})

it('S17: a cell may have a twentieth of the host’s open files, and 65,536 at most', () => {
  assert.deepEqual([100_000, 1_310_720, 2_000_000, 2 ** 62].map(openFilesMax), [5_000, 65_536, 65_536, 65_536])
})

it('what waits in netlink sockets is summed over all of them', () => {
  const table = `sk               Eth Pid        Groups   Rmem     Wmem     Dump  Locks    Drops    Inode
00000000d7a 0   0          00000000 0        0        0     2        0        5
00000000d7b 0   4071       00000000 213248   0        0     2        9        81
00000000d7c 0   4072       00000000 1024     512      0     2        0        82
`
  assert.equal(queuedIn(table), 213_248 + 1_024 + 512)
  assert.equal(queuedIn(''), 0)
})

it('what waits in connections that nobody has accepted is summed, and neither listeners nor what a process reads', () => {
  const table = `  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 00000000:2328 00000000:0000 0A 00000000:00000BB8 00:00000000 00000000  1000        0 7001 1 0000 100 0 0 10 0
   1: 0100007F:2328 0100007F:9000 01 00000000:00020000 00:00000000 00000000     0        0 0 1 0000 20 0 0 10 -1
   2: 0100007F:2328 0100007F:9002 08 00000000:00000010 00:00000000 00000000     0        0 0 1 0000 20 0 0 10 -1
   3: 0100007F:2328 0100007F:9004 01 00000000:00FF0000 00:00000000 00000000  1000        0 7002 1 0000 20 0 0 10 -1
   4: 0100007F:9000 0100007F:2328 01 00100000:00000000 01:00000014 00000000  1000        0 7003 2 0000 20 0 0 10 -1
   5: 0100007F:9006 0100007F:2328 06 00000000:00000000 03:00001770 00000000     0        0 0 3 0000
`
  assert.equal(unacceptedIn(table), 0x20000 + 0x10 + 2 * 4_096, 'and the connections themselves')
  assert.equal(unacceptedIn(''), 0)
  const counts =
    'sockets: used 12\nTCP: inuse 6001 orphan 0 tw 3 alloc 6099 mem 72808\nUDP: inuse 4 mem 0\nTCP6: inuse 5\n'
  assert.equal(socketsIn(counts), 6_006)
  assert.equal(socketsIn(''), 0)
  assert.ok(heldByAll(counts) >= (72_808 + 6_099) * 4_096)
  assert.equal(heldByAll(''), Number.POSITIVE_INFINITY, 'what cannot be read may be all')
  assert.deepEqual(['212992\n', '', 'x'].map(fullestOf), [425_984, 8_388_608, 8_388_608])
})
