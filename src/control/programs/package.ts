/** Chooses what of a program's own directory a cell is shown: all of it but secrets, as few places as that takes. */
import { existsSync, lstatSync, readdirSync } from 'node:fs'
import { basename, dirname, extname, join, resolve } from 'node:path'
import { liesIn } from '../../model/host-paths.ts'
import { isBroad, isDirectory, isFile, realOf, type Surroundings, textOf, within } from './places.ts'
import { isPackages, isSecretFile } from './secret-files.ts'

export interface Parts {
  readonly shown: readonly string[]
  /** Paths that are left out, since they sound like secrets. */
  readonly hidden: readonly string[]
}

/** Entries of one package that are looked at: one with more is shown by its directories, without a look into each. */
const ENTRIES_MAX = 20_000
/** Places that one package may take of the 64 that a cell has. */
const PLACES_MAX = 40

/** Returns the directory as a whole where nothing in it is secret; otherwise those of its parts that are not. */
export function partsOf(directory: string, kept: readonly string[] = []): Parts {
  const hidden: string[] = []
  let entries = 0
  const look = (path: string): readonly string[] => {
    const shown: string[] = []
    let whole = true
    for (const child of entriesOf(path)) {
      entries++
      const place = join(path, child.name)
      const real = child.isSymbolicLink() ? realOf(place) : place
      // A link shown by itself would show what it leads to: one that leads out stays what it is in a whole directory.
      if (!(child.isFile() || child.isDirectory() || (real !== place && liesIn(real, directory)))) continue
      const secret = real.slice(directory.length).split('/').some(isSecretFile)
      if (secret) hidden.push(place)
      if (secret || kept.includes(real)) whole = false
      else if (!child.isDirectory() || isPackages(child.name) || entries > ENTRIES_MAX) shown.push(place)
      else {
        const inner = look(place)
        whole &&= inner.length === 1 && inner[0] === place
        shown.push(...inner)
      }
    }
    return whole ? [path] : shown
  }
  const shown = look(directory)
  return { shown: shown.length > PLACES_MAX ? coarser(shown, directory) : shown, hidden }
}

function entriesOf(directory: string) {
  try {
    return readdirSync(directory, { withFileTypes: true })
  } catch {
    // Not for us: nor for a cell of ours.
    return []
  }
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

export function kindOfScript(file: string): 'node' | 'python' | undefined {
  const extension = extname(file)
  if (['.js', '.mjs', '.cjs', '.ts', '.mts', '.cts', '.jsx', '.tsx'].includes(extension)) return 'node'
  return extension === '.py' || extension === '.pyz' ? 'python' : undefined
}

/**
 * Returns the directory of the package that holds this one, if any; never a home, nor what a file system begins with.
 */
export function packageAround(directory: string, kind: 'node' | 'python', home: string): string | undefined {
  return within(directory, home).find((each) => MANIFESTS[kind].some((name) => existsSync(join(each, name))))
}

/** Returns the script's package; without one the script, what it imports, and what beside it those name. */
export function neededByScript(file: string, kind: 'node' | 'python', { home, kept }: Surroundings): Parts {
  const own = dirname(file)
  const around = packageAround(own, kind, home)
  const parts = around === undefined ? followed(file, kind, kept) : partsOf(around, kept)
  return joined([parts, kind === 'node' ? packagesAbove(around ?? own, home) : { shown: [], hidden: [] }])
}

export function joined(parts: readonly Parts[]): Parts {
  const shown = [...new Set(parts.flatMap((each) => each.shown))]
  return {
    shown: shown.filter((path) => !shown.some((other) => other !== path && liesIn(path, other))),
    hidden: [...new Set(parts.flatMap((each) => each.hidden))],
  }
}

/** `node_modules` of the directories above, where Node looks, and the packages of a workspace that links in them lead to. */
function packagesAbove(directory: string, home: string): Parts {
  const above = [...within(directory, home), ...(isBroad(directory, home) ? [directory] : [])]
  const found = above.map((each) => join(each, 'node_modules')).filter((each) => isDirectory(each))
  const linked = found.flatMap(linkedPackages).map((each) => partsOf(each))
  const manifest = join(directory, 'package.json')
  const manifests = isBroad(directory, home) && isFile(manifest) ? [manifest] : []
  return joined([{ shown: [...found, ...manifests], hidden: [] }, ...linked])
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
function followed(script: string, kind: 'node' | 'python', kept: readonly string[]): Parts {
  const seen = new Set([script])
  for (const file of seen) {
    if (seen.size > FOLLOWED_MAX) break
    const text = textOf(file)
    for (const next of [...importedIn(text, file, kind), ...namedBeside(text, dirname(file))]) seen.add(next)
  }
  const all = [...seen].filter((path) => path === script || !isSecretFile(basename(path)))
  return joined(all.map((path) => (isDirectory(path) ? partsOf(path, kept) : { shown: [path], hidden: [] })))
}

/** Entries of the directory that a text names in quotes. */
function namedBeside(text: string, directory: string): readonly string[] {
  const quoted = new Set([...text.matchAll(/['"`](?:\.?\/)?([\w@.-]{2,64})(?=['"`/])/g)].map(([, name = '']) => name))
  return entriesOf(directory)
    .filter((entry) => quoted.has(entry.name) && (entry.isFile() || entry.isDirectory()))
    .map(({ name }) => join(directory, name))
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
