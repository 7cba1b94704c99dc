/**
 * Work in a state with no more rights on files than whoever could have put there what it meets: root's orders reach states
 * of other users, and what lies in those may lead anywhere.
 */

import { closeSync, constants, fstatSync, mkdirSync, openSync, type Stats } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import process from 'node:process'
import { withFilesOf } from '../../cells/kernel/libc.ts'
import { O_PATH } from '../../model/host/plain-file.ts'
import { failedWith } from '../../model/host/system-error.ts'

/**
 * Runs `act`, which does not wait, with the directory of a part of a state (`''`: the state's own), be it there or not.
 *
 * For everybody, and for root in a state of root's, that is the path. Of another user's state root opens each directory
 * on the way without following a link; in one that is root's alone it stays root, and in all others it has the rights of the
 * state's owner until `act` returns. A state of root's in which others can write, too, is everybody's: root has nobody's
 * rights there. The path is good until then.
 */
export function inPart<T>(stateDirectory: string, part: string, act: (directory: string) => T): T {
  if (process.geteuid?.() !== 0) return act(join(stateDirectory, part))
  const place = placeOf(stateDirectory, part)
  if (place === undefined) return act(join(stateDirectory, part))
  try {
    return place.uid === 0 ? act(place.path) : withFilesOf(place.uid, () => act(place.path))
  } finally {
    closeSync(place.fd)
  }
}

/** Tells whether this process is root, and others can write to the state, who have then chosen all that lies there. */
export function isOthers(stateDirectory: string): boolean {
  if (process.geteuid?.() !== 0) return false
  const place = placeOf(stateDirectory, '')
  if (place !== undefined) closeSync(place.fd)
  return place !== undefined
}

/** Returns the path of the state that a tenant's lies in; undefined for one that is no tenant's by its path. */
export function stateAround(stateDirectory: string): string | undefined {
  const around = dirname(stateDirectory)
  return basename(around) === 'tenants' ? dirname(around) : undefined
}

interface Place {
  readonly fd: number
  /** The user whose rights on files are enough there. */
  readonly uid: number
  readonly path: string
}

/** Returns where a part lies, of another user's state; undefined where the state is root's own. */
function placeOf(stateDirectory: string, part: string): Place | undefined {
  const around = stateAround(stateDirectory)
  const names = part === '' ? [] : [part]
  const ofTenant = around === undefined ? undefined : nearest(around, ['tenants', basename(stateDirectory), ...names])
  return walked(stateDirectory, ofTenant) ?? walked(stateDirectory, nearest(stateDirectory, names))
}

/** A directory that is there, and names below it. */
interface Begun {
  readonly fd: number
  readonly below: readonly string[]
  /** False where what was named is not there, and this is a directory above. */
  readonly isThere: boolean
}

/** Opens the nearest directory above that is there. */
function nearest(path: string, below: readonly string[]): Begun {
  try {
    return { fd: openSync(path, O_PATH | constants.O_DIRECTORY), below, isThere: true }
  } catch (error) {
    const isMissing = failedWith(error, 'ENOENT')
    if (!isMissing || path === dirname(path)) throw error
    return { ...nearest(dirname(path), [basename(path), ...below]), isThere: false }
  }
}

/** States that were another user's when they were looked at first. */
const others = new Set<string>()

function walked(stateDirectory: string, begun: Begun | undefined): Place | undefined {
  if (begun === undefined) return undefined
  let { fd } = begun
  const stat = fstatSync(fd)
  const [first, ...further] = begun.below
  if (first !== undefined && !begun.isThere && stat.uid === 0 && !isRootsAlone(stat)) {
    const made = madeOrMet(fd, first)
    closeSync(fd)
    return walked(stateDirectory, { fd: made, below: further, isThere: true })
  }
  // What root makes is root's; what others could put there is everybody's.
  const owner = isRootsAlone(stat) ? 0 : stat.uid || NOBODY
  if (owner === 0) {
    closeSync(fd)
    // Whoever could put another directory there names none of root's in the middle of an order.
    if (others.has(stateDirectory)) throw new Error(`${stateDirectory} is another directory than before`)
    return undefined
  }
  // Of one that is not there it is not known yet whose it will be: the first run of root's makes one of root's.
  if (begun.isThere) others.add(stateDirectory)
  let uid = owner
  let left = begun.below
  for (const name of begun.below) {
    const next = openDirectory(`/proc/self/fd/${fd}/${name}`)
    if (next === undefined) break
    uid = isRootsAlone(fstatSync(next)) ? 0 : owner
    closeSync(fd)
    fd = next
    left = left.slice(1)
  }
  // The directory itself is no link, as its name among the descriptors is.
  return { fd, uid, path: left.length === 0 ? `/proc/self/fd/${fd}/.` : join(`/proc/self/fd/${fd}`, ...left) }
}

/**
 * Makes a directory of root's in one that all can write to, such as /tmp, and opens it; opens the one that another has put
 * there first. No name there may be worked at before it is somebody's: the next look could find a link.
 */
function madeOrMet(above: number, name: string): number {
  const path = `/proc/self/fd/${above}/${name}`
  try {
    mkdirSync(path, { mode: 0o711 })
  } catch (error) {
    if (!failedWith(error, 'EEXIST')) throw error
  }
  return openSync(path, O_PATH | constants.O_DIRECTORY | constants.O_NOFOLLOW)
}

/** Opens a directory, and no link to one; undefined where none is. */
function openDirectory(path: string): number | undefined {
  try {
    return openSync(path, O_PATH | constants.O_DIRECTORY | constants.O_NOFOLLOW)
  } catch {
    return undefined
  }
}

/** Tells whether nobody else can write to it. The bits of a group, root's too, are those of who is named in its ACL. */
function isRootsAlone({ uid, mode }: Stats): boolean {
  return uid === 0 && (mode & OTHERS_WRITE) === 0
}

const OTHERS_WRITE = 0o022
/** The user who owns nothing. */
const NOBODY = 65_534
