import { existsSync, realpathSync, statSync } from 'node:fs'
import { basename, isAbsolute, join, resolve, sep } from 'node:path'
import process from 'node:process'
import { liesIn } from '../model/host-paths.ts'
import { no, ok, type Result } from '../model/index.ts'
import { BASE_VARIABLES } from './cell-spec.ts'
import { type FoundProgram, findProgram } from './programs/find-program.ts'
import { isOwnPlace } from './programs/own-places.ts'
import { joined, kindOfScript, neededByScript, type Parts, packageAround, partsOf } from './programs/package.ts'
import { isBroad, isDirectory, ofSystem, type Surroundings } from './programs/places.ts'
import { isNodeScript, unwrapRunner } from './programs/runners.ts'

/** A command as a person runs it on this host, rewritten for a cell that sees only what is shown to it. */
export interface Contained {
  readonly command: readonly string[]
  /** Place in the cell → path on the host, as `cell.files` has them. */
  readonly files: ReadonlyMap<string, string>
  /** Variables beside the command's own: a PATH that has its program. */
  readonly env: ReadonlyMap<string, string>
  /** A directory among its arguments, which becomes the cell's workspace. */
  readonly workspace?: string
  /** Directory in the cell where the command starts. */
  readonly cwd?: string
  /** Sentences for a person about what was changed or left out. */
  readonly notes: readonly string[]
}

export interface ContainOptions {
  readonly path?: string
  readonly home?: string
  readonly variables?: Readonly<Record<string, string | undefined>>
  /** Directories that no cell may be shown: where the configuration is written. */
  readonly kept?: readonly string[]
  /** Directory of the person who asks; the one in which the command is given where absent. */
  readonly project?: string
  /** True where a directory is given to start in: programs may lean on it. */
  readonly startsThere?: boolean
}

const RUNNERS_MAX = 4

/**
 * Returns what a command needs to be started in a cell: its program with its interpreter and its prefix, its script
 * with the package around it, and a directory that it is given, as a private overlay. Secrets in those directories, and
 * homes, are not shown. What it reads without naming it, a person adds.
 */
export function containCommand(
  command: readonly string[],
  cwd: string,
  options: ContainOptions = {},
): Result<Contained, string> {
  const { variables = process.env, kept = [] } = options
  const around: Surroundings = {
    cwd,
    project: options.project ?? cwd,
    path: options.path ?? variables.PATH ?? '',
    home: options.home ?? variables.HOME ?? '/root',
    variables,
    kept,
  }
  try {
    return contain(command, around, options.startsThere === true, 0)
  } catch (error) {
    // What changes or is locked away while it is looked at.
    if (error instanceof Error && 'syscall' in error) return no(error.message)
    throw error
  }
}

function contain(
  command: readonly string[],
  around: Surroundings,
  startsThere: boolean,
  depth: number,
): Result<Contained, string> {
  const unwrapped = depth < RUNNERS_MAX ? unwrapRunner(command, around) : undefined
  if (unwrapped !== undefined) {
    if (!unwrapped.ok) return unwrapped
    const { command: inner, cwd, env, notes = [] } = unwrapped.value
    const contained = contain(inner, { ...around, cwd: cwd ?? around.cwd }, startsThere || cwd !== undefined, depth + 1)
    if (!contained.ok) return contained
    const variables = new Map([...Object.entries(env ?? {}), ...contained.value.env])
    return ok({ ...contained.value, env: variables, notes: [...notes, ...contained.value.notes] })
  }
  const [program = '', ...args] = command
  const script =
    program.includes('/') && isNodeScript(resolve(around.cwd, program)) ? resolve(around.cwd, program) : undefined
  if (script !== undefined && existsSync(script))
    return contain(['node', script, ...args], around, startsThere, depth + 1)
  const found = program === 'node' ? nodeOf(around) : findProgram(program, around)
  if (!found.ok) return found
  if (isNodeScript(found.value.real) && !ofSystem(found.value.real) && depth < RUNNERS_MAX)
    return contain(['node', found.value.real, ...args], around, startsThere, depth + 1)
  return withArguments(found.value, args, around, startsThere)
}

