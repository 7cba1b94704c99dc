/**
 * Open files, of which a host may have one number for all (fs.file-max): where it is reached, nobody but root opens one.
 * A cell's memory limit counts what they take, and not how many they are. proc(5)
 */

import { readdir, readFile, stat } from 'node:fs/promises'
import { OPEN_FILES_MAX } from '../../spec.ts'
import type { Counted } from './locks.ts'

/** Part of the host's maximum that one cell may have; on a host with little memory this is less than OPEN_FILES_MAX. */
const PART_OF_HOST = 0.05

/** Returns how many files one cell may have open here, and how many the whole host has and may have. */
export async function openFilesHere(): Promise<{ readonly max: number; readonly open: number; readonly host: number }> {
  const [open = 0, , host = 0] = (await readFile('/proc/sys/fs/file-nr', 'utf8')).trim().split('\t').map(Number)
  return { max: openFilesMax(host), open, host }
}

/** Returns how many files one cell may have open where the whole host may have `host`. */
export function openFilesMax(host: number): number {
  return Math.min(OPEN_FILES_MAX, Math.floor(host * PART_OF_HOST))
}

/**
 * Returns those of `cells` that have more than `max` files open. Nobody is asked while the whole host has no more. Files
 * that were mapped and closed are counted once half of the host's number is gone.
 */
export async function overOpen<C extends Counted>(cells: readonly C[], most?: number): Promise<readonly C[]> {
  const { max: here, open, host } = await openFilesHere()
  const max = most ?? here
  if (open <= max) return []
  const over: C[] = []
  for (const cell of cells) {
    let count = 0
    for (const pid of cell.pids()) {
      count += await descriptorsOf(pid)
      if (open > host / 2) count += await mappedBy(pid)
      if (count > max) break
    }
    if (count > max) over.push(cell)
  }
  return over
}

/**
 * Returns the number of a process's descriptors: the size of that directory since Linux 6.2; before, that is 0. Threads
 * share them: the filter sees to it.
 */
async function descriptorsOf(pid: number): Promise<number> {
  try {
    const { size } = await stat(`/proc/${pid}/fd`)
    return size > 0 ? size : (await readdir(`/proc/${pid}/fd`)).length
  } catch {
    // It has ended.
    return 0
  }
}

async function mappedBy(pid: number): Promise<number> {
  const maps = await readFile(`/proc/${pid}/maps`, 'latin1').catch(() => '')
  // Of memory that is no file's the inode is 0.
  return maps.split('\n').filter((line) => /^\S+ \S+ \S+ \S+ [1-9]/.test(line)).length
}
