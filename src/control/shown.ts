/**
 * Looks through what a cell is going to be shown: which files of its workspace stay hidden, and whether a secret lies in
 * any of it, by path, by inode (a hard link, a bind mount) or by value. Bounded, and what was not looked at is told.
 * Whoever waits for it has turns of the loop meanwhile: other cells live beside the one that starts.
 */
import { type BigIntStats, lstatSync, readdirSync, realpathSync, statSync } from 'node:fs'
import { basename, join, relative, sep } from 'node:path'
import { setImmediate as turn } from 'node:timers/promises'
import { liesIn as isIn } from '../cells/paths.ts'
import type { CellConfig, Config } from '../config/config.ts'
import { soughtOf } from '../gateway/secrets.ts'
import { matchesPath, type PathPattern } from '../model/pattern.ts'
import { readPlainFile } from '../model/plain-file.ts'
import { isHiddenUnasked } from './programs/hidden-files.ts'
import { isPackages } from './programs/secret-files.ts'
import { formsOf } from './secret-forms.ts'

export interface Shown {
  /** Hidden paths, relative to the workspace, `/` between parts. */
  readonly hidden: readonly string[]
  /** Reason why it must not be shown. */
  readonly refusal?: string
  /** Phrases for a person about what was not looked through; none where all of it was. */
  readonly unsearched: readonly string[]
}

/** The beginning of the sentence that a part of what a cell is shown was not looked through. */
export const NOT_SEARCHED = 'of what its cell is shown, this was not looked through for secrets:'
/** The advice to a person about that. */
export const SEARCHED_BY = 'show less of it, hide: what it does not need, or see for yourself that no secret lies there'

/** Bounds of one look; tests have smaller ones. */
export interface LookBounds {
  /** Files and directories, and as many in what is hidden; a large repository has tens of thousands. */
  readonly entriesMax: number
  /** Bytes that are read of all files together, and of each: a token lies in a small file. */
  readonly readBytesMax: number
  readonly fileBytesMax: number
  /** Milliseconds for which values are looked for; names are looked at to the end. */
  readonly readMsMax: number
  /** Milliseconds for which others on the loop wait at a time. */
  readonly turnMsMax: number
}

const BOUNDS: LookBounds = {
  entriesMax: 100_000,
  readBytesMax: 128 * 1024 ** 2,
  fileBytesMax: 1024 ** 2,
  readMsMax: 15_000,
  turnMsMax: 20,
}

/** Files, or secrets, that are named of those that were not looked at. */
const NAMED_MAX = 3
/** Mounts that hide; a person with more names their directory. */
const HIDDEN_MAX = 256

/**
 * Looks through the workspace and files of a cell.
 *
 * @param values of the secrets that are known to whoever asks; the files of all are compared.
 */
export async function lookThrough(
  { secrets }: Pick<Config, 'secrets'>,
  cell: Pick<CellConfig, 'workspace' | 'files' | 'hide'>,
  values: ReadonlyMap<string, string>,
  bounds: LookBounds = BOUNDS,
): Promise<Shown> {
  const look = new Look(secrets, values, bounds)
  const hidden = cell.workspace === undefined ? [] : await look.workspace(cell.workspace, cell.hide)
  for (const from of cell.files.values()) if (look.refusal === undefined) await look.files(from)
  if (hidden.length > HIDDEN_MAX)
    look.refuse(
      `its workspace has ${hidden.length} files to hide, more than ${HIDDEN_MAX}: name their directories under hide:`,
    )
  if (cell.hide !== undefined && look.unlisted !== undefined) {
    look.refuse(
      `${look.unlisted} cannot be listed, and hide: may name what lies in it: make it readable, or hide: it as a whole`,
    )
  }
  if (cell.hide !== undefined && look.isCut) {
    look.refuse(
      `${cell.workspace} has more files than are looked through for hide: (${bounds.entriesMax}): show a smaller directory`,
    )
  }
  return { hidden, unsearched: look.unsearched(), ...(look.refusal !== undefined && { refusal: look.refusal }) }
}

/** A file of the workspace that has other names, here or elsewhere. */
interface Linked {
  readonly path: string
  readonly inode: string
  /** Number of names that the file has on its file system. */
  readonly names: bigint
}

class Look {
  readonly #secretInodes = new Map<string, string>()
  /** Secrets whose files cannot be looked at. */
  readonly #unknownFiles: string[] = []
  readonly #needles: readonly (readonly [name: string, needle: Buffer])[]
  readonly #shown: { left: number }
  readonly #bounds: LookBounds
  readonly #sinceMs = performance.now()
  #turnMs = this.#sinceMs
  #bytes = 0
  /** Files of which the first bytes alone were read, and files of which none were. */
  readonly #large: string[] = []
  #unread = 0
  /** Files and directories that whoever looks may not read, or that fail to be: a cell with another uid may read them. */
  readonly #unreadable: string[] = []
  /** Places of packages that are too many to be looked through. */
  readonly #packages = new Set<string>()
  /** True where there were more entries than are looked at. */
  isCut = false
  /** A directory of what is shown of which no names were seen. */
  unlisted: string | undefined
  refusal: string | undefined

