/** Chooses what of a program's own directory a cell is shown: all of it but secrets, as few places as that takes. */
import { existsSync, lstatSync, readdirSync } from 'node:fs'
import { basename, dirname, join, resolve } from 'node:path'
import { liesIn } from '../../model/host/host-paths.ts'
import { shownName } from '../../model/text/file-name.ts'
import { entriesOf, lstatOf, type Unreadable } from '../shown/looked-at.ts'
import { isBroad, isDirectory, isFile, realOf, type Surroundings, textOf, within } from './places.ts'
import { isPackages, isSecretFile } from './secret-files.ts'
import { whyNotShown } from './showable.ts'

export interface PackageParts {
  readonly shown: readonly string[]
  /** Paths that are left out, since they sound like secrets. */
  readonly hidden: readonly string[]
  /** Places that `whyNotShown` gives a reason for: named, and left out. */
  readonly left: readonly string[]
}

const NOTHING: PackageParts = { shown: [], hidden: [], left: [] }

/** Entries of one package that are looked at: one with more is shown by its directories, without a look into each. */
const ENTRIES_MAX = 20_000
/** Places that one package may take of the 64 that a cell has. */
const PLACES_MAX = 40

/**
 * Returns the directory as a whole where nothing in it is secret; otherwise those of its parts that are not. One that no
 * cell is shown is not looked into.
 */
export function partsOf(directory: string, around: Surroundings, kept = around.kept): PackageParts {
  if (whyNotShown(directory, around) !== undefined) return { ...NOTHING, left: [directory] }
  const hidden: string[] = []
  let entries = 0
  const looked = new Map<string, readonly string[]>()
  const look = (path: string): readonly string[] => {
    const known = looked.get(path)
    if (known !== undefined) return known
    // Of a loop of links: nothing yet, so that none in it counts as whole.
    looked.set(path, [])
    const shown: string[] = []
    let whole = true
    for (const name of readable(entriesOf(path))) {
      entries++
      const place = join(path, name)
      const child = lstatOf(place)
      if (child === undefined || child === 'unreadable') continue
      const real = child.isSymbolicLink() ? realOf(place) : place
      // A link shown by itself would show what it leads to: one that leads out stays what it is in a whole directory.
      if (!(child.isFile() || child.isDirectory() || (real !== place && liesIn(real, directory)))) continue
      const secret = real.slice(directory.length).split('/').some(isSecretFile)
      if (secret) hidden.push(place)
      if (secret || kept.includes(real)) whole = false
      else if (!isDirectory(real) || isPackages(basename(real)) || entries > ENTRIES_MAX) shown.push(place)
      else {
        const inner = look(real)
        const isWhole = inner.length === 1 && inner[0] === real
        // By a link a directory is shown as a whole or not at all.
        if (child.isSymbolicLink()) shown.push(...(isWhole ? [place] : []))
        else {
          whole &&= isWhole
          shown.push(...inner)
        }
      }
    }
    const found = whole ? [path] : shown
    looked.set(path, found)
    return found
  }
  const found = look(directory)
  // A configuration is UTF-8: what it cannot name is shown with all around it, or not at all.
  const shown = found.filter((path) => path.isWellFormed())
  const left = found.filter((path) => !path.isWellFormed()).map(shownName)
  return { shown: shown.length > PLACES_MAX ? coarser(shown, directory) : shown, hidden: hidden.map(shownName), left }
}

/** A place that is not for us is not for a cell of ours. */
function readable<T>(found: readonly T[] | undefined | Unreadable): readonly T[] {
  return found === undefined || found === 'unreadable' ? [] : found
}

/** Picks, of too many places, those that matter to a program by their kind. */
function coarser(shown: readonly string[], directory: string): readonly string[] {
  const code = /\.(?:[cm]?[jt]sx?|py|json|wasm|node|so|toml|ya?ml|sql|md|txt|rb|lua|html)$/
  const kept = shown.filter((path) => isDirectory(path) || code.test(path))
  return kept.toSorted((a, b) => depth(a, directory) - depth(b, directory)).slice(0, PLACES_MAX)
}

function depth(path: string, directory: string): number {
  return path.slice(directory.length).split('/').length
}

const MANIFESTS: Readonly<Record<'node' | 'python', readonly string[]>> = {
  node: ['package.json', 'deno.json', 'deno.jsonc'],
  python: ['pyproject.toml', 'requirements.txt', 'setup.py', 'setup.cfg', 'Pipfile', 'environment.yml'],
}

/**
 * Returns the directory of the package that holds this one, if any: never a home, nor what a file system begins with, and
 * none that lies around what may be shown.
 */
export function packageAround(directory: string, kind: 'node' | 'python', around: Surroundings): string | undefined {
  const found = manifestAround(directory, kind, around.home)
  return found !== undefined && whyNotShown(found, around) === undefined ? found : undefined
}

