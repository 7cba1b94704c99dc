/** Checkpoints of the workspaces of a state: made, restored and told to the ledger. What happens to files is the warden's. */

import { randomBytes } from 'node:crypto'
import { basename, dirname, join } from 'node:path'
import { type Change, recordFrom, type Still, type WorkspaceFault, type Workspaces } from '../../cells/workspace.ts'
import {
  type CellId,
  type CheckpointId,
  type CheckpointMade,
  type CheckpointRestored,
  type JsonObject,
  newCheckpointId,
  no,
  ok,
  type PersonName,
  parseJson,
  type Result,
} from '../../model/index.ts'
import { type Bounds, surplus, unfit } from '../../recovery/bounds.ts'
import type { Checkpoint, Occasion } from '../../recovery/checkpoint.ts'
import { openStore, type Store } from '../../recovery/store.ts'
import { livedSpans, markRestored } from './workspace-marks.ts'

export interface WantedCheckpoint {
  readonly occasion: Occasion
  readonly by: 'firebreak' | PersonName
  readonly why: string
  readonly name?: string
}

export interface Made {
  readonly checkpoint: Checkpoint
  /** True where nothing had changed since this one was made, which is as good. */
  readonly unchanged: boolean
  /** Checkpoints that were removed for it. */
  readonly gone: readonly CheckpointId[]
}

export type CheckpointFault =
  | WorkspaceFault
  /** More than its bounds allow. */
  | { readonly kind: 'unfit'; readonly problem: string }

/** `changes` is `<state>/workspaces/<name>`. */
export function storeOf(changes: string): Store {
  return openStore(join(changes, 'checkpoints'))
}

/** One moment's files, of a live cell of this warden or of a workspace at rest. */
export async function makeCheckpoint(
  workspaces: Workspaces,
  changes: string,
  wanted: WantedCheckpoint,
  bounds: Bounds,
): Promise<Result<Made, CheckpointFault>> {
  const store = storeOf(changes)
  const made = await workspaces.still(
    changes,
    (still) => copied(store, still, changes, wanted, bounds),
    (done) => (done.ok && !done.value.unchanged ? kept(store, done.value.checkpoint, bounds) : Promise.resolve(done)),
  )
  // What stays on the disk does so until the next one.
  await store.sweep()
  return made.ok ? made.value : made
}

async function copied(
  store: Store,
  still: Still,
  changes: string,
  wanted: WantedCheckpoint,
  bounds: Bounds,
): Promise<Result<Made, CheckpointFault>> {
  const all = store.list()
  const same = all.findLast(({ stamp }) => stamp === still.stamp)
  if (same !== undefined && wanted.occasion !== 'asked') return ok({ checkpoint: same, unchanged: true, gone: [] })
  const { name } = wanted
  const problem = unfit(all, { ...(name !== undefined && { name }), bytes: still.bytes }, bounds)
  if (problem !== undefined) return no({ kind: 'unfit', problem })
  const id = newCheckpointId(Date.now(), randomBytes(16))
  const image = await still.copy(store.begin(id))
  if (!image.ok) {
    store.abandon(id)
    return image
  }
  const parent = store.head()
  const checkpoint: Checkpoint = {
    id,
    ...(parent && { parent }),
    ...(name !== undefined && { name }),
    occasion: wanted.occasion,
    by: wanted.by,
    why: wanted.why,
    // After the copy: what was seen while it was made counts as seen by then.
    madeAtMs: Date.now(),
    bytes: still.bytes,
    stamp: still.stamp,
    workspace: parseJson(JSON.stringify(still.record)) as JsonObject,
    spans: livedSpans(dirname(dirname(changes)), basename(changes)),
  }
  return ok({ checkpoint, unchanged: false, gone: [] })
}

/** The new one is in the history before an old one goes. */
async function kept(store: Store, checkpoint: Checkpoint, bounds: Bounds): Promise<Result<Made, CheckpointFault>> {
  try {
    await store.finish(checkpoint)
  } catch (error) {
    store.abandon(checkpoint.id)
    return no({ kind: 'uncopied', problem: error instanceof Error ? error.message : String(error) })
  }
  store.setHead(checkpoint.id)
  const gone = surplus(store.list(), checkpoint.id, bounds)
  for (const id of gone) store.remove(id)
  return ok({ checkpoint, unchanged: false, gone })
}

