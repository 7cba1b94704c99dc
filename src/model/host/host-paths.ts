import { lstatSync, readdirSync, realpathSync } from 'node:fs'
import { basename, dirname, join, sep } from 'node:path'
import { readPlainFile } from './plain-file.ts'
import { failedWith } from './system-error.ts'

/**
 * Returns where a path leads once every symlink in it is followed; of a path that does not exist, its nearest existing
 * ancestor is resolved. So a protected path that is not made yet is compared as what it will be.
 */
export function resolvedPath(path: string): string {
  try {
    return realpathSync(path)
  } catch (error) {
    const missing = failedWith(error, 'ENOENT', 'ENOTDIR')
    if (!missing || dirname(path) === path) throw error
    return join(resolvedPath(dirname(path)), basename(path))
  }
}

/** Tells whether `inner` is `outer` or lies below it. Both are resolved and absolute. */
export function liesIn(inner: string, outer: string): boolean {
  return inner === outer || inner.startsWith(outer.endsWith(sep) ? outer : outer + sep)
}

/**
 * Returns the names in a directory; none where it does not exist: two may clear up at a time, and a process that has ended
 * has nothing in /proc. Throws where it cannot be read.
 */
export function namesIn(directory: string): readonly string[] {
  try {
    return readdirSync(directory)
  } catch (error) {
    if (failedWith(error, 'ENOENT')) return []
    throw error
  }
}

/** Returns the names in a directory; none where it does not exist or cannot be read. */
export function readableNamesIn(directory: string): readonly string[] {
  try {
    return readdirSync(directory)
  } catch {
    return []
  }
}

/**
 * Returns the beginning of a plain file that may be another user's choice; undefined where there is none. Throws where one
 * is there and cannot be read: what it says is not known then.
 */
export function textIn(path: string, bytesMax: number): string | undefined {
  const file = readPlainFile(path, bytesMax, 'no')
  if (file !== undefined) return file.bytes.toString('utf8')
  if (lstatSync(path, { throwIfNoEntry: false })?.isFile() !== true) return undefined
  throw new Error(`${path} cannot be read`)
}
