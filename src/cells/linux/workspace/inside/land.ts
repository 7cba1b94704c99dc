/**
 * Puts changes into a directory that others may be writing to at the same time. No path is ever followed twice: each
 * directory is opened as one name below the one before (O_NOFOLLOW), and everything is done relative to that open
 * directory, so a symlink swapped in under us leads nowhere (the effect of openat2's RESOLVE_BENEATH | NO_SYMLINKS).
 */

import {
  closeSync,
  constants,
  copyFileSync,
  fchmodSync,
  fstatSync,
  fsyncSync,
  mkdirSync,
  openSync,
  renameSync,
  rmdirSync,
  symlinkSync,
  unlinkSync,
} from 'node:fs'
import type { Change, RefusedChange } from '../../../workspace.ts'
import type { JudgedChange, Landed, Stamp } from './change.ts'
import { codeOf } from './error-code.ts'
import { isNewer, namesIn, newerAt, type Since, statAt, within } from './newer.ts'
import { found, inodeOf, stat, type Trees, typeOf } from './walk.ts'

/**
 * Returns the changes in the order of landing: what is added or changed, parents first; then what is removed, children
 * first.
 */
export function land(
  trees: Trees,
  target: string,
  wanted: readonly JudgedChange[],
  say: (line: Landed | RefusedChange) => void,
): void {
  const judged = [...new Map(wanted.map((each) => [each.path, each])).values()].filter(({ path }) => {
    const plain = path !== '' && path.split('/').every((part) => part !== '' && part !== '.' && part !== '..')
    if (!plain) say({ refused: path, why: 'not a path in the workspace' })
    return plain
  })
  const stands = ({ path }: JudgedChange): boolean => stat(`${trees.merged}/${path}`) !== undefined
  const made = judged.filter(stands).toSorted((a, b) => depth(a.path) - depth(b.path))
  const removed = judged.filter((each) => !stands(each)).toSorted((a, b) => depth(b.path) - depth(a.path))
  // Files with holes claim more than they hold, and are landed whole: together never more than their disk could hold.
  let bytesLeft = trees.diskBytes ?? Number.POSITIVE_INFINITY
  for (const each of [...made, ...removed]) {
    const { path } = each
    try {
      const bytes = Number(stat(`${trees.merged}/${path}`)?.size ?? 0)
      if (bytes > bytesLeft) {
        say({ refused: path, why: 'together with the others it claims more bytes than their disk can hold' })
        continue
      }
      say(landed(trees, target, each))
      bytesLeft -= bytes
    } catch (error) {
      say({ refused: path, why: error instanceof Error && !('code' in error) ? error.message : codeOf(error) })
    }
  }
}

function landed(trees: Trees, target: string, judged: JudgedChange): Landed | RefusedChange {
  const { path } = judged
  const parts = path.split('/')
  const name = parts.pop() ?? ''
  const directory = openDirectory(target, parts)
  const at = (entry: string): string => `/proc/self/fd/${directory}/${entry}`
  try {
    const now = stat(`${trees.merged}/${path}`)
    if (now === undefined) {
      if (judged.kind !== 'removed') return { refused: path, why: CHANGED_SINCE_JUDGED }
      remove(trees, at(name), path)
    } else {
      const change = found(trees, `/${path}`, now)
      if (change === undefined) return { refused: path, why: 'not a change' }
      if ('refused' in change) return change
      if (!isAsJudged(change, judged)) return { refused: path, why: CHANGED_SINCE_JUDGED }
      const there = stat(at(name))
      if (there !== undefined && typeOf(there) !== change.type && (there.isDirectory() || change.type === 'directory'))
        remove(trees, at(name), path)
      if (change.type === 'directory') makeDirectory(at(name), change.mode)
      else if (change.type === 'symlink') replace(at, name, (temporary) => symlinkSync(judged.target ?? '', temporary))
      else
        replace(at, name, (temporary) => {
          copy(`${trees.merged}/${path}`, temporary, change.mode)
          const copied = stat(`${trees.merged}/${path}`)
          if (copied === undefined || inodeOf(copied) !== judged.inode) throw new Error(CHANGED_SINCE_JUDGED)
        })
    }
    fsyncSync(directory)
    const stamps = [[path, stat(at(name))] as const, [parts.join('/'), fstatSync(directory, { bigint: true })] as const]
    return {
      landed: path,
      stamps: stamps.flatMap(([each, seen]): Stamp[] => (seen ? [[each, `${seen.ctimeNs}`]] : [])),
    }
  } finally {
    closeSync(directory)
  }
}

