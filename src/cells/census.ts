/** Finding the cells of a host without asking their wardens: how a stop reaches what nobody answers for any more. */
import type { CellId } from '../model/ids.ts'
import type { CellAbout } from './spec.ts'

/** The looks at one driver's cells, each by what the host itself shows; no warden is asked. */
export interface Census {
  /** Returns every directory in which a warden of that user (default: this one) may have left something. */
  runDirectories(uid?: number): readonly string[]
  /** Returns the users who may have such directories; throws where that cannot be read. */
  users(): readonly number[]
  /** Returns the cells of these users that have processes. */
  look(users: readonly LookedAt[]): Look
  /** Returns what is noted of a cell of that user, also where nothing of it runs; throws where that cannot be read. */
  notesOf(at: LookedAt, cell: string): readonly CellAbout[]
  /** Returns what is noted in a cell's own directory; undefined where nothing is. Throws where that cannot be read. */
  noteIn(cellDirectory: string): CellAbout | undefined
  /** Returns the wardens of a user that live. */
  wardens(at: LookedAt): readonly number[]
  /** Ends and removes every cell whose warden is dead, and never one whose warden may live. */
  reap(runDirectories: readonly string[]): Promise<readonly Reaped[]>
}

/** One user's run directories. A directory that somebody else could have made is not read. */
export interface LookedAt {
  readonly runDirectories: readonly string[]
  /** Default: this process's. */
  readonly uid?: number | undefined
}

/** The result of one look. */
export interface Look {
  readonly cells: readonly Standing[]
  /** The reasons why there may be more cells than these; empty where all names, and all notes under them, were read. */
  readonly cuts: readonly string[]
}

/** One cell of which processes exist. */
export interface Standing {
  readonly cell: CellId
  /** The user whose run directory names it; what that says of the cell is that user's word. */
  readonly uid: number | undefined
  /** The note of what the cell is; absent for a helper of ours, or where nobody wrote it down. */
  readonly about: CellAbout | undefined
  /** True where, by the kernel, each of the cell's processes stands still. */
  readonly frozen: boolean
  /** False while the cell waits before its first instruction. */
  readonly begun: boolean
  /** Ends all of the cell's processes, as far as the kernel lets this user. */
  readonly end: () => void
}

/** A cell, and the note of what it is. */
export interface NotedCell {
  readonly cell: CellId
  readonly about: CellAbout
}

/** A dead warden's run, of which what was left has been ended and removed. */
export interface Reaped {
  readonly run: string
  readonly cells: readonly string[]
  /** The notes of its cells, as far as they can be read. */
  readonly noted: readonly NotedCell[]
  /** Gateways that did not end by themselves, and were ended. */
  readonly gateways: readonly string[]
  /** Names of all that could not be removed; empty when all is gone. */
  readonly left: readonly string[]
  /** The reason why it cannot be told whether its warden lives, or what is left of it. */
  readonly untold?: string
}
