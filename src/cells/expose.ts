import { closeSync, mkdirSync, openSync, realpathSync, statSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import type { Result } from '../model/result.ts'
import { attachMount, changeMount, cloneMount, newMount, type SystemFault, systemFaultText, unmount } from './libc.ts'
import { mountsUnder } from './run-directory.ts'
import type { FileSpec, Profile } from './spec.ts'

interface Bind {
  readonly from: string
  readonly to: string
  readonly writable: false
}

/**
 * Files and directories of the host as a cell's uid can reach them. What the file's own mode forbids stays forbidden.
 *
 * A directory is shown through an overlay of our own. A read-only mount keeps nobody from connecting to a socket that
 * somebody left in it, or from writing into a FIFO: those must be other ones than the host's (S3). A file anyone may
 * read can stand in a directory that only its owner may enter (a Node under somebody's home): such a one is shown
 * through a mount of our own in `directory`.
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
    if (!isDirectory && reachable(dirname(source))) return { from: source, to, writable: false }
    const place = join(directory, `file-${index}`)
    if (isDirectory) mkdirSync(place)
    else writeFileSync(place, '')
    const shown = isDirectory ? overlayOf(source, directory) : readOnlyClone(source)
    if (!shown.ok) throw new Error(`${from}: ${systemFaultText(shown.reason)}`)
    try {
      const attached = attachMount(shown.value, place)
      if (!attached.ok) throw new Error(`${from}: ${systemFaultText(attached.reason)}`)
    } finally {
      closeSync(shown.value)
    }
    mounted.push(place)
    return { from: place, to, writable: false }
  }
  try {
    return { binds: files.map(expose), unmount: unmountAll }
  } catch (error) {
    unmountAll()
    throw error
  }
}

function readOnlyClone(path: string): Result<number, SystemFault> {
  const clone = cloneMount(path, false)
  if (!clone.ok) return clone
  const changed = changeMount(clone.value, { nosuid: true, nodev: true, readOnly: true })
  if (changed.ok) return clone
  closeSync(clone.value)
  return changed
}

/** Below an empty directory, because an overlay wants two. Through descriptors: a path may hold what it takes for colons. */
function overlayOf(path: string, directory: string): Result<number, SystemFault> {
  const below = mountsUnder(path).find((mount) => mount !== path)
  if (below !== undefined)
    throw new Error(`${path}: ${below} is mounted in it, and would not be seen: show it by itself`)
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

/** Whether everyone may pass through this directory and all above it. */
function reachable(directory: string): boolean {
  if ((statSync(directory).mode & 0o001) === 0) return false
  return dirname(directory) === directory || reachable(dirname(directory))
}