  constructor(secrets: Config['secrets'], values: ReadonlyMap<string, string>, bounds: LookBounds) {
    this.#bounds = bounds
    this.#shown = { left: bounds.entriesMax }
    this.#needles = [...values].flatMap(([name, value]) =>
      formsOf(soughtOf(value)).map((form) => [name, form] as const),
    )
    for (const [name, source] of secrets) {
      if (source.kind !== 'file') continue
      const stats = statOf(source.path)
      if (stats === 'unreadable') this.#unknownFiles.push(name)
      else if (stats !== undefined) this.#secretInodes.set(inodeOf(stats), name)
    }
  }

  refuse(why: string): void {
    this.refusal ??= why
  }

  unsearched(): readonly string[] {
    const { entriesMax, readBytesMax, fileBytesMax, readMsMax } = this.#bounds
    return [
      ...(this.isCut
        ? [`what lies behind the first ${entriesMax} files and directories, in which nothing is hidden`]
        : []),
      ...(this.#needles.length > 0 ? [...this.#packages].map((place) => `the packages in ${place}`) : []),
      ...(this.#unread > 0 ? [`${this.#unread} files: ${readBytesMax} bytes or ${readMsMax} ms went to others`] : []),
      ...(this.#large.length > 0 ? [`what lies behind the first ${fileBytesMax} bytes of ${some(this.#large)}`] : []),
      ...(this.#unreadable.length > 0 ? [`what cannot be read: ${some(this.#unreadable)}`] : []),
      ...(this.#unknownFiles.length > 0
        ? [`all of it, by other names of the files of ${some(this.#unknownFiles)}: they cannot be looked at`]
        : []),
    ]
  }

  async workspace(lower: string, hide: readonly PathPattern[] | undefined): Promise<readonly string[]> {
    const isHidden = (path: string) =>
      hide === undefined ? isHiddenUnasked(path) : hide.some((pattern) => matchesPath(pattern, path))
    const hidden = new Set<string>()
    const linked: Linked[] = []
    const root = resolved(lower)
    for await (const { path, stats } of this.#walk(root, isHidden)) {
      if (isHidden(path)) {
        const target = stats.isSymbolicLink() ? withinOf(root, path) : path
        if (target !== undefined) hidden.add(target)
      } else if (stats.isFile()) {
        if (stats.nlink > 1n) linked.push({ path, inode: inodeOf(stats), names: stats.nlink })
        this.#judge(join(root, path), stats)
      }
    }
    const seen = linked.filter(({ path }) => !liesIn(hidden, path))
    for (const path of await this.#alsoHidden(root, hidden, seen)) hidden.add(path)
    return [...hidden].filter((path) => !liesBelow(hidden, path)).toSorted()
  }

  /**
   * Returns those of the files that are seen which are hidden by another name: the same file by another name is no
   * other file. Hidden directories are looked through only where a file has more names than are seen.
   */
  async #alsoHidden(root: string, hidden: ReadonlySet<string>, seen: readonly Linked[]): Promise<readonly string[]> {
    const count = new Map<string, bigint>()
    for (const { inode } of seen) count.set(inode, (count.get(inode) ?? 0n) + 1n)
    const open = seen.filter(({ inode, names }) => (count.get(inode) ?? 0n) < names)
    if (open.length === 0) return []
    const inodes = new Set<string>()
    const budget = { left: this.#bounds.entriesMax }
    for (const path of hidden) {
      const stats = this.#read(join(root, path), lstatOf)
      if (stats?.isFile()) inodes.add(inodeOf(stats))
      if (!stats?.isDirectory() || liesBelow(hidden, path)) continue
      for await (const { stats: each } of this.#walk(join(root, path), () => false, budget))
        if (each.isFile() && each.nlink > 1n) inodes.add(inodeOf(each))
    }
    return open.filter(({ inode }) => inodes.has(inode)).map(({ path }) => path)
  }

  async files(from: string): Promise<void> {
    const root = resolved(from)
    if (isIn(root, SEEN_BY_ALL) || isPackages(basename(root))) return
    if (isIn(root, NIX_STORE)) return void this.#packages.add(root)
    const stats = this.#read(root, statOf)
    if (stats?.isFile()) return this.#judge(root, stats)
    if (stats?.isDirectory()) {
      for await (const { path, stats: each } of this.#walk(root, () => false)) {
        if (each.isFile()) this.#judge(join(root, path), each)
      }
    }
  }

  #judge(file: string, stats: BigIntStats): void {
    if (this.refusal !== undefined) return
    const same = this.#secretInodes.get(inodeOf(stats))
    const name = same ?? this.#heldIn(file, stats)
    if (name === undefined) return
    const what = same === undefined ? 'holds the secret' : 'is the file of the secret'
    this.refuse(`${file} ${what} "${name}", and its cell would be shown it: move it out of what is shown, or hide: it`)
  }

  /** Returns the secret whose value a file holds. */
  #heldIn(file: string, stats: BigIntStats): string | undefined {
    if (this.#needles.length === 0 || stats.size === 0n) return undefined
    const { readBytesMax, fileBytesMax, readMsMax } = this.#bounds
    if (this.#bytes >= readBytesMax || performance.now() - this.#sinceMs >= readMsMax) {
      this.#unread++
      return undefined
    }
    const read = readPlainFile(file, fileBytesMax, 'no')
    if (read === undefined) {
      if (lstatOf(file) !== undefined) this.#unreadable.push(file)
      return undefined
    }
    if (!read.whole && !isOpaque(read.bytes)) this.#large.push(file)
    this.#bytes += read.bytes.length
    return this.#needles.find(([, needle]) => read.bytes.includes(needle))?.[0]
  }

  /** Returns what `look` finds at a path; undefined where nothing is, and of what cannot be read, which is told. */
  #read<T>(path: string, look: (path: string) => T | undefined | 'unreadable'): T | undefined {
    const found = look(path)
    if (found !== 'unreadable') return found
    this.#unreadable.push(path)
    return undefined
  }

  /**
   * Yields files breadth first, packages and repositories last: what lies at the top is looked at before the bound is
   * met.
   */
  async *#walk(
    root: string,
    skip: (path: string) => boolean,
    budget: { left: number } = this.#shown,
  ): AsyncGenerator<{ readonly path: string; readonly stats: BigIntStats }> {
    const [near, far]: [string[], string[]] = [[''], []]
    for (let at = near.shift() ?? far.shift(); at !== undefined; at = near.shift() ?? far.shift()) {
      const directory = join(root, at)
      const unreadable = this.#unreadable.length
      const entries = this.#read(directory, entriesOf) ?? []
      if (this.#unreadable.length > unreadable && budget === this.#shown) this.unlisted ??= directory
      for (const name of entries) {
        if (--budget.left < 0) {
          this.isCut = true
          return
        }
        if (performance.now() - this.#turnMs >= this.#bounds.turnMsMax) {
          await turn()
          this.#turnMs = performance.now()
        }
        const path = at === '' ? name : `${at}/${name}`
        const stats = this.#read(join(root, path), lstatOf)
        if (stats === undefined) continue
        yield { path, stats }
        if (stats.isDirectory() && !skip(path)) (isPackages(name) || name === '.git' ? far : near).push(path)
      }
    }
  }
}

/** The directory of a host that every cell sees, whatever its files are. */
const SEEN_BY_ALL = '/usr'
/** The directory in which Nix keeps its builds: a hundred thousand files that anybody may read. */
const NIX_STORE = '/nix/store'

/**
 * Beginnings of programs (ELF), packs of Git, archives and pictures: what they hold is compiled or compressed, and no
 * value would be found in it.
 */
const OPAQUE = ['7f454c46', '5041434b', '1f8b', '504b0304', 'fd377a58', '28b52ffd', '425a68', '89504e47', 'ffd8ff']

function isOpaque(bytes: Buffer): boolean {
  const head = bytes.toString('hex', 0, 4)
  return OPAQUE.some((magic) => head.startsWith(magic))
}

/** Tells whether a path is one of these, or lies below one. */
function liesIn(paths: ReadonlySet<string>, path: string): boolean {
  return paths.has(path) || liesBelow(paths, path)
}

function liesBelow(paths: ReadonlySet<string>, path: string): boolean {
  for (let at = path.lastIndexOf('/'); at > 0; at = path.lastIndexOf('/', at - 1))
    if (paths.has(path.slice(0, at))) return true
  return false
}

function withinOf(root: string, path: string): string | undefined {
  const target = relative(root, resolved(join(root, path)))
  return target === '' || target.startsWith('..') ? undefined : target.split(sep).join('/')
}

function entriesOf(directory: string): readonly string[] | undefined | 'unreadable' {
  return seenBy(() => readdirSync(directory))
}

function resolved(path: string): string {
  try {
    return realpathSync(path)
  } catch {
    return path
  }
}

function statOf(path: string): BigIntStats | undefined | 'unreadable' {
  return seenBy(() => statSync(path, { bigint: true }))
}

function lstatOf(path: string): BigIntStats | undefined | 'unreadable' {
  return seenBy(() => lstatSync(path, { bigint: true }))
}

/** Returns what a look at a path finds; undefined where nothing is any more, and `unreadable` where it fails otherwise. */
function seenBy<T>(look: () => T): T | undefined | 'unreadable' {
  try {
    return look()
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    return code === 'ENOENT' || code === 'ENOTDIR' ? undefined : 'unreadable'
  }
}

/** Names the first of many. */
function some(all: readonly string[]): string {
  const more = all.length > NAMED_MAX ? ` and ${all.length - NAMED_MAX} more` : ''
  return `${all.slice(0, NAMED_MAX).join(', ')}${more}`
}

function inodeOf({ dev, ino }: BigIntStats): string {
  return `${dev}:${ino}`
}
