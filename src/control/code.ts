import { createHash } from 'node:crypto'
import { chmodSync, closeSync, mkdirSync, statSync } from 'node:fs'
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
}

/**
 * Where our code can be read by every uid. Usually where it lies. In a place that others may not pass (a checkout in
 * `/root`) it is shown read-only under `/run/firebreak/code`, once for each such place; that mount stays until reboot.
 */
export function reachableCode(): Result<Code, string> {
  if (process.getuid?.() !== 0 || openToAll(ROOT)) return ok(codeIn(ROOT))
  const parent = join(defaultRunDirectory('full'), 'code')
  const place = join(parent, createHash('sha256').update(ROOT).digest('hex').slice(0, 12))
  for (const directory of [dirname(parent), parent]) {
    mkdirSync(directory, { recursive: true })
    chmodSync(directory, 0o711)
  }
  mkdirSync(place, { recursive: true })
  if (same(place, ROOT)) return ok(codeIn(place))
  // An earlier checkout at this path is shown here still.
  unmount(place, true)
  const shown = cloneMount(ROOT, false)
  if (!shown.ok) return no(systemFaultText(shown.reason))
  try {
    const shut = changeMount(shown.value, { readOnly: true, nosuid: true, nodev: true })
    const attached = shut.ok ? attachMount(shown.value, place) : shut
    return attached.ok ? ok(codeIn(place)) : no(`${place}: ${systemFaultText(attached.reason)}`)
  } finally {
    closeSync(shown.value)
  }
}

function codeIn(root: string): Code {
  const { execPath } = process
  return {
    node: execPath.startsWith(`${ROOT}/`) ? root + execPath.slice(ROOT.length) : execPath,
    at: (path) => join(root, path),
  }
}

function openToAll(directory: string): boolean {
  const mode = statSync(directory).mode
  return (mode & 0o001) !== 0 && (directory === '/' || openToAll(dirname(directory)))
}

function same(a: string, b: string): boolean {
  const [one, other] = [statSync(a), statSync(b)]
  return one.ino === other.ino && one.dev === other.dev
}
