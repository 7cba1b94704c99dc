import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import type { WorkspaceDiff } from '../../cells/workspace.ts'
import { isJsonObject, type Json, parseJson } from '../../model/index.ts'
import { writeDurably } from '../state/durable-file.ts'
import { inPart } from '../state/state-part.ts'

type Shown = Pick<WorkspaceDiff, 'changes' | 'executes'>

/**
 * Keeps in which state a person was shown each change of a workspace. Returns why it cannot be kept; then what was kept
 * before stands.
 */
export function noteShown(changes: string, diff: Shown): string | undefined {
  const all = { ...read(fileOf(changes)), [basename(changes)]: Object.fromEntries(statesIn(diff)) }
  try {
    inPart(dirname(dirname(changes)), '', (directory) =>
      writeDurably(join(directory, NAME), `${JSON.stringify(all)}\n`),
    )
    return undefined
  } catch (error) {
    return error instanceof Error ? error.message : String(error)
  }
}

/** The words for a person who wants a change to land that has changed again meanwhile. */
export const CHANGED_SINCE = 'it has changed since you were shown it: firebreak diff'

/** The words for a person who has said yes to changes, of which one has changed since they were asked. */
export const CHANGED_MEANWHILE = 'what you were asked about has changed meanwhile: firebreak diff, then commit'

/** Returns those paths that are not in the state any more in which a person was shown them last. */
export function changedSinceShown(changes: string, diff: Shown): ReadonlySet<string> {
  const shown = read(fileOf(changes))[basename(changes)]
  const before = new Map(isJsonObject(shown) ? Object.entries(shown) : [])
  const differs = ([path, state]: readonly [string, string]) => before.has(path) && before.get(path) !== state
  return new Set(
    statesIn(diff)
      .filter(differs)
      .map(([path]) => path),
  )
}

/** Returns a text that is another once one of these paths is in another state. */
export function seenAs(diff: Shown, paths: readonly string[]): string {
  const listed = new Set(paths)
  const states = statesIn(diff).filter(([path]) => listed.has(path))
  return createHash('sha256')
    .update(JSON.stringify(states.toSorted(([a], [b]) => (a < b ? -1 : 1))))
    .digest('hex')
}

/**
 * An inode's number and the kernel's time of its last change are nobody's to set: of other bytes they are others. What is
 * in a directory are changes of their own; itself has another number in each view, and bytes by what was ever in it.
 */
function statesIn({ changes, executes }: Shown): readonly (readonly [path: string, state: string])[] {
  const acting = new Set(executes.map(({ path }) => path))
  return changes.map(({ path, kind, type, mode, bytes, inode, target = '' }) => {
    const content = type === 'directory' ? [acting.has(path) && inode.split(' ')[1]] : [bytes, inode, target]
    return [path, [kind, type, mode, ...content].join(' ')]
  })
}

/** Our own file. One that cannot be read counts as none: then a path is confirmed by its name. */
function read(file: string): Readonly<Record<string, Json>> {
  try {
    const json = parseJson(readFileSync(file, 'utf8')) as Json // what JSON.parse returns
    return isJsonObject(json) ? json : {}
  } catch {
    return {}
  }
}

function fileOf(changes: string): string {
  return join(dirname(dirname(changes)), NAME)
}

const NAME = 'shown-changes.json'
