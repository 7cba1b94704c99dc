/**
 * Bounds what a cell sends into connections that nobody has accepted. The kernel counts a connection's bytes for the group
 * of the process that accepts it; until then they count for none, and a program may listen, dial itself, write, and never
 * accept: megabytes in each connection, as many connections as it has descriptors, up to what all of the host has for TCP
 * (tcp_mem, tcp(7)). Other queues of TCP and UDP count as they fill.
 */

import { readFile } from 'node:fs/promises'
import process from 'node:process'
import { UNACCEPTED_BYTES_MAX } from '../../spec.ts'
import type { Counted } from './locks.ts'

/**
 * Returns those of `cells` whose connections that nobody has accepted hold more than `max` bytes. A table of TCP takes 5
 * ms, for its hash table is the host's: none is read while all of the host's connections hold less, nor of a cell with so
 * few sockets that they could not hold it, however full.
 */
export async function overUnaccepted<C extends Counted>(
  cells: readonly C[],
  max = UNACCEPTED_BYTES_MAX,
): Promise<readonly C[]> {
  if (heldByAll(await textOf('/proc/net/sockstat')) <= max) return []
  const free = max / fullestOf(await textOf('/proc/sys/net/core/rmem_max'))
  const over: C[] = []
  for (const cell of cells) {
    const [pid] = cell.pids()
    if (pid === undefined) continue
    const read = (name: string) => textOf(`/proc/${pid}/net/${name}`)
    if (socketsIn((await read('sockstat')) + (await read('sockstat6'))) <= free) continue
    if (unacceptedIn(await read('tcp')) + unacceptedIn(await read('tcp6')) > max) over.push(cell)
  }
  return over
}

function textOf(path: string): Promise<string> {
  return readFile(path, 'latin1').catch(() => '')
}

/** Returns at least the bytes that all connections of the host hold, by any /proc/net/sockstat; what it does not tell is all. */
export function heldByAll(counts: string): number {
  const [, pages = Number.POSITIVE_INFINITY] = /^TCP: .* mem (\d+)$/m.exec(counts) ?? []
  return Number(pages) * PAGE_BYTES_MAX
}

/** The largest page that a kernel has on this architecture. */
const PAGE_BYTES_MAX = process.arch === 'x64' ? 4_096 : 65_536

/**
 * Returns how many bytes a connection holds at the most that nobody reads: twice what a program may ask for, net.core.rmem_max.
 * socket(7), SO_RCVBUF
 */
export function fullestOf(rmemMax: string): number {
  const asked = Number(rmemMax)
  return 2 * (asked > 0 ? asked : RMEM_MAX_DEFAULT)
}

/** The default of Linux since 6.16; before, it was 212,992. */
const RMEM_MAX_DEFAULT = 4 * 1024 ** 2

/** Returns how many sockets of TCP a /proc/net/sockstat and sockstat6 count for their network. */
export function socketsIn(counts: string): number {
  return [...counts.matchAll(/^TCP6?: inuse (\d+)/gm)].reduce((sum, [, count]) => sum + Number(count), 0)
}

/**
 * Returns the bytes that wait in connections without an inode, which no process has accepted, of a /proc/net/tcp or tcp6.
 * Of a listener that column counts connections. proc(5)
 */
export function unacceptedIn(table: string): number {
  return table
    .split('\n')
    .slice(1)
    .map((line) => line.trim().split(/\s+/))
    .reduce((sum, [, , , state, queues = '', , , , , inode]) => {
      const waiting = Number.parseInt(queues.slice(queues.indexOf(':') + 1), 16)
      return inode === '0' && state !== LISTEN ? sum + (waiting || 0) : sum
    }, 0)
}

const LISTEN = '0A'
