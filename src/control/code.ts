import {
  chmodSync,
  closeSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmdirSync,
  statSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import process from 'node:process'
import { attachMount, changeMount, cloneMount, systemFaultText, unmount } from '../cells/libc.ts'
import { defaultRunDirectory } from '../cells/warden.ts'
import { no, ok, type Result } from '../model/index.ts'

const ROOT = join(import.meta.dirname, '..', '..')

/** What a service is started with, at paths that its own uid can reach: it loads some of its code when it needs it. */
export interface Code {
  readonly node: string
  /** A path below Firebreak's own directory. */
  readonly at: (path: string) => string
  /** When the services have ended. Calling it again does nothing. */
  readonly release: () => void
}

/** All that a service loads. The rest of a checkout, its history, keys and state, is nobody's business. */
const SHOWN = ['src', 'node_modules', 'package.json'] as const

/**
 * Where our code can be read by every uid. Usually where it lies. Out of a place that others may not pass (a checkout in
 * `/root`) it is shown under `/run/firebreak/code`, read-only, until `release`.
 *
 * - CD1  Nothing but `SHOWN` is there, and nobody can write to it.
 * - CD2  It is gone after `release`; what a killed process left is gone after the next start that needs such a place.
 */
export function reachableCode(): Result<Code, string> {
  if (process.getuid?.() !== 0 || openToAll(ROOT)) return ok(codeIn(ROOT, () => undefined))
  const all = join(defaultRunDirectory('full'), 'code')
  for (const directory of [dirname(all), all]) {
    mkdirSync(directory, { recursive: true })
    chmodSync(directory, 0o711)
  }
  for (const name of readdirSync(all)) if (!ownerLives(name)) remove(join(all, name))
  const place = join(all, `${process.pid}.${startTicks(process.pid)}.${++places}`)
  mkdirSync(place)
  chmodSync(place, 0o711)
  const release = () => remove(place)
  for (const part of SHOWN) {
    const shown = show(join(ROOT, part), join(place, part))
    if (shown.ok) continue
    release()
    return no(`${join(place, part)}: ${shown.reason}`)
  }
  return ok(codeIn(place, release))
}

let places = 0

function codeIn(root: string, release: () => void): Code {
  const { execPath } = process
  return {
    node: execPath.startsWith(`${ROOT}/`) ? root + execPath.slice(ROOT.length) : execPath,
    at: (path) => join(root, path),
    release,
  }
}

function show(part: string, at: string): Result<void, string> {
  if (statSync(part).isDirectory()) mkdirSync(at)
  else writeFileSync(at, '')
  const copy = cloneMount(part, false)
  if (!copy.ok) return no(systemFaultText(copy.reason))
  try {
    const shut = changeMount(copy.value, { readOnly: true, nosuid: true, nodev: true })
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

/** A pid alone may be somebody else's by now; with its start time it is one process. */
function ownerLives(place: string): boolean {
  const [pid, ticks] = place.split('.')
  return ticks !== undefined && ticks !== '' && startTicks(Number(pid)) === ticks
}

/** proc(5), stat field 22; the name in brackets may hold anything. Empty where there is no such process. */
function startTicks(pid: number): string {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? ''
  } catch {
    return ''
  }
}

function openToAll(directory: string): boolean {
  const mode = statSync(directory).mode
  return (mode & 0o001) !== 0 && (directory === '/' || openToAll(dirname(directory)))
}
