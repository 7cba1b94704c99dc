import { closeSync, existsSync, openSync, realpathSync, statSync } from 'node:fs'
import { constants } from 'node:os'
import { isAbsolute, join, normalize } from 'node:path'
import { liesIn } from '../../../model/host/host-paths.ts'
import { liesAt, mountsNow, placeOf, shownWith } from '../../../model/host/host-places.ts'
import { no, ok, type Result } from '../../../model/result.ts'
import { lookUpWithin } from '../../kernel/libc.ts'
import { CELL_USER, type CellSpec, type LaunchFault } from '../../spec.ts'
import { checkWords } from '../../spec-words.ts'

/** Refuses a launch that contradicts itself or would show what no cell may see, before anything is made. */
export function checkSpec(spec: CellSpec): Result<void, LaunchFault> {
  const wrong = (field: string, problem: string) => no<LaunchFault>({ kind: 'spec', field, problem })
  const wellFormed = checkWords(spec)
  if (!wellFormed.ok) return wellFormed
  if (spec.root.kind === 'directory') {
    const { path } = spec.root
    const missing = ['proc', 'dev', 'tmp'].find((name) => !existsSync(join(path, name)))
    if (missing !== undefined) return wrong('root', `${path} is not there or has no /${missing}`)
    // The shell that waits for the filter (first-instruction.ts) must load nothing of the image's.
    if (preloads(path)) return wrong('root', `${path} has an /etc/ld.so.preload`)
    const loading = Object.keys(spec.variables).find((name) => name.startsWith('LD_') || name === 'GLIBC_TUNABLES')
    if (loading !== undefined)
      return wrong('variables', `${loading} with a root of its own; set it in the command: env ${loading}=…`)
  }

  const places = [
    ...[...spec.files, ...(spec.texts ?? [])].map(({ to }) => to),
    ...(spec.workspace ? [spec.workspace.at] : []),
  ]
  for (const place of places) {
    if (
      !isAbsolute(place) ||
      normalize(place) !== place ||
      place === '/' ||
      liesIn(place, '/proc') ||
      liesIn(place, '/dev')
    ) {
      return wrong(place, 'not a place in the cell: absolute, normalised, not /, /proc or /dev')
    }
    const over = readOnlyAbove(spec, place)
    if (over !== undefined)
      return wrong(place, `${over} is shown read-only and has no such place for it: name another, as /opt/…`)
  }
  const { workingDirectory } = spec
  if (workingDirectory !== undefined && !isPlace(spec, workingDirectory))
    return wrong(
      'cwd',
      `${workingDirectory} is not a directory in the cell: name one of its files’ places, or leave it out`,
    )
  const mounts = mountsNow()
  const root = placeOf(spec.root.kind === 'directory' ? spec.root.path : '/usr', mounts)
  for (const path of spec.unseenPaths ?? []) {
    const kept = placeOf(path, mounts)
    if (shownWith(root, mounts).some((shown) => liesAt(kept, shown)))
      return no({ kind: 'file', path, problem: `it lies in ${root.path}, which every cell of this root sees` })
  }
  for (const { from } of spec.files) {
    try {
      const shown = shownWith(placeOf(realpathSync(from), mounts), mounts)
      for (const path of spec.protectedPaths) {
        const kept = placeOf(path, mounts)
        if (shown.some((place) => liesAt(kept, place)))
          return no({ kind: 'file', path: from, problem: `contains ${path}` })
        if (shown.some((place) => liesAt(place, kept)))
          return no({ kind: 'file', path: from, problem: `lies in ${path}` })
      }
    } catch {
      return no({ kind: 'file', path: from, problem: 'not found' })
    }
  }
  return ok(undefined)
}

/** Tells whether a command can start at `place`. What is in a workspace is the cell's own, and is not looked at. */
function isPlace({ files, root, workspace }: CellSpec, place: string): boolean {
  if (workspace !== undefined && liesIn(place, workspace.at)) return true
  const shown = files.findLast(({ to }) => liesIn(place, to))
  if (shown !== undefined) return isDirectory(`${shown.from}${place.slice(shown.to.length)}`)
  if (files.some(({ to }) => liesIn(to, place)) || MADE.includes(place)) return true
  if (root.kind === 'directory') return isDirectory(join(root.path, place))
  return liesIn(place, '/usr') && isDirectory(place)
}

/** Directories that bubblewrap makes in every cell. */
const MADE: readonly string[] = ['/', '/tmp', '/home', CELL_USER.home, '/etc', '/var', '/run']

function isDirectory(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() === true
}

/**
 * Returns the read-only part of the cell (/usr or a shown directory) in which `place` would have to be made; undefined
 * where it exists or can be made.
 */
function readOnlyAbove({ root, files }: CellSpec, place: string): string | undefined {
  const above = files.find(
    ({ from, to }) => to !== place && liesIn(place, to) && !existsSync(join(from, place.slice(to.length))),
  )
  if (above !== undefined) return above.to
  if (root.kind !== 'host-usr' || existsSync(place) || files.some(({ to }) => to !== place && liesIn(place, to)))
    return undefined
  return OF_USR.find((directory) => liesIn(place, directory))
}

/**
 * Directories of the host's /usr in a cell: the last of them are links into the first, or directories of the host as it
 * is.
 */
const OF_USR = ['/usr', '/bin', '/sbin', '/lib', '/lib64', '/lib32', '/libx32']

function preloads(root: string): boolean {
  const fd = openSync(root, 'r')
  try {
    return lookUpWithin(fd, 'etc/ld.so.preload') !== constants.errno.ENOENT
  } finally {
    closeSync(fd)
  }
}
