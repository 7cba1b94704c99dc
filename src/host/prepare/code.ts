import {
  chmodSync,
  closeSync,
  existsSync,
  mkdirSync,
  readdirSync,
  rmdirSync,
  statSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import process from 'node:process'
import type { Handle } from '../../cells/handle.ts'
import { attachMount, changeMount, cloneMount, systemFaultText, unmount } from '../../cells/kernel/libc.ts'
import { makeOwnPlace } from '../../cells/kernel/own-place.ts'
import { openOwnerMaps } from '../../cells/kernel/owner-map.ts'
import { startOf } from '../../cells/kernel/process-end.ts'
import { programFile } from '../../model/host/program-file.ts'
import { no, ok, type Result } from '../../model/index.ts'

const ROOT = join(import.meta.dirname, '..', '..', '..')

/** Firebreak's code at paths that the uids of its services can reach: they load some of it when they need it. */
export interface Code {
  /** The code as a process of `uid` reads it; `uid` is one of those it was made reachable for, or undefined for ours. */
  readonly as: (uid: number | undefined) => Program
  /** Takes the places away when the services have ended. Calling it again does nothing. */
  readonly release: () => void
}

export interface Program {
  readonly node: string
  /** Returns where a path below Firebreak's own directory lies. */
  readonly at: (path: string) => string
}

/** All that a service loads. The rest of a checkout, its history, keys and state, is nobody's business. */
const SHOWN = ['src', 'node_modules', 'package.json'] as const

/**
 * Makes our code readable for `uids`. Usually it is, where it lies. Out of a place that others may not pass (a checkout
 * in `/root`) it is shown under `/run/firebreak/code`, read-only, until `release`; where its files are their owner's
 * alone (a umask of 027), once for each uid, with the owner of the checkout shown as that uid.
 *
 * - CD1  Nothing but `SHOWN` is there, and nobody can write to it.
 * - CD2  It is gone after `release`; what a killed process left is gone after the next start that needs such a place.
 */
export async function reachableCode(uids: readonly (number | undefined)[]): Promise<Result<Code, string>> {
  const here = programIn(ROOT)
  const others = [...new Set(uids.filter((uid) => uid !== undefined))]
  const readable = READ.every((path) => (statSync(join(ROOT, path)).mode & 0o004) !== 0)
  if (process.getuid?.() !== 0 || others.length === 0 || (readable && openToAll(ROOT)))
    return ok({ as: () => here, release: () => undefined })
  for (const directory of [dirname(SHOWN_AT), SHOWN_AT]) {
    const made = makeOwnPlace(directory)
    if (!made.ok) return made
    chmodSync(directory, 0o711)
  }
  for (const name of readdirSync(SHOWN_AT)) if (!ownerLives(name)) remove(join(SHOWN_AT, name))
  const made: string[] = []
  const release = () => {
    for (const place of made.splice(0)) remove(place)
  }
  const programs = new Map<number, Program>()
  for (const shownAs of readable ? [undefined] : others) {
    const place = join(SHOWN_AT, `${process.pid}.${startOf(process.pid) ?? ''}.${++places}`)
    made.push(place)
    const shown = await showAll(place, shownAs)
    if (!shown.ok) {
      release()
      return shown
    }
    for (const uid of shownAs === undefined ? others : [shownAs]) programs.set(uid, programIn(place))
  }
  return ok({ as: (uid) => (uid === undefined ? here : (programs.get(uid) ?? here)), release })
}

/** Files that services load, one of each way in which a checkout is filled: git, npm, and the directories of both. */
const READ = [
  'src',
  'src/gateway/link/heartbeat-thread.js',
  'package.json',
  'node_modules',
  'node_modules/undici/package.json',
  programFile('gateway/main'),
]

/** Place beside the runs of root's wardens. */
const SHOWN_AT = '/run/firebreak/code'

let places = 0

function programIn(root: string): Program {
  const { execPath } = process
  return {
    node: execPath.startsWith(`${ROOT}/`) ? root + execPath.slice(ROOT.length) : execPath,
    at: (path) => join(root, path),
  }
}

async function showAll(place: string, shownAs: number | undefined): Promise<Result<void, string>> {
  mkdirSync(place)
  chmodSync(place, 0o711)
  const map = shownAs === undefined ? undefined : await ownerShownAs(shownAs)
  if (map !== undefined && !map.ok) return map
  try {
    for (const part of SHOWN) {
      const shown = show(join(ROOT, part), join(place, part), map?.value.fd)
      if (!shown.ok) return no(`${join(place, part)}: ${shown.reason}`)
    }
    return ok(undefined)
  } finally {
    map?.value.close()
  }
}

async function ownerShownAs(uid: number): Promise<Result<Handle, string>> {
  const owner = statSync(ROOT)
  const maps = openOwnerMaps()
  try {
    return await maps.take({ uid: owner.uid, gid: owner.gid }, { uid, gid: uid })
  } finally {
    maps.close()
  }
}

function show(part: string, at: string, mapFd: number | undefined): Result<void, string> {
  if (statSync(part).isDirectory()) mkdirSync(at)
  else writeFileSync(at, '')
  const copy = cloneMount(part, false)
  if (!copy.ok) return no(systemFaultText(copy.reason))
  try {
    const shut = changeMount(copy.value, { readOnly: true, nosuid: true, nodev: true }, mapFd)
    const attached = shut.ok ? attachMount(copy.value, at) : shut
    return attached.ok ? ok(undefined) : no(systemFaultText(attached.reason))
  } finally {
    closeSync(copy.value)
  }
}

/** Only empty directories and the file that we made: where a mount could not be taken away, what is behind it stays. */
function remove(place: string): void {
  for (const part of SHOWN) {
    const at = join(place, part)
    if (!existsSync(at)) continue
    unmount(at, true)
    quietly(() => (statSync(at).isDirectory() ? rmdirSync(at) : unlinkSync(at)))
  }
  quietly(() => rmdirSync(place))
}

function quietly(step: () => void): void {
  try {
    step()
  } catch {
    // It is gone, or still in use: the next start tries again.
  }
}

/** A pid alone may be somebody else's by now; with its start time it is one process. True where the kernel does not tell. */
function ownerLives(place: string): boolean {
  const [pid, ticks] = place.split('.')
  try {
    return ticks !== undefined && ticks !== '' && startOf(Number(pid)) === ticks
  } catch {
    return true
  }
}

function openToAll(directory: string): boolean {
  const mode = statSync(directory).mode
  return (mode & 0o001) !== 0 && (directory === '/' || openToAll(dirname(directory)))
}
