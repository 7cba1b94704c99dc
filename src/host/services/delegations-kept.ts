import { rmdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { readableNamesIn } from '../../model/host/host-paths.ts'
import { removeTrees } from '../../model/host/remove-tree.ts'
import { type AgentName, cutsOff, type Result, type Rung } from '../../model/index.ts'
import { delegatedAgent } from '../files/workspace-names.ts'
import type { State } from '../state/state.ts'

/** Delegations of a state that have ended and whose files, with those of their own servers, are kept. */
export const DELEGATIONS_KEPT = 16
/** Bytes that the files of all of them may take, beyond which the oldest go; the newest stays. */
export const DELEGATIONS_BYTES_MAX = 8 * 1024 ** 3

/** The files that are kept of one delegation. */
interface Kept {
  /** Names in the state: of its cell's workspace, and of its servers'. */
  readonly names: string[]
  newestMs: number
  bytes: number
}

/**
 * The means of clearing. `stays`: of a cell of this run, an agent that is called so, or evidence; asked of each workspace
 * again before it goes, since an order may have come meanwhile. `discard` refuses what somebody works on; then it stays
 * until the next delegation has ended.
 */
export interface Clearing {
  readonly stays: (workspace: string) => boolean
  readonly discard: (changes: string) => Promise<{ readonly ok: boolean }>
}

/**
 * Removes the files of delegations that have ended, but for the newest. A cell chooses how often it delegates, and nobody
 * else asks for what lies there: `diff`, `commit` and an undo at a server of theirs work on what is kept.
 */
export async function clearDelegations(
  state: Pick<State, 'workspace'>,
  { stays, discard }: Clearing,
  bytesMax = DELEGATIONS_BYTES_MAX,
): Promise<void> {
  const directory = state.workspace('')
  const ended = [...delegationsIn(directory)]
    .filter(([name]) => !stays(name))
    .map(([, kept]) => kept)
    .toSorted((a, b) => b.newestMs - a.newestMs)
  let bytes = 0
  for (const [at, kept] of ended.entries()) {
    bytes += kept.bytes
    if (at === 0 || (at < DELEGATIONS_KEPT && bytes <= bytesMax)) continue
    for (const name of kept.names) {
      const changes = join(directory, name)
      if (stays(name) || !(await discard(changes)).ok) continue
      if (stays(name) || !(await removeTrees([join(changes, 'checkpoints')])).ok) continue
      removeEmpty(changes)
    }
  }
}

/** Removes a directory that is empty: of a workspace that was thrown away, somebody may have begun anew. */
function removeEmpty(directory: string): void {
  try {
    rmdirSync(directory)
  } catch {
    // It is cleared when another delegation has ended.
  }
}

/**
 * Tells whether a delegation's files are evidence: those of a contained agent, whether a configuration names it still or
 * not, and of everybody where it is not known who is contained. `standing` returns where an agent stands.
 */
export function isEvidence(workspace: string, standing: (agent: AgentName) => Result<Rung, string>): boolean {
  const agent = delegatedAgent(workspace)
  if (agent === undefined) return false
  const rung = standing(agent)
  return !rung.ok || cutsOff(rung.value)
}

/**
 * Returns delegations by the workspace of their cell, `<agent>--<id>`; a server's is called after it,
 * `<agent>--<id>+<upstream>`.
 */
function delegationsIn(directory: string): ReadonlyMap<string, Kept> {
  const found = new Map<string, Kept>()
  for (const name of readableNamesIn(directory)) {
    const [delegation = ''] = name.split('+')
    if (delegatedAgent(delegation) === undefined) continue
    const kept = found.get(delegation) ?? { names: [], newestMs: 0, bytes: 0 }
    found.set(delegation, kept)
    kept.names.push(name)
    const path = join(directory, name)
    kept.newestMs = Math.max(kept.newestMs, statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0)
    kept.bytes += bytesIn(path)
  }
  return found
}

/**
 * Returns the bytes that a workspace's image and those of its checkpoints take: files of ours, among which no cell has
 * put one.
 */
function bytesIn(path: string): number {
  const saved = readableNamesIn(join(path, 'checkpoints')).map((name) => join(path, 'checkpoints', name))
  return [path, ...saved].reduce((sum, place) => {
    const blocks = statSync(join(place, 'disk'), { throwIfNoEntry: false })?.blocks ?? 0
    return sum + blocks * 512
  }, 0)
}
