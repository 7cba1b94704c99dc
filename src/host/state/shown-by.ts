import { existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { no, ok, type Result } from '../../model/index.ts'

/**
 * Notes in a run directory that a process shows what a cell writes, which a host runs for it: nobody is to decide on its
 * terminal (S9). Returns what takes the note away again.
 */
export function noteShownBy(runDirectory: string, pid: number): Result<() => void, string> {
  const path = join(runDirectory, SHOWN, `${pid}`)
  try {
    mkdirSync(join(runDirectory, SHOWN), { recursive: true, mode: 0o755 })
    // What a host that was killed has left: a number is given to another process one day.
    for (const each of shownBy([runDirectory]))
      if (!existsSync(`/proc/${each}`)) rmSync(join(runDirectory, SHOWN, `${each}`), { force: true })
    writeFileSync(path, '', { mode: 0o644 })
    return ok(() => rmSync(path, { force: true }))
  } catch (error) {
    return no(`who shows the cell cannot be noted: ${error instanceof Error ? error.message : String(error)}`)
  }
}

/** Returns the processes that are noted in these run directories. One that has ended shows nothing. */
export function shownBy(runDirectories: readonly string[]): readonly number[] {
  return runDirectories.flatMap((directory) => {
    try {
      return readdirSync(join(directory, SHOWN)).flatMap((name) => (/^[1-9]\d{0,9}$/.test(name) ? [Number(name)] : []))
    } catch {
      return []
    }
  })
}

const SHOWN = 'shown'
