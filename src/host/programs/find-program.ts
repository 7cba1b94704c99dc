/** A program of this host, and all that a cell has to see of the host to start it: links, interpreters, their prefixes. */
import { existsSync, readdirSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { liesIn, readableNamesIn } from '../../model/host/host-paths.ts'
import { no, ok, type Result } from '../../model/index.ts'
import { BASE_VARIABLES } from '../prepare/cell-spec.ts'
import { joined, type PackageParts, partsOf } from './package.ts'
import { hops, isBroad, isDirectory, isFile, ofSystem, onPath, realOf, type Surroundings, textOf } from './places.ts'
import { isSecretFile } from './secret-files.ts'
import { interpreterOf } from './shebang.ts'
import { behindShim } from './shims.ts'
import { isExecutable, isInstallation, isKeptByProgram, whyNotShown } from './showable.ts'

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
  /** Real paths that a person has as programs: by their PATH, or by hand. */
  readonly roots: readonly string[]
  /** The places that belong to it and were left out. */
  readonly without: Pick<PackageParts, 'hidden' | 'left'>
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
  const real = realOf(place)
  const isNamed = around.byHand && !isKeptByProgram(real, around)
  const roots = isNamed || isOfPerson(place, around) ? [real] : []
  const without = { hidden: [] as string[], left: [] as string[] }
  for (const hop of hops(place)) {
    const byHand = around.byHand && hop === place
    const belonging = shownFor(hop, { ...around, byHand, roots: [...around.roots, ...roots] })
    for (const [to, from] of belonging.files) add(files, to, from)
    without.hidden.push(...belonging.hidden)
    without.left.push(...belonging.left)
    roots.push(...belonging.roots)
  }
  const path = new Set<string>()
  if (!USUAL.includes(dirname(place))) path.add(dirname(place))
  const interpreter = interpreterOf(real)
  if (interpreter !== undefined && depth < INTERPRETERS_MAX) {
    const inner = findProgram(interpreter.program, { ...around, byHand: false }, depth + 1)
    if (!inner.ok) return no(`${place} is started by ${interpreter.program}: ${inner.reason}`)
    for (const [to, from] of inner.value.files) add(files, to, from)
    for (const each of inner.value.path) path.add(each)
    roots.push(...inner.value.roots)
    without.hidden.push(...inner.value.without.hidden)
    without.left.push(...inner.value.without.left)
  }
  const named = USUAL.includes(dirname(place)) && basename(place) === program
  return ok({ program: named ? program : place, place, real, files, path: [...path], roots, without })
}

const USUAL: readonly string[] = [...BASE_VARIABLES.PATH.split(':'), '/sbin', '/usr/sbin']

/** Adds a place, unless it lies in a directory that is shown already. */
function add(files: Map<string, string>, to: string, from: string): void {
  for (const [place, shown] of files)
    if (liesIn(to, place) && realOf(from) === realOf(shown + to.slice(place.length))) return
  for (const [place] of [...files]) if (liesIn(place, to) && place !== to) files.delete(place)
  files.set(to, from)
}

/** Places below a home in which programs lie, whatever a PATH has. */
const OF_PERSON: readonly string[] = [
  ...['bin', '.local/bin', 'go/bin', '.cargo/bin', '.bun/bin', '.deno/bin', '.volta/bin', '.dotnet/tools', '.yarn/bin'],
  ...['.npm-global/bin', '.local/share/pnpm'],
]

/** Tells whether a program lies where a person has programs: by their PATH, and not by a project that is on it. */
export function isOfPerson(place: string, { path, home, roots }: Surroundings): boolean {
  const directory = dirname(place)
  const known = [...path.split(':'), ...OF_PERSON.map((each) => join(home, each))]
  return (
    known.includes(directory) && !roots.some((root) => liesIn(realOf(directory), root)) && isExecutable(realOf(place))
  )
}

interface Belonging extends Pick<PackageParts, 'hidden' | 'left'> {
  /** Place in the cell → path on the host. */
  readonly files: ReadonlyMap<string, string>
  /** The prefix of what a person named. */
  readonly roots: readonly string[]
}

/**
 * Returns what is shown for a program: one file by itself; of a virtual environment or of an installation all that
 * belongs to it.
 */
function shownFor(place: string, around: Surroundings): Belonging {
  const alone = { files: new Map([[place, realOf(place)]]), roots: [], hidden: [], left: [] }
  if (ofSystem(place)) return { ...alone, files: new Map() }
  if (place.startsWith('/nix/store/')) return { ...alone, files: new Map([['/nix/store', '/nix/store']]) }
  const prefix = prefixOf(place, around)
  if (prefix === undefined) return alone
  const real = realOf(prefix)
  const roots = around.byHand ? [real] : []
  const near = { ...around, roots: [...around.roots, ...roots] }
  if (whyNotShown(real, near) !== undefined) return { ...alone, left: [real] }
  const own = isWhole(real) ? { shown: [real], hidden: [], left: [] } : partsOf(real, near)
  const files = new Map(own.shown.map((part) => [prefix + part.slice(real.length), part]))
  const isEnvironment = isFile(join(prefix, 'pyvenv.cfg'))
  const base = isEnvironment ? baseOf(prefix, around) : undefined
  const isBaseShown = base !== undefined && whyNotShown(base, around) === undefined
  if (isBaseShown) add(files, base, realOf(base))
  const sources = joined((isEnvironment ? editable(prefix) : []).map((each) => partsOf(each, around)))
  for (const part of sources.shown) add(files, part, part)
  const left = [...own.left, ...sources.left, ...(base === undefined || isBaseShown ? [] : [base])]
  return { files, roots, hidden: [...own.hidden, ...sources.hidden], left }
}

/** Tells whether a prefix is shown as it is: an installation, in which nobody has put a secret of theirs. */
function isWhole(prefix: string): boolean {
  return isInstallation(prefix) && !readableNamesIn(prefix).some(isSecretFile)
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
function baseOf(environment: string, around: Surroundings): string | undefined {
  const home = /^home\s*=\s*(.+)$/m.exec(textOf(join(environment, 'pyvenv.cfg')))?.[1]?.trim()
  return home === undefined || ofSystem(home) ? undefined : prefixOf(join(home, 'python3'), around)
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
