import { existsSync, realpathSync, statSync } from 'node:fs'
import { basename, dirname, isAbsolute, join, resolve, sep } from 'node:path'
import process from 'node:process'
import { BASE_VARIABLES } from '../../host/prepare/cell-spec.ts'
import { type FoundProgram, findProgram, isOfPerson } from '../../host/programs/find-program.ts'
import {
  joined,
  judged,
  manifestAround,
  neededByScript,
  type PackageParts,
  packageAround,
  partsOf,
} from '../../host/programs/package.ts'
import { isBroad, isDirectory, kindOfScript, ofSystem, type Surroundings } from '../../host/programs/places.ts'
import { isNodeScript, unwrapRunner } from '../../host/programs/runners.ts'
import {
  isKeptByProgram,
  isSecret,
  isShownByItsMode,
  rootsAround,
  rootsOfProject,
  whyNotShown,
} from '../../host/programs/showable.ts'
import { liesIn } from '../../model/host/host-paths.ts'
import { no, ok, type Result } from '../../model/index.ts'

/** A command as a person runs it on this host, rewritten for a cell that sees only what is shown to it. */
export interface CommandInCell {
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

export interface CommandInCellOptions {
  readonly path?: string
  readonly home?: string
  readonly variables?: Readonly<Record<string, string | undefined>>
  /** Directories that no cell may be shown: where the configuration is written. */
  readonly kept?: readonly string[]
  /** Directory of the person who asks; the one in which the command is given where absent. */
  readonly project?: string
  /** True where a directory is given to start in: programs may lean on it. */
  readonly startsThere?: boolean
  /** True where a person wrote the command, who may name what lies outside of the project. */
  readonly byHand?: boolean
}

const RUNNERS_MAX = 4
/** The Node that Firebreak runs on, as a configuration names it. */
const NODE = '${node}'

/**
 * Returns what a command needs to be started in a cell: its program with its interpreter and its prefix, its script
 * with the package around it, and a directory that it is given, as a private overlay. Secrets in those directories, and
 * homes, are not shown. What it reads without naming it, a person adds.
 */
export function commandInCell(
  command: readonly string[],
  cwd: string,
  options: CommandInCellOptions = {},
): Result<CommandInCell, string> {
  return lookedAround(cwd, options, (surroundings) => contain(command, surroundings, options.startsThere === true, 0))
}

/** Returns what a cell needs so that a program of this host is found there by its name. */
export function programInCell(
  program: string,
  cwd: string,
  options: CommandInCellOptions = {},
): Result<Pick<CommandInCell, 'files' | 'env'>, string> {
  return lookedAround(cwd, options, (surroundings) => {
    const found = findProgram(program, surroundings)
    if (!found.ok) return found
    const { files, path, roots } = found.value
    const near = { ...surroundings, roots: [...surroundings.roots, ...roots] }
    const { left } = judged([...files.values()], near)
    const env = new Map(path.length === 0 ? [] : [['PATH', [...path, BASE_VARIABLES.PATH].join(':')]])
    return ok({ files: new Map([...files].filter(([, from]) => !left.includes(from))), env })
  })
}

function lookedAround<T>(
  cwd: string,
  options: CommandInCellOptions,
  look: (surroundings: Surroundings) => Result<T, string>,
): Result<T, string> {
  const { variables = process.env, kept = [], byHand = false } = options
  const home = options.home ?? variables.HOME ?? '/root'
  const roots = rootsOfProject(options.project ?? cwd, home)
  try {
    return look({ cwd, path: options.path ?? variables.PATH ?? '', home, variables, kept, roots, byHand })
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
): Result<CommandInCell, string> {
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
  if (script !== undefined && existsSync(script)) {
    const roots = [...around.roots, ...(isOfPerson(script, around) ? [realpathSync(script)] : [])]
    return contain(['node', script, ...args], { ...around, roots }, startsThere, depth + 1)
  }
  const found = program === 'node' ? nodeOf(around) : findProgram(program, around)
  if (!found.ok) return found
  if (isNodeScript(found.value.real) && !ofSystem(found.value.real) && depth < RUNNERS_MAX) {
    const roots = [...around.roots, ...found.value.roots]
    return contain(['node', found.value.real, ...args], { ...around, roots }, startsThere, depth + 1)
  }
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
  const files = new Map([[brought, NODE]])
  const none = { path: ['/opt'], roots: [], without: { hidden: [], left: [] } }
  return ok({ program: brought, place: brought, real: brought, files, ...none })
}

/** Bytes that tell a Node, which has a hundred MiB, from what only looks for one. */
const BINARY_BYTES_MIN = 10_000_000

function withArguments(
  found: FoundProgram,
  args: readonly string[],
  surroundings: Surroundings,
  startsThere: boolean,
): Result<CommandInCell, string> {
  const command = [found.program]
  const parts: PackageParts[] = [{ shown: [], ...found.without }]
  const roots = [...surroundings.roots, ...found.roots]
  let workspace: string | undefined
  const builds = isBuildTool(found, args)
  const own = builds ? undefined : args.map((arg) => placeNamed(arg, surroundings.cwd, false)).find(isWorkspace)
  const around = {
    ...surroundings,
    roots,
    kept: [...surroundings.kept, ...(own === undefined ? [] : [realpathSync(own)])],
  }
  for (const arg of args) {
    const [, flag = '', value = arg] = /^(--?[\w-]+=)([\s\S]*)$/.exec(arg) ?? []
    const named = builds ? undefined : placeNamed(value, around.cwd, flag !== '')
    if (named === undefined) {
      command.push(arg)
      continue
    }
    const real = realpathSync(named)
    const fault = faultOf(named, real, around)
    if (fault !== undefined) return no(fault)
    roots.push(...rootsByHand(real, around))
    if (isDirectory(named)) {
      const isOnlyPublic = isShownByItsMode(real) && !roots.some((root) => liesIn(real, root))
      if (workspace === undefined && flag === '' && !isOnlyPublic) {
        workspace = named
        command.push('/workspace')
        continue
      }
      parts.push(partsOf(real, around))
    } else parts.push(neededBy(real, around))
    command.push(`${flag}${real}`)
  }
  for (const place of ofLine(found, args)) {
    if (faultOf(place, place, around) !== undefined) {
      parts.push({ shown: [], hidden: [], left: [place] })
      continue
    }
    roots.push(...rootsByHand(place, around))
    parts.push(isDirectory(place) ? partsOf(place, around) : neededBy(place, around))
  }
  const preloads = isPreloading(found, args)
  const asked = startsThere || builds || preloads
  const start = startOf(found, args, around, asked)
  if (start !== undefined) {
    roots.push(...rootsByHand(start, around))
    parts.push(partsOf(start, around))
  } else if (asked && !isBroad(around.cwd, around.home)) parts.push({ shown: [], hidden: [], left: [around.cwd] })
  const env = new Map<string, string>(
    found.path.length === 0 ? [] : [['PATH', [...found.path, BASE_VARIABLES.PATH].join(':')]],
  )
  const caches = cachesOf(found, around)
  for (const [name, value] of caches.env) env.set(name, value)
  roots.push(...caches.places.map((place) => realpathSync(place)))
  const { shown, hidden, left } = joined([...parts, { shown: caches.places, hidden: [], left: [] }])
  const files = new Map(found.files)
  for (const place of shown) if (![...files].some(([to]) => liesIn(place, to))) files.set(place, realpathSync(place))
  const barred = judged(
    [...files.values()].filter((from) => from !== NODE),
    around,
  ).left
  for (const [to, from] of [...files]) if (barred.includes(from)) files.delete(to)
  if (barred.includes(found.real)) return no(`${found.place} is no program that it may be shown: ${BY_HAND}`)
  const cwd = start !== undefined && (asked || args.includes('-m')) ? start : undefined
  return ok({
    command,
    files,
    env,
    notes: [...notesOf(hidden, [...left, ...barred], around), ...notesOfBuild(found, builds)],
    ...(workspace !== undefined && { workspace }),
    ...(cwd !== undefined && { cwd }),
  })
}

const BY_HAND =
  'what lies outside of the project, and is no installation, a person names: with --server, or under files: in firebreak.yaml'

/** Returns why an argument's place is not given to a cell. */
function faultOf(named: string, real: string, around: Surroundings): string | undefined {
  const why = whyNotShown(real, around)
  if (why === 'secret' || isSecret(real) || (around.byHand && isKeptByProgram(real, around)))
    return `it is given ${named}, which sounds like a secret: give it as a secret, in its env or its arguments, or name the directory in the configuration`
  if (why === 'broad')
    return `it is given ${named}, which holds more than one program should see: name a directory in it`
  return why === undefined || around.byHand ? undefined : `it is given ${named}: ${BY_HAND}`
}

/** Returns what belongs to a place that a person named: its package or its repository, or what lies beside it. */
function rootsByHand(real: string, around: Surroundings): readonly string[] {
  if (!around.byHand || whyNotShown(real, around) === undefined) return []
  const kind = kindOfScript(real) ?? (isNodeScript(real) ? 'node' : undefined)
  if (isDirectory(real) || kind === undefined) return [real]
  const own = dirname(real)
  const belonging = rootsAround(manifestAround(own, kind, around.home) ?? own, around.home)
  return [real, ...belonging.filter((root) => !basename(root).startsWith('.'))]
}

/** Returns sentences about what a command may miss, each place with its reason and what a person can do. */
function notesOf(hidden: readonly string[], left: readonly string[], around: Surroundings): readonly string[] {
  const secret = [...hidden, ...left.filter((place) => whyNotShown(place, around) === 'secret')]
  const outside = left.filter((place) => !secret.includes(place))
  const listed = (places: readonly string[]) => [...new Set(places)].slice(0, NAMED_MAX).join(', ')
  return [
    ...(secret.length === 0 ? [] : [`not shown, since it sounds like a secret: ${listed(secret)}`]),
    ...(outside.length === 0
      ? []
      : [
          `not shown, since it lies outside of the project and is no installation (add it by hand under files: if it is needed): ${listed(outside)}`,
        ]),
  ]
}

const NAMED_MAX = 8

function notesOfBuild({ place }: FoundProgram, builds: boolean): readonly string[] {
  const name = basename(place)
  return builds && /^(?:go|cargo)$/.test(name)
    ? [`${name} builds it anew at each start in a cell: build it here, and name the program`]
    : []
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
function neededBy(file: string, around: Surroundings): PackageParts {
  const parts = file.split(sep)
  const packages = parts.indexOf('node_modules')
  if (packages !== -1) return judged([parts.slice(0, packages + 1).join(sep)], around)
  const kind = kindOfScript(file) ?? (isNodeScript(file) ? 'node' : undefined)
  return kind === undefined ? judged([file], around) : neededByScript(file, kind, around)
}

/** Returns the places that a line for a shell names. */
function ofLine({ place }: FoundProgram, args: readonly string[]): readonly string[] {
  const at = args.findIndex((arg) => /^-[a-z]*c$/.test(arg))
  if (!/^(?:sh|bash|dash|zsh|ksh)$/.test(basename(place)) || at === -1) return []
  return wordsOf(args[at + 1] ?? '')
    .filter((word) => word.startsWith('/') && !ofSystem(word) && existsSync(word))
    .map((word) => realpathSync(word))
}

/** A word of a line for a shell: quoted, escaped and plain pieces without a space between them. */
const WORD = /(?:'[^']*'|"(?:[^"\\]|\\.)*"|\\.|[^\s'"\\;&|()<>=])+/gs

/** Returns the words of a line for a shell; of a quoted one that is a line itself, also its words. */
function wordsOf(line: string): readonly string[] {
  const words = line.match(WORD) ?? []
  return words.flatMap((word) => {
    const said = word.replace(/'([^']*)'|"((?:[^"\\]|\\.)*)"|\\(.)/gs, (_, single, double, escaped) =>
      String(single ?? double?.replace(/\\(["\\$`])/g, '$1') ?? escaped),
    )
    return /[\s'";&|()<>=]/.test(said) && said !== line && !existsSync(said) ? [said, ...wordsOf(said)] : [said]
  })
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
  const { cwd, home } = around
  const module =
    /^python[\d.]*$/.test(basename(found.place)) && args.includes('-m') ? args[args.indexOf('-m') + 1] : undefined
  const top = module?.split('.')[0] ?? ''
  const isHere = top !== '' && (existsSync(join(cwd, top)) || existsSync(join(cwd, `${top}.py`)))
  if (!startsThere && !isHere) return undefined
  const kind = /^python/.test(basename(found.place)) ? 'python' : 'node'
  const real = realpathSync(cwd)
  const root = packageAround(cwd, kind, around) ?? cwd
  return isBroad(cwd, home) || isBroad(root, home) || faultOf(cwd, real, around) !== undefined ? undefined : real
}

interface Caches {
  readonly env: ReadonlyMap<string, string>
  /** The place at which this host has what was fetched before, by a person's own variables. */
  readonly places: readonly string[]
}

/** Returns the variables by which compilers find what was fetched before, and where they may write. */
function cachesOf({ place }: FoundProgram, { home, variables }: Surroundings): Caches {
  const name = basename(place)
  if (name === 'go') {
    const modules = variables.GOMODCACHE ?? join(variables.GOPATH ?? join(home, 'go'), 'pkg/mod')
    const env = new Map([
      ['GOMODCACHE', modules],
      ['GOPROXY', 'off'],
      ['GOTOOLCHAIN', 'local'],
      ['GOFLAGS', '-buildvcs=false'],
    ])
    return { env, places: [modules].filter(isDirectory) }
  }
  if (name !== 'cargo') return { env: new Map(), places: [] }
  const cargo = variables.CARGO_HOME ?? join(home, '.cargo')
  const env = new Map([
    ['CARGO_HOME', cargo],
    ['CARGO_TARGET_DIR', '/tmp/target'],
    ['CARGO_NET_OFFLINE', 'true'],
  ])
  return { env, places: ['registry', 'git'].map((each) => join(cargo, each)).filter(isDirectory) }
}