/** A checkpoint by its id or name; the newest where none is named. */
export function findCheckpoint(store: Store, reference: string | undefined): Checkpoint | undefined {
  const all = store.list()
  if (reference === undefined) return all.at(-1)
  return all.find(({ id, name }) => id === reference || name === reference)
}

/**
 * Puts the files of a checkpoint in the place of what is there. Refused while a cell lives on them. Labels fall once the
 * files are back, and not before: whoever dies in between leaves too many of them.
 */
export async function restoreCheckpoint(
  workspaces: Workspaces,
  changes: string,
  checkpoint: Checkpoint,
): Promise<Result<number, WorkspaceFault>> {
  const store = storeOf(changes)
  const record = recordFrom(checkpoint.workspace)
  if (record === undefined)
    return no({ kind: 'unknown', problem: `checkpoint ${checkpoint.id} does not say whose it is` })
  const replaced = await workspaces.replace(changes, { image: store.imageOf(checkpoint.id), record })
  if (!replaced.ok) return replaced
  const nowMs = Date.now()
  markRestored(dirname(dirname(changes)), basename(changes), checkpoint.spans, checkpoint.madeAtMs, nowMs)
  store.setHead(checkpoint.id)
  return ok(nowMs)
}

export interface Difference {
  readonly path: string
  /** `goes`: it is there now and was not; `returns`: it was there and is not; `put-back`: it is another now. */
  readonly what: 'goes' | 'returns' | 'put-back'
}

export interface Rehearsed {
  readonly differences: readonly Difference[]
  /** True where there are more than were compared. */
  readonly truncated: boolean
}

/** Tells what `restoreCheckpoint` would do to which file, by helper cells that look at both states. */
export async function rehearseRestore(
  workspaces: Workspaces,
  changes: string,
  checkpoint: Checkpoint,
): Promise<Result<Rehearsed, WorkspaceFault>> {
  const record = recordFrom(checkpoint.workspace)
  if (record === undefined)
    return no({ kind: 'unknown', problem: `checkpoint ${checkpoint.id} does not say whose it is` })
  const then = await workspaces.diffSaved(dirname(storeOf(changes).imageOf(checkpoint.id)), record)
  if (!then.ok) return then
  const now = await workspaces.diff(changes)
  if (!now.ok) return now
  return ok({
    differences: differences(now.value.changes, then.value.changes),
    truncated: now.value.truncated || then.value.truncated,
  })
}

/** Compares two states by what each has changed of what both were given. */
export function differences(now: readonly Change[], then: readonly Change[]): readonly Difference[] {
  const [left, right] = [new Map(now.map((each) => [each.path, each])), new Map(then.map((each) => [each.path, each]))]
  return [...new Set([...left.keys(), ...right.keys()])].toSorted().flatMap((path): Difference[] => {
    const [one, other] = [left.get(path), right.get(path)]
    if (one !== undefined && other !== undefined && JSON.stringify(one) === JSON.stringify(other)) return []
    const [stands, stood] = [isThere(one, other), isThere(other, one)]
    if (!stands && !stood) return []
    return [{ path, what: stands && stood ? 'put-back' : stands ? 'goes' : 'returns' }]
  })
}

/** Tells whether a path is there; one that the other side alone lists is as it was given, unless that has added it. */
function isThere(change: Change | undefined, other: Change | undefined): boolean {
  return change === undefined ? other?.kind !== 'added' : change.kind !== 'removed'
}

/** An entry for the ledger, but for the agent, which the teller knows. */
export type Untold = Omit<CheckpointMade, 'agent'> | Omit<CheckpointRestored, 'agent'>

export function madeEntry({ checkpoint }: Made, workspace: string, cell?: CellId): Omit<CheckpointMade, 'agent'> {
  const { id, by, why, name, madeAtMs, bytes } = checkpoint
  return {
    kind: 'checkpoint.made',
    checkpoint: id,
    workspace,
    ...(cell && { cell }),
    by,
    why,
    ...(name !== undefined && { name }),
    madeAtMs,
    bytes,
  }
}