/** The words for a change that somebody has made another between the judgement and the landing. */
const CHANGED_SINCE_JUDGED = 'it is not what was judged any more: look again (firebreak diff), then commit'

/**
 * Tells whether a change is still the one that was judged. A directory is by its type alone: what is in it lands as changes
 * of their own, and overlayfs numbers the directory itself anew in each view.
 */
function isAsJudged(now: Change, { kind, type, inode, target }: JudgedChange): boolean {
  if (kind === 'removed' || now.type !== type || now.target !== target) return false
  return type === 'directory' || now.inode === inode
}

function depth(path: string): number {
  return path.split('/').length
}

/** One name at a time; a symlink in any place is ENOTDIR or ELOOP, never followed. */
function openDirectory(root: string, parts: readonly string[]): number {
  const flags = constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW
  let fd = openSync(root, flags)
  for (const part of parts) {
    try {
      const next = openSync(`/proc/self/fd/${fd}/${part}`, flags)
      closeSync(fd)
      fd = next
    } catch (error) {
      closeSync(fd)
      throw error
    }
  }
  return fd
}

function makeDirectory(path: string, mode: number): void {
  try {
    mkdirSync(path)
  } catch (error) {
    if (codeOf(error) !== 'EEXIST') throw error
  }
  const fd = openSync(path, constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW)
  try {
    fchmodSync(fd, mode)
  } finally {
    closeSync(fd)
  }
}

/** Writes a file beside its place, then renames it over that: a reader sees the old one or the new one, whole. */
function replace(at: (entry: string) => string, name: string, make: (temporary: string) => void): void {
  const temporary = at(`.firebreak-${process.pid}-${Date.now()}`)
  try {
    make(temporary)
    renameSync(temporary, at(name))
  } catch (error) {
    try {
      unlinkSync(temporary)
    } catch {
      // It was not made.
    }
    throw error
  }
}

function copy(from: string, to: string, mode: number): void {
  copyFileSync(from, to, constants.COPYFILE_EXCL)
  const fd = openSync(to, constants.O_RDONLY | constants.O_NOFOLLOW)
  try {
    fchmodSync(fd, mode)
    fsyncSync(fd)
  } finally {
    closeSync(fd)
  }
}

/**
 * Removes what stands there, with all below it; never through a symlink. Of a directory nothing goes where something in it
 * was made or changed since its cell could have seen it.
 */
function remove(since: Since, path: string, shown: string): void {
  const at = Buffer.from(path)
  const newer = newerAt(since, at, shown)
  if (newer !== undefined) throw new Error(refusal(newer))
  removeAt(since, at, shown)
}

/** Removes a path and what is below; the times of directories tell nothing any more, since what was in them has gone. */
function removeAt(since: Since, at: Buffer, shown: string): void {
  const there = statAt(at)
  if (there === undefined) return
  if (there.isDirectory()) {
    within(at, (below) => {
      for (const name of namesIn(below(Buffer.alloc(0)))) removeAt(since, below(name), `${shown}/${name.toString()}`)
    })
    rmdirSync(at)
  } else {
    if (isNewer(since, shown, there)) throw new Error(refusal(shown))
    unlinkSync(at)
  }
}

function refusal(newer: string): string {
  return `${JSON.stringify(newer)} was changed there since the first cell was launched, and would go with it: remove it by hand`
}
