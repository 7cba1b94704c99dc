import type { Commitment, Entry } from '../model/entry.ts'
import type { CellId } from '../model/ids.ts'
import type { Result } from '../model/result.ts'
import type { LedgerFault } from './log/fault.ts'
import type { Ledger } from './log/ledger.ts'
import type { OpenOptions } from './log/open-options.ts'
import type { GetFault } from './log/payloads.ts'
import type { Recorded } from './log/recorded.ts'

/**
 * The logs of one state: each environment has one. A port; files are behind it (`files/file-logs.ts`), and in tests memory
 * (`memory/memory-logs.ts`). `test/stores` asks the same of each.
 *
 * - LG2  Readers see the entries in their order, without a gap, each as it was appended. What was said to be durable is
 *        seen by every read that begins later; what was not may be.
 * - LG3  Where entries cannot be had (a damaged log, a store that does not answer), a reader hears that instead, and
 *        nothing after it: nobody takes a part of a log for the whole.
 * - LG4  Reading needs no writer, and holds none up.
 */
export interface Logs {
  /** Lists the logs, sorted; undefined where nothing was recorded yet. */
  names(): Promise<readonly string[] | undefined>
  log(name: string): Log
  /** Yields what stands in every log, and then what is appended to one, also to a log that begins meanwhile. */
  follow(signal: AbortSignal, from?: ReadonlyMap<string, number>): AsyncIterable<Result<LoggedEntry, LedgerFault>>
}

/** An entry, and the log that it stands in. */
export type LoggedEntry = Entry & { readonly log: string }

/** One log, for its readers: a handle, which exists also where nothing was written yet. */
export interface Log {
  readonly name: string
  /** The paths of this host that it lies in, which no action should name; none where it lies elsewhere. */
  readonly paths: readonly string[]
  /** Reads the entries from a sequence number on, to where the log ends now. */
  read(fromSeq?: number): AsyncIterable<Result<Entry, LedgerFault>>
  /** Reads all entries with what it takes to read the bytes that they name, in one pass. */
  recorded(): AsyncIterable<Result<Recorded, LedgerFault>>
  /** Reads as `read` does, and goes on with what is appended until the signal comes. */
  follow(signal: AbortSignal, fromSeq?: number): AsyncIterable<Result<Entry, LedgerFault>>
  /** Returns the bytes of one payload. */
  payload(cell: CellId, commitment: Commitment): Promise<Result<Buffer, GetFault>>
}

/**
 * One log, as its gateway has it: nobody else is handed what writes.
 *
 * - LG1  One log has one writer: whoever opens it while another has it is refused, and told who that is.
 */
export interface WritableLog extends Log {
  /** Opens it for writing; it is made where it is missing. */
  open(options: OpenOptions): Promise<Result<Ledger, LedgerFault>>
}
