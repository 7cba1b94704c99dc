/**
 * Bounds what a cell sends into connections that nobody has accepted. The kernel counts a connection's bytes for the group
 * of the process that accepts it; until then they count for none, and a program may listen, dial itself, write, and never
 * accept: megabytes in each connection, up to what all of the host has for TCP (tcp_mem, tcp(7)). Nor does the connection
 * itself count, and it stays when whoever dialled has closed it: without a descriptor, 4,096 for each listener. Other
 * queues of TCP and UDP count as they fill.
 */

import { readFile } from 'node:fs/promises'
import process from 'node:process'
import { UNACCEPTED_BYTES_MAX } from '../../spec.ts'
import { inTurns } from '../limits/in-turns.ts'
import type { Counted } from './locks.ts'

/** Bytes of the kernel that a connection takes by itself, with what it is found by: 4.2 KiB as measured on Linux 6.18. */
const CONNECTION_BYTES = 4_096

/**
 * Returns those of `cells` whose connections that nobody has accepted take more than `max` bytes. A table of TCP takes 5
 * ms, for its hash table is the host's: none is read while all of the host's connections hold less, nor of a cell with so
 * few sockets that they could not hold it, however full.
 */
export async function overUnaccepted<C extends Counted>(
  cells: readonly C[],
  max = UNACCEPTED_BYTES_MAX,
): Promise<readonly C[]> {
  if (heldByAll(await textOf('/proc/net/sockstat')) <= max) return []
  const free = max / (fullestOf(await textOf('/proc/sys/net/core/rmem_max')) + CONNECTION_BYTES)
  const over: C[] = []
  for (const cell of cells) {
    const [pid] = cell.pids()
    if (pid === undefined) continue
    const read = (name: string) => textOf(`/proc/${pid}/net/${name}`)
    if (socketsIn((await read('sockstat')) + (await read('sockstat6'))) <= free) continue
    if ((await unacceptedAt(`/proc/${pid}/net`)) > max) over.push(cell)
  }
  return over
}

async function unacceptedAt(network: string): Promise<number> {
  let bytes = 0
  for (const table of ['tcp', 'tcp6'])
    try {
      for await (const lines of inTurns(`${network}/${table}`)) bytes += unacceptedIn(lines)
    } catch {
      // It has ended, or the host has no IPv6.
    }
  return bytes
}

function textOf(path: string): Promise<string> {
  return readFile(path, 'latin1').catch(() => '')
}

/** Returns at least the bytes that all connections of the host take, by any /proc/net/sockstat; what it does not tell is all. */
export function heldByAll(counts: string): number {
  const [, sockets = 0, pages = Number.POSITIVE_INFINITY] = /^TCP: .* alloc (\d+) mem (\d+)$/m.exec(counts) ?? []
  return Number(sockets) * CONNECTION_BYTES + Number(pages) * PAGE_BYTES_MAX
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
 * Returns the bytes that connections without an inode, which no process has accepted, take with what waits in them, of
 * lines of a /proc/net/tcp or tcp6. Of a listener that column counts connections. proc(5)
 */
export function unacceptedIn(lines: string): number {
  return lines
    .split('\n')
    .map((line) => line.trim().split(/\s+/))
    .filter(([, , , state = '', , , , , , inode]) => inode === '0' && UNACCEPTED.includes(state))
    .reduce((sum, [, , , , queues = '']) => {
      const waiting = Number.parseInt(queues.slice(queues.indexOf(':') + 1), 16)
      return sum + CONNECTION_BYTES + (waiting || 0)
    }, 0)
}

/** The states in which one can be that nobody has accepted: ESTABLISHED, and CLOSE_WAIT, whose far end is closed. */
const UNACCEPTED = ['01', '08']
