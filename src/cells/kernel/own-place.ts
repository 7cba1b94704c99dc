/**
 * Directories with well-known names, in places that other users of the host can write to. Whoever makes such a name first
 * could say there which processes are ours to kill: nothing in it is believed before its owner and its mode are.
 */

import { lstatSync, mkdirSync, readFileSync, realpathSync, type Stats } from 'node:fs'
import { dirname } from 'node:path'
import process from 'node:process'
import { failedWith } from '../../model/host/system-error.ts'
import { no, ok, type Result } from '../../model/result.ts'

/** Makes `path` where it is missing, with what leads to it, and checks that nobody else but root can change what it is. */
export function makeOwnPlace(path: string, mode = 0o711): Result<void, string> {
  try {
    mkdirSync(path, { recursive: true, mode })
  } catch (error) {
    // A link that leads nowhere, a file, a name in the directory of somebody else: the check says which.
    const fault = ownPlaceFault(path)
    return no(fault === MISSING ? `${path}: ${error instanceof Error ? error.message : String(error)}` : `${fault}`)
  }
  const fault = ownPlaceFault(path)
  return fault === undefined ? ok(undefined) : no(fault)
}

/** True where the directory is there and nobody but that user and root could have put it, or anything in it, there. */
export function isOwnPlace(path: string, uid: number | undefined = process.geteuid?.()): boolean {
  return ownPlaceFault(path, uid) === undefined
}

const MISSING = 'it is not there'

/** Says why a directory is not believed; undefined where it is. A link is not, wherever it leads. */
function ownPlaceFault(path: string, uid: number | undefined = process.geteuid?.()): string | undefined {
  const own = statOf(path)
  if (own === undefined) return MISSING
  if (!own.isDirectory()) return `${path} is ${own.isSymbolicLink() ? 'a link' : 'no directory'}`
  if (own.uid !== uid) return `${path} belongs to uid ${own.uid}, and not to ${whose(uid)}`
  if ((own.mode & OTHERS_WRITE) !== 0) return `others can write to ${path}`
  for (let above = dirname(realpathSync(path)); ; above = dirname(above)) {
    const stat = statOf(above)
    if (stat === undefined || isReplaceable(stat, uid))
      return `others can put another directory in the place of ${path}`
    if (above === dirname(above)) return undefined
  }
}

function whose(uid: number | undefined): string {
  return uid === process.geteuid?.() ? 'this user' : `uid ${uid}`
}

/**
 * Tells whether somebody else can rename what is ours in a directory: its owner, or anybody where others may write and
 * it is not sticky.
 */
function isReplaceable({ uid, mode }: Stats, user: number | undefined): boolean {
  const owned = uid === 0 || uid === user || uid === overflowUid()
  return !owned || ((mode & OTHERS_WRITE) !== 0 && (mode & STICKY) === 0)
}

const OTHERS_WRITE = 0o022
const STICKY = 0o1000

/**
 * Returns the uid shown for every owner without a number in this user namespace, such as the host's own root; nobody
 * who could be met here has it. user_namespaces(7)
 */
function overflowUid(): number {
  try {
    return Number(readFileSync('/proc/sys/kernel/overflowuid', 'utf8'))
  } catch {
    return 65_534
  }
}

/** Returns undefined also where others may keep this user from looking: nothing there is ours. Throws what else fails. */
function statOf(path: string): Stats | undefined {
  try {
    return lstatSync(path)
  } catch (error) {
    if (failedWith(error, ...NOT_OURS)) return undefined
    throw error
  }
}

const NOT_OURS: readonly string[] = ['ENOENT', 'ENOTDIR', 'EACCES', 'ELOOP', 'ENAMETOOLONG']
