/** Tells what a cell without a root of its own would find at a place, from the host and before the cell is started. */
import { lstatSync, readlinkSync, type Stats } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import type { CellConfig, Config } from '../config/config.ts'
import { liesIn } from '../model/host-paths.ts'

export type Found =
  | { readonly kind: 'found'; readonly host: string; readonly stats: Stats }
  /** The place holds something that is known only once the cell runs. */
  | { readonly kind: 'unknown' }
  /** `place` is where the way ends: the place that was asked for, or what a link in it leads to. */
  | { readonly kind: 'absent'; readonly place: string }

const LINKS_MAX = 40

/** Follows links as the cell would: one that leads to what it is not shown ends there, whatever the host has. */
export function lookUp(cell: Pick<CellConfig, 'files'>, place: string): Found {
  let rest = place.split('/').filter((part) => part !== '' && part !== '.')
  let here = '/'
  let links = 0
  for (;;) {
    const [next, ...more] = rest
    if (next === undefined) break
    rest = more
    if (next === '..') {
      here = dirname(here)
      continue
    }
    const at = join(here, next)
    if (OF_THE_CELL.some((own) => liesIn(at, own)) && seenAt(cell, at) === undefined && !leadsOn(cell, at))
      return { kind: 'unknown' }
    const host = seen(cell, at, links)
    if (host === undefined) {
      if (leadsOn(cell, at)) here = at
      else return { kind: 'absent', place: join(at, ...rest) }
      continue
    }
    // A place of `files` is what it leads to, whatever it is called.
    const stats = cell.files.has(at) ? statOf(host, true) : statOf(host, false)
    if (stats === undefined) return { kind: 'absent', place: join(at, ...rest) }
    if (!stats.isSymbolicLink()) {
      here = at
      continue
    }
    if (++links > LINKS_MAX) return { kind: 'absent', place: at }
    const target = resolve(here, readlinkSync(host))
    rest = [...target.split('/').filter((part) => part !== ''), ...rest]
    here = '/'
  }
  const host = seen(cell, here, links)
  const stats = host === undefined ? undefined : statOf(host, true)
  return host === undefined || stats === undefined ? { kind: 'absent', place: here } : { kind: 'found', host, stats }
}

/**
 * Returns the host's path of a place in the cell; of /etc a cell has what links under /usr lead to (`etc-shown.ts`).
 */
function seen(cell: Pick<CellConfig, 'files'>, place: string, links: number): string | undefined {
  return seenAt(cell, place) ?? (links > 0 && liesIn(place, '/etc') ? place : undefined)
}

/** Tells whether a place is a directory that exists only so that something can be shown in it. */
function leadsOn(cell: Pick<CellConfig, 'files'>, place: string): boolean {
  return [...cell.files.keys()].some((to) => liesIn(to, place))
}

function statOf(path: string, follow: boolean): Stats | undefined {
  try {
    const stats = lstatSync(path)
    return follow && stats.isSymbolicLink() ? statOf(resolve(dirname(path), readlinkSync(path)), follow) : stats
  } catch {
    return undefined
  }
}

/** Returns the host's path of what a cell sees at this place; undefined where it sees nothing of the host there. */
export function seenAt({ files }: Pick<CellConfig, 'files'>, place: string): string | undefined {
  let best: readonly [string, string] | undefined
  for (const shown of files) if (liesIn(place, shown[0]) && shown[0].length >= (best?.[0].length ?? 0)) best = shown
  if (best !== undefined) return `${best[1]}${place.slice(best[0].length)}`
  const [, top = ''] = place.split('/')
  return SYSTEM.includes(top) ? place : undefined
}

/** Names below / that every cell without a root of its own has of the host (`bubblewrap.ts`). */
const SYSTEM: readonly string[] = ['usr', 'bin', 'sbin', 'lib', 'lib64', 'lib32', 'libx32']

/** Places that are made for each cell, or are its own. */
const OF_THE_CELL: readonly string[] = ['/workspace', '/home/agent', '/proc', '/dev']

export type Permission = 'execute' | 'read'

/** Tells whether the uid of a cell may do this: with a uid of its own it is everybody else to each file. */
export function permits({ mode, uid }: Stats, wanted: Permission, profile: Config['profile']): boolean {
  const bit = wanted === 'execute' ? 1 : 4
  if (profile === 'user' && uid === process.getuid?.()) return (mode & (bit << 6)) !== 0
  return (mode & bit) !== 0
}
