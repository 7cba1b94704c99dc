import { closeSync, openSync, readFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { liesIn, resolvedPath } from './host-paths.ts'

/**
 * A place of the host by its two names: where its path leads, and where it lies in its file system, which is the same by
 * whatever mount it is reached.
 */
export interface HostPlace {
  readonly path: string
  /** Device, and path on it; absent where the kernel does not tell. */
  readonly onDevice?: string
}

/** Mounts as this process sees them, by their number. */
export type Mounts = ReadonlyMap<number, Mount>

interface Mount {
  readonly point: string
  readonly onDevice: string
}

/** Returns the mounts of this moment; none where there is no /proc. proc_pid_mountinfo(5) */
export function mountsNow(): Mounts {
  const lines = textOf('/proc/self/mountinfo').split('\n')
  return new Map(
    lines.flatMap((line) => {
      const [id, , device, root = '', point = ''] = line.split(' ')
      if (id === undefined || device === undefined) return []
      return [
        [Number(id), { point: unescaped(point), onDevice: `${device}:${withoutSlash(unescaped(root))}` }] as const,
      ]
    }),
  )
}

/** Returns a place; of one that is not there yet, what it will be. Throws where its path cannot be followed. */
export function placeOf(path: string, mounts: Mounts): HostPlace {
  const resolved = resolvedPath(path)
  const mount = mounts.get(mountOf(resolved) ?? -1)
  if (mount === undefined || !liesIn(resolved, mount.point)) return { path: resolved }
  return {
    path: resolved,
    onDevice: `${mount.onDevice}${resolved.slice(withoutSlash(mount.point).length)}`.replace(/\/$/, ''),
  }
}

/** Tells whether a place is another one or lies below it, by either name. */
export function liesAt(inner: HostPlace, outer: HostPlace): boolean {
  if (liesIn(inner.path, outer.path)) return true
  return inner.onDevice !== undefined && outer.onDevice !== undefined && liesIn(inner.onDevice, outer.onDevice)
}

/** Returns what is shown together with a directory: itself, and what is mounted below it. */
export function shownWith(place: HostPlace, mounts: Mounts): readonly HostPlace[] {
  const below = [...mounts.values()].filter(({ point }) => point !== place.path && liesIn(point, place.path))
  return [place, ...below.map(({ point, onDevice }) => ({ path: point, onDevice }))]
}

/** `O_PATH`: no right to read is needed, and nothing is opened. */
const NAME_ALONE = 0o10000000

/** Returns the number of the mount that a path, or what there is of it, is reached by. */
function mountOf(path: string): number | undefined {
  try {
    const fd = openSync(path, NAME_ALONE)
    try {
      const [, id] = /^mnt_id:\s*(\d+)$/m.exec(textOf(`/proc/self/fdinfo/${fd}`)) ?? []
      return id === undefined ? undefined : Number(id)
    } finally {
      closeSync(fd)
    }
  } catch {
    return dirname(path) === path ? undefined : mountOf(dirname(path))
  }
}

/** Returns a directory as what lies in it begins with: `/` is empty. */
function withoutSlash(directory: string): string {
  return directory === '/' ? '' : directory
}

function unescaped(text: string): string {
  return text.replaceAll(/\\(\d{3})/g, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 8)))
}

function textOf(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return ''
  }
}
