import { existsSync, readFileSync, realpathSync, statSync } from 'node:fs'
import { basename, dirname, extname, isAbsolute, join, resolve, sep } from 'node:path'
import process from 'node:process'
import { isJsonObject, type Json, no, ok, type Result } from '../model/index.ts'

/** A command as a person runs it on this host, rewritten for a cell that sees only what is shown to it. */
export interface Contained {
  readonly command: readonly string[]
  /** Place in the cell → path on the host, as `cell.files` has them. */
  readonly files: ReadonlyMap<string, string>
  /** A directory among its arguments, which becomes the cell's workspace. */
  readonly workspace?: string
}

/**
 * The least that a command names: its program where it is not of the host's /usr, its script, the packages beside that,
 * and a directory that it is given, as a private overlay. What it reads without naming it, a person adds.
 */
export function containCommand(
  [program = '', ...args]: readonly string[],
  cwd: string,
  path: string = process.env.PATH ?? '',
): Result<Contained, string> {
  const fetched = fetchedPackage(program, args)
  if (fetched !== undefined) {
    const script = installedScript(fetched.name, cwd)
    if (script === undefined) return no(fetched.problem)
    return containCommand(['node', script, ...fetched.args], cwd, path)
  }
  const place = program.includes('/') ? resolve(cwd, program) : onPath(program, path)
  if (program === 'node' || basename(place ?? '') === 'node') return containNode(place, args, cwd)
  if (place === undefined || !isFile(place)) return no(`there is no program "${program}" on this host`)
  const real = realpathSync(place)
  if (startsNode(real)) return containCommand(['node', real, ...args], cwd, path)
  const shown = ofSystem(place) ? [] : [[place, real] as const]
  return ok(withArguments([shown.length === 0 ? program : place], shown, args, cwd))
}

/** A Node of the host's own stays what it is; where there is none that cells see, they get the one that Firebreak brings. */
function containNode(place: string | undefined, args: readonly string[], cwd: string): Result<Contained, string> {
  if (place !== undefined && ofSystem(place)) return ok(withArguments(['node'], [], args, cwd))
  return ok(withArguments(['/opt/node'], [['/opt/node', '${node}']], args, cwd))
}

function withArguments(
  start: readonly string[],
  shown: readonly (readonly [string, string])[],
  args: readonly string[],
  cwd: string,
): Contained {
  const files = new Map(shown)
  const command = [...start]
  let workspace: string | undefined
  for (const arg of args) {
    const path = resolve(cwd, arg)
    const kind = arg.startsWith('-') || !existsSync(path) ? 'word' : statSync(path).isDirectory() ? 'directory' : 'file'
    if (kind === 'word' || (!isAbsolute(arg) && kind === 'directory' && !/[./]/.test(arg)) || ofSystem(path)) {
      command.push(arg)
    } else if (kind === 'directory' && workspace === undefined) {
      workspace = path
      command.push('/workspace')
    } else {
      // Packages are found from where a file really lies.
      const real = realpathSync(path)
      for (const each of kind === 'file' ? neededBy(real) : [real]) files.set(each, each)
      command.push(real)
    }
  }
  return { command, files, ...(workspace !== undefined && { workspace }) }
}

/** The file itself, or the whole of the packages that it lies in or beside. */
function neededBy(file: string): readonly string[] {
  const parts = file.split(sep)
  const packages = parts.indexOf('node_modules')
  if (packages !== -1) return [parts.slice(0, packages + 1).join(sep)]
  if (!['.js', '.mjs', '.cjs', '.ts', '.mts'].includes(extname(file))) return [file]
  const beside = upwards(dirname(file)).find((directory) => existsSync(join(directory, 'node_modules')))
  const manifest = upwards(dirname(file)).find((directory) => existsSync(join(directory, 'package.json')))
  return [
    file,
    ...(beside === undefined ? [] : [join(beside, 'node_modules')]),
    ...(manifest === undefined ? [] : [join(manifest, 'package.json')]),
  ]
}

/** Runners that fetch a package when they start: a cell has no network to fetch it over. */
function fetchedPackage(program: string, args: readonly string[]) {
  const runner = basename(program)
  if (runner !== 'npx' && runner !== 'uvx') return undefined
  const [spec = '', ...rest] = args.filter((arg, i) => !(arg.startsWith('-') && args.slice(0, i).every(isOption)))
  const name = spec.replace(/(?<=.)@[^/]*$/, '')
  const install =
    runner === 'npx' ? `npm install ${name}` : `uv tool install ${name}, and name the program that it installs`
  return {
    name: runner === 'npx' ? name : '',
    args: rest,
    problem: `${runner} fetches "${name}" when it starts, and a cell has no network: ${install}, then do this again`,
  }
}

function isOption(arg: string): boolean {
  return arg.startsWith('-')
}

/** The program of an npm package that is installed here or above. */
function installedScript(name: string, cwd: string): string | undefined {
  const home = upwards(cwd)
    .map((directory) => join(directory, 'node_modules', name))
    .find((directory) => name !== '' && existsSync(join(directory, 'package.json')))
  if (home === undefined) return undefined
  const manifest = JSON.parse(readFileSync(join(home, 'package.json'), 'utf8')) as Json
  const bin = isJsonObject(manifest) ? manifest.bin : undefined
  const script = typeof bin === 'string' ? bin : isJsonObject(bin) ? Object.values(bin)[0] : undefined
  return typeof script === 'string' ? join(home, script) : undefined
}

function upwards(directory: string): readonly string[] {
  return dirname(directory) === directory ? [directory] : [directory, ...upwards(dirname(directory))]
}

function onPath(program: string, path: string): string | undefined {
  return path
    .split(':')
    .map((directory) => join(directory, program))
    .find(isFile)
}

function isFile(path: string): boolean {
  try {
    return statSync(path).isFile()
  } catch {
    // Not there, or on a PATH that was meant for somebody else.
    return false
  }
}

function startsNode(file: string): boolean {
  return /^#!.*\bnode\b/.test(readFileSync(file).subarray(0, 256).toString('latin1').split('\n')[0] ?? '')
}

/** What every cell sees of the host, at the same place. */
function ofSystem(path: string): boolean {
  return /^\/(?:usr|bin|sbin|lib(?:32|64|x32)?)(?:\/|$)/.test(path)
}
