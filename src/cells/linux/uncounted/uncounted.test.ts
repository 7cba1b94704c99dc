import assert from 'node:assert/strict'
import { it } from 'node:test'
import { locksIn } from './locks.ts'
import { openFilesMax } from './open-files.ts'
import { queuedIn } from './queues.ts'

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
