/**
 * Judges which places of this host a cell is shown without a person's word: a list of what may be. Everything that is
 * named by a project's own files (arguments, imports, links, `.pth`, `pyvenv.cfg`) passes `whyNotShown`.
 */
import { existsSync, statSync } from 'node:fs'
import { basename, join } from 'node:path'
import { liesIn, readableNamesIn } from '../../model/host/host-paths.ts'
import { readPlainFile } from '../../model/host/plain-file.ts'
import { nameBytes } from '../../model/text/file-name.ts'
import { entriesOf, lstatOf } from '../shown/looked-at.ts'
import {
  isBroad,
  isDirectory,
  isFile,
  kindOfScript,
  realOf,
  type Surroundings,
  textOf,
  upwards,
  within,
} from './places.ts'
import { isSecretPlace } from './secret-files.ts'

/** Reasons for which a place is left out. */
export type NotShown = 'secret' | 'broad' | 'outside'

export type Around = Pick<Surroundings, 'roots' | 'home'>

/**
 * Returns why no cell is shown a place by a project's word; undefined where it may be: where its links lead has to lie in
 * the project's own directory (or what a person named), in the host's system as far as everybody may read it, or in an
 * installation of programs or packages.
 */
export function whyNotShown(place: string, { roots, home }: Around): NotShown | undefined {
  const real = realOf(place)
  const directory = isDirectory(real)
  // No configuration can name it.
  if (!real.isWellFormed()) return 'outside'
  if (isSecretPlace(real, directory)) return 'secret'
  if (directory && isBroad(real, home)) return 'broad'
  if (roots.some((root) => liesIn(real, root))) return undefined
  if (directory ? holdsKeys(real) : isKey(real)) return 'secret'
  return isShownByItsMode(real) || isOfPackages(real) || isInstalled(real, home) ? undefined : 'outside'
}

/**
 * Tells whether a place may be shown since everybody on the host may read it: as it is, with the modes of what lies in it.
 * A workspace has none of them, its owner's files are the cell's.
 */
export function isShownByItsMode(real: string): boolean {
  return (
    isOfHost(real) &&
    isPublic(real) &&
    (liesIn(real, '/usr') || !isDirectory(real) || isPublicBelow(real, { left: NAMES_MAX }))
  )
}

/** Names of a directory that are looked at; one with more is not shown by its mode. */
const NAMES_MAX = 20_000

/** Tells whether everybody may read all that lies in a directory: a person without root has groups, and files of their own. */
function isPublicBelow(directory: string, budget: { left: number }): boolean {
  const names = entriesOf(directory)
  if (names === undefined || names === 'unreadable') return false
  return names.every((name) => {
    const path = join(directory, name)
    const stats = lstatOf(path)
    if (--budget.left < 0 || stats === undefined || stats === 'unreadable') return false
    if (stats.isSymbolicLink()) return true
    const mode = Number(stats.mode)
    return stats.isDirectory() ? (mode & 0o005) === 0o005 && isPublicBelow(path, budget) : (mode & 0o004) !== 0
  })
}

/**
 * Returns what belongs to a directory: the repository that it is in, or itself where it is in none; of one that holds many
 * things (`/workspace`) what lies in it, each by itself.
 */
export function rootsAround(directory: string, home: string): readonly string[] {
  const real = realOf(directory)
  const above = within(real, home)
  const root = above.find((each) => existsSync(join(each, '.git'))) ?? above[0]
  if (root !== undefined) return [root]
  const names = readableNamesIn(real).filter((name) => !name.startsWith('.'))
  return names.map((name) => join(real, name)).filter((each) => !isBroad(each, home))
}

/** Returns the roots of a project: none where it is, or holds, a home, or where everybody puts files. */
export function rootsOfProject(project: string, home: string): readonly string[] {
  const real = realOf(project)
  return liesIn(realOf(home), real) || (modeOf(real) & 0o1002) === 0o1002 ? [] : rootsAround(real, home)
}

/** Tells whether a place is none that a person means: secret by name or kind, or what in `/etc` not everybody may read. */
export function isSecret(path: string): boolean {
  const directory = isDirectory(path)
  if (isSecretPlace(path, directory) || (liesIn(path, '/etc') && !isPublic(path))) return true
  return directory ? holdsKeys(path) : isKey(path)
}

