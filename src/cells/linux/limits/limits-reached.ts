import { readdirSync, statfsSync, statSync } from 'node:fs'
import type { CellLimits, LimitReached } from '../../spec.ts'
import type { CgroupCounts } from './cgroup.ts'

/** The cell that is asked about, and how its state is read. */
export interface LookedAtCell {
  readonly limits: CellLimits
  /** Pid 1 of it, on the host. */
  readonly initPid: number
  /** Host path of the changes to the cell's workspace, if it has one. */
  readonly upper?: string
  /** Places of the cell in memory. None in a root of its own, whose links might lead us elsewhere. */
  readonly temporary: readonly string[]
  /** Descriptors that each of its processes may have. */
  readonly descriptors: number
  pids(): readonly number[]
  counts(): CgroupCounts
}

/** Bytes that are left on a disk which is full for most programs. */
const LEFT_BYTES_MIN = 64 * 1024
/** Processes that one look covers; the next look goes on behind them. */
const PROCESSES_MAX = 64

/**
 * Remembers which limits a cell has run into. The kernel counts some of them; of disks and descriptors only what was
 * full at a look is known.
 */
export class LimitsReached {
  readonly #cell: LookedAtCell
  readonly #seen = new Set<LimitReached['limit']>()
  #next = 0

  constructor(cell: LookedAtCell) {
    this.#cell = cell
  }

  look(): void {
    const { initPid, upper, temporary, descriptors } = this.#cell
    if (upper !== undefined && isFull(upper)) this.#seen.add('disk')
    if (temporary.some((place) => isFull(`/proc/${initPid}/root${place}`))) this.#seen.add('temporary')
    const pids = this.#cell.pids()
    if (this.#next >= pids.length) this.#next = 0
    for (const pid of pids.slice(this.#next, this.#next + PROCESSES_MAX))
      if (descriptorsOf(pid) >= descriptors) this.#seen.add('descriptors')
    this.#next += PROCESSES_MAX
  }

  reached(): readonly LimitReached[] {
    const { outOfMemoryKills, forksRefused } = this.#cell.counts()
    return [
      ...(outOfMemoryKills > 0 ? [{ limit: 'memory', count: outOfMemoryKills } as const] : []),
      ...(forksRefused > 0 ? [{ limit: 'pids', count: forksRefused } as const] : []),
      ...[...this.#seen].map((limit) => ({ limit })),
    ]
  }
}

function isFull(path: string): boolean {
  try {
    const { bavail, bsize, blocks, files, ffree } = statfsSync(path)
    return blocks > 0 && (bavail * bsize < LEFT_BYTES_MIN || (files > 0 && ffree === 0))
  } catch {
    // Its last process has just ended.
    return false
  }
}

function descriptorsOf(pid: number): number {
  try {
    const { size } = statSync(`/proc/${pid}/fd`)
    return size > 0 ? size : readdirSync(`/proc/${pid}/fd`).length
  } catch {
    return 0
  }
}
