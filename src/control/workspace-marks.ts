import { readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

/**
 * What people have done with a workspace's changes. Labels belong to what a cell saw *and* to the files it left: they
 * fall when the files are thrown away, and never again once some of them have landed.
 */
interface Marks {
  readonly committed?: boolean
  /** Epoch ms. */
  readonly discardedAtMs?: number
}

export function markCommitted(stateDirectory: string, workspace: string): void {
  write(stateDirectory, workspace, { committed: true })
}

export function markDiscarded(stateDirectory: string, workspace: string, nowMs: number): void {
  write(stateDirectory, workspace, { discardedAtMs: nowMs })
}

/** What cells saw from then on may stand in the workspace's files; epoch ms. */
export function keptSinceMs(stateDirectory: string, workspace: string): number {
  const { committed, discardedAtMs } = read(stateDirectory)[workspace] ?? {}
  return committed === true ? 0 : (discardedAtMs ?? 0)
}

function write(stateDirectory: string, workspace: string, mark: Marks): void {
  const marks = read(stateDirectory)
  const path = fileOf(stateDirectory)
  writeFileSync(`${path}.new`, `${JSON.stringify({ ...marks, [workspace]: { ...marks[workspace], ...mark } })}\n`, {
    mode: 0o600,
  })
  renameSync(`${path}.new`, path)
}

/** Our own file. One that cannot be read counts as none: then every label that was ever seen still stands. */
function read(stateDirectory: string): Readonly<Record<string, Marks>> {
  try {
    return JSON.parse(readFileSync(fileOf(stateDirectory), 'utf8')) as Readonly<Record<string, Marks>>
  } catch {
    return {}
  }
}

function fileOf(stateDirectory: string): string {
  return join(stateDirectory, 'workspaces.json')
}
