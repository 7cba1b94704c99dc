import { randomBytes } from 'node:crypto'
import {
  closeSync,
  fsyncSync,
  ftruncateSync,
  linkSync,
  openSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { dirname } from 'node:path'
import { failedWith } from '../model/system-error.ts'

/**
 * Writes a file that is whole before it takes the old one's place, and whose place is on disk before this returns. The
 * name that it has until then is each writer's own.
 */
export function writeDurably(path: string, text: string): void {
  const own = `${path}.${randomBytes(8).toString('hex')}`
  const file = openSync(own, 'wx', 0o600)
  try {
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
    writeFileSync(file, text)
    fsyncSync(file)
    unlessThere(() => linkSync(own, path))
  } catch (error) {
    // A file system without links has no name that appears whole.
    if (!failedWith(error, 'EPERM', 'EOPNOTSUPP')) throw error
    unlessThere(() => writeFileSync(path, text, { flag: 'ax', mode: 0o600 }))
  } finally {
    closeSync(file)
    rmSync(own)
  }
  settle(path)
}

/** Makes an empty file, unless there is one. */
export function makeEmpty(path: string): void {
  unlessThere(() => {
    closeSync(openSync(path, 'wx', 0o600))
  })
}

function unlessThere(make: () => void): void {
  try {
    make()
  } catch (error) {
    if (!failedWith(error, 'EEXIST')) throw error
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
  return failedWith(error, 'ENOSPC', 'EDQUOT')
}
