/** What the helper cells and the warden tell each other: one JSON value a line. Names in it are the cell's own words. */

export type ChangeKind = 'added' | 'changed' | 'removed'

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
  /** Where a symlink leads, in its own words. */
  readonly target?: string
  /** A symlink that is absolute or climbs out of the workspace. */
  readonly leadsOut?: true
  /** The owner’s own file, or something in the owner’s directory that goes with it, was changed since the first launch. */
  readonly changedBelow?: true
  /** The program of a host that acts on the file by itself, by what the file is and not by its name. */
  readonly acts?: string
  /** It stands where a directory stood: landing it removes all that is in there. */
  readonly replacesDirectory?: true
}

/** Something that is never landed, and why. */
export interface Refused {
  readonly refused: string
  readonly why: string
}

export interface Landed {
  readonly landed: string
  /** The paths that it made or touched: what has landed, and the directory that it lies in. */
  readonly stamps?: readonly Stamp[]
}

/** A path as a landing left it, with when its inode last changed, in ns. */
export type Stamp = readonly [path: string, inodeChangedNs: string]

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
