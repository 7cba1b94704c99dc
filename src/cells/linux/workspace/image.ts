/** Disk images as files: copied whole, block by block. Nothing here looks at what is in one. */

import { constants, existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'
import { dirname } from 'node:path'
import { no, ok, type Result } from '../../../model/result.ts'
import { copyRange, dataIn, shareBlocks } from '../../kernel/libc.ts'
import type { ImageFault } from '../../workspace.ts'
import { roomOn } from './growth.ts'

/**
 * Copies an image that nobody writes to. Where the file system can share blocks this takes no room and no time; elsewhere
 * the stretches that hold data are copied inside the kernel, and its holes stay holes. One that failed stays for
 * who has asked for it to throw away.
 */
export async function copyImage(from: string, to: string): Promise<Result<void, ImageFault>> {
  const held: FileHandle[] = []
  try {
    const room = roomFor(from, dirname(to))
    if (room !== undefined) return no({ kind: 'full', problem: room })
    const source = await open(from, constants.O_RDONLY | constants.O_NOFOLLOW)
    held.push(source)
    const target = await open(to, 'wx', 0o600)
    held.push(target)
    const { size } = await source.stat()
    await target.truncate(size)
    if (!shareBlocks(source.fd, target.fd)) {
      for (const [at, bytes] of dataIn(source.fd, size)) await copyStretch(source, target, at, at + bytes)
    }
    return ok(undefined)
  } catch (error) {
    const problem = error instanceof Error ? error.message : String(error)
    return no({ kind: /ENOSPC|EDQUOT/.test(problem) ? 'full' : 'uncopied', problem })
  } finally {
    for (const handle of held) await handle.close()
  }
}

/** Returns the bytes that an image takes on the host's disk. */
export function bytesOn(path: string): number {
  return statSync(path).blocks * 512
}

/**
 * Tells whether a loop device still stands over this image: one that a cell has just left may be written to a moment
 * longer.
 */
export function isAttached(path: string): boolean {
  return readdirSync('/sys/block')
    .filter((name) => name.startsWith('loop'))
    .some((name) => {
      const backing = `/sys/block/${name}/loop/backing_file`
      try {
        return existsSync(backing) && readFileSync(backing, 'utf8').trimEnd() === path
      } catch {
        // It was detached while we looked.
        return false
      }
    })
}

function roomFor(from: string, directory: string): string | undefined {
  const { free, reserve } = roomOn(directory)
  const needed = bytesOn(from)
  if (free - needed >= reserve) return undefined
  return `it takes ${needed} bytes, and of the ${free} that are free in ${directory} ${reserve} are kept free`
}

/** Bounded, so that a copy of gigabytes can be followed by something else. */
const STRETCH_BYTES = 64 * 1024 ** 2

async function copyStretch(source: FileHandle, target: FileHandle, from: number, to: number): Promise<void> {
  for (let at = from; at < to; ) {
    const copied = await copyRange(source.fd, target.fd, at, Math.min(STRETCH_BYTES, to - at))
    // Where the kernel cannot, or says no: read and written here, which also says why.
    at += copied > 0 ? copied : await copyPiece(source, target, at, Math.min(PIECE_BYTES, to - at))
  }
}

const PIECE_BYTES = 1024 ** 2

async function copyPiece(source: FileHandle, target: FileHandle, at: number, bytes: number): Promise<number> {
  const piece = Buffer.allocUnsafe(bytes)
  const { bytesRead } = await source.read(piece, 0, bytes, at)
  if (bytesRead === 0) throw new Error('the image became shorter while it was copied')
  await target.write(piece, 0, bytesRead, at)
  return bytesRead
}
