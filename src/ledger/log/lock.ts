import { closeSync, constants, fstatSync, ftruncateSync, openSync, readFileSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import process from 'node:process'
import koffi from 'koffi'
import { no, ok, type Result } from '../../model/result.ts'
import type { LedgerFault } from './fault.ts'

export interface DirectoryLock {
  release(): Promise<void>
}

/**
 * Locks a directory for one writer, or returns the fault that names the other.
 *
 * flock(2) on a file of mode 0600: whoever cannot open it cannot take it, the kernel takes it back when its holder ends,
 * and it holds across namespaces. What stands in the file only says who that is. The descriptor is a bare number, which
 * no garbage collector closes.
 */
export async function lock(directory: string): Promise<Result<DirectoryLock, LedgerFault>> {
  const path = join(directory, 'lock')
  const fd = openSync(path, constants.O_RDWR | constants.O_CREAT | constants.O_NOFOLLOW | constants.O_NONBLOCK, 0o600)
  if (!fstatSync(fd).isFile()) {
    closeSync(fd)
    return no({ kind: 'not-a-ledger', path, problem: 'it is not a regular file' })
  }
  if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
    const errno = koffi.errno()
    const by = errno === koffi.os.errno.EAGAIN ? holderIn(fd) : `flock: errno ${errno}`
    closeSync(fd)
    return no({ kind: 'locked', directory, by })
  }
  say(fd, `${process.pid}\n`)
  return ok({
    async release() {
      say(fd, '')
      closeSync(fd)
    },
  })
}

/** Writes the holder's name into the lock. On a full disk the name is missing; the lock is held all the same. */
function say(fd: number, holder: string): void {
  try {
    ftruncateSync(fd)
    writeSync(fd, holder, 0)
  } catch {
    // The kernel has it, and the file is only for a person.
  }
}

function holderIn(fd: number): string {
  const [, pid] = /^(\d{1,10})\n$/.exec(readFileSync(fd, 'utf8')) ?? []
  return pid === undefined ? 'another process' : `process ${pid}`
}

const LOCK_EX = 2
const LOCK_NB = 4

// Loaded before a service becomes its own uid.
const flock: (fd: number, operation: number) => number = koffi
  .load('libc.so.6')
  .func('int flock(int fd, int operation)')
