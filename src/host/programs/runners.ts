/**
 * Programs that look for another program, or fetch one: npx, uvx, pipx, bunx, uv run and the like. A cell has no network to
 * fetch over, so that what they would start has to be installed, and is named by itself.
 */
import { existsSync, readdirSync } from 'node:fs'
import { basename, dirname, join, resolve } from 'node:path'
import { isJsonObject, type Json, no, ok, parseJson, type Result } from '../../model/index.ts'
import { manifestAround } from './package.ts'
import { isDirectory, isFile, onPath, realOf, type Surroundings, textOf, upwards } from './places.ts'

export interface Unwrapped {
  readonly command: readonly [string, ...string[]]
  /** Directory in which the command starts, where the runner says so. */
  readonly cwd?: string
  readonly env?: Readonly<Record<string, string>>
  readonly notes?: readonly string[]
}

/** Returns the command that a runner would start; undefined of what is no runner; a reason where that is not here. */
export function unwrapRunner(
  [program = '', ...args]: readonly string[],
  around: Surroundings,
): Result<Unwrapped, string> | undefined {
  const runner = basename(program).replace(/\.(?:cmd|exe|ps1)$/i, '')
  const [first = '', ...rest] = args
  switch (runner) {
    case 'cmd':
      return /^\/c$/i.test(first) && rest.length > 0 ? started(rest) : no(`${program} is of Windows`)
    case 'powershell':
    case 'pwsh':
    case 'wsl':
      return isFile(onPath(program, around.path) ?? '') ? undefined : no(`${program} is of Windows`)
    case 'env':
      return ofEnv(args)
    case 'npx':
    case 'bunx':
      return ofNpx(runner, args, around)
    case 'npm':
      return first === 'exec' || first === 'x' ? ofNpx('npm exec', rest, around) : undefined
    case 'pnpm':
    case 'yarn':
      return first === 'dlx' || first === 'exec' ? ofNpx(`${runner} ${first}`, rest, around) : undefined
    case 'bun':
      return first === 'x' ? ofNpx('bun x', rest, around) : undefined
    case 'uvx':
      return ofUvx(runner, args, around)
    case 'uv':
      return first === 'tool' && rest[0] === 'run' ? ofUvx('uv tool run', rest.slice(1), around) : ofUv(args, around)
    case 'pipx':
      return first === 'run' ? ofUvx('pipx run', rest, around) : undefined
    case 'poetry':
    case 'pdm':
    case 'pipenv':
    case 'hatch':
    case 'rye':
      return first === 'run' ? inEnvironment(runner, rest, around.cwd, around) : undefined
    case 'docker':
    case 'podman':
    case 'nerdctl':
      return no(
        `${runner} starts a container of its own, outside of every cell: export its file system (${runner} create, ${runner} export | tar -x -C ./root) and name its program with cell: { root: ./root }`,
      )
    case 'deno':
      return ofDeno(args)
  }
  return undefined
}

function started(
  [program, ...args]: readonly string[],
  more: Omit<Unwrapped, 'command'> = {},
): Result<Unwrapped, string> {
  return program === undefined ? no('it names no program') : ok({ command: [program, ...args], ...more })
}

function ofEnv(args: readonly string[]): Result<Unwrapped, string> | undefined {
  const at = args.findIndex((arg) => !/^[A-Za-z_]\w*=/.test(arg))
  const program = args[at]
  if (program === undefined || program.startsWith('-')) return undefined
  const env = Object.fromEntries(
    args.slice(0, at).map((pair) => [pair.slice(0, pair.indexOf('=')), pair.slice(pair.indexOf('=') + 1)]),
  )
  return started(args.slice(at), { env })
}

/** Options of npx and its like that take a word. */
const WITH_WORD = /^(?:-p|--package|-w|--workspace|--prefix|--registry|--cache|--userconfig)$/

