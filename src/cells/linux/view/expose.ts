import { closeSync, mkdirSync, openSync, realpathSync, statSync, writeFileSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import type { Result } from '../../../model/result.ts'
import {
  attachMount,
  changeMount,
  cloneMount,
  newMount,
  type SystemFault,
  systemFaultText,
  unmount,
} from '../../kernel/libc.ts'
import type { FileSpec, Profile, RootSpec } from '../../spec.ts'
import { mountsUnder } from '../launch/run-directory.ts'

interface Bind {
  readonly from: string
  readonly to: string
  readonly writable: false
}

/**
 * Files and directories of the host as a cell's uid can reach them. What the file's own mode forbids stays forbidden.
 *
 * All is shown through overlays of our own. A read-only mount keeps nobody from connecting to a socket that somebody left
 * in it, from writing into a FIFO, or from locking a file that a job of the host locks: those must be other ones than the
 * host's (S3). A file anyone may read can stand in a directory that only its owner may enter (a Node under somebody's
 * home): so it is shown through a mount of our own in `directory`.
 */
export function exposeFiles(
  files: readonly FileSpec[],
  directory: string,
  profile: Profile,
): { readonly binds: readonly Bind[]; unmount(): boolean } {
  const mounted: string[] = []
  const unmountAll = (): boolean => mounted.every((place) => unmount(place, true).ok)
  const expose = ({ from, to }: FileSpec, index: number): Bind => {
    const source = realpathSync(from)
    // Without root the cell's uid is our own: what it cannot reach, we cannot show.
    const stats = statSync(source)
    const isDirectory = stats.isDirectory()
    if (!isDirectory && !stats.isFile()) throw new Error(`${from}: neither a file nor a directory`)
    if (profile === 'user') return { from: source, to, writable: false }
    const place = join(directory, `file-${index}`)
    const held = (shown: Result<number, SystemFault>, at: string): void => {
      if (!shown.ok) throw new Error(`${from}: ${systemFaultText(shown.reason)}`)
      const attached = attachMount(shown.value, at)
      closeSync(shown.value)
      if (!attached.ok) throw new Error(`${from}: ${systemFaultText(attached.reason)}`)
      mounted.push(at)
    }
    if (isDirectory) {
      mkdirSync(place)
      held(overlayOf(source, directory), place)
      return { from: place, to, writable: false }
    }
    // One that is itself a mount is shown as it is.
    const overlay = mountsUnder(source).length > 0 ? undefined : overlayIn(dirname(source), directory)
    let shown = source
    if (overlay?.ok) {
      const over = join(directory, `over-${index}`)
      mkdirSync(over)
      held(overlay, over)
      shown = join(over, basename(source))
      // What is above the overlay is ours, and a cell passes through it; its own top has the mode of the file's directory.
      if ((statSync(over).mode & 0o001) !== 0) return { from: shown, to, writable: false }
    }
    writeFileSync(place, '')
    held(readOnlyClone(shown), place)
    return { from: place, to, writable: false }
  }
  try {
    return { binds: files.map(expose), unmount: unmountAll }
  } catch (error) {
    unmountAll()
    throw error
  }
}

/** The host's /usr as a cell sees it; where something else is mounted in it, and under profile `user`, the host's own. */
export function exposeUsr(
  root: RootSpec,
  directory: string,
  profile: Profile,
): { readonly from: string; unmount(): boolean } {
  const own = { from: '/usr', unmount: () => true }
  if (root.kind === 'directory' || profile === 'user' || mountsUnder('/usr').some((mount) => mount !== '/usr'))
    return own
  const overlay = overlayOf('/usr', directory)
  // Where the host's own root is an overlay over overlays, there is no other.
  if (!overlay.ok) return own
  const from = join(directory, 'usr')
  mkdirSync(from, { mode: 0o755 })
  const attached = attachMount(overlay.value, from)
  closeSync(overlay.value)
  return attached.ok ? { from, unmount: () => unmount(from, true).ok } : own
}

function readOnlyClone(path: string): Result<number, SystemFault> {
  const clone = cloneMount(path, false)
  if (!clone.ok) return clone
  const changed = changeMount(clone.value, { nosuid: true, nodev: true, readOnly: true })
  if (changed.ok) return clone
  closeSync(clone.value)
  return changed
}

function overlayOf(path: string, directory: string): Result<number, SystemFault> {
  const below = mountsUnder(path).find((mount) => mount !== path)
  if (below !== undefined)
    throw new Error(`${path}: ${below} is mounted in it, and would not be seen: show it by itself`)
  return overlayIn(path, directory)
}

/**
 * Makes an overlay of `path` and an empty directory, because an overlay wants two. They are named by descriptors: a
 * path may hold a colon, which separates layers.
 */
function overlayIn(path: string, directory: string): Result<number, SystemFault> {
  const empty = join(directory, 'empty')
  mkdirSync(empty, { recursive: true, mode: 0o755 })
  const layers = [path, empty].map((layer) => openSync(layer, 'r'))
  try {
    const lower = layers.map((fd) => `/proc/self/fd/${fd}`).join(':')
    const options = [
      ['source', 'firebreak'],
      ['lowerdir', lower],
      ['redirect_dir', 'nofollow'],
      ['metacopy', 'off'],
      ['index', 'off'],
      ['xino', 'off'],
    ] as const
    return newMount('overlay', options, { nosuid: true, nodev: true, readOnly: true })
  } finally {
    for (const fd of layers) closeSync(fd)
  }
}