/** Returns a Node that cells see, or that stands in a file of its own; else the one that Firebreak brings. */
function nodeOf(around: Surroundings): Result<FoundProgram, string> {
  const found = findProgram('node', around)
  if (found.ok && (ofSystem(found.value.real) || found.value.files.size > 0)) {
    if (ofSystem(found.value.place) && ofSystem(found.value.real)) return found
    if (statSync(found.value.real).size > BINARY_BYTES_MIN) return found
  }
  const brought = '/opt/node'
  return ok({ program: brought, place: brought, real: brought, files: new Map([[brought, '${node}']]), path: ['/opt'] })
}

/** Bytes that tell a Node, which has a hundred MiB, from what only looks for one. */
const BINARY_BYTES_MIN = 10_000_000

function withArguments(
  found: FoundProgram,
  args: readonly string[],
  around: Surroundings,
  startsThere: boolean,
): Result<Contained, string> {
  const files = new Map(found.files)
  const command = [found.program]
  const parts: Parts[] = []
  let workspace: string | undefined
  const builds = isBuildTool(found, args)
  const own = builds ? undefined : args.map((arg) => placeNamed(arg, around.cwd, false)).find(isWorkspace)
  const kept = { ...around, kept: [...around.kept, ...(own === undefined ? [] : [realpathSync(own)])] }
  for (const arg of args) {
    const [, flag = '', value = arg] = /^(--?[\w-]+=)([\s\S]*)$/.exec(arg) ?? []
    const named = builds ? undefined : placeNamed(value, around.cwd, flag !== '')
    if (named === undefined) {
      command.push(arg)
      continue
    }
    const real = realpathSync(named)
    if (isOwnPlace(real, around.project, around.home))
      return no(
        `it is given ${named}, which sounds like a secret: give it as a secret, in its env or its arguments, or name the directory in the configuration`,
      )
    if (isDirectory(named)) {
      if (isBroad(real, around.home))
        return no(`it is given ${named}, which holds more than one program should see: name a directory in it`)
      if (workspace === undefined && flag === '') {
        workspace = named
        command.push('/workspace')
        continue
      }
      parts.push(partsOf(real, kept.kept))
    } else parts.push(neededBy(real, kept))
    command.push(`${flag}${real}`)
  }
  for (const place of ofLine(found, args)) {
    if (isOwnPlace(place, around.project, around.home) || (isDirectory(place) && isBroad(place, around.home))) continue
    parts.push(isDirectory(place) ? partsOf(place, kept.kept) : neededBy(place, kept))
  }
  const preloads = isPreloading(found, args)
  const start = startOf(found, args, around, startsThere || builds || preloads)
  if (start !== undefined) parts.push(partsOf(start, kept.kept))
  const { shown, hidden } = joined(parts)
  for (const place of shown) if (![...files].some(([to]) => liesIn(place, to))) files.set(place, place)
  const env = new Map<string, string>(
    found.path.length === 0 ? [] : [['PATH', [...found.path, BASE_VARIABLES.PATH].join(':')]],
  )
  const cwd = start !== undefined && (startsThere || builds || preloads || args.includes('-m')) ? start : undefined
  const notes =
    hidden.length === 0 ? [] : [`not shown, since it sounds like a secret: ${hidden.slice(0, 8).join(', ')}`]
  if (builds && /^(?:go|cargo)$/.test(basename(found.place)))
    notes.push(`${basename(found.place)} builds it anew at each start in a cell: build it here, and name the program`)
  for (const [name, value] of buildVariables(found, around, files)) env.set(name, value)
  return ok({
    command,
    files,
    env,
    notes,
    ...(workspace !== undefined && { workspace }),
    ...(cwd !== undefined && { cwd }),
  })
}

function isWorkspace(place: string | undefined): place is string {
  return place !== undefined && isDirectory(place)
}

/** Returns the place that an argument names; a word that only happens to be a directory's name is none. */
function placeNamed(arg: string, cwd: string, isValue: boolean): string | undefined {
  if (arg === '' || arg.startsWith('-') || arg.includes('\0')) return undefined
  const path = resolve(cwd, arg)
  if (!existsSync(path) || ofSystem(path)) return undefined
  const stat = statSync(path)
  if (!stat.isFile() && !stat.isDirectory()) return undefined
  const looksLikePath = isAbsolute(arg) || /[./]/.test(arg)
  return looksLikePath || (stat.isFile() && !isValue) ? path : undefined
}

