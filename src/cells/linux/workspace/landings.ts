/**
 * The paths that landings have made in the directory of a workspace and nobody has touched since, noted beside the
 * changes so that they are not taken for the owner's own work.
 */
import { readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseJson } from '../../../model/index.ts'
import { CHANGES_MAX, type Stamp } from './inside/change.ts'

const NAME = 'landings.json'

/** Returns the newest last; nothing where they cannot be read: all counts as the owner's then. */
export function landingsOf(changes: string): readonly Stamp[] {
  try {
    const value: unknown = parseJson(readFileSync(join(changes, NAME), 'utf8'))
    return Array.isArray(value) ? value.filter(isStamp) : []
  } catch {
    return []
  }
}

/** Keeps as many as one diff can tell. */
export function keepLandings(changes: string, made: readonly Stamp[]): void {
  if (made.length === 0) return
  const all = new Map(landingsOf(changes))
  for (const [path, changed] of made) {
    all.delete(path)
    all.set(path, changed)
  }
  const kept = [...all].slice(-CHANGES_MAX)
  try {
    writeFileSync(join(changes, `${NAME}.new`), JSON.stringify(kept), { mode: 0o600 })
    renameSync(join(changes, `${NAME}.new`), join(changes, NAME))
  } catch {
    // Without it a landed file is told as changed, and its removal is left to its owner.
  }
}

export function isStamp(value: unknown): value is Stamp {
  return Array.isArray(value) && value.length === 2 && value.every((part) => typeof part === 'string')
}
