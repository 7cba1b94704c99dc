import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { failedWith } from '../../model/host/system-error.ts'
import { ALWAYS, parseJson, putBack, type Spans } from '../../model/index.ts'
import { writeDurably } from '../state/durable-file.ts'
import { inPart } from '../state/state-part.ts'

/**
 * The marks of what people have done with a workspace's changes. Labels belong to what a cell saw *and* to the files it left: they
 * fall when the files are thrown away, or put back to what they were before, and never again once some have landed.
 */
interface Marks {
  readonly committed?: boolean
  /** Times at which cells saw what may stand in the files. */
  readonly spans?: Spans
  /** Environments whose cells have written there. */
  readonly environments?: readonly string[]
}

/** Returns what takes the mark back, for where nothing has landed. */
export function markCommitted(stateDirectory: string, workspace: string): () => void {
  const committed = read(stateDirectory)[workspace]?.committed === true
  write(stateDirectory, workspace, { committed: true })
  return () => write(stateDirectory, workspace, { committed })
}

export function markDiscarded(stateDirectory: string, workspace: string, nowMs: number): void {
  const { committed = false, environments = [] } = read(stateDirectory)[workspace] ?? {}
  write(stateDirectory, workspace, { spans: [[nowMs, null]], environments: committed ? environments : [] })
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

/**
 * Writes down that a cell of an environment is going to write there, and returns in which others cells have. Throws where
 * the disk does not take it, and where the marks cannot be read: what its files hold cannot be told then.
 */
export function markUsed(stateDirectory: string, workspace: string, environment: string): readonly string[] {
  const { environments = [] } = readWhole(stateDirectory)[workspace] ?? {}
  if (!environments.includes(environment))
    write(stateDirectory, workspace, { environments: [...environments, environment] })
  return environments.filter((each) => each !== environment)
}

/** Times in which the workspace's files were those that they are: what cells saw then may stand in them. */
export function livedSpans(stateDirectory: string, workspace: string): Spans {
  const { committed, spans } = read(stateDirectory)[workspace] ?? {}
  return committed === true ? ALWAYS : (spans ?? ALWAYS)
}

function write(stateDirectory: string, workspace: string, mark: Marks): void {
  const marks = read(stateDirectory)
  const all = { ...marks, [workspace]: { ...marks[workspace], ...mark } }
  inPart(stateDirectory, '', (directory) => writeDurably(join(directory, NAME), `${JSON.stringify(all)}\n`))
}

/** Our own file. One that cannot be read counts as none: then every label that was ever seen still stands. */
function read(stateDirectory: string): Readonly<Record<string, Marks>> {
  try {
    return readWhole(stateDirectory)
  } catch {
    return {}
  }
}

function readWhole(stateDirectory: string): Readonly<Record<string, Marks>> {
  try {
    return parseJson(readFileSync(fileOf(stateDirectory), 'utf8')) as Readonly<Record<string, Marks>>
  } catch (error) {
    if (failedWith(error, 'ENOENT')) return {}
    throw error
  }
}

function fileOf(stateDirectory: string): string {
  return join(stateDirectory, NAME)
}

const NAME = 'workspaces.json'
