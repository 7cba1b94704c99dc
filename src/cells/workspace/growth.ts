/**
 * Bounds how far the images of live workspaces may grow. Each is thin: it promises more than it takes, and all together
 * may promise more than the host's disk has. What a disk has beyond its reserve is divided among the images on it, and
 * the kernel refuses a cell's write (ENOSPC) before that is used up: ledgers, fences and seals keep their room.
 *
 * `reserved_clusters` of ext4 is room that no write takes; Linux Documentation/ABI/testing/sysfs-fs-ext4.
 */
import { readdirSync, readFileSync, statfsSync, statSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { no, ok, type Result } from '../../model/result.ts'
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

/** A mounted image. */
export interface Grown {
  readonly image: string
  /** Path of the mount point. */
  readonly target: string
}

/** An image that is bounded by the room of its disk. */
interface Held extends Grown {
  readonly device: number
  /** Clusters that ext4 keeps for what it has to write itself. */
  readonly kept: number
}

/** Returns how many bytes stay free on the disk that `directory` lies on, and how many are free above them. */
export function roomOn(directory: string): { readonly reserve: number; readonly free: number; readonly room: number } {
  const { bavail, bsize, blocks } = statfsSync(directory)
  const reserve = Math.min(RESERVE_BYTES_MAX, Math.floor(blocks * bsize * RESERVE_PART))
  return { reserve, free: bavail * bsize, room: Math.max(0, bavail * bsize - reserve) }
}

/** Bounds every image that is mounted here by the room of its disk; asked again and again while cells run. */
export class Growth {
  /** Images by the device of their mount, by which each is known until it is gone. */
  readonly #images = new Map<number, Held>()

  /** Adds an image before its cell runs, and bounds it. Fails where this host lets nobody bound it. */
  add(grown: Grown): Result<void, string> {
    const device = statSync(grown.target).dev
    const kept = Number(readFileSync(join('/sys', settingOf(device)), 'utf8'))
    const held = { ...grown, device, kept }
    const bounded = bound(held, counted())
    if (bounded.ok) this.#images.set(device, held)
    return bounded
  }

  look(): void {
    if (this.#images.size === 0) return
    const live = counted()
    for (const [device, held] of this.#images) {
      // A place without it is one that was taken away.
      if (statSync(held.target, { throwIfNoEntry: false })?.dev !== device) this.#images.delete(device)
      else bound(held, live)
    }
  }
}

/**
 * Counts the images of Firebreak that are mounted on this host, by the device of their disk: also those of other runs.
 */
function counted(): ReadonlyMap<number, number> {
  const found = new Map<number, number>()
  for (const loop of readdirSync('/sys/block').filter((name) => name.startsWith('loop'))) {
    const path = backingOf(loop)
    if (path === undefined || basename(path) !== IMAGE_NAME) continue
    const disk = statSync(path, { throwIfNoEntry: false })?.dev
    if (disk !== undefined) found.set(disk, (found.get(disk) ?? 0) + 1)
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

function bound({ image, target, device, kept }: Held, live: ReadonlyMap<number, number>): Result<void, string> {
  try {
    const { dev, blocks } = statSync(image)
    const share = Math.floor(roomOn(image).room / Math.max(1, live.get(dev) ?? 1))
    const inside = statfsSync(target)
    // What was written and has not reached the image yet takes of the share, too.
    const used = (inside.blocks - inside.bfree) * inside.bsize + (inside.files - inside.ffree) * INODE_BYTES
    const more = Math.max(0, blocks * 512 + share - used)
    return keep(settingOf(device), Math.max(kept, inside.bfree - Math.floor(more / inside.bsize)))
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
    if (sysfs !== '/sys' || !(error instanceof Error && 'code' in error && error.code === 'EROFS')) throw error
    const own = ownSysfs()
    if (!own.ok) return own
    sysfs = own.value
    writeFileSync(join(sysfs, setting), `${clusters}`)
  }
  return ok(undefined)
}

/** Returns the path, below sysfs, of a loop device's reserved clusters; the major number of loop devices is 7. */
function settingOf(device: number): string {
  return `fs/ext4/loop${(device & 0xff) | ((device >> 12) & 0xfff00)}/reserved_clusters`
}
