import { readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { ALWAYS, putBack, type Spans } from '../model/index.ts'

/**
 * What people have done with a workspace's changes. Labels belong to what a cell saw *and* to the files it left: they
 * fall when the files are thrown away, or put back to what they were before, and never again once some have landed.
 */
interface Marks {
  readonly committed?: boolean
  /** When cells saw what may stand in the files. */
  readonly spans?: Spans
}

export function markCommitted(stateDirectory: string, workspace: string): void {
  write(stateDirectory, workspace, { committed: true })
}

export function markDiscarded(stateDirectory: string, workspace: string, nowMs: number): void {
  write(stateDirectory, workspace, { spans: [[nowMs, null]] })
}

/** Put back to a state that had lived `spans` until `thenMs`. */
export function markRestored(
  stateDirectory: string,
  workspace: string,
  spans: Spans,
  thenMs: number,
  nowMs: number,
): void {
  write(stateDirectory, workspace, { spans: putBack(spans, thenMs, nowMs) })
}

/** When the workspace's files were those that they are: what cells saw then may stand in them. */
export function livedSpans(stateDirectory: string, workspace: string): Spans {
  const { committed, spans } = read(stateDirectory)[workspace] ?? {}
  return committed === true ? ALWAYS : (spans ?? ALWAYS)
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
