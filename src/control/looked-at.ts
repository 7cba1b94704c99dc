/** Looks at files and directories for what they are, where any of it may be gone or not for us. */
import { type BigIntStats, lstatSync, readdirSync, readlinkSync, realpathSync, statSync } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'
import { WORKSPACE } from './workspace-note.ts'

export type Unreadable = 'unreadable'

export function entriesOf(directory: string): readonly string[] | undefined | Unreadable {
  return seenBy(() => readdirSync(directory))
}

export function statOf(path: string): BigIntStats | undefined | Unreadable {
  return seenBy(() => statSync(path, { bigint: true }))
}

export function lstatOf(path: string): BigIntStats | undefined | Unreadable {
  return seenBy(() => lstatSync(path, { bigint: true }))
}

export function targetOf(link: string): string | undefined | Unreadable {
  return seenBy(() => readlinkSync(link))
}

/** Returns what a look at a path finds; undefined where nothing is any more, and `unreadable` where it fails otherwise. */
function seenBy<T>(look: () => T): T | undefined | Unreadable {
  try {
    return look()
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    return code === 'ENOENT' || code === 'ENOTDIR' ? undefined : 'unreadable'
  }
}

/** Tells whether a directory cannot be entered by whoever looks, for want of the right to: no name in it leads anywhere. */
export function isShut(directory: string): boolean {
  try {
    lstatSync(`${directory}/.`)
    return false
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EACCES'
  }
}

export function resolved(path: string): string {
  try {
    return realpathSync(path)
  } catch {
    return path
  }
}

/**
 * Returns where a link leads within a workspace at `root`, empty for itself; undefined where it leads out. A cell has the
 * workspace at a place of its own, which a link may name.
 */
export function withinOf(root: string, link: string): string | undefined {
  const path = join(root, link)
  const target = targetOf(path) ?? ''
  const leaves = target.startsWith('/') || /^\.\.(?:\/|$)/.test(join(dirname(link), target))
  const inCell = relative(WORKSPACE, resolve(WORKSPACE, dirname(link), target))
  const isInCell = leaves && !/^\.\.(?:\/|$)/.test(inCell)
  const within = relative(root, resolved(isInCell ? join(root, inCell) : path))
  return within === '..' || within.startsWith('../') ? undefined : within
}

export function inodeOf({ dev, ino }: BigIntStats): string {
  return `${dev}:${ino}`
}
