/**
 * The note of what a cell is, written beside it before anything of it exists: from it, whoever finds the cell's
 * processes in the kernel's tables can say whose they are, without its warden.
 */

import { statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { textIn } from '../../../model/host/host-paths.ts'
import { isJsonObject, type Json, no, ok, parseJson, type Result } from '../../../model/index.ts'
import type { CellAbout, CellPart } from '../../spec.ts'

export function recordAbout(cellDirectory: string, about: CellAbout): void {
  writeFileSync(join(cellDirectory, 'about'), JSON.stringify(about), { mode: 0o600 })
}

/**
 * Reads what a cell is; undefined for a cell without a note (our own helpers), or where only half of it was written.
 * Throws where the note cannot be read.
 */
export function aboutIn(cellDirectory: string): CellAbout | undefined {
  const text = textIn(join(cellDirectory, 'about'), ABOUT_BYTES_MAX)
  try {
    const value = parseJson(text ?? '') as Json
    if (!isJsonObject(value) || !PARTS.has(value.part as CellPart) || typeof value.state !== 'string') return undefined
    return value as unknown as CellAbout // written by `recordAbout`, in a directory that is ours
  } catch {
    return undefined
  }
}

/** Bytes of a note: more than a path and three names can have. */
const ABOUT_BYTES_MAX = 16_384

const PARTS: ReadonlySet<CellPart> = new Set(['agent', 'server', 'shared', 'person'])

/** Notes that a cell begins, in the tick in which it is let go: one that nobody could find out about does not begin. */
export function recordBegun(cellDirectory: string): Result<void, string> {
  try {
    writeFileSync(join(cellDirectory, 'begun'), '', { mode: 0o600 })
    return ok(undefined)
  } catch (error) {
    return no(`${cellDirectory} cannot be written: ${error instanceof Error ? error.message : String(error)}`)
  }
}

/** Tells whether the cell was let go; false: not one instruction of it has run. Throws where that cannot be told. */
export function hasBegun(cellDirectory: string): boolean {
  return statSync(join(cellDirectory, 'begun'), { throwIfNoEntry: false }) !== undefined
}
