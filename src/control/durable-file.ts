import { randomBytes } from 'node:crypto'
import {
  closeSync,
  constants,
  fchownSync,
  fsyncSync,
  ftruncateSync,
  linkSync,
  mkdirSync,
  openSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join, relative, sep } from 'node:path'
import process from 'node:process'

/**
 * Writes a file that is whole before it takes the old one's place, and whose place is on disk before this returns. The
 * name that it has until then is each writer's own.
 */
export function writeDurably(path: string, text: string): void {
  const own = `${path}.${randomBytes(8).toString('hex')}`
  const file = openSync(own, 'wx', 0o600)
  try {
    giveToOwner(file, path)
    // As often as it takes: one write may take less than all of it.
    writeFileSync(file, text)
    fsyncSync(file)
    renameSync(own, path)
  } catch (error) {
    rmSync(own, { force: true })
    throw error
  } finally {
    closeSync(file)
  }
  settle(path)
}

/** Writes a file as `writeDurably` does, unless somebody has written one: then that stays. */
export function writeFirst(path: string, text: string): void {
  const own = `${path}.${randomBytes(8).toString('hex')}`
  const file = openSync(own, 'wx', 0o600)
  try {
    giveToOwner(file, path)
    writeFileSync(file, text)
    fsyncSync(file)
    unlessThere(() => linkSync(own, path))
  } catch (error) {
    // A file system without links has no name that appears whole.
    if (!is(error, 'EPERM', 'EOPNOTSUPP')) throw error
    unlessThere(() => writeFileSync(path, text, { flag: 'ax', mode: 0o600 }))
  } finally {
    closeSync(file)
    rmSync(own)
  }
  settle(path)
}

/** Makes a directory with what leads to it; what root makes of these has the owner of the first that was there. */
export function makeDirectory(path: string, mode: number): void {
  const first = mkdirSync(path, { recursive: true, mode })
  if (first === undefined) return
  const below = relative(first, path)
  let made = first
  for (const name of ['', ...(below === '' ? [] : below.split(sep))]) {
    made = join(made, name)
    const directory = openSync(made, constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW)
    giveToOwner(directory, made)
    closeSync(directory)
  }
}

/** Makes an empty file, unless there is one: only what is new here is given to anybody. */
export function makeEmpty(path: string): void {
  unlessThere(() => {
    const file = openSync(path, 'wx', 0o600)
    giveToOwner(file, path)
    closeSync(file)
  })
}

/**
 * Gives what root has made, an open file, to the owner of the directory in which it lies: what root orders in another
 * user's state is for that user's runs to read, and to write. Where it cannot be given, no run of theirs reads it, and
 * none starts.
 */
function giveToOwner(file: number, path: string): void {
  if (process.geteuid?.() !== 0) return
  try {
    const { uid, gid } = statSync(dirname(path))
    if (uid !== 0) fchownSync(file, uid, gid)
  } catch {
    // Some file systems have no owners, or root may not change them there.
  }
}

function unlessThere(make: () => void): void {
  try {
    make()
  } catch (error) {
    if (!is(error, 'EEXIST')) throw error
  }
}

/** The name of a file that was renamed is on disk before this returns. */
export function settle(path: string): void {
  const directory = openSync(dirname(path), 'r')
  fsyncSync(directory)
  closeSync(directory)
}

/**
 * The same on a disk that somebody has filled, and fills on: the spare becomes the file, in the room that it has already.
 * What of it is not needed is free for what comes next.
 */
export function writeOnFullDisk(path: string, text: string, spare: string): void {
  try {
    writeDurably(path, text)
  } catch (error) {
    if (!isFull(error) || !isWhole(spare) || Buffer.byteLength(text) > SPARE_BYTES) throw error
    const file = openSync(spare, 'r+')
    try {
      writeFileSync(file, text)
      ftruncateSync(file, Buffer.byteLength(text))
      fsyncSync(file)
    } finally {
      closeSync(file)
    }
    renameSync(spare, path)
    settle(path)
  }
}

/** Room for a fence of a thousand agents and a receipt or two. Incompressible: a disk may compress. */
const SPARE_BYTES = 1_048_576

export function keepSpare(spare: string): void {
  if (isWhole(spare)) return
  let file: number | undefined
  try {
    file = openSync(spare, 'w', 0o600)
    writeFileSync(file, randomBytes(SPARE_BYTES))
    giveToOwner(file, spare)
  } catch (error) {
    rmSync(spare, { force: true })
    if (!isFull(error)) throw error
  } finally {
    if (file !== undefined) closeSync(file)
  }
}

/** Not one whose writer was killed halfway. */
function isWhole(spare: string): boolean {
  return statSync(spare, { throwIfNoEntry: false })?.size === SPARE_BYTES
}

function isFull(error: unknown): boolean {
  return is(error, 'ENOSPC', 'EDQUOT')
}

function is(error: unknown, ...codes: readonly string[]): boolean {
  return error instanceof Error && 'code' in error && codes.includes(String(error.code))
}