/** Names below which programs keep what is theirs: settings, profiles, histories, keys. */
const OWN = /\/(?:\.[^/]+|Library\/(?:Application Support|Keychains|Containers))(?:\/|$)/

/** Tells whether what a person names is what another program keeps for itself: nothing that is installed, and no code. */
export function isKeptByProgram(path: string, around: Around): boolean {
  if (!OWN.test(path) || whyNotShown(path, around) === undefined) return false
  if (!isDirectory(path)) return kindOfScript(path) === undefined && !isExecutable(path)
  return basename(path).startsWith('.') || !['package.json', 'pyproject.toml'].some((name) => isFile(join(path, name)))
}

export function isExecutable(path: string): boolean {
  return isFile(path) && (modeOf(path) & 0o111) !== 0
}

function isOfHost(path: string): boolean {
  return /^\/(?:usr|bin|sbin|lib(?:32|64|x32)?|opt|etc|snap|(?:nix|gnu)\/store|home\/linuxbrew\/\.linuxbrew)(?:\/|$)/.test(
    path,
  )
}

function isPublic(path: string): boolean {
  const [own = path, ...above] = upwards(path)
  return (modeOf(own) & 0o004) !== 0 && above.every((each) => (modeOf(each) & 0o001) !== 0)
}

function isOfPackages(path: string): boolean {
  return /\/(?:node_modules|site-packages|dist-packages)(?:\/|$)/.test(path)
}

/** Tells whether a path is an installation of programs, or lies in one. */
function isInstalled(path: string, home: string): boolean {
  return within(path, home).some(isInstallation)
}

/**
 * Tells whether a directory is what was installed together, by what only such a one has: one of a person's with `bin` and
 * `lib` may be anything.
 */
export function isInstallation(prefix: string): boolean {
  if (basename(prefix) === '.local') return false
  if (isFile(join(prefix, 'pyvenv.cfg'))) return readableNamesIn(prefix).every((name) => OF_ENVIRONMENT.has(name))
  if (MARKS.some((mark) => existsSync(join(prefix, mark)))) return true
  if (isFile(join(prefix, 'VERSION')) && /^go\d/.test(textOf(join(prefix, 'VERSION')))) return true
  const libraries = readableNamesIn(join(prefix, 'lib')).filter((name) => /^python\d/.test(name))
  return libraries.some((name) => isFile(join(prefix, 'lib', name, 'os.py')))
}

/** Files and directories that only an installation has: of Node, Conda, Ruby, Rust, Erlang, Elixir, Java, Perl, Julia. */
const MARKS = [
  ...['include/node/node.h', 'lib/node_modules/npm/package.json', 'conda-meta/history', 'lib/ruby/gems', 'lib/rustlib'],
  ...['lib/erlang/bin', 'lib/elixir/ebin', 'lib/jrt-fs.jar', 'lib/perl5', 'share/julia/base'],
]

/** Names that a virtual environment has: one that was made in a directory of a person's has others, too. PEP 405 */
const OF_ENVIRONMENT = new Set([
  ...['bin', 'include', 'lib', 'lib64', 'share', 'etc', 'man', 'src', 'pyvenv.cfg', '.gitignore', '.lock'],
  ...['CACHEDIR.TAG', '.project', 'pip-selfcheck.json', 'uv-receipt.toml', 'pipx_metadata.json'],
])

function modeOf(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.mode ?? 0
}

/** Files of one directory that are looked at; one with more is no directory of keys. */
const ENTRIES_MAX = 1_000
const HEAD_BYTES = 4_096

function holdsKeys(directory: string): boolean {
  const names = entriesOf(directory)
  // What is not for us is not for a cell of ours.
  if (names === undefined || names === 'unreadable') return false
  return names.slice(0, ENTRIES_MAX).some((name) => isKey(join(directory, name), 'no'))
}

/** Tells whether a file begins as a private key does. RFC 7468, and PuTTY's own. */
function isKey(file: string, links: 'follow' | 'no' = 'follow'): boolean {
  const head = readPlainFile(nameBytes(file), HEAD_BYTES, links)?.bytes.toString('latin1') ?? ''
  return /^-----BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY(?: BLOCK)?-----|^PuTTY-User-Key-File-/m.test(head)
}
