/** The changes of a workspace: shown, landed, or thrown away. */

import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { no, ok, type Result } from '../../../model/result.ts'
import { needsYes } from '../../landing/needs-yes.ts'
import type {
  Change,
  Chosen,
  HelperFault,
  Landing,
  WorkspaceDiff,
  WorkspaceFault,
  WorkspaceRecord,
} from '../../workspace.ts'
import type { LinuxCell } from '../launch/cell.ts'
import type { Ground } from '../launch/ground.ts'
import { claimWorkspace } from './claim.ts'
import { runHelper } from './helper.ts'
import type { JudgedChange, Stamp } from './inside/change.ts'
import { keepLandings, landingsOf } from './landings.ts'
import { readRecord } from './overlay.ts'
import { putAside, removeAside } from './put-aside.ts'
import { settleReplaced } from './replace.ts'
import { mountView } from './view.ts'

/**
 * The changes under `changes`. Of a live cell of this warden (`live`) they are read while it stands frozen, so that they
 * are one moment's; a cell of another warden is refused.
 */
export async function diffWorkspace(
  changes: string,
  ground: Ground,
  live: LinuxCell | undefined,
  random: Uint8Array,
): Promise<Result<WorkspaceDiff, WorkspaceFault>> {
  settleReplaced(changes, ground, random)
  const record = readRecord(changes)
  if (record === undefined) return no({ kind: 'unknown', problem: `no workspace is kept in ${changes}` })
  const told = (): Promise<Result<WorkspaceDiff, WorkspaceFault>> => tellChanges(changes, record, ground, live, random)
  if (live === undefined) return told()
  const still = await live.whileFrozen(told)
  return still.ok ? still.value : no({ kind: 'in-use', holder: `${live.id}, which cannot be frozen` })
}

/** Lists what a saved state had changed; `saved` is the directory that holds its image. */
export async function diffSaved(
  saved: string,
  record: WorkspaceRecord,
  ground: Ground,
  random: Uint8Array,
): Promise<Result<WorkspaceDiff, WorkspaceFault>> {
  return tellChanges(saved, record, ground, undefined, random)
}

async function tellChanges(
  changes: string,
  record: WorkspaceRecord,
  ground: Ground,
  live: LinuxCell | undefined,
  random: Uint8Array,
): Promise<Result<WorkspaceDiff, WorkspaceFault>> {
  const viewer = ground.profile === 'user' ? record.owner : { uid: record.uid, gid: record.uid }
  const said = await runHelper(
    'diff-main',
    helperArguments(record),
    linesOf(landingsOf(changes)),
    ground,
    {
      changes,
      uid: { wanted: record.uid, held: live !== undefined },
      mount: (directory) => mountView({ changes, record, viewer, target: false, ...upperOf(live) }, directory, ground),
    },
    random,
  )
  if (!said.ok) return no(held(said.reason))
  const found = said.value.lines.filter((line) => 'kind' in line)
  return ok({
    record,
    changes: found,
    refused: said.value.lines.filter((line) => 'refused' in line),
    executes: await needsYes(found),
    truncated: said.value.truncated,
  })
}

/**
 * Lands what `choose` chooses in the directory that the workspace was made over, as its owner. Refused as a whole while
 * one of them would be executed by the host and does not stand in `confirmed`, word for word. Of a live cell it is one
 * moment's state, while that stands frozen; then nothing that a host would execute lands at all: what a person has agreed
 * to may have become something else since they looked.
 */
export async function commitWorkspace(
  changes: string,
  choose: (diff: WorkspaceDiff) => Chosen | Promise<Chosen>,
  ground: Ground,
  live: LinuxCell | undefined,
  random: () => Uint8Array,
): Promise<Result<Landing, WorkspaceFault>> {
  if (live === undefined) return landChosen(changes, choose, ground, undefined, random)
  const still = await live.whileFrozen(() => landChosen(changes, choose, ground, live, random))
  return still.ok ? still.value : no({ kind: 'in-use', holder: `${live.id}, which cannot be frozen` })
}

