/**
 * Later work of others at a path: put there or changed since the first cell was launched, and by no landing of ours. A
 * cell that removed what stood there has not seen it. Names are bytes: of an owner's, none is passed over.
 */
import { type BigIntStats, closeSync, constants, lstatSync, openSync, readdirSync } from 'node:fs'
import { codeOf } from './error-code.ts'

export interface Since {
  /** Epoch ms of the first launch. */
  readonly sinceMs: number
  /** Paths that landings made as they stand, with when their inodes last changed, in ns. */
  readonly landed?: ReadonlyMap<string, string>
}

/** `path` is relative to the workspace, as `Change` has it. */
export function isNewer({ sinceMs, landed }: Since, path: string, stats: BigIntStats): boolean {
  return Number(stats.ctimeMs) > sinceMs && landed?.get(path) !== `${stats.ctimeNs}`
}

/** Returns the first path that is newer, of what stands at `at` and below; never through a symlink. */
export function newerAt(since: Since, at: Buffer, path: string): string | undefined {
  const stats = statAt(at)
  if (stats === undefined) return undefined
  const own = isNewer(since, path, stats) ? path : undefined
  if (!stats.isDirectory()) return own
  // What lies deeper says more.
  return within(at, (below) => {
    for (const name of namesIn(below(Buffer.alloc(0)))) {
      const found = newerAt(since, below(name), `${path}/${name.toString()}`)
      if (found !== undefined) return found
    }
    return own
  })
}

export function statAt(at: Buffer): BigIntStats | undefined {
  try {
    return lstatSync(at, { bigint: true })
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined
    throw error
  }
}

/** Calls `use` with how names of an open directory are written; a symlink in its place is ELOOP or ENOTDIR. */
export function within<T>(directory: Buffer, use: (below: (name: Buffer) => Buffer) => T): T {
  const fd = openSync(directory, constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW)
  try {
    return use((name) => Buffer.concat([Buffer.from(`/proc/self/fd/${fd}/`), name]))
  } finally {
    closeSync(fd)
  }
}

export function namesIn(directory: Buffer): readonly Buffer[] {
  return readdirSync(directory, { encoding: 'buffer' })
}
