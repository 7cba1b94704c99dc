import { type Ecosystem, readRelease } from './release-version.ts'

/** Characters of a name: npm stops at 214. */
export const NAME_CHARACTERS_MAX = 214

/** Letters of a part of a name of npm; older names have capitals. */
const NPM_PART = /^[A-Za-z0-9~-][A-Za-z0-9._~-]*$/
/** Names of Python packages (the core metadata specification). */
const PYPI_NAME = /^[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?$/
/** Names that npm keeps for itself. */
const NPM_TAKEN: ReadonlySet<string> = new Set(['node_modules', 'favicon.ico', 'package.json'])

/** Returns a name as its registry compares it; undefined of one that none can have. For PyPI see PEP 503. */
export function normalName(ecosystem: Ecosystem, text: string): string | undefined {
  if (text.length > NAME_CHARACTERS_MAX) return undefined
  if (ecosystem === 'pypi') return PYPI_NAME.test(text) ? text.replaceAll(/[-_.]+/g, '-').toLowerCase() : undefined
  const [scope, name, ...more] = text.startsWith('@') ? text.slice(1).split('/') : [undefined, ...text.split('/')]
  if (name === undefined || more.length > 0 || !NPM_PART.test(name) || NPM_TAKEN.has(name.toLowerCase()))
    return undefined
  return scope === undefined || NPM_PART.test(scope) ? text : undefined
}

/** Returns the part of a name of npm behind its scope, with which its files begin. */
export function unscoped(name: string): string {
  return name.slice(name.indexOf('/') + 1)
}

/** A file of a package, as its name says it. */
export interface PackageFile {
  readonly name: string
  /** In the form in which versions are compared. */
  readonly version: string
  /** True of a file whose installation runs a program that came in it: anything but a wheel. */
  readonly builds: boolean
}

/** Returns the version that a file of npm has by its name; undefined where it is none of that package. */
export function npmVersionIn(file: string, name: string): string | undefined {
  const start = `${unscoped(name)}-`
  if (!file.startsWith(start) || !file.endsWith('.tgz')) return undefined
  return readRelease('npm', file.slice(start.length, -'.tgz'.length))
}

/** Endings of files from which Python packages are built, or were installed once. */
const SOURCES = [
  '.tar.gz',
  '.zip',
  '.tar.bz2',
  '.tgz',
  '.tar.xz',
  '.tar.Z',
  '.tar',
  '.egg',
  '.exe',
  '.msi',
  '.rpm',
  '.deb',
  '.dmg',
]

/**
 * Reads the name of a file of PyPI. Without `project` the last hyphen before a version divides it; with it, the one behind
 * that name. Undefined where there is none.
 */
export function pypiFile(file: string, project?: string): PackageFile | undefined {
  if (file.length > 512 || !/^[A-Za-z0-9][A-Za-z0-9._+!-]*$/.test(file)) return undefined
  if (file.endsWith('.whl')) {
    const parts = file.slice(0, -'.whl'.length).split('-')
    if (parts.length !== 5 && parts.length !== 6) return undefined
    const name = normalName('pypi', parts[0] ?? '')
    const version = readRelease('pypi', (parts[1] ?? '').replaceAll('_', '-'))
    if (name === undefined || version === undefined || (project !== undefined && name !== project)) return undefined
    return { name, version, builds: false }
  }
  const ending = SOURCES.find((each) => file.endsWith(each))
  if (ending === undefined) return undefined
  const stem = file.slice(0, -ending.length)
  const found: PackageFile[] = []
  for (let dash = stem.lastIndexOf('-'); dash > 0; dash = stem.lastIndexOf('-', dash - 1)) {
    const name = normalName('pypi', stem.slice(0, dash))
    const version = readRelease('pypi', withoutPlatform(stem.slice(dash + 1), ending))
    if (name === undefined || (project !== undefined && name !== project)) continue
    if (version !== undefined) found.push({ name, version, builds: true })
    if (project === undefined && version !== undefined) break
  }
  return found[0]
}

/** Older files that are built name their platform behind the version: `1.0-py2.7.egg`, `1.0.win32-py2.7.exe`. */
function withoutPlatform(text: string, ending: string): string {
  if (!['.egg', '.exe', '.msi', '.rpm', '.deb', '.dmg'].includes(ending)) return text
  return text.replace(/[.-](?:win|linux|macosx|py\d|noarch|src)[A-Za-z0-9._-]*$/, '')
}
