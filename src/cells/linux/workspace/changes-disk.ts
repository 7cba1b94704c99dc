/**
 * The changes of a workspace live in an ext4 image of bounded size: a cell can fill its own disk and no other, neither
 * with bytes nor with files. The image is sparse, and written by the kernel only; no cell ever sees it.
 */
import { execFile } from 'node:child_process'
import {
  chmodSync,
  closeSync,
  existsSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  readSync,
  rmSync,
  writeSync,
} from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { no, ok, type Result } from '../../../model/result.ts'
import { attachLoop, attachMount, dataIn, newMount, systemFaultText, unmount } from '../../kernel/libc.ts'
import type { LaunchFault } from '../../spec.ts'
import { Growth, IMAGE_NAME } from './growth.ts'

export const DISK_BYTES_DEFAULT = 8 * 1024 ** 3
/** ext4 without a journal needs this little for itself. */
export const DISK_BYTES_MIN = 4 * 1024 ** 2
/** One file for every 16 KiB: 8 GiB hold half a million, a large checkout with its dependencies. */
const BYTES_PER_FILE = 16_384

export interface ChangesDisks {
  /** Mounts the image of `changes`, made if missing, at `target`. */
  mount(changes: string, bytes: number, target: string): Promise<Result<void, LaunchFault>>
  /** Bounds all images that are mounted by the room of their disks. */
  bound(): void
  /** Mounts one that is there to be looked at: not one byte of it changes. */
  show(changes: string, target: string): Result<void, LaunchFault>
}

/** `scratch`: a directory of ours for the empty images that new ones are copied from. */
export function openChangesDisks(scratch: string): ChangesDisks {
  const empty = new Map<number, Promise<Result<Image, LaunchFault>>>()
  const growth = new Growth()
  return {
    bound: () => growth.look(),
    async mount(changes, bytes, target) {
      const path = imageOf(changes)
      if (!existsSync(path)) {
        const image = empty.get(bytes) ?? formatted(join(scratch, `empty-${bytes}`), bytes)
        empty.set(bytes, image)
        const made = await image
        if (!made.ok) return made
        writeImage(path, made.value)
      }
      const mounted = mountImage(path, target, false)
      if (!mounted.ok) return mounted
      const bounded = growth.add({ image: path, target })
      if (bounded.ok) return mounted
      unmount(target, true)
      return no({
        kind: 'lacking',
        layer: 'disk',
        problem: `its growth cannot be bounded: ${bounded.reason}`,
        fix: 'let /sys be written to, or write "profile: user", under which changes can fill the disk',
      })
    },
    show: (changes, target) => mountImage(imageOf(changes), target, true),
  }
}

export function imageOf(changes: string): string {
  return join(changes, IMAGE_NAME)
}

/** An empty file system, as the few blocks that are not zero. */
interface Image {
  readonly bytes: number
  readonly blocks: readonly { readonly at: number; readonly data: Buffer }[]
}

const lacking = (problem: string) =>
  no<LaunchFault>({
    kind: 'lacking',
    layer: 'disk',
    problem,
    fix: 'install e2fsprogs and load the loop and ext4 modules',
  })

async function formatted(path: string, bytes: number): Promise<Result<Image, LaunchFault>> {
  if (bytes < DISK_BYTES_MIN)
    return no({ kind: 'spec', field: 'limits.diskBytes', problem: `at least ${DISK_BYTES_MIN}` })
  const fd = openSync(path, 'wx+', 0o600)
  try {
    ftruncateSync(fd, bytes)
    const features = '^has_journal,^resize_inode'
    const options = [
      '-q',
      '-F',
      '-m',
      '0',
      '-i',
      `${BYTES_PER_FILE}`,
      '-O',
      features,
      '-E',
      'lazy_itable_init=1,nodiscard',
    ]
    await promisify(execFile)('mkfs.ext4', [...options, path], {
      env: { PATH: '/usr/sbin:/sbin:/usr/bin' },
      timeout: 10_000,
    })
    const blocks = dataIn(fd, bytes).map(([at, length]) => {
      const data = Buffer.alloc(length)
      readSync(fd, data, 0, length, at)
      return { at, data }
    })
    return ok({ bytes, blocks })
  } catch (error) {
    return lacking(error instanceof Error ? error.message : String(error))
  } finally {
    closeSync(fd)
    rmSync(path, { force: true })
  }
}

/** Writes a disk image, of which nothing stays on a fault: a half-written image is never mounted. */
function writeImage(path: string, image: Image): void {
  const fd = openSync(path, 'wx', 0o600)
  try {
    ftruncateSync(fd, image.bytes)
    for (const { at, data } of image.blocks) writeSync(fd, data, 0, data.length, at)
  } catch (error) {
    // On a full disk: half of one would be mounted next time.
    rmSync(path, { force: true })
    throw error
  } finally {
    closeSync(fd)
  }
}

function mountImage(path: string, target: string, readOnly: boolean): Result<void, LaunchFault> {
  if (!existsSync('/dev/loop-control')) return lacking('no /dev/loop-control')
  const held: number[] = []
  const mode = readOnly ? 'r' : 'r+'
  const open = (file: string): number => {
    const fd = openSync(file, mode)
    held.push(fd)
    return fd
  }
  try {
    const loop = attachLoop(open('/dev/loop-control'), open(path), (device) => openSync(device, mode))
    if (!loop.ok) return lacking(systemFaultText(loop.reason))
    held.push(loop.value.fd)
    // `discard` returns to the host what the cell deletes. Nothing is written to an image but what a cell writes: while
    // that stands still and the file system is flushed, the image is one moment's (`hold-still.ts`). What is flushed has
    // reached the host and need not have reached its disk: these changes outlive crashes, and not a power loss.
    const mount = newMount(
      'ext4',
      [
        ['source', loop.value.path],
        ['discard', true],
        ['noinit_itable', true],
        ['nobarrier', true],
        ...(readOnly ? [['ro', true] as const] : []),
      ],
      { nosuid: true, nodev: true },
    )
    if (!mount.ok) return lacking(systemFaultText(mount.reason))
    held.push(mount.value)
    mkdirSync(target, { mode: 0o700 })
    const attached = attachMount(mount.value, target)
    if (!attached.ok) return no({ kind: 'failed', step: 'disk', problem: systemFaultText(attached.reason) })
    if (!readOnly) chmodSync(target, 0o700)
    return ok(undefined)
  } finally {
    for (const fd of held) closeSync(fd)
  }
}
