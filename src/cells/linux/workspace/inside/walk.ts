/**
 * The difference between what a workspace was and what it is. Runs in a helper cell, as the only code there, over three
 * read-only trees: `lower` (as given), `upper` (what overlayfs wrote down) and `merged` (as the cell saw it).
 *
 * Only directories that stand in `upper` are listed, so the work is that of the changes, not of the tree. Streaming, a
 * directory at a time: a directory of ten million entries costs time and no memory.
 */

import { isUtf8 } from 'node:buffer'
import {
  type BigIntStats,
  closeSync,
  constants,
  type Dir,
  lstatSync,
  opendirSync,
  openSync,
  readlinkSync,
  readSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import type { Change, ChangeKind, RefusedChange } from '../../../workspace.ts'
import { actsOn } from './acts.ts'
import { CHANGES_MAX, COMPARED_BYTES_MAX, DEPTH_MAX, SAID_CHARACTERS_MAX } from './change.ts'
import { codeOf } from './error-code.ts'
import { isNewer, newerAt, type Since } from './newer.ts'

export interface Trees extends Since {
  readonly lower: string
  readonly upper: string
  readonly merged: string
  /**
   * Bytes that the disk of the changes can hold; a file that claims more is holes. Absent where that disk has no bound.
   */
  readonly diskBytes?: number
  /** Kept for one walk, while both trees stand still. */
  readonly repositories?: Map<string, boolean>
}

/** The limits of one walk: changes that are said, and characters in which they are. */
export interface WalkLimits {
  readonly changes: number
  readonly characters: number
}

export const WALK_LIMITS: WalkLimits = { changes: CHANGES_MAX, characters: SAID_CHARACTERS_MAX }

/** Says every change of a workspace; returns false when it stopped at a limit. */
export function walk(
  still: Trees,
  say: (found: Change | RefusedChange) => void,
  limits: WalkLimits = WALK_LIMITS,
): boolean {
  const trees: Trees = { ...still, repositories: new Map() }
  let [said, characters] = [0, 0]
  const report = (found: Change | RefusedChange | undefined): boolean => {
    if (found !== undefined) {
      say(found)
      said++
      characters += JSON.stringify(found).length
    }
    return said < limits.changes && characters < limits.characters
  }
  const waiting: string[] = ['']
  for (let directory = waiting.pop(); directory !== undefined; directory = waiting.pop()) {
    if (directory.split('/').length > DEPTH_MAX) {
      if (!report({ refused: directory, why: `deeper than ${DEPTH_MAX} directories` })) return false
      continue
    }
    // A cell can shut its own directories, and make paths too long to be named: nothing in them is passed over in silence.
    for (const name of names(trees.upper + directory)) {
      if (typeof name === 'string') {
        if (!report({ refused: directory.slice(1), why: `what is in it cannot be listed: ${name}` })) return false
        continue
      }
      const now = look(pathIn(trees.merged + directory, name))
      // A whiteout: what it hides is found from below.
      if (now === 'ENOENT') continue
      const path = nameIn(directory, name)
      if (typeof path !== 'string') {
        if (!report(path)) return false
        continue
      }
      if (typeof now === 'string') {
        if (!report({ refused: path.slice(1), why: `it cannot be looked at: ${now}` })) return false
        continue
      }
      if (!report(found(trees, path, now))) return false
      if (now.isDirectory()) waiting.push(path)
    }
    for (const name of names(trees.lower + directory)) {
      // Of what was given: the owner shut it, and the cell cannot have opened it.
      if (typeof name === 'string') continue
      if (stat(pathIn(trees.merged + directory, name)) !== undefined) continue
      const path = nameIn(directory, name)
      if (typeof path !== 'string') {
        if (!report({ ...path, why: `it was removed, and ${path.why}` })) return false
        continue
      }
      const was = stat(trees.lower + path)
      const type = was && typeOf(was)
      if (was && type && !report(described('removed', trees, path, type, was))) return false
    }
  }
  return true
}

/** Returns the change of one path; undefined where a person would see none. */
export function found(trees: Trees, path: string, now: BigIntStats): Change | RefusedChange | undefined {
  const type = typeOf(now)
  const shown = path.slice(1)
  if (type === undefined) return { refused: shown, why: `a ${oddType(now)}` }
  if (type !== 'symlink' && (Number(now.mode) & 0o6000) !== 0 && type === 'file')
    return { refused: shown, why: 'a set-user-ID or set-group-ID file' }
  if (type === 'file' && now.size > (trees.diskBytes ?? Number.POSITIVE_INFINITY))
    return { refused: shown, why: `it claims ${now.size} bytes, more than its disk can hold` }
  const was = stat(trees.lower + path)
  if (
    was !== undefined &&
    typeOf(was) === type &&
    (type === 'symlink' || landedMode(type, now, was) === (Number(was.mode) & 0o777)) &&
    sameContent(trees, path, type, was, now)
  )
    return undefined
  if (type === 'symlink' && !isUtf8(targetOf(trees.merged + path)))
    return { refused: shown, why: 'what it leads to is not UTF-8' }
  return described(was === undefined ? 'added' : 'changed', trees, path, type, now)
}

function described(kind: ChangeKind, trees: Trees, path: string, type: Change['type'], stats: BigIntStats): Change {
  const below = stat(trees.lower + path)
  const changedBelow =
    below !== undefined && changedSince(trees, path, below, kind === 'removed' || type !== 'directory')
  const target = type === 'symlink' ? linkTarget(trees, path) : undefined
  const mode = landedMode(type, stats, below)
  const leadsTo = target === undefined || kind === 'removed' ? undefined : join(dirname(path), target)
  const acts = actsOn(trees, path, mode, kind === 'removed' ? 'directory' : type, leadsTo)
  return {
    kind,
    path: path.slice(1),
    type,
    mode,
    bytes: Number(stats.size),
    inode: inodeOf(stats),
    ...(target === undefined ? {} : { target }),
    ...(target !== undefined && leadsOutOf(trees, path, target) ? { leadsOut: true } : {}),
    ...(changedBelow ? { changedBelow: true } : {}),
    ...(acts === undefined ? {} : { acts }),
    ...(type !== 'directory' && below?.isDirectory() ? { replacesDirectory: true } : {}),
  }
}

/** Returns the words for an inode and when it last changed; other bytes of it have others. */
export function inodeOf({ ino, ctimeNs }: BigIntStats): string {
  return `${ino} ${ctimeNs}`
}

/**
 * Tells whether its owner has changed it meanwhile; of a directory that goes as a whole, anything in it. The cell had to
 * remove each name in it, which took longer than looking at them does.
 */
function changedSince(trees: Trees, path: string, below: BigIntStats, goes: boolean): boolean {
  const shown = path.slice(1)
  if (!goes || !below.isDirectory()) return isNewer(trees, shown, below)
  try {
    return newerAt(trees, Buffer.from(trees.lower + path), shown) !== undefined
  } catch {
    // What cannot be looked at may have changed; landing looks again.
    return true
  }
}

/**
 * With which mode it is landed. A cell does not open the owner's files to other users of the host: group and others get
 * no right to write, and of a file that stood there before none to read that they did not have; they may execute what
 * they may read. Nor does it shut the owner out.
 */
export function landedMode(type: Change['type'], now: BigIntStats, was: BigIntStats | undefined): number {
  const owner = type === 'directory' ? 0o700 : 0o400
  const before = was === undefined || typeOf(was) !== type ? 0o755 : Number(was.mode) & 0o777
  const readers = before & 0o044
  // What the owner opened stays as open as the cell leaves it.
  return (Number(now.mode) & (0o700 | before | readers | (readers >> 2))) | owner
}

export function typeOf(stats: BigIntStats): Change['type'] | undefined {
  if (stats.isFile()) return 'file'
  if (stats.isDirectory()) return 'directory'
  if (stats.isSymbolicLink()) return 'symlink'
  return undefined
}

export function stat(path: string | Buffer): BigIntStats | undefined {
  const seen = look(path)
  return typeof seen === 'string' ? undefined : seen
}

/** The errno where it cannot be seen. */
function look(path: string | Buffer): BigIntStats | string {
  try {
    return lstatSync(path, { bigint: true })
  } catch (error) {
    return codeOf(error)
  }
}

/**
 * Tells whether a link can lead out of the workspace: from the root, higher up than it lies, or up again after a name.
 * That name may be another link, `here -> .` for one, and then `here/here/../..` goes up although it looks as if it
 * stayed.
 */
export function leadsOut(path: string, target: string): boolean {
  if (target.startsWith('/')) return true
  const parts = target.split('/').filter((part) => part !== '' && part !== '.')
  const name = parts.findIndex((part) => part !== '..')
  const up = name === -1 ? parts.length : name
  const depth = path.split('/').length - 2
  return up > depth || parts.slice(up).includes('..')
}

/** Links behind each other that are followed; what leads through more can lead anywhere. */
const LINKS_MAX = 8

/**
 * Tells whether a link can lead out of the workspace in either tree: by itself, through a directory that is a link, or by
 * a link that it ends at. Of what is landed only a part may be, so that the links of what was given count as well.
 */
function leadsOutOf(trees: Trees, path: string, target: string, left: number = LINKS_MAX): boolean {
  if (left === 0 || leadsOut(path, target)) return true
  const parts = target.split('/').filter((part) => part !== '' && part !== '.')
  let at = path.slice(0, path.lastIndexOf('/'))
  for (const [i, part] of parts.entries()) {
    at = part === '..' ? at.slice(0, at.lastIndexOf('/')) : `${at}/${part}`
    for (const tree of part === '..' ? [] : [trees.merged, trees.lower]) {
      const next = linkIn(tree + at)
      if (next !== undefined && (i < parts.length - 1 || leadsOutOf(trees, at, next, left - 1))) return true
    }
  }
  return false
}

/** Returns where a path leads that is a link; the root, which is out of every workspace, where that is not UTF-8. */
function linkIn(path: string): string | undefined {
  try {
    const target = targetOf(path)
    return isUtf8(target) ? target.toString() : '/'
  } catch {
    return undefined
  }
}

function oddType(stats: BigIntStats): string {
  if (stats.isSocket()) return 'socket'
  if (stats.isFIFO()) return 'FIFO'
  return 'device'
}

function linkTarget(trees: Trees, path: string): string {
  try {
    return readlinkSync(trees.merged + path)
  } catch {
    return readlinkSync(trees.lower + path)
  }
}

function sameContent(trees: Trees, path: string, type: Change['type'], was: BigIntStats, now: BigIntStats): boolean {
  if (type === 'directory') return true
  if (was.size !== now.size) return false
  if (type === 'symlink') return targetOf(trees.lower + path).equals(targetOf(trees.merged + path))
  if (now.size > COMPARED_BYTES_MAX) return false
  return sameBytes(trees.lower + path, trees.merged + path)
}

function sameBytes(one: string, other: string): boolean {
  const fds: number[] = []
  try {
    for (const path of [one, other])
      fds.push(openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK))
    const [a = -1, b = -1] = fds
    const [left, right] = [Buffer.alloc(65_536), Buffer.alloc(65_536)]
    for (;;) {
      const count = readSync(a, left)
      if (count !== readSync(b, right) || !left.subarray(0, count).equals(right.subarray(0, count))) return false
      if (count === 0) return true
    }
  } catch {
    // What cannot be read cannot be called unchanged.
    return false
  } finally {
    for (const fd of fds) closeSync(fd)
  }
}

/** Every name; the errno, as a string, where they cannot be had. Nothing where there is no such directory. */
function* names(path: string): Generator<Buffer | string> {
  let directory: Dir
  try {
    // Names are bytes, and Latin-1 keeps every one; as UTF-8, two different names could look like one.
    directory = opendirSync(path, { encoding: 'latin1', bufferSize: 256 })
  } catch (error) {
    const code = codeOf(error)
    if (code !== 'ENOENT' && code !== 'ENOTDIR') yield code
    return
  }
  try {
    for (let entry = directory.readSync(); entry !== null; entry = directory.readSync()) {
      yield Buffer.from(entry.name, 'latin1')
    }
  } finally {
    directory.closeSync()
  }
}

/** Returns the target of a link as the bytes that it is. */
function targetOf(link: string): Buffer {
  return readlinkSync(link, 'buffer')
}

function pathIn(directory: string, name: Buffer): Buffer {
  return Buffer.concat([Buffer.from(`${directory}/`), name])
}

function nameIn(directory: string, name: Buffer): string | RefusedChange {
  if (isUtf8(name)) return `${directory}/${name}`
  return { refused: `${directory.slice(1)}/${name.toString('latin1')}`, why: 'its name is not UTF-8' }
}
