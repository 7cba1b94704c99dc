import { randomBytes } from 'node:crypto'
import { closeSync, existsSync, fsyncSync, openSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'

/** The new file is whole before it takes the old one's place, and its place is on disk before this returns. */
export function writeDurably(path: string, text: string): void {
  const file = openSync(`${path}.new`, 'w', 0o600)
  try {
    // As often as it takes: one write may take less than all of it.
    writeFileSync(file, text)
    fsyncSync(file)
  } finally {
    closeSync(file)
  }
  renameSync(`${path}.new`, path)
  const directory = openSync(dirname(path), 'r')
  fsyncSync(directory)
  closeSync(directory)
}

/** The same on a disk that somebody has filled: room was kept in `spare`, and is given up for it. */
export function writeOnFullDisk(path: string, text: string, spare: string): void {
  try {
    writeDurably(path, text)
  } catch (error) {
    if (!isFull(error) || !existsSync(spare)) throw error
    rmSync(spare)
    writeDurably(path, text)
  }
}

/** Room for a fence of a thousand agents and a receipt or two. Incompressible: a disk may compress. */
const SPARE_BYTES = 1_048_576

export function keepSpare(spare: string): void {
  if (existsSync(spare)) return
  try {
    writeFileSync(spare, randomBytes(SPARE_BYTES), { mode: 0o600 })
  } catch (error) {
    rmSync(spare, { force: true })
    if (!isFull(error)) throw error
  }
}

function isFull(error: unknown): boolean {
  return error instanceof Error && 'code' in error && (error.code === 'ENOSPC' || error.code === 'EDQUOT')
}
