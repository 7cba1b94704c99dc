import { openLedger, originOf } from '../log/ledger.ts'
import type { WritableLog } from '../store.ts'
import { fileLog } from './file-logs.ts'

/** Returns the log in one directory, for its writer: apart from its readers, which load nothing of what it takes to write. */
export function writableLog(directory: string, name: string): WritableLog {
  return {
    ...fileLog(directory, name),
    open: (options) => openLedger({ ...options, directory, origin: originOf(name) }),
  }
}