function ofNpx(runner: string, args: readonly string[], around: Surroundings): Result<Unwrapped, string> {
  const packages: string[] = []
  let at = 0
  for (; at < args.length; at++) {
    const arg = args[at] ?? ''
    if (arg === '-c' || arg === '--call')
      return no(`${runner} -c gives a line to a shell: write the program that it starts`)
    if (/^(?:-p|--package)$/.test(arg)) packages.push(args[at + 1] ?? '')
    if (/^--package=/.test(arg)) packages.push(arg.slice('--package='.length))
    if (WITH_WORD.test(arg)) at++
    else if (arg === '--') {
      at++
      break
    } else if (!arg.startsWith('-')) break
  }
  const spec = packages[0] ?? args[at] ?? ''
  const name = spec.replace(/(?<=.)@[^/]*$/, '')
  if (spec === '') return no(`${runner} names no package`)
  if (/[:\s]/.test(name) || /^[^@][^/]*\/[^/]+$/.test(name))
    return no(`${runner} would fetch "${spec}": install it (npm install ${spec}), and name its program`)
  const rest = args.slice(at + 1)
  const asked = packages.length > 0 ? args[at] : undefined
  const found = installedScript(name, asked, around)
  if (found === undefined)
    return no(
      `${runner} fetches "${name}" when it starts, and a cell has no network: npm install ${name}, then do this again`,
    )
  const cached = found.includes('/_npx/')
  const notes = cached ? [`${name} is the copy that npx keeps: npm install ${name} makes one that stays`] : []
  return started([found, ...rest.filter((arg, i) => !(i === 0 && arg === '--'))], { notes })
}

/** Returns the program of an npm package that is installed here or above, for all, or by npx before. */
function installedScript(
  name: string,
  asked: string | undefined,
  { cwd, path, home }: Surroundings,
): string | undefined {
  const npx = onPath('npx', path)
  const global = [
    ...(npx === undefined ? [] : [dirname(dirname(npx))]),
    '/usr',
    '/usr/local',
    join(home, '.npm-global'),
  ]
  const cache = join(home, '.npm/_npx')
  const places = [
    ...upwards(cwd).map((directory) => join(directory, 'node_modules')),
    ...global.map((prefix) => join(prefix, 'lib/node_modules')),
    ...(isDirectory(cache) ? readdirSync(cache).map((each) => join(cache, each, 'node_modules')) : []),
  ]
  const root = places.map((modules) => join(modules, name)).find((each) => existsSync(join(each, 'package.json')))
  if (root === undefined) return undefined
  const bin = binOf(textOf(join(root, 'package.json')))
  const script =
    typeof bin === 'string'
      ? bin
      : (bin[asked ?? basename(name)] ?? (asked === undefined ? Object.values(bin)[0] : undefined))
  return script === undefined ? undefined : join(root, script)
}

function binOf(manifest: string): string | Readonly<Record<string, string>> {
  try {
    const value = parseJson(manifest) as Json
    const bin = isJsonObject(value) ? value.bin : undefined
    if (typeof bin === 'string') return bin
    const scripts = isJsonObject(bin) ? Object.entries(bin).filter(([, script]) => typeof script === 'string') : []
    return Object.fromEntries(scripts) as Record<string, string>
  } catch {
    return {}
  }
}