/** Returns the nearest directory with a manifest, whoever may be shown it. */
export function manifestAround(directory: string, kind: 'node' | 'python', home: string): string | undefined {
  return within(directory, home).find((each) => MANIFESTS[kind].some((name) => existsSync(join(each, name))))
}

/** Returns the script's package; without one the script, what it imports, and what beside it those name. */
export function neededByScript(file: string, kind: 'node' | 'python', surroundings: Surroundings): PackageParts {
  const own = dirname(file)
  const found = packageAround(own, kind, surroundings)
  const parts = found === undefined ? followed(file, kind, surroundings) : partsOf(found, surroundings)
  return joined([parts, kind === 'node' ? packagesAbove(found ?? own, surroundings) : NOTHING])
}

export function joined(parts: readonly PackageParts[]): PackageParts {
  const shown = [...new Set(parts.flatMap((each) => each.shown))]
  return {
    shown: shown.filter((path) => !shown.some((other) => other !== path && liesIn(path, other))),
    hidden: [...new Set(parts.flatMap((each) => each.hidden))],
    left: [...new Set(parts.flatMap((each) => each.left))],
  }
}

/** Returns the places of those that may be shown, and the others. */
export function judged(places: readonly string[], around: Surroundings): PackageParts {
  const shown = places.filter((place) => whyNotShown(place, around) === undefined)
  return { shown, hidden: [], left: places.filter((place) => !shown.includes(place)) }
}

/** `node_modules` of the directories above, where Node looks, and the packages of a workspace that links in them lead to. */
function packagesAbove(directory: string, around: Surroundings): PackageParts {
  const { home } = around
  const isOfHome = isBroad(directory, home)
  const above = [...within(directory, home), ...(isOfHome ? [directory] : [])]
  const modules = judged(above.map((each) => join(each, 'node_modules')).filter(isDirectory), around)
  const linked = modules.shown.flatMap(linkedPackages).map((each) => partsOf(each, around, []))
  const manifest = join(directory, 'package.json')
  return joined([modules, judged(isOfHome && isFile(manifest) ? [manifest] : [], around), ...linked])
}

function linkedPackages(modules: string): readonly string[] {
  const names = readdirSync(modules).flatMap((name) =>
    name.startsWith('@') && isDirectory(join(modules, name))
      ? readdirSync(join(modules, name)).map((inner) => join(name, inner))
      : [name],
  )
  const real = realOf(modules)
  return names
    .map((name) => join(modules, name))
    .filter((path) => lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink() === true && isDirectory(path))
    .map(realOf)
    .filter((path) => !liesIn(path, real))
}

/** Files that are followed from one script. */
const FOLLOWED_MAX = 200

/** The script, what it imports from near it, and the entries beside those that their texts name: a template, a table. */
function followed(script: string, kind: 'node' | 'python', around: Surroundings): PackageParts {
  const seen = new Set([script])
  const left = new Set<string>()
  for (const file of seen) {
    if (seen.size > FOLLOWED_MAX) break
    const text = textOf(file)
    const named = [...importedIn(text, file, kind), ...namedBeside(text, dirname(file))]
    const next = judged(named, around)
    for (const each of next.shown) if (!isSecretFile(basename(each))) seen.add(each)
    for (const each of [...next.left, ...named.filter((path) => isSecretFile(basename(path)))]) left.add(each)
  }
  const parts = [...seen].map((path) => (isDirectory(path) ? partsOf(path, around) : judged([path], around)))
  return joined([...parts, { ...NOTHING, left: [...left] }])
}

/** Entries of the directory that a text names in quotes. */
function namedBeside(text: string, directory: string): readonly string[] {
  const quoted = new Set([...text.matchAll(/['"`](?:\.?\/)?([\w@.-]{2,64})(?=['"`/])/g)].map(([, name = '']) => name))
  const places = readable(entriesOf(directory)).flatMap((name) => (quoted.has(name) ? join(directory, name) : []))
  return places.filter((place) => {
    const stats = lstatOf(place)
    return typeof stats === 'object' && (stats.isFile() || stats.isDirectory())
  })
}

function importedIn(text: string, file: string, kind: 'node' | 'python'): readonly string[] {
  if (kind === 'python') {
    const names = [...text.matchAll(/^\s*(?:from|import)\s+([A-Za-z_]\w*)/gm)].map(([, name = '']) => name)
    const places = names.flatMap((name) => [join(dirname(file), `${name}.py`), join(dirname(file), name)])
    return places.filter((place) => isFile(place) || isFile(join(place, '__init__.py')))
  }
  const names = [...text.matchAll(/(?:from|import|require\()\s*\(?\s*['"](\.{1,2}\/[^'"]+)['"]/g)]
  return names.flatMap(([, name = '']) => {
    const place = resolve(dirname(file), name)
    return [place, `${place}.js`, `${place}.ts`, join(place, 'index.js')].filter(isFile).slice(0, 1)
  })
}
