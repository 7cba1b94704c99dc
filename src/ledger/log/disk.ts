import { constants } from 'node:fs'
import { type FileHandle, mkdir, open, readdir, rename, unlink } from 'node:fs/promises'
import { dirname, join } from 'node:path'

/**
 * The few things the ledger does to a disk, so that a simulated one can lose power at any of them.
 *
 * - D1  A write counts only after `sync` of its file; a new or renamed name only after `syncDirectory`.
 * - D2  Nothing follows a symbolic link or opens anything but a regular file.
 * - D3  A rejected write or sync is final for that file: the kernel may have dropped the pages and called them clean.
 */
export interface Disk {
  /** Lists the names in a directory, sorted; empty where there is no such directory. */
  names(directory: string): Promise<readonly string[]>
  /**
   * Makes a directory durably, its parents too; mode 0700 unless it is for others to read. Rejects what is no
   * directory.
   */
  makeDirectory(directory: string, mode?: number): Promise<void>
  /** Creates a file; mode 0600 unless it is for others to read. */
  create(path: string, mode?: number): Promise<DiskFile>
  /** Opens a file; undefined where there is none. */
  open(path: string, how: 'read' | 'write'): Promise<DiskFile | undefined>
  rename(from: string, to: string): Promise<void>
  remove(path: string): Promise<void>
  syncDirectory(directory: string): Promise<void>
}

export interface DiskFile {
  /** Size in bytes when it was opened. */
  readonly size: number
  /** Reads bytes; fewer than asked for only at the end of the file. */
  read(at: number, bytes: number): Promise<Buffer>
  write(bytes: Uint8Array, at: number): Promise<void>
  sync(): Promise<void>
  /** Writes and syncs in one: with O_DSYNC the thread pool is crossed once, which is a quarter of a small commit. */
  writeDurably(bytes: Uint8Array, at: number): Promise<void>
  close(): Promise<void>
}

export const realDisk: Disk = {
  async names(directory) {
    try {
      return (await readdir(directory)).sort()
    } catch (error) {
      if (codeOf(error) === 'ENOENT') return []
      throw error
    }
  },
  async makeDirectory(directory, mode = 0o700) {
    const first = await mkdir(directory, { recursive: true, mode })
    const handle = await open(directory, constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW)
    await handle.close()
    if (first === undefined) return
    for (let made = directory; made.length >= first.length; made = dirname(made)) await syncDirectory(dirname(made))
  },
  async create(path, mode = 0o600) {
    const flags = constants.O_RDWR | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW | constants.O_DSYNC
    return new RealFile(await open(path, flags, mode), 0)
  },
  async open(path, how) {
    const access = how === 'read' ? constants.O_RDONLY : constants.O_RDWR | constants.O_DSYNC
    try {
      const handle = await open(path, access | constants.O_NOFOLLOW | constants.O_NONBLOCK)
      const stat = await handle.stat()
      if (stat.isFile()) return new RealFile(handle, stat.size)
      await handle.close()
      throw Object.assign(new Error(`${path} is not a regular file`), { code: 'EINVAL' })
    } catch (error) {
      if (codeOf(error) === 'ENOENT') return undefined
      throw error
    }
  },
  rename,
  remove: unlink,
  syncDirectory,
}

class RealFile implements DiskFile {
  readonly #handle: FileHandle
  readonly size: number

  constructor(handle: FileHandle, size: number) {
    this.#handle = handle
    this.size = size
  }

  async read(at: number, bytes: number): Promise<Buffer> {
    const into = Buffer.allocUnsafe(bytes)
    let done = 0
    while (done < bytes) {
      const { bytesRead } = await this.#handle.read(into, done, bytes - done, at + done)
      if (bytesRead === 0) break
      done += bytesRead
    }
    return into.subarray(0, done)
  }

  /** A short write (a full disk, a signal) goes on where it stopped, and then fails with the reason. */
  async write(bytes: Uint8Array, at: number): Promise<void> {
    for (let done = 0; done < bytes.length; ) {
      const { bytesWritten } = await this.#handle.write(bytes, done, bytes.length - done, at + done)
      done += bytesWritten
    }
  }

  sync(): Promise<void> {
    return this.#handle.sync()
  }

  /** The descriptor is open with O_DSYNC: a write that returned is durable. */
  writeDurably(bytes: Uint8Array, at: number): Promise<void> {
    return this.write(bytes, at)
  }

  close(): Promise<void> {
    return this.#handle.close()
  }
}

async function syncDirectory(directory: string): Promise<void> {
  const handle = await open(directory, constants.O_RDONLY | constants.O_DIRECTORY)
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}

/** Returns the kernel's code of an error: `ENOSPC`, `EIO`, …; any other error is a bug, and thrown on. */
export function codeOf(error: unknown): string {
  if (error instanceof Error && 'code' in error && typeof error.code === 'string') return error.code
  throw error
}

export function segmentPath(directory: string, index: number): string {
  return join(directory, `${String(index).padStart(10, '0')}.segment`)
}

/** Reads the number of a segment from its name; undefined for a name that is no segment's. */
export function segmentIndex(name: string): number | undefined {
  return /^\d{10}\.segment$/.test(name) ? Number(name.slice(0, 10)) : undefined
}