function ofUvx(runner: string, args: readonly string[], around: Surroundings): Result<Unwrapped, string> {
  let from: string | undefined
  let at = 0
  for (; at < args.length; at++) {
    const arg = args[at] ?? ''
    const [, option = arg, joined] = /^(--?[\w-]+)=([\s\S]*)$/.exec(arg) ?? []
    if (/^--(?:from|spec)$/.test(option)) from = joined ?? args[at + 1]
    if (
      joined === undefined &&
      /^(?:--from|--spec|--with|--with-editable|--python|-p|--index-url|--index|--env-file|--directory)$/.test(arg)
    )
      at++
    else if (!arg.startsWith('-')) break
  }
  const spec = args[at] ?? ''
  const program = spec.replace(/(?:[[@]|[=<>~!]=).*$/, '')
  const name = (from ?? program).replace(/(?:[[@]|[=<>~!]=).*$/, '')
  const { home, path, variables } = around
  const tools = variables.UV_TOOL_DIR ?? join(variables.XDG_DATA_HOME ?? join(home, '.local/share'), 'uv/tools')
  const places = [
    onPath(program, path) ?? '',
    join(home, '.local/bin', program),
    join(tools, name, 'bin', program),
    join(home, '.local/share/pipx/venvs', name, 'bin', program),
    join(home, '.local/pipx/venvs', name, 'bin', program),
  ]
  const found = program === '' ? undefined : places.find(isFile)
  if (found !== undefined) return started([found, ...args.slice(at + 1)])
  const what = runner === 'pipx run' ? 'pipx install' : 'uv tool install'
  return no(
    `${runner} fetches "${from ?? spec}" when it starts, and a cell has no network: ${what} ${from ?? spec}, then do this again`,
  )
}

/** Unwraps `uv run`, in the environment that `uv sync` has made of a project. */
function ofUv(args: readonly string[], around: Surroundings): Result<Unwrapped, string> | undefined {
  let { cwd } = around
  const at = args.indexOf('run')
  if (at === -1) return undefined
  const words = [...args.slice(0, at), ...args.slice(at + 1)]
  let i = 0
  for (; i < words.length; i++) {
    const word = words[i] ?? ''
    const [, option = word, joined] = /^(--?[\w-]+)=([\s\S]*)$/.exec(word) ?? []
    if (/^--(?:directory|project)$/.test(option)) cwd = resolve(cwd, joined ?? words[i + 1] ?? '')
    if (/^--with(?:-requirements|-editable)?$/.test(option))
      return no(
        `uv run ${option} fetches packages when it starts, and a cell has no network: uv add them, then do this again`,
      )
    if (word === '-m' || word === '--module' || word === '--') break
    if (
      joined === undefined &&
      /^(?:--directory|--project|--python|-p|--env-file|--extra|--group|--index|--package)$/.test(word)
    )
      i++
    else if (!word.startsWith('-')) break
  }
  return inEnvironment('uv', words.slice(words[i] === '--' ? i + 1 : i), cwd, around)
}

/** A program of the `.venv` that a project has. */
function inEnvironment(
  runner: string,
  words: readonly string[],
  cwd: string,
  around: Surroundings,
): Result<Unwrapped, string> {
  const project = manifestAround(cwd, 'python', around.home) ?? cwd
  const environment = [around.variables.UV_PROJECT_ENVIRONMENT ?? '.venv', 'venv']
    .map((name) => resolve(project, name))
    .find((each) => isFile(join(each, 'pyvenv.cfg')))
  if (environment === undefined) {
    const make =
      runner === 'uv' ? `uv sync --directory ${project}` : `${runner} install, with the environment in ${project}/.venv`
    return no(
      `${runner} makes the environment of ${project} when it starts, and a cell has no network: ${make}, then do this again`,
    )
  }
  const [word = '', ...rest] = words
  const python = join(environment, 'bin/python')
  const own = join(environment, 'bin', word)
  if (word === '-m' || word === '--module') return started([python, '-m', ...rest], { cwd })
  if (/^python[\d.]*$/.test(word)) return started([python, ...rest], { cwd })
  if (/\.pyz?$/.test(word)) return started([python, resolve(cwd, word), ...rest], { cwd })
  return isFile(own) ? started([own, ...rest], { cwd }) : started(words, { cwd })
}

function ofDeno(args: readonly string[]): Result<Unwrapped, string> | undefined {
  const fetched = args.find((arg) => /^(?:npm|jsr|https?):/.test(arg))
  if (fetched === undefined) return undefined
  return no(
    `deno fetches ${fetched} when it starts, and a cell has no network: deno install it into a project, or deno compile it, and name that`,
  )
}

/** Tells whether a path leads to a package's script that asks for Node on its first line, or has its ending. */
export function isNodeScript(file: string): boolean {
  return (
    /\.[cm]?[jt]s$/.test(file) || /^#!.*\b(?:node|bun)\b/.test(textOf(realOf(file)).slice(0, 256).split('\n')[0] ?? '')
  )
}
