/** A program of this host, and all that a cell has to see of the host to start it: links, interpreters, their prefixes. */
import { existsSync, readdirSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { liesIn } from '../../model/host-paths.ts'
import { no, ok, type Result } from '../../model/index.ts'
import { BASE_VARIABLES } from '../cell-spec.ts'
import { partsOf } from './package.ts'
import { hops, isBroad, isDirectory, isFile, ofSystem, onPath, realOf, type Surroundings, textOf } from './places.ts'
import { interpreterOf } from './shebang.ts'
import { behindShim } from './shims.ts'

export interface FoundProgram {
  /** First word of the command: a name that every cell knows, or a place. */
  readonly program: string
  /** Path of the program by that name; `real` is where its links lead. */
  readonly place: string
  readonly real: string
  /** Place in the cell → path on the host. */
  readonly files: ReadonlyMap<string, string>
  /** Directories that the cell's PATH needs in front. */
  readonly path: readonly string[]
}

const INTERPRETERS_MAX = 4

/** Finds a program and what a cell needs to start it; a reason where it, or its interpreter, is not here. */
export function findProgram(program: string, around: Surroundings, depth = 0): Result<FoundProgram, string> {
  const written = program.includes('/')
    ? join(program.startsWith('/') ? '' : around.cwd, program)
    : onPath(program, around.path)
  if (written === undefined || !isFile(written)) return no(`there is no program "${program}" on this host`)
  const chosen = behindShim(written, around)
  if (!chosen.ok) return chosen
  const place = chosen.value
  const files = new Map<string, string>()
  for (const hop of hops(place)) for (const [to, from] of shownFor(hop, around)) add(files, to, from)
  const real = realOf(place)
  const path = new Set<string>()
  if (!USUAL.includes(dirname(place))) path.add(dirname(place))
  const interpreter = interpreterOf(real)
  if (interpreter !== undefined && depth < INTERPRETERS_MAX) {
    const inner = findProgram(interpreter.program, around, depth + 1)
    if (!inner.ok) return no(`${place} is started by ${interpreter.program}: ${inner.reason}`)
    for (const [to, from] of inner.value.files) add(files, to, from)
    for (const each of inner.value.path) path.add(each)
  }
  const named = USUAL.includes(dirname(place)) && basename(place) === program
  return ok({ program: named ? program : place, place, real, files, path: [...path] })
}

const USUAL: readonly string[] = [...BASE_VARIABLES.PATH.split(':'), '/sbin', '/usr/sbin']

/** Adds a place, unless it lies in a directory that is shown already. */
function add(files: Map<string, string>, to: string, from: string): void {
  for (const [place, shown] of files)
    if (liesIn(to, place) && realOf(from) === realOf(shown + to.slice(place.length))) return
  for (const [place] of [...files]) if (liesIn(place, to) && place !== to) files.delete(place)
  files.set(to, from)
}

/**
 * Returns what is shown for a program: one file by itself; of a virtual environment or of an installation all that
 * belongs to it.
 */
function shownFor(place: string, around: Surroundings): ReadonlyMap<string, string> {
  const all = new Map<string, string>()
  if (ofSystem(place)) return all
  if (place.startsWith('/nix/store/')) return all.set('/nix/store', '/nix/store')
  const prefix = prefixOf(place, around)
  all.set(prefix ?? place, realOf(prefix ?? place))
  if (prefix === undefined || !isFile(join(prefix, 'pyvenv.cfg'))) return all
  for (const [to, from] of baseOf(prefix, around)) add(all, to, from)
  for (const directory of editable(prefix))
    for (const part of partsOf(directory, around.kept).shown) add(all, part, part)
  return all
}

/**
 * Returns the directory of what was installed together: `<prefix>/bin/python3` with `<prefix>/lib`. A home and its
 * hidden directories are none.
 */
function prefixOf(place: string, { home, kept }: Surroundings): string | undefined {
  const directory = dirname(place)
  const prefix = dirname(directory)
  if (!['bin', 'sbin', 'libexec'].includes(basename(directory)) || isBroad(prefix, home)) return undefined
  if (kept.some((each) => liesIn(each, prefix))) return undefined
  if (['pyvenv.cfg', 'VERSION'].some((name) => isFile(join(prefix, name)))) return prefix
  if (dirname(prefix) === home || basename(prefix) === '.local') return undefined
  const parts = ['lib', 'lib64', 'libexec', 'share', 'conda-meta']
  return parts.some((name) => isDirectory(join(prefix, name))) ? prefix : undefined
}

/** Returns the Python that a virtual environment was made from, as its own file names it. PEP 405 */
function baseOf(environment: string, around: Surroundings): ReadonlyMap<string, string> {
  const home = /^home\s*=\s*(.+)$/m.exec(textOf(join(environment, 'pyvenv.cfg')))?.[1]?.trim()
  if (home === undefined || ofSystem(home)) return new Map()
  const prefix = prefixOf(join(home, 'python3'), around)
  return prefix === undefined ? new Map() : new Map([[prefix, realOf(prefix)]])
}

/** Returns the directories outside that an environment's packages are read from: projects installed to be edited. */
function editable(environment: string): readonly string[] {
  const libraries = ['lib', 'lib64'].map((name) => join(environment, name)).filter(isDirectory)
  const sites = libraries.flatMap((library) => readdirSync(library).map((name) => join(library, name, 'site-packages')))
  return [...new Set(sites.filter(isDirectory).map(realOf))].flatMap((site) =>
    readdirSync(site)
      .filter((name) => name.endsWith('.pth') || /^__editable__.*\.py$/.test(name))
      .flatMap((name) => placesIn(textOf(join(site, name)), name.endsWith('.pth')))
      .filter((directory) => isDirectory(directory) && !liesIn(directory, environment) && !ofSystem(directory)),
  )
}

function placesIn(text: string, isPath: boolean): readonly string[] {
  if (isPath) return text.split('\n').filter((line) => line.startsWith('/') && existsSync(line.trim()))
  return [...text.matchAll(/'(\/[^'\n]+)'/g)].map(([, place = '']) => place)
}
