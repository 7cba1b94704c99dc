import type { CellSide } from './cell-side.ts'

/** Attacks of one kind. */
export interface AttackKind {
  readonly name: string
  /** The mechanism that stops them, for whoever reads the table. */
  readonly stops: string
  /** True of those that every run of the tests makes. */
  readonly isQuick?: boolean
  readonly run: (cell: CellSide) => Promise<KindRun>
}

/** The outcome of the attacks of one kind, as far as the cell can tell; the outside tells the rest. */
export interface KindRun {
  readonly cases: number
  /** Attacks that reached something, and honest requests that did not. */
  readonly reached?: readonly string[]
  /** A text that may stand nowhere in what has left. */
  readonly kept?: string
  /** Why none of them was made. */
  readonly skipped?: string
}
