/** The files that cells work on, as a driver keeps them: a private overlay whose changes are a diff until they land. */
import { no, type Result } from '../model/result.ts'
import type { LaunchFault } from './spec.ts'

/** The workspaces of one warden. `changes` names one: the directory in the state that keeps it. */
export interface Workspaces {
  /** Lists what a workspace has become. */
  diff(changes: string): Promise<Result<WorkspaceDiff, WorkspaceFault>>
  /** Lands `paths`; those of them that a host would execute only if they stand in `confirmed`, too. */
  commit(
    changes: string,
    paths: readonly string[],
    confirmed: readonly string[],
  ): Promise<Result<Landing, WorkspaceFault>>
  /** Lands what `choose` takes of one moment's changes. */
  commitChosen(
    changes: string,
    choose: (diff: WorkspaceDiff) => Chosen | Promise<Chosen>,
  ): Promise<Result<Landing, WorkspaceFault>>
  /** Throws the changes away; `gone` is called when they are, and before anybody else has the workspace. */
  discard(changes: string, gone?: () => void): Promise<Result<void, WorkspaceFault>>
  /** Removes what a discard that was cut off has left on the disk. */
  sweep(changes: string): Promise<void>
  /** Runs `act` over changes that stand still, and `after` once a live cell goes on. */
  still<T>(
    changes: string,
    act: (still: Still) => Promise<T>,
    after?: (done: T) => Promise<T>,
  ): Promise<Result<T, WorkspaceFault>>
  /** Lists what a saved state had changed; `saved` is the directory that holds its image. */
  diffSaved(saved: string, record: WorkspaceRecord): Promise<Result<WorkspaceDiff, WorkspaceFault>>
  /** Puts a saved state in the place of the changes. Refused while a cell lives on them. `at` hears of each step. */
  replace(changes: string, saved: SavedState, at?: (step: ReplaceStep) => void): Promise<Result<void, WorkspaceFault>>
}

/** The workspaces of a driver that keeps none. */
export const NO_WORKSPACES: Workspaces = {
  diff: async () => NONE_KEPT,
  commit: async () => NONE_KEPT,
  commitChosen: async () => NONE_KEPT,
  discard: async () => NONE_KEPT,
  sweep: async () => undefined,
  still: async () => NONE_KEPT,
  diffSaved: async () => NONE_KEPT,
  replace: async () => NONE_KEPT,
}

const NONE_KEPT = no<WorkspaceFault>({ kind: 'unknown', problem: 'this driver keeps no workspaces' })

/** The note that stands beside a workspace's changes, as `record.json`, after its cell has ended. */
export interface WorkspaceRecord {
  /** Path of the directory that it is made over, without links. */
  readonly lower: string
  /** Owner of the changes: the uid of the cell, and of every later cell on them. */
  readonly uid: number
  /** Owner of `lower`. */
  readonly owner: { readonly uid: number; readonly gid: number }
  /**
   * Time when the first cell on it was launched: what has changed below since then is somebody else's work. Epoch ms.
   */
  readonly sinceMs: number
  /** Size of the image that holds the changes; absent where they lie in the state directory itself. */
  readonly diskBytes?: number
}

/** Returns a record that was read from a disk, where it is one. */
export function recordFrom(value: unknown): WorkspaceRecord | undefined {
  return isRecord(value) ? value : undefined
}

function isRecord(value: unknown): value is WorkspaceRecord {
  if (typeof value !== 'object' || value === null) return false
  if (!('lower' in value && typeof value.lower === 'string')) return false
  if (!('uid' in value && Number.isSafeInteger(value.uid) && 'sinceMs' in value && Number.isSafeInteger(value.sinceMs)))
    return false
  if ('diskBytes' in value && !Number.isSafeInteger(value.diskBytes)) return false
  const owner = 'owner' in value ? value.owner : undefined
  return typeof owner === 'object' && owner !== null && 'uid' in owner && 'gid' in owner
}

/** The changes of a workspace against the directory that it is made over. */
export interface WorkspaceDiff {
  readonly record: WorkspaceRecord
  readonly changes: readonly Change[]
  /** Sockets, FIFOs, devices, set-user-ID files and names that are not text: none of them ever lands. */
  readonly refused: readonly RefusedChange[]
  /** Changes that land only on a person's explicit yes. */
  readonly executes: readonly Executes[]
  /** True where it has more changes than are listed. */
  readonly truncated: boolean
}

