/**
 * Locks on files, which no cgroup counts and no rlimit has bounded since Linux 2.4: 192 bytes of the kernel each, and as
 * many as a file has bytes. They are counted in /proc/locks. proc(5), fcntl(2)
 */

import { existsSync } from 'node:fs'
import { open, readdir, readFile } from 'node:fs/promises'
import { LOCKS_MAX } from '../../spec.ts'

/**
 * Bytes of a lock list that are read in one look: 65,000 locks, in 0.1 s. What a host holds beyond that is not seen in
 * it.
 */
const READ_BYTES_MAX = 4 * 1024 ** 2

export interface Lock {
  /** Process that took it, as the kernel numbers it on the host; of a lock that belongs to an open file, -1. */
  readonly pid: number
  /** The device and inode that it stands on: `00:1b:877`. */
  readonly file: string
  /** The line without its number in the list: two lines with one `about` are one lock. */
  readonly about: string
}

/** Returns the locks that /proc/locks, or a file of /proc/<pid>/fdinfo, lists in `text`. */
export function locksIn(text: string): readonly Lock[] {
  return text.split('\n').flatMap((line): Lock[] => {
    // "1: POSIX  ADVISORY  WRITE 1234 00:1b:877 0 EOF"; who waits for one has "->" behind the number.
    const found = /(?:^|\t)\d+: (?:-> )?(\S+ +\S+ +\S+ +(-?\d+) ([0-9a-f]+:[0-9a-f]+:\d+) .*)$/.exec(line)
    return found === null ? [] : [{ about: found[1] ?? '', pid: Number(found[2]), file: found[3] ?? '' }]
  })
}

/** A cell by its processes on the host. */
export interface Counted {
  pids(): readonly number[]
}

/**
 * Returns those of `cells` that hold more than `max` locks. One that the kernel calls an open file's, or a process's that
 * has ended, is looked for in the descriptors of each cell's processes.
 */
export async function overLocked<C extends Counted>(cells: readonly C[], max = LOCKS_MAX): Promise<readonly C[]> {
  const locks = locksIn(await textOf('/proc/locks'))
  if (locks.length <= max) return []
  const held = cells.map((cell) => ({ cell, pids: new Set(cell.pids()), count: 0 }))
  const owner = new Map(held.flatMap((each) => [...each.pids].map((pid) => [pid, each] as const)))
  const nobodys = new Map<string, number>()
  const alive = new Map<number, boolean>()
  for (const { pid, file } of locks) {
    const holder = owner.get(pid)
    if (holder !== undefined) holder.count++
    else if (!isAlive(pid, alive)) nobodys.set(file, (nobodys.get(file) ?? 0) + 1)
  }
  const unnamed = [...nobodys.values()].reduce((sum, count) => sum + count, 0)
  const over = held.filter(({ count }) => count > max)
  if (over.length > 0 || unnamed <= max) return over.map(({ cell }) => cell)
  for (const each of held) each.count += await locksOfDescriptors(each.pids, nobodys, max - each.count)
  return held.filter(({ count }) => count > max).map(({ cell }) => cell)
}

/** Tells whether the process that took a lock still lives, and so keeps it; `known` remembers the answer. */
function isAlive(pid: number, known: Map<number, boolean>): boolean {
  const alive = known.get(pid) ?? (pid > 0 && existsSync(`/proc/${pid}`))
  known.set(pid, alive)
  return alive
}

/**
 * Counts the locks in the descriptors of these processes, no further than just past `enough`. Processes that share an
 * open file show the same lock: it counts once.
 */
async function locksOfDescriptors(
  pids: ReadonlySet<number>,
  files: ReadonlyMap<string, number>,
  enough: number,
): Promise<number> {
  const seen = new Set<string>()
  for (const pid of pids) {
    for (const fd of await readdir(`/proc/${pid}/fdinfo`).catch(() => [])) {
      const text = await readFile(`/proc/${pid}/fdinfo/${fd}`, 'utf8').catch(() => '')
      for (const { about, file } of locksIn(text)) if (files.has(file)) seen.add(about)
      if (seen.size > enough) return seen.size
    }
  }
  return seen.size
}

async function textOf(path: string): Promise<string> {
  const file = await open(path, 'r')
  try {
    const buffer = Buffer.allocUnsafe(READ_BYTES_MAX)
    let length = 0
    for (;;) {
      const { bytesRead } = await file.read(buffer, length, buffer.length - length)
      length += bytesRead
      if (bytesRead === 0 || length === buffer.length) return buffer.toString('latin1', 0, length)
    }
  } finally {
    await file.close()
  }
}