async function landChosen(
  changes: string,
  choose: (diff: WorkspaceDiff) => Chosen | Promise<Chosen>,
  ground: Ground,
  live: LinuxCell | undefined,
  random: () => Uint8Array,
): Promise<Result<Landing, WorkspaceFault>> {
  const diff = await diffWorkspace(changes, ground, live, random())
  if (!diff.ok) return diff
  const { paths, left = [], ...chosen } = await choose(diff.value)
  const [landing, confirmed] = [new Set(paths), new Set(live === undefined ? chosen.confirmed : [])]
  const executes = diff.value.executes.filter(({ path }) => landing.has(path) && !confirmed.has(path))
  if (executes.length > 0) return no({ kind: 'unconfirmed', executes })
  const known = new Map(diff.value.changes.map((change) => [change.path, change]))
  const unknown = paths.filter((path) => !known.has(path)).map((path) => ({ refused: path, why: 'not a change' }))
  const { record } = diff.value
  const wanted = paths.flatMap((path) => known.get(path) ?? []).map(judgedOf)
  const said = await runHelper(
    'land-main',
    helperArguments(record),
    linesOf([...wanted, ...landingsOf(changes)]),
    ground,
    {
      // Held against a cell that would start on it meanwhile; the helper itself runs as the owner.
      changes,
      uid: { wanted: record.uid, held: live !== undefined },
      runsAs: record.owner,
      mount: (directory) =>
        mountView({ changes, record, viewer: record.owner, target: true, ...upperOf(live) }, directory, ground),
    },
    random(),
  )
  if (!said.ok) return no(held(said.reason))
  keepLandings(
    changes,
    said.value.lines.flatMap((line) => ('landed' in line ? (line.stamps ?? []) : [])),
  )
  return ok({
    landed: said.value.lines.flatMap((line) => ('landed' in line ? [line.landed] : [])),
    refused: [...unknown, ...said.value.lines.filter((line) => 'refused' in line)],
    left,
  })
}

/**
 * Throws the changes away. Under the claim their disk and their trees take names under which no cell is launched, so that
 * one begins anew however long they take to be removed. `gone` is called before anybody else has the workspace.
 */
export async function discardWorkspace(
  changes: string,
  ground: Ground,
  random: Uint8Array,
  gone: () => void = () => {},
): Promise<Result<void, WorkspaceFault>> {
  settleReplaced(changes, ground, random)
  const record = readRecord(changes)
  if (record === undefined) return no({ kind: 'unknown', problem: `no workspace is kept in ${changes}` })
  const claim = claimWorkspace(changes, 'discard', ground.run, random)
  if (!claim.ok) return no({ kind: 'in-use', holder: claim.reason })
  try {
    // The disk before the record: a record alone is an empty workspace, a disk alone is one whose owner nobody knows.
    putAside(changes, 'disk', 'upper', 'work', '.restored')
    for (const name of ['landings.json', 'landings.json.new', 'record.json'])
      rmSync(join(changes, name), { recursive: true, force: true })
    gone()
  } catch (error) {
    const problem = error instanceof Error ? error.message : String(error)
    return no({ kind: 'unknown', problem: `its files in ${changes} are not all thrown away: ${problem}` })
  } finally {
    claim.value()
  }
  const removed = await removeAside(changes)
  if (removed.ok) return removed
  return no({ kind: 'unknown', problem: `they are thrown away, and stand in ${changes} still: ${removed.reason}` })
}

/** Returns a helper's fault in words of the workspace that it looks at, where somebody else has that. */
function held(fault: HelperFault): WorkspaceFault {
  if (fault.kind !== 'launch' || fault.fault.kind !== 'workspace') return fault
  return { kind: 'in-use', holder: fault.fault.problem.replace(/^in use by /, '') }
}

function upperOf(live: LinuxCell | undefined): { readonly liveUpper?: string } {
  return live?.upper === undefined ? {} : { liveUpper: live.upper }
}

/**
 * Returns what binds the landing of a change to its judgement: nothing holds a workspace at rest between the look and the
 * landing.
 */
function judgedOf({ path, kind, type, inode, target }: Change): JudgedChange {
  return { path, kind, type, inode, ...(target !== undefined && { target }) }
}

function linesOf(values: readonly (JudgedChange | Stamp)[]): string {
  return values.map((value) => `${JSON.stringify(value)}\n`).join('')
}

function helperArguments({ sinceMs, diskBytes }: WorkspaceRecord): readonly string[] {
  return [`${sinceMs}`, ...(diskBytes === undefined ? [] : [`${diskBytes}`])]
}
