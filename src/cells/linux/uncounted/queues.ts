/**
 * Bounds what a cell leaves unread of the kernel's answers to its netlink sockets: 200 KiB for each socket, in no cgroup.
 * Other families' queues are in one, or the filter keeps a cell from having them; of TCP, see `unaccepted.ts`. netlink(7)
 */

import { readFile } from 'node:fs/promises'
import { QUEUED_BYTES_MAX } from '../../spec.ts'
import type { Counted } from './locks.ts'

/** Returns those of `cells` whose netlink sockets hold more than `max` bytes; all of a cell's are in one network. */
export async function overQueued<C extends Counted>(
  cells: readonly C[],
  max = QUEUED_BYTES_MAX,
): Promise<readonly C[]> {
  const over: C[] = []
  for (const cell of cells) {
    const [pid] = cell.pids()
    if (pid === undefined) continue
    const table = await readFile(`/proc/${pid}/net/netlink`, 'latin1').catch(() => '')
    if (queuedIn(table) > max) over.push(cell)
  }
  return over
}

/** Returns the bytes that wait in all sockets of a /proc/net/netlink: its columns Rmem and Wmem. */
export function queuedIn(table: string): number {
  return table
    .split('\n')
    .slice(1)
    .map((line) => line.trim().split(/\s+/))
    .reduce((sum, [, , , , received = '0', sent = '0']) => sum + Number(received) + Number(sent), 0)
}
