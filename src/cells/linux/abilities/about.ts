/**
 * The note of what a cell is, written beside it before anything of it exists: from it, whoever finds the cell's
 * processes in the kernel's tables can say whose they are, without its warden.
 */
import { statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { textIn } from '../../../model/host/host-paths.ts'
import { type CellId, isJsonObject, type Json, no, ok, type Result } from '../../../model/index.ts'

/**
 * The part that a cell plays:
 *
 * - `agent`  an agent's cell
 * - `server` a stdio server that serves one cell, on its word
 * - `shared` a stdio server that serves several
 * - `person` on a person's word and no agent's: servers of an undo or of an inspection, our own helpers
 */
export type CellPart = 'agent' | 'server' | 'shared' | 'person'

export interface CellAbout {
  readonly part: CellPart
  /** Directory of the state that the cell belongs to. */
  readonly state: string
  readonly environment: string
  /** The agent that it is, or on whose word it acts. */
  readonly agent?: string
  readonly owner?: string
  /** Absolute path of the configuration that names the agent. */
  readonly configuration?: string
  /** The cell that it serves, or that delegated to it. */
  readonly of?: CellId
}

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
    const value = JSON.parse(text ?? '') as Json
    if (!isJsonObject(value) || !PARTS.has(value.part as CellPart) || typeof value.state !== 'string') return undefined
    return value as unknown as CellAbout // written by `recordAbout`, in a directory that is ours
  } catch {
    return undefined
  }
}

/** Longer than a path and three names can be. */
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