/** The way in which a path is another than before. */
export type ChangeKind = 'added' | 'changed' | 'removed'

/** One path of a workspace that is another than before. */
export interface Change {
  readonly kind: ChangeKind
  /** Relative to the workspace, `/` between parts. */
  readonly path: string
  readonly type: 'file' | 'directory' | 'symlink'
  /** Permission bits that it is landed with. */
  readonly mode: number
  readonly bytes: number
  /**
   * Number of its inode, and when that last changed in ns: no cell can set them, so the same ones are the same content. A
   * name alone may be another file's by now, in a directory that was renamed.
   */
  readonly inode: string
  /** Place to which a symlink leads, in its own words. */
  readonly target?: string
  /** A symlink that is absolute or climbs out of the workspace. */
  readonly leadsOut?: true
  /** The owner’s own file, or something in the owner’s directory that goes with it, was changed since the first launch. */
  readonly changedBelow?: true
  /** The program of a host that acts on the file by itself, by what the file is and not by its name. */
  readonly acts?: string
  /** True where it stands in the place of a directory: landing it removes all that is in there. */
  readonly replacesDirectory?: true
}

/** Something that is never landed, and why. */
export interface RefusedChange {
  readonly refused: string
  readonly why: string
}

/**
 * A file that a host would act upon by itself: at a checkout, on entering a directory, on opening an editor, at the next
 * build. Landing one is handing the agent the host’s hands, so each needs a person’s explicit yes.
 */
export interface Executes {
  readonly path: string
  /** The program that acts on it, and when. */
  readonly why: string
}

/** The changes that are to land. */
export interface Chosen {
  readonly paths: readonly string[]
  /** Paths that a host would act upon, and that a person wants. */
  readonly confirmed: readonly string[]
  readonly left?: readonly Left[]
}

/** A change that stays, and why. */
export interface Left {
  readonly path: string
  readonly why: string
  /** True where a host would act upon it, or it is not what a person was shown: they look and name it, or it stays. */
  readonly needsPerson?: true
}

/** The outcome of a landing. */
export interface Landing {
  readonly landed: readonly string[]
  readonly refused: readonly RefusedChange[]
  readonly left: readonly Left[]
}

/** A workspace whose changes nobody writes to for as long as they are copied. */
export interface Still {
  readonly record: WorkspaceRecord
  /** A text that is another once a byte of the changes is another. */
  readonly stamp: string
  /** Bytes that the changes take on the host's disk. */
  readonly bytes: number
  copy(to: string): Promise<Result<void, ImageFault>>
}

/** A workspace's changes as they were saved. */
export interface SavedState {
  /** An image, as `Still.copy` made it. It is not changed. */
  readonly image: string
  readonly record: WorkspaceRecord
}

/** The steps of a restore, in order; `prepared` is the last that a crash undoes, the rest is done by the next. */
export type ReplaceStep = 'copied' | 'prepared' | 'decided' | 'old out of the way' | 'image in place' | 'all in place'

/** The reason why nothing could be done with a workspace. */
export type WorkspaceFault =
  | HelperFault
  | { readonly kind: 'unknown'; readonly problem: string }
  | { readonly kind: 'in-use'; readonly holder: string }
  /** No disk image of its own holds the changes, so there is nothing that can be saved as a whole. */
  | { readonly kind: 'plain' }
  | ImageFault
  /** Paths that a host would act upon, that can lead out of the workspace or bury a directory, and were not confirmed. */
  | { readonly kind: 'unconfirmed'; readonly executes: readonly Executes[] }

/** The reason why a helper cell has not said everything. */
export type HelperFault =
  | { readonly kind: 'launch'; readonly fault: LaunchFault }
  /** The helper ended before it had said everything. */
  | { readonly kind: 'cut-off'; readonly why: string }

/** The reason why an image was not copied; `full`: the host's disk has no room for another one. */
export type ImageFault =
  | { readonly kind: 'full'; readonly problem: string }
  | { readonly kind: 'uncopied'; readonly problem: string }
