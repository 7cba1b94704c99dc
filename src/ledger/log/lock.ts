import { closeSync, constants, fstatSync, ftruncateSync, openSync, readSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import process from 'node:process'
import koffi from 'koffi'
import { failedWith } from '../../model/host/system-error.ts'
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

/** The process that holds a lock. */
export interface LockHolder {
  /** The number of its process, as it has written it; on a full disk it has not. */
  readonly pid: number | undefined
  /** The user whose file the lock is. */
  readonly uid: number
}

/**
 * Returns who holds the lock of a directory, by the kernel; undefined where nobody does, and where there is no lock. Whoever
 * takes it at this very moment may be told that it is taken.
 *
 * @throws where the file cannot be opened, or is none.
 */
export function lockHolder(directory: string): LockHolder | undefined {
  let fd: number
  try {
    fd = openSync(join(directory, 'lock'), constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK)
  } catch (error) {
    if (failedWith(error, 'ENOENT', 'ENOTDIR', 'ENAMETOOLONG')) return undefined
    throw error
  }
  try {
    const stat = fstatSync(fd)
    if (!stat.isFile()) throw new Error(`${join(directory, 'lock')} is not a regular file`)
    if (flock(fd, LOCK_SH | LOCK_NB) === 0) return undefined
    const pid = pidIn(fd)
    return { pid: pid === undefined ? undefined : Number(pid), uid: stat.uid }
  } finally {
    closeSync(fd)
  }
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
  const pid = pidIn(fd)
  return pid === undefined ? 'another process' : `process ${pid}`
}

function pidIn(fd: number): string | undefined {
  const start = Buffer.alloc(PID_BYTES_MAX)
  return /^(\d{1,10})\n$/.exec(start.toString('latin1', 0, readSync(fd, start, 0, PID_BYTES_MAX, 0)))?.[1]
}

/** More than any number of a process with its end of line. */
const PID_BYTES_MAX = 32
const LOCK_SH = 1
const LOCK_EX = 2
const LOCK_NB = 4

// Loaded before a service becomes its own uid.
const flock: (fd: number, operation: number) => number = koffi
  .load('libc.so.6')
  .func('int flock(int fd, int operation)')
