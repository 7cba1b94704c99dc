import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs'
import { no, ok, type Result } from '../result.ts'

export interface PlainFile {
  readonly bytes: Buffer
  /** False where the file goes on behind these bytes. */
  readonly whole: boolean
  /** Owner of what was read. */
  readonly uid: number
}

/**
 * Reads the beginning of a regular file that whoever made a directory chose to put there. Nothing else is opened: a FIFO
 * would wait for its other end, a device may begin to act by being opened (`/dev/watchdog`), or never end (`/dev/zero`).
 * What stands at the path may be exchanged at any time: what was judged is what is read.
 *
 * @param bytesMax read at most, whatever size the file says it has: one of `/proc` says 0, one with holes a terabyte.
 * @param links `no` where the last part of the path must not be a link.
 * @returns undefined of what is no regular file, and of what cannot be read.
 */
export function readPlainFile(
  path: string | Buffer,
  bytesMax: number,
  links: 'follow' | 'no' = 'follow',
): PlainFile | undefined {
  const read = readPlain(path, bytesMax, links)
  return read.ok ? read.value : undefined
}

export interface NotPlain {
  /** The system's code (`ENOENT`); absent where the path leads to something else than a regular file. */
  readonly code?: string
  readonly problem: string
}

/** Reads as `readPlainFile` does, and says why it could not. */
export function readPlain(
  path: string | Buffer,
  bytesMax: number,
  links: 'follow' | 'no' = 'follow',
): Result<PlainFile, NotPlain> {
  const fds: number[] = []
  try {
    // No open of the file itself, by open(2): only its name is looked up.
    const named = openSync(path, O_PATH | (links === 'no' ? constants.O_NOFOLLOW : 0))
    fds.push(named)
    const stats = fstatSync(named)
    if (stats.isDirectory()) return no({ code: 'EISDIR', problem: 'EISDIR: it is a directory' })
    if (!stats.isFile()) return no({ problem: 'it is no regular file' })
    // Some of /proc wait for what is to come (`kmsg`), and an open may wait for the holder of a lease.
    const fd = openSync(`/proc/self/fd/${named}`, constants.O_RDONLY | constants.O_NONBLOCK)
    fds.push(fd)
    return ok({ ...readUpTo(fd, bytesMax, stats.size), uid: stats.uid })
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? { code: String(error.code) } : {}
    return no({ ...code, problem: error instanceof Error ? error.message : String(error) })
  } finally {
    for (const fd of fds) closeSync(fd)
  }
}

/** The same number on x86-64 and arm64; Node does not name it. open(2) */
export const O_PATH = 0o10000000
/** Bytes that are made room for where a file says that it has none. */
const ROOM_BYTES = 4_096

/** Reads to the end or the bound. The room is made as bytes come, beginning with what the file says it has. */
function readUpTo(fd: number, bytesMax: number, size: number): Omit<PlainFile, 'uid'> {
  let bytes = Buffer.alloc(Math.min(bytesMax + 1, Math.max(size + 1, ROOM_BYTES)))
  for (let length = 0; ; ) {
    const count = readSync(fd, bytes, length, bytes.length - length, null)
    length += count
    if (count === 0) return { bytes: bytes.subarray(0, length), whole: true }
    if (length > bytesMax) return { bytes: bytes.subarray(0, bytesMax), whole: false }
    if (length === bytes.length) bytes = Buffer.concat([bytes], Math.min(bytesMax + 1, length * 2))
  }
}
