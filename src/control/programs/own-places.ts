/** Tells from where a path lies, and what it is, whether it is a person's or a host's own and no program's. */
import { readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { liesIn } from '../../model/host-paths.ts'
import { readPlainFile } from '../../model/plain-file.ts'
import { kindOfScript, packageAround } from './package.ts'
import { isBroad, isDirectory } from './places.ts'
import { isSecretPlace } from './secret-files.ts'

/** Names below which programs keep what is theirs: settings, profiles, histories, keys. */
const OWN = /\/(?:\.[^/]+|Library\/(?:Application Support|Keychains|Containers))(?:\/|$)/

/**
 * Tells whether no cell is shown a path unless a person names it: by names of secrets, in directories with a dot outside
 * of the project, but for programs and packages; of `/etc`, what not everybody may read; a directory of private keys.
 *
 * @param path resolved.
 * @param project directory of whoever asks; a home is none.
 */
export function isOwnPlace(path: string, project: string, home: string): boolean {
  const directory = isDirectory(path)
  if (isSecretPlace(path, directory)) return true
  const within = !isBroad(project, home) && liesIn(path, project)
  if (!within && OWN.test(path) && !(directory ? isPackage(path, home) : isProgram(path))) return true
  if (liesIn(path, '/etc') && (modeOf(path) & 0o004) === 0) return true
  return directory ? holdsKeys(path) : isKey(path)
}

function isPackage(directory: string, home: string): boolean {
  return (['node', 'python'] as const).some((kind) => packageAround(directory, kind, home) !== undefined)
}

function isProgram(file: string): boolean {
  return kindOfScript(file) !== undefined || file.includes('/node_modules/') || (modeOf(file) & 0o111) !== 0
}

function modeOf(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.mode ?? 0
}

/** Files of one directory that are looked at; one with more is no directory of keys. */
const ENTRIES_MAX = 1_000
const HEAD_BYTES = 4_096

function holdsKeys(directory: string): boolean {
  try {
    const entries = readdirSync(directory, { withFileTypes: true }).slice(0, ENTRIES_MAX)
    return entries.some((entry) => entry.isFile() && isKey(join(directory, entry.name)))
  } catch {
    // Not for us: nor for a cell of ours.
    return false
  }
}

/** Tells whether a file begins as a private key does. RFC 7468, and PuTTY's own. */
function isKey(file: string): boolean {
  const head = readPlainFile(file, HEAD_BYTES)?.bytes.toString('latin1') ?? ''
  return /^-----BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY(?: BLOCK)?-----|^PuTTY-User-Key-File-/m.test(head)
}
