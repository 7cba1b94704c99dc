/**
 * Looks for what makes a directory no whole workspace: a cell sees that directory and nothing around it, as one owner. Only
 * names, kinds and owners are read, and the few files in which Git says where a repository lies.
 */
import { lstatSync, readFileSync, type Stats } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'
import type { Config } from '../../config/config.ts'
import { liesIn, resolvedPath } from '../../model/host/host-paths.ts'
import { nameBytes, shownName } from '../../model/text/file-name.ts'
import { rootsAround, whyNotShown } from '../programs/showable.ts'
import { entriesOf, targetOf } from '../shown/looked-at.ts'
import { isState } from '../state/state.ts'
import { gitNotes } from './workspace-git.ts'
import { WORKSPACE, type WorkspaceNote } from './workspace-note.ts'

/** Entries that are looked into at a launch, which waits for it: a fraction of a second. */
export const ENTRIES_MAX_AT_LAUNCH = 5_000
/** Entries that are looked into by doctor. */
export const ENTRIES_MAX = 200_000

/** Directories of others' packages and of Git's own objects, in which nobody works. */
const PASSED_BY = new Set(['node_modules', 'objects', '__pycache__'])

/** Returns what the workspace lacks; nothing where the directory is whole, is not there, or is not for us. */
export function surveyWorkspace(
  workspace: string,
  profile: Config['profile'],
  entriesMax: number = ENTRIES_MAX,
): readonly WorkspaceNote[] {
  try {
    const lower = resolvedPath(workspace)
    const owner = lstatSync(lower)
    const seen: Seen = { links: [], foreign: [], unreadable: [], special: [], git: [] }
    walk(lower, lower, { owner, profile, seen, left: entriesMax })
    return [
      ...gitNotes(lower, seen.git),
      ...linkNotes(lower, seen.links),
      ...ownerNotes(lower, owner, seen),
      ...specialNotes(lower, seen.special),
      ...mountNotes(lower),
    ]
  } catch {
    return []
  }
}

interface Seen {
  /** Links that lead out of it, or lead back by a path of the host. */
  readonly links: string[]
  readonly foreign: string[]
  readonly unreadable: string[]
  readonly special: string[]
  /** Directories that have a `.git`. */
  readonly git: string[]
}

interface Walk {
  readonly owner: Stats
  readonly profile: Config['profile']
  readonly seen: Seen
  left: number
}

function walk(directory: string, lower: string, state: Walk): void {
  const deeper: string[] = []
  const names = entriesOf(directory)
  if (names === undefined || names === 'unreadable') return
  for (const name of names) {
    if (--state.left < 0) return
    const path = join(directory, name)
    const stats = lstatSync(nameBytes(path), { throwIfNoEntry: false })
    if (stats === undefined || (stats.isDirectory() && isState(path))) continue
    if (name === '.git') state.seen.git.push(directory)
    if (stats.isSymbolicLink()) {
      if (leadsOut(path, lower)) state.seen.links.push(path)
    } else if (!stats.isFile() && !stats.isDirectory()) state.seen.special.push(path)
    else note(path, stats, state)
    if (stats.isDirectory() && !PASSED_BY.has(name)) deeper.push(path)
  }
  for (const path of deeper) walk(path, lower, state)
}

/**
 * Notes a file of another owner that the cell may not write or read: the owner's files are the cell's, and to others'
 * it is a stranger, of their group where that is its owner's.
 */
function note(path: string, { uid, gid, mode }: Stats, { owner, profile, seen }: Walk): void {
  if (uid === owner.uid) return
  if (profile === 'user' && uid === process.getuid?.()) return
  const shift = gid === owner.gid ? 3 : 0
  if (((mode >> shift) & 0o2) === 0) seen.foreign.push(path)
  if (((mode >> shift) & 0o4) === 0) seen.unreadable.push(path)
}

function leadsOut(path: string, lower: string): boolean {
  const target = targetIn(path)
  const place = resolve(dirname(path), target)
  return target.startsWith('/') ? !isOfEveryCell(target) : !liesIn(place, lower)
}

function targetIn(link: string): string {
  const target = targetOf(link)
  return target === undefined || target === 'unreadable' ? '' : target
}

/** Tells whether each cell has the target at the same place, or it leads nowhere here, too. */
function isOfEveryCell(target: string): boolean {
  return /^\/(?:usr|bin|sbin|lib\w*|dev|proc|workspace)(?:\/|$)/.test(target) || !isThere(target)
}

