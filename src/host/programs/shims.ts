/**
 * Programs that only choose another one: what they would start is found by the files that they read, and nothing is run.
 * A cell is shown that other program; a shim in it would look for what it does not see.
 */
import { readdirSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { no, ok, type Result } from '../../model/index.ts'
import { isDirectory, isFile, onPath, realOf, type Surroundings, textOf, upwards } from './places.ts'

/** Returns the program behind a shim; the place itself where it is none. */
export function behindShim(place: string, around: Surroundings): Result<string, string> {
  const name = basename(place)
  const directory = dirname(place)
  const root = dirname(directory)
  if (basename(directory) === 'shims') {
    const found = ofVersions(root, name, around) ?? (isMise(place) ? ofMise(name, around) : undefined)
    return found === undefined ? unknown(place, 'name the program itself, by its path') : ok(found)
  }
  const real = basename(realOf(place))
  if (real === 'rustup' && name !== 'rustup') return ofRustup(place, name, around)
  if (real === 'volta-shim' || (name !== 'volta' && real === 'volta')) {
    const found = ofVolta(name, around)
    return found === undefined
      ? unknown(place, 'volta list names the versions: name the program itself, by its path')
      : ok(found)
  }
  return ok(place)
}

function unknown(place: string, what: string): Result<string, string> {
  return no(`${place} chooses another program when it starts, and which cannot be told: ${what}`)
}

/**
 * Finds the program that pyenv, rbenv, nodenv, goenv (`versions/<version>/bin`) or asdf
 * (`installs/<plugin>/<version>/bin`) would start.
 */
function ofVersions(root: string, name: string, around: Surroundings): string | undefined {
  const versions = [...wanted(root, around)].flatMap((version) => {
    if (version === 'system') return [onPath(name, withoutShims(around.path)) ?? []].flat()
    return installed(root, name).filter((place) => versionOf(place).startsWith(version))
  })
  return versions.find(isFile)
}

/** Returns the installed programs of that name, newest version first: 3.12 means the newest 3.12.x that is here. */
function installed(root: string, name: string): readonly string[] {
  const plugins = names(join(root, 'installs')).map((plugin) => join(root, 'installs', plugin))
  return [join(root, 'versions'), ...plugins]
    .flatMap((directory) => names(directory).map((version) => join(directory, version)))
    .toSorted((a, b) => basename(b).localeCompare(basename(a), 'en', { numeric: true }))
    .flatMap((version) => [join(version, 'bin', name), join(version, name)])
    .filter(isFile)
}

function versionOf(place: string): string {
  const parts = place.split('/')
  const at = parts.findLastIndex((part) => part === 'versions' || part === 'installs')
  return parts[parts[at] === 'installs' ? at + 2 : at + 1] ?? ''
}

/**
 * Yields versions in the order in which these tools look: a variable, a file above the directory, what stands for
 * everything.
 */
function* wanted(root: string, { cwd, home, variables }: Surroundings): Generator<string> {
  for (const variable of ['PYENV_VERSION', 'RBENV_VERSION', 'NODENV_VERSION', 'GOENV_VERSION'])
    yield* (variables[variable] ?? '').split(':').filter((version) => version !== '')
  for (const directory of [...upwards(cwd), home])
    for (const file of ['.python-version', '.ruby-version', '.node-version', '.go-version', '.tool-versions'])
      for (const line of textOf(join(directory, file)).split('\n')) {
        const words = line.replace(/#.*/, '').trim().split(/\s+/)
        yield* file === '.tool-versions' ? words.slice(1) : words.filter((word) => word !== '')
      }
  yield* textOf(join(root, 'version'))
    .split(/\s+/)
    .filter((version) => version !== '')
  yield ''
}

function withoutShims(path: string): string {
  return path
    .split(':')
    .filter((directory) => basename(directory) !== 'shims')
    .join(':')
}

function isMise(place: string): boolean {
  return basename(realOf(place)) === 'mise'
}

function ofMise(name: string, around: Surroundings): string | undefined {
  const data = around.variables.MISE_DATA_DIR ?? join(around.home, '.local/share/mise')
  return ofVersions(data, name, around)
}

/** Returns the program of a toolchain: `~/.rustup/toolchains/<name>/bin`. rustup, "Overrides" */
function ofRustup(place: string, name: string, { cwd, home, variables }: Surroundings): Result<string, string> {
  const root = variables.RUSTUP_HOME ?? join(home, '.rustup')
  const files = upwards(cwd).flatMap((directory) => [
    join(directory, 'rust-toolchain.toml'),
    join(directory, 'rust-toolchain'),
  ])
  const ofProject = files.map((file) => textOf(file)).find((text) => text !== '') ?? ''
  const channel = /channel\s*=\s*"([^"]+)"/.exec(ofProject)?.[1] ?? /^[\w.-]+$/m.exec(ofProject)?.[0]
  const standing = /default_toolchain\s*=\s*"([^"]+)"/.exec(textOf(join(root, 'settings.toml')))?.[1]
  const toolchains = names(join(root, 'toolchains'))
  const chosen = variables.RUSTUP_TOOLCHAIN ?? channel ?? standing ?? ''
  const found = toolchains.find((each) => each === chosen || each.startsWith(`${chosen}-`))
  if (chosen !== '' && found !== undefined && isFile(join(root, 'toolchains', found, 'bin', name)))
    return ok(join(root, 'toolchains', found, 'bin', name))
  return unknown(place, `rustup which ${name} tells: name that`)
}

/** Returns `~/.volta/tools/image/<tool>/<version>/bin`, by the platform that stands for everything. */
function ofVolta(name: string, { home, variables }: Surroundings): string | undefined {
  const image = join(variables.VOLTA_HOME ?? join(home, '.volta'), 'tools/image')
  const tool = name === 'npx' ? 'npm' : name
  const directories =
    tool === 'node' ? [join(image, 'node')] : [join(image, tool), join(image, 'packages', tool), join(image, 'node')]
  return directories.flatMap((directory) => installedUnder(directory, name)).find(isFile)
}

function installedUnder(directory: string, name: string): readonly string[] {
  const versions = names(directory).toSorted((a, b) => b.localeCompare(a, 'en', { numeric: true }))
  return [join(directory, 'bin', name), ...versions.map((version) => join(directory, version, 'bin', name))]
}

function names(directory: string): readonly string[] {
  return isDirectory(directory) ? readdirSync(directory) : []
}
