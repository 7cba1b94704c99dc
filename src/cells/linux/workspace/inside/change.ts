/**
 * The lines that helper cells and the warden tell each other: one JSON value each. Names in it are the cell's own
 * words.
 */
import type { Change } from '../../../workspace.ts'

export interface Landed {
  readonly landed: string
  /** The paths that it made or touched: what has landed, and the directory that it lies in. */
  readonly stamps?: readonly Stamp[]
}

/** A path as a landing left it, with when its inode last changed, in ns. */
export type Stamp = readonly [path: string, inodeChangedNs: string]

/** A change as it was judged: what lands under its path is that, or nothing. */
export type JudgedChange = Pick<Change, 'path' | 'kind' | 'type' | 'inode' | 'target'>

/** The last line; without it the helper was cut off and nothing it said is complete. */
export interface End {
  readonly end: true
  readonly truncated: boolean
}

/** A person reads this list; a tree that changed more than this is landed with git, not here. */
export const CHANGES_MAX = 100_000
/** A hundred thousand paths of two hundred characters and more; each of the longest is told in 8,000. */
export const SAID_CHARACTERS_MAX = 64 * 1024 * 1024
/** PATH_MAX is 4,096 bytes; a name may be 255. */
export const DEPTH_MAX = 512
/** Compared byte by byte up to here; a larger file that was opened for writing counts as changed. */
export const COMPARED_BYTES_MAX = 64 * 1024 * 1024
