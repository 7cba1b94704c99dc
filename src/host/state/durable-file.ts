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
import { failedWith } from '../../model/host/system-error.ts'

/**
 * Writes a file that is whole before it takes the old one's place, and whose place is on disk before this returns. The
 * name that it has until then is each writer's own.
 */
export function writeDurably(path: string, text: string): void {
  const own = ownName(path)
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
  const own = ownName(path)
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
    if (!isFull(error) || Buffer.byteLength(text) > sizeOf(spare)) throw error
    // Taken first: whoever keeps room anew meanwhile does not write into what becomes the file.
    const own = ownName(path)
    renameSync(spare, own)
    writeOver(own, text)
    renameSync(own, path)
    settle(path)
  }
}

/**
 * Writes a short text of which any change counts, so that half of one does: on a full disk in the room that the file
 * itself has, as often as it takes; where there is no file yet, the spare becomes it.
 */
export function writeInPlace(path: string, text: string, spare: string): void {
  try {
    writeOnFullDisk(path, text, spare)
  } catch (error) {
    if (!isFull(error) || Buffer.byteLength(text) > sizeOf(path)) throw error
    writeOver(path, text)
  }
}

function writeOver(path: string, text: string): void {
  const file = openSync(path, 'r+')
  try {
    writeFileSync(file, text)
    ftruncateSync(file, Buffer.byteLength(text))
    fsyncSync(file)
  } finally {
    closeSync(file)
  }
}

/** Room for a fence of a thousand agents. */
const SPARE_BYTES = 1_048_576

/** Keeps room in a file, unless it is there; returns false where the disk has none. Incompressible: a disk may compress. */
export function keepSpare(spare: string, bytes = SPARE_BYTES): boolean {
  if (sizeOf(spare) === bytes) return true
  const own = ownName(spare)
  try {
    writeFileSync(own, randomBytes(bytes), { flag: 'wx', mode: 0o600 })
    renameSync(own, spare)
    return true
  } catch (error) {
    rmSync(own, { force: true })
    if (!isFull(error)) throw error
    return false
  }
}

function ownName(path: string): string {
  return `${path}.${randomBytes(8).toString('hex')}`
}

/** Returns 0 for what is not there. */
function sizeOf(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.size ?? 0
}

function isFull(error: unknown): boolean {
  return failedWith(error, 'ENOSPC', 'EDQUOT')
}