/** Returns what a file needs: itself, or the whole of the packages that it lies in or beside. */
function neededBy(file: string, around: Surroundings): Parts {
  const parts = file.split(sep)
  const packages = parts.indexOf('node_modules')
  if (packages !== -1) return { shown: [parts.slice(0, packages + 1).join(sep)], hidden: [] }
  const kind = kindOfScript(file) ?? (isNodeScript(file) ? 'node' : undefined)
  return kind === undefined ? { shown: [file], hidden: [] } : neededByScript(file, kind, around)
}

/** Returns the places that a line for a shell names. */
function ofLine({ place }: FoundProgram, args: readonly string[]): readonly string[] {
  const at = args.findIndex((arg) => /^-[a-z]*c$/.test(arg))
  if (!/^(?:sh|bash|dash|zsh|ksh)$/.test(basename(place)) || at === -1) return []
  const words = (args[at + 1] ?? '').split(/[\s'";&|()<>=]+/)
  return words
    .filter((word) => word.startsWith('/') && !ofSystem(word) && existsSync(word))
    .map((word) => realpathSync(word))
}

/**
 * Tells whether Node loads something first (`--import tsx`, `-r dotenv/config`), which it looks for from where it
 * starts.
 */
function isPreloading({ place }: FoundProgram, args: readonly string[]): boolean {
  if (basename(place) !== 'node') return false
  return args.some(
    (arg, i) =>
      /^(?:-r|--require|--import|--loader|--experimental-loader)$/.test(arg) && /^[^./-]/.test(args[i + 1] ?? ''),
  )
}

/** Tells whether a program builds what lies in the directory where it is started. */
function isBuildTool({ place, real }: FoundProgram, args: readonly string[]): boolean {
  const [name, first = ''] = [basename(place), args[0] ?? '']
  if (name === 'go' || name === 'cargo') return ['run', 'build', 'test', 'install'].includes(first)
  return (
    /^(?:npm|pnpm|yarn)(?:-cli)?(?:\.c?js)?$/.test(basename(real)) || ['npm', 'pnpm', 'yarn', 'make'].includes(name)
  )
}

/** Returns the directory that a program leans on though no argument names it; never a home. */
function startOf(
  found: FoundProgram,
  args: readonly string[],
  around: Surroundings,
  startsThere: boolean,
): string | undefined {
  const { cwd, home, project } = around
  const module =
    /^python[\d.]*$/.test(basename(found.place)) && args.includes('-m') ? args[args.indexOf('-m') + 1] : undefined
  const top = module?.split('.')[0] ?? ''
  const isHere = top !== '' && (existsSync(join(cwd, top)) || existsSync(join(cwd, `${top}.py`)))
  if (!startsThere && !isHere) return undefined
  const kind = /^python/.test(basename(found.place)) ? 'python' : 'node'
  const root = packageAround(cwd, kind, home) ?? cwd
  if (isBroad(cwd, home) || isBroad(root, home) || isOwnPlace(realpathSync(cwd), project, home)) return undefined
  return startsThere || isHere ? realpathSync(cwd) : undefined
}

/** Returns the variables by which compilers find what was fetched before, and where they may write. */
function buildVariables(
  found: FoundProgram,
  around: Surroundings,
  files: Map<string, string>,
): ReadonlyMap<string, string> {
  const name = basename(found.place)
  const { home, variables } = around
  if (name === 'go') {
    const modules = variables.GOMODCACHE ?? join(variables.GOPATH ?? join(home, 'go'), 'pkg/mod')
    if (isDirectory(modules)) files.set(modules, modules)
    return new Map([
      ['GOMODCACHE', modules],
      ['GOPROXY', 'off'],
      ['GOTOOLCHAIN', 'local'],
      ['GOFLAGS', '-buildvcs=false'],
    ])
  }
  if (name !== 'cargo') return new Map()
  const cargo = variables.CARGO_HOME ?? join(home, '.cargo')
  for (const part of ['registry', 'git'].map((each) => join(cargo, each)).filter(isDirectory)) files.set(part, part)
  return new Map([
    ['CARGO_HOME', cargo],
    ['CARGO_TARGET_DIR', '/tmp/target'],
    ['CARGO_NET_OFFLINE', 'true'],
  ])
}
