/**
 * Bounds how far the images of live workspaces may grow. Each is thin: it promises more than it takes, and all together
 * may promise more than the host's disk has. What a disk has beyond its reserve is divided among the images on it, and
 * the kernel refuses a cell's write (ENOSPC) before that is used up: ledgers, fences and seals keep their room.
 *
 * `reserved_clusters` of ext4 is room that no write takes; Linux Documentation/ABI/testing/sysfs-fs-ext4.
 */

import { readdirSync, readFileSync, statfsSync, statSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { failedWith } from '../../../model/host/system-error.ts'
import { no, ok, type Result } from '../../../model/result.ts'
import { ownSysfs } from './own-sysfs.ts'

/**
 * Bytes of the host's disk that stay free at most: an agent that fills its own disk again and again must not fill the
 * ledger's.
 */
const RESERVE_BYTES_MAX = 512 * 1024 ** 2
const RESERVE_PART = 0.05
/** Name of an image's file, in the directory of the changes. */
export const IMAGE_NAME = 'disk'
/** Bytes that ext4 keeps for each file in its tables, beside its data. */
const INODE_BYTES = 256
/** The block of an image of the usual size; smaller ones have smaller blocks. */
const BLOCK_BYTES = 4096
/** Clusters that ext4 keeps for its own writing: one in so many, and so many at the most. */
const KEPT_PART = 50
const KEPT_MAX = 4096

/** A mounted image. */
export interface Grown {
  readonly image: string
  /** Path of the mount point. */
  readonly target: string
}

/** An image of Firebreak that is mounted on this host, of this run or of another, as it is at this moment. */
interface Live {
  /** Name of its loop device, and of its settings. */
  readonly loop: string
  /** Device number of the disk that its file lies on. */
  readonly disk: number
  /** Bytes that it will take of its disk without another allocation: dirty pages, and space that a file was promised. */
  readonly owed: number
  /** Blocks of the image; `undefined` where its mount cannot be seen from here. */
  readonly inside: Inside | undefined
}

interface Inside {
  readonly blockBytes: number
  readonly free: number
  readonly kept: number
  /** Bytes of the file that it no longer uses: they take nothing of the disk when they are written again. */
  readonly again: number
}

/**
 * Returns how many bytes stay free on the disk that `directory` lies on, and how many are free above them. What live
 * images have yet to write is not free.
 */
export function roomOn(directory: string): { readonly reserve: number; readonly free: number; readonly room: number } {
  return roomBeside(directory, statSync(directory).dev, lives())
}

function roomBeside(path: string, disk: number, live: readonly Live[]): ReturnType<typeof roomOn> {
  const { bavail, bsize, blocks } = statfsSync(path)
  const reserve = Math.min(RESERVE_BYTES_MAX, Math.floor(blocks * bsize * RESERVE_PART))
  const owed = live.reduce((sum, image) => (image.disk === disk ? sum + image.owed : sum), 0)
  const free = Math.max(0, bavail * bsize - owed)
  return { reserve, free, room: Math.max(0, free - reserve) }
}

/** Bounds every image that is mounted here by the room of its disk; asked again and again while cells run. */
export class Growth {
  /** Images by the device of their mount, by which each is known until it is gone. */
  readonly #images = new Map<number, Grown>()

  /** Adds an image before its cell runs, and bounds it. Fails where this host lets nobody bound it. */
  add(grown: Grown): Result<void, string> {
    const device = statSync(grown.target).dev
    const bounded = boundOn(grown.image, loopOf(device))
    if (bounded.ok) this.#images.set(device, grown)
    return bounded
  }

  look(): void {
    const disks = new Map<number, string>()
    for (const [device, { image, target }] of this.#images) {
      // A place without it is one that was taken away.
      if (statSync(target, { throwIfNoEntry: false })?.dev !== device) this.#images.delete(device)
      else disks.set(statSync(image).dev, image)
    }
    for (const image of disks.values()) boundOn(image)
  }
}

/**
 * Bounds the images on the disk of `image`, all from one look, those of other runs too: a bound that was set from an
 * older one would promise room a second time. Fails where that of `loop` cannot be set.
 */
function boundOn(image: string, loop?: string): Result<void, string> {
  const disk = statSync(image).dev
  const live = lives().filter((other) => other.disk === disk)
  const share = Math.floor(roomBeside(image, disk, live).room / Math.max(1, live.length))
  const seen = loop === undefined || live.some((other) => other.loop === loop && other.inside !== undefined)
  let problem = seen ? undefined : 'its mount is not seen'
  for (const { loop: name, inside } of live) {
    if (inside === undefined) continue
    const more = Math.floor((share + inside.again) / inside.blockBytes)
    const kept = attempt(() => keep(settingOf(name), Math.max(inside.kept, inside.free - more)))
    if (!kept.ok && name === loop) problem = kept.reason
  }
  return problem === undefined ? ok(undefined) : no(problem)
}

function lives(): readonly Live[] {
  const targets = loopTargets()
  return readdirSync('/sys/block')
    .filter((name) => name.startsWith('loop'))
    .map((loop) => {
      const path = backingOf(loop)
      if (path === undefined || basename(path) !== IMAGE_NAME) return undefined
      const seen = attempt(() => ok(liveOf(loop, path, targets.get(loop))))
      // It was taken away while we looked.
      return seen.ok ? seen.value : undefined
    })
    .filter((live) => live !== undefined)
}

function liveOf(loop: string, path: string, target: string | undefined): Live {
  const { dev: disk, blocks, size } = statSync(path)
  if (target === undefined) {
    const dirty = Number(readFileSync(`/sys/fs/ext4/${loop}/delayed_allocation_blocks`, 'utf8'))
    return { loop, disk, owed: dirty * BLOCK_BYTES, inside: undefined }
  }
  const { bsize, blocks: all, bfree, files, ffree } = statfsSync(target)
  const used = (all - bfree) * bsize + (files - ffree) * INODE_BYTES
  const kept = Math.min(KEPT_MAX, Math.floor(size / bsize / KEPT_PART))
  const again = Math.max(0, blocks * 512 - used)
  return { loop, disk, owed: Math.max(0, used - blocks * 512), inside: { blockBytes: bsize, free: bfree, kept, again } }
}

/** Returns where loop devices are mounted, by their names; proc_pid_mountinfo(5). */
function loopTargets(): ReadonlyMap<string, string> {
  const found = new Map<string, string>()
  for (const line of readFileSync('/proc/self/mountinfo', 'utf8').split('\n')) {
    const [, , device = '', , at = ''] = line.split(' ')
    const path = at.replace(/\\([0-7]{3})/g, (_, code: string) => String.fromCharCode(Number.parseInt(code, 8)))
    if (device.startsWith('7:')) found.set(`loop${device.slice(2)}`, path)
  }
  return found
}

function backingOf(loop: string): string | undefined {
  try {
    return readFileSync(`/sys/block/${loop}/loop/backing_file`, 'utf8').trimEnd()
  } catch {
    // Nothing is attached to it.
    return undefined
  }
}

function attempt<T>(step: () => Result<T, string>): Result<T, string> {
  try {
    return step()
  } catch (error) {
    return no(error instanceof Error ? error.message : String(error))
  }
}

/** The sysfs in which settings can be written: replaced by our own at the first write that a read-only one refuses. */
let sysfs = '/sys'

function keep(setting: string, clusters: number): Result<void, string> {
  if (Number(readFileSync(join(sysfs, setting), 'utf8')) === clusters) return ok(undefined)
  try {
    writeFileSync(join(sysfs, setting), `${clusters}`)
  } catch (error) {
    if (sysfs !== '/sys' || !failedWith(error, 'EROFS')) throw error
    const own = ownSysfs()
    if (!own.ok) return own
    sysfs = own.value
    writeFileSync(join(sysfs, setting), `${clusters}`)
  }
  return ok(undefined)
}

/** Returns the path, below sysfs, of the reserved clusters of the file system on a loop device. */
function settingOf(loop: string): string {
  return `fs/ext4/${loop}/reserved_clusters`
}

/** Returns the name of a loop device by its number; the major number of loop devices is 7. */
function loopOf(device: number): string {
  return `loop${(device & 0xff) | ((device >> 12) & 0xfff00)}`
}
