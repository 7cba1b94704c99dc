import { closeSync, mkdirSync, realpathSync, statSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { attachMount, changeMount, cloneMount, systemFaultText, unmount } from './libc.ts'
import type { FileSpec, Profile } from './spec.ts'

/**
 * Files and directories of the host as a cell's uid can reach them. A file anyone may read can stand in a directory that
 * only its owner may enter (a Node under somebody's home): such a one is shown through a mount of our own in
 * `directory`. What the file's own mode forbids stays forbidden.
 */
export function exposeFiles(
  files: readonly FileSpec[],
  directory: string,
  profile: Profile,
): { readonly binds: readonly { from: string; to: string; writable: false }[]; unmount(): boolean } {
  const mounted: string[] = []
  const binds = files.map(({ from, to }, index) => {
    const source = realpathSync(from)
    // Without root the cell's uid is our own: what it cannot reach, we cannot show.
    if (profile === 'user' || reachable(dirname(source))) return { from: source, to, writable: false } as const
    const place = join(directory, `file-${index}`)
    if (statSync(source).isDirectory()) mkdirSync(place)
    else writeFileSync(place, '')
    const clone = cloneMount(source, true)
    if (!clone.ok) throw new Error(`${from}: ${systemFaultText(clone.reason)}`)
    try {
      const changed = changeMount(clone.value, { nosuid: true, nodev: true, readOnly: true })
      const attached = changed.ok ? attachMount(clone.value, place) : changed
      if (!attached.ok) throw new Error(`${from}: ${systemFaultText(attached.reason)}`)
    } finally {
      closeSync(clone.value)
    }
    mounted.push(place)
    return { from: place, to, writable: false } as const
  })
  return { binds, unmount: () => mounted.every((place) => unmount(place, true).ok) }
}

/** Whether everyone may pass through this directory and all above it. */
function reachable(directory: string): boolean {
  if ((statSync(directory).mode & 0o001) === 0) return false
  return dirname(directory) === directory || reachable(dirname(directory))
}
