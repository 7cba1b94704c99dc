import { programPath } from '../../../../model/host/program-file.ts'
import type { Result } from '../../../../model/index.ts'
import { ReadingDesk } from '../../../fairness/reading-desk.ts'
import type { MarkedList } from './marked-list.ts'
import { type ListJob, markList } from './package-work.ts'

/** A list of a package: `next`, the longest that is known, has 21 MB. */
export const LIST_BYTES_MAX = 33_554_432
/** Lists of one cell that are read or wait for that: package managers ask for some fifteen at a time. */
export const LISTS_WAITING_MAX = 32
/** Bytes of these. */
export const LISTS_WAITING_BYTES_MAX = 100_663_296
/** Time for one list: 21 MB take half a second, and the machine may be busy. */
export const LIST_MS_MAX = 20_000

export interface PackageDeskOptions {
  /** File of the thread's program. */
  readonly program?: string
  readonly listMsMax?: number
}

/** Reads and marks lists of packages for the cells of a gateway. */
export class PackageDesk extends ReadingDesk<ListJob, MarkedList> {
  constructor({ program, listMsMax = LIST_MS_MAX }: PackageDeskOptions = {}) {
    super({
      program: program ?? programPath('gateway/protocols/package/lists/package-worker-main'),
      read: markList,
      msMax: listMsMax,
      bytesMax: LIST_BYTES_MAX,
      waitingMax: LISTS_WAITING_MAX,
      waitingBytesMax: LISTS_WAITING_BYTES_MAX,
      what: 'lists of packages',
    })
  }

  /** Marks a list for a cell. Its bytes are the desk's from here on. Never rejects; the error is in words for a person. */
  mark(cell: string, job: ListJob): Promise<Result<MarkedList, string>> {
    return this.read(cell, job)
  }
}