function isThere(path: string): boolean {
  try {
    return lstatSync(nameBytes(path), { throwIfNoEntry: false }) !== undefined
  } catch {
    return false
  }
}

/** Tells whether a person is told to show what a workspace's own link leads to: what `init` would show by itself. */
function mayBeShown(path: string, lower: string): boolean {
  const home = process.env.HOME ?? '/root'
  return whyNotShown(path, { roots: rootsAround(lower, home), home }) === undefined
}

/** Returns where the cell would look for what a link leads to. */
function placeInCell(link: string, lower: string): string {
  return resolve(WORKSPACE, relative(lower, dirname(link)), targetIn(link))
}

const SHOWN_MAX = 3

function linkNotes(lower: string, links: readonly string[]): readonly WorkspaceNote[] {
  if (links.length === 0) return []
  const inside = links.filter((link) => liesIn(resolve(dirname(link), targetIn(link)), lower))
  const out = links.filter((link) => !inside.includes(link))
  const shown = out.flatMap((link) => {
    const from = resolve(dirname(link), targetIn(link))
    return mayBeShown(from, lower) ? [`${placeInCell(link, lower)}: ${from}`] : []
  })
  const show =
    shown.length === 0
      ? 'what you know of it, by hand under cell: { files }; or '
      : `what it may read of it: cell: { files: { ${shown.slice(0, SHOWN_MAX).join(', ')} } }; or `
  return [
    ...(out.length === 0
      ? []
      : [
          {
            what: `${counted(out.length, 'link leads', 'links lead')} out of it, to what its cell does not see: ${named(out, lower)}`,
            fix: `${show}a copy in its place`,
          },
        ]),
    ...(inside.length === 0
      ? []
      : [
          {
            what: `${counted(inside.length, 'link names', 'links name')} a path of this host, and lie under ${WORKSPACE} in the cell: ${named(inside, lower)}`,
            fix: 'relative links: ln -sfnr',
          },
        ]),
  ]
}

function ownerNotes(lower: string, owner: Stats, { foreign, unreadable }: Seen): readonly WorkspaceNote[] {
  if (foreign.length === 0 && unreadable.length === 0) return []
  const read =
    unreadable.length === 0 ? '' : `; ${unreadable.length} of them it cannot even read: ${named(unreadable, lower)}`
  return [
    {
      what: `${counted(foreign.length, 'file does', 'files do')} not belong to the owner of the directory (${owner.uid}:${owner.gid}), whom its cell stands for: it cannot change ${named(foreign, lower)}${read}`,
      fix: `chown -R ${owner.uid}:${owner.gid} ${lower}, or a workspace that is of one owner`,
    },
  ]
}

function specialNotes(lower: string, special: readonly string[]): readonly WorkspaceNote[] {
  if (special.length === 0) return []
  return [
    {
      what: `${counted(special.length, 'socket, FIFO or device lies', 'sockets, FIFOs or devices lie')} in it, behind which its cell finds nobody: ${named(special, lower)}`,
      fix: 'what listens there has to be an upstream; or nothing, if it is of no use to the agent',
    },
  ]
}

/**
 * Notes file systems that are mounted in the workspace: the overlay is over one file system, and shows none of them.
 */
function mountNotes(lower: string): readonly WorkspaceNote[] {
  const lines = readFileSync('/proc/self/mountinfo', 'utf8').split('\n')
  const points = lines.map((line) => (line.split(' ')[4] ?? '').replaceAll(/\\(\d{3})/g, octal))
  const below = [...new Set(points.filter((point) => point !== lower && liesIn(point, lower)))]
  if (below.length === 0) return []
  const shown = below.slice(0, SHOWN_MAX).map((point) => `/mnt/${relative(lower, point)}: ${point}`)
  return [
    {
      what: `${below.length === 1 ? 'a file system is' : `${below.length} file systems are`} mounted in it, and its cell sees an empty directory there: ${named(below, lower)}`,
      fix: `show it elsewhere, read-only: cell: { files: { ${shown.join(', ')} } }`,
    },
  ]
}

function octal(_: string, digits: string): string {
  return String.fromCharCode(Number.parseInt(digits, 8))
}

function named(paths: readonly string[], lower: string): string {
  const names = paths.slice(0, SHOWN_MAX).map((path) => shownName(relative(lower, path)))
  return paths.length > SHOWN_MAX ? `${names.join(', ')} and ${paths.length - SHOWN_MAX} more` : names.join(', ')
}

function counted(count: number, one: string, more: string): string {
  return `${count} ${count === 1 ? one : more}`
}
