import { mkdirSync, rmSync } from 'node:fs'
import { newCellId } from '../../../model/ids.ts'
import { no, ok, type Result } from '../../../model/result.ts'
import { reserveWorkspace } from '../../kernel/uid.ts'
import type { RunDirectory } from '../launch/run-directory.ts'

/**
 * Holds a workspace on which no cell lives: until `free` none starts on it, and nobody else looks at it, lands it or puts
 * another in its place. It stands under a cell's name, so that the claim of a warden that was killed is freed by the next.
 */
export function claimWorkspace(
  changes: string,
  what: string,
  run: RunDirectory,
  random: Uint8Array,
): Result<() => void, string> {
  const id = newCellId(random)
  mkdirSync(run.cellDirectory(id), { mode: 0o700 })
  const forget = (): void => rmSync(run.cellDirectory(id), { recursive: true, force: true })
  const held = reserveWorkspace(run.uids, changes, `${what} ${id}`)
  if (!held.ok) {
    forget()
    return no(held.reason)
  }
  return ok(() => {
    held.value()
    forget()
  })
}
