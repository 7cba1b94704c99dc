import type { Entry, EntryBody } from '../../model/entry.ts'

/** The clock of a log's entries. */
export interface Clock {
  /** Epoch ms. */
  nowMs(): number
}

/** The wishes of a log's writer. */
export interface OpenOptions {
  readonly clock: Clock
  /** Called with each entry in the tick that appends it, before anything can follow from it. It may append itself. */
  readonly onAppended?: (entry: Entry) => void
  /**
   * Replaces entries as they are written: is told each one, and returns what is written instead, or nothing where it
   * may stand as it is.
   */
  readonly instead?: (body: EntryBody, text: string) => EntryBody | undefined
}
