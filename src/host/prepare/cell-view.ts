/** Tells what a cell would find at a place, from the host and before the cell is started. */
import type { BigIntStats } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import type { CellConfig, Config } from '../../config/config.ts'
import { liesIn } from '../../model/host/host-paths.ts'
import { WORKSPACE } from '../files/workspace-note.ts'
import { lstatOf, statOf, targetOf } from '../shown/looked-at.ts'

/** The places of a cell in which something of the host is shown. */
export type Places = Pick<CellConfig, 'files' | 'root'>

export type FoundPlace =
  /** `place` is where the way ends, with no link in it. */
  | { readonly kind: 'found'; readonly host: string; readonly place: string; readonly stats: BigIntStats }
  /** The place holds something that is known only once the cell runs, or cannot be looked at by whoever asks. */
  | { readonly kind: 'unknown' }
  /** `place` is where the way ends: the place that was asked for, or what a link in it leads to. */
  | { readonly kind: 'absent'; readonly place: string; readonly unreadable?: true }

/** Links that the kernel follows in one path. path_resolution(7) */
const LINKS_MAX = 40

/**
 * Follows a path as the kernel does in the cell, name by name: one that leads to what the cell is not shown ends there,
 * whatever the host has, and `..` leads up from where the name before it has led.
 *
 * @param from a directory in the cell, without links, in which the path begins that is not absolute.
 * @param links that were followed to come there.
 */
export function lookUp(cell: Places, path: string, from = '/', links = 0): FoundPlace {
  const rest = partsOf(path).toReversed()
  let here = path.startsWith('/') ? '/' : from
  let last: BigIntStats | undefined
  const end = (place: string, why?: { readonly unreadable: true }): FoundPlace => ({
    kind: 'absent',
    place: join(place, ...rest.toReversed()),
    ...why,
  })
  for (let next = rest.pop(); next !== undefined; next = rest.pop()) {
    if (last?.isDirectory() === false) return end(join(here, next))
    if (next === '.') continue
    if (next === '..') {
      here = dirname(here)
      last = undefined
      continue
    }
    const at = join(here, next)
    if (isItsOwn(cell, at)) return { kind: 'unknown' }
    const host = seen(cell, at, links)
    if (host === undefined) {
      if (!leadsOn(cell, at)) return end(at)
      here = at
      continue
    }
    // A place of `files` is what it leads to, whatever it is called.
    const stats = cell.files.has(at) ? statOf(host) : lstatOf(host)
    if (stats === undefined) return end(at)
    if (stats === 'unreadable') return end(at, { unreadable: true })
    if (!stats.isSymbolicLink()) {
      here = at
      last = stats
      continue
    }
    const target = ++links > LINKS_MAX ? undefined : targetOf(host)
    if (target === undefined) return end(at)
    if (target === 'unreadable') return end(at, { unreadable: true })
    rest.push(...partsOf(target).toReversed())
    if (target.startsWith('/')) here = '/'
    last = undefined
  }
  const host = seen(cell, here, links)
  const stats = host === undefined ? undefined : (last ?? statOf(host))
  if (stats === 'unreadable') return end(here, { unreadable: true })
  return host === undefined || stats === undefined ? end(here) : { kind: 'found', host, place: here, stats }
}

function partsOf(path: string): readonly string[] {
  return path.split('/').filter((part) => part !== '')
}

/** The end of a link of a workspace, as its cell follows it. */
export type Lead =
  /** Relative to the workspace, empty for itself. */
  | { readonly to: 'workspace'; readonly path: string }
  | { readonly to: 'elsewhere' | 'nowhere' }
  /** To what is known only once the cell runs, as `/proc` is, or cannot be looked at. */
  | { readonly to: 'unknown' }

/** Returns where a link leads that a walk of the workspace at `root`, which follows no links, has met. */
export function leadOf(cell: Places, root: string, link: string): Lead {
  const target = targetOf(join(root, link))
  if (target === undefined) return { to: 'nowhere' }
  if (target === 'unreadable') return { to: 'unknown' }
  const files = new Map([...cell.files, [WORKSPACE, root]])
  const found = lookUp({ ...cell, files }, target, join(WORKSPACE, dirname(link)), 1)
  if (found.kind === 'unknown') return { to: 'unknown' }
  if (found.kind === 'absent') return { to: found.unreadable === true ? 'unknown' : 'nowhere' }
  return liesIn(found.place, WORKSPACE)
    ? { to: 'workspace', path: relative(WORKSPACE, found.place) }
    : { to: 'elsewhere' }
}

/** Tells whether the cell makes what stands at a place itself. */
function isItsOwn(cell: Places, place: string): boolean {
  return OF_THE_CELL.some((own) => liesIn(place, own)) && shownAt(cell, place) === undefined && !leadsOn(cell, place)
}

/**
 * Returns the host's path of a place in the cell; of /etc a cell has what links under /usr lead to (`etc-shown.ts`).
 */
function seen(cell: Places, place: string, links: number): string | undefined {
  return seenAt(cell, place) ?? (links > 0 && liesIn(place, '/etc') ? place : undefined)
}

/** Tells whether a place is a directory that every cell has, or that exists only so that something can be shown in it. */
function leadsOn(cell: Places, place: string): boolean {
  return MADE.has(place) || [...cell.files.keys()].some((to) => liesIn(to, place))
}

/** Returns the host's path of what a cell sees at this place; undefined where it sees nothing of the host there. */
export function seenAt(cell: Places, place: string): string | undefined {
  const shown = shownAt(cell, place)
  if (shown !== undefined) return shown
  if (cell.root !== undefined) return join(cell.root, place)
  const [, top = ''] = place.split('/')
  return SYSTEM.includes(top) ? place : undefined
}

/** Returns the host's path of what `files` shows at this place. */
function shownAt({ files }: Places, place: string): string | undefined {
  let best: readonly [string, string] | undefined
  for (const shown of files) if (liesIn(place, shown[0]) && shown[0].length >= (best?.[0].length ?? 0)) best = shown
  return best === undefined ? undefined : `${best[1]}${place.slice(best[0].length)}`
}

/** Names below / that every cell without a root of its own has of the host (`bubblewrap.ts`). */
const SYSTEM: readonly string[] = ['usr', 'bin', 'sbin', 'lib', 'lib64', 'lib32', 'libx32']

/** Places that are made for each cell, or are its own. */
const OF_THE_CELL: readonly string[] = ['/workspace', '/home/agent', '/proc', '/dev']

/** Directories that each cell has, with names of its own in them: a path leads through them and up again. */
const MADE: ReadonlySet<string> = new Set(['/home', '/home/agent', '/tmp', '/var', '/run'])

export type Permission = 'execute' | 'read'

/** Tells whether the uid of a cell may do this: with a uid of its own it is everybody else to each file. */
export function permits(
  stats: Pick<BigIntStats, 'mode' | 'uid'>,
  wanted: Permission,
  profile: Config['profile'],
): boolean {
  const [mode, uid] = [Number(stats.mode), Number(stats.uid)]
  const bit = wanted === 'execute' ? 1 : 4
  if (profile === 'user' && uid === process.getuid?.()) return (mode & (bit << 6)) !== 0
  return (mode & bit) !== 0
}
