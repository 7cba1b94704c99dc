/**
 * Looks through what a cell is going to be shown: which files of its workspace stay hidden, and whether a secret lies in
 * any of it, by path, by inode (a hard link, a bind mount) or by value. Bounded, and what was not looked at is told.
 */
import { Buffer } from 'node:buffer'
import { type BigIntStats, type Dirent, lstatSync, readdirSync, realpathSync, statSync } from 'node:fs'
import { basename, join, relative, sep } from 'node:path'
import type { CellConfig, Config } from '../config/config.ts'
import { soughtOf } from '../gateway/secrets.ts'
import { matchesPath, type PathPattern } from '../model/pattern.ts'
import { readPlainFile } from '../model/plain-file.ts'
import { isHiddenUnasked } from './programs/hidden-files.ts'
import { isPackages } from './programs/secret-files.ts'

export interface Shown {
  /** Hidden paths, relative to the workspace, `/` between parts. */
  readonly hidden: readonly string[]
  /** Reason why it must not be shown. */
  readonly refusal?: string
  /** True where there was more than is looked at. */
  readonly incomplete: boolean
}

/** Files and directories that are looked at, and as many in what is hidden; a large repository has tens of thousands. */
const ENTRIES_MAX = 100_000
/** Bytes that are read of all files together, and of each: a token lies in a small file. */
const READ_BYTES_MAX = 128 * 1024 ** 2
const FILE_BYTES_MAX = 1024 ** 2
/** Mounts that hide; a person with more names their directory. */
const HIDDEN_MAX = 256

/**
 * Looks through the workspace and files of a cell.
 *
 * @param values of the secrets that are known to whoever asks; the files of all are compared.
 */
export function lookThrough(
  { secrets }: Pick<Config, 'secrets'>,
  cell: Pick<CellConfig, 'workspace' | 'files' | 'hide'>,
  values: ReadonlyMap<string, string>,
): Shown {
  const look = new Look(secrets, values)
  const hidden = cell.workspace === undefined ? [] : look.workspace(cell.workspace, cell.hide)
  for (const from of cell.files.values()) if (look.refusal === undefined) look.files(from)
  if (hidden.length > HIDDEN_MAX)
    look.refuse(
      `its workspace has ${hidden.length} files to hide, more than ${HIDDEN_MAX}: name their directories under hide:`,
    )
  if (cell.hide !== undefined && look.incomplete) {
    look.refuse(
      `${cell.workspace} has more files than are looked through for hide: (${ENTRIES_MAX}): show a smaller directory`,
    )
  }
  return { hidden, incomplete: look.incomplete, ...(look.refusal !== undefined && { refusal: look.refusal }) }
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
  readonly #needles: readonly (readonly [name: string, needle: Buffer])[]
  readonly #shown = { left: ENTRIES_MAX }
  #bytes = 0
  incomplete = false
  refusal: string | undefined

  constructor(secrets: Config['secrets'], values: ReadonlyMap<string, string>) {
    this.#needles = [...values].flatMap(([name, value]) =>
      formsOf(soughtOf(value)).map((form) => [name, form] as const),
    )
    for (const [name, source] of secrets) {
      const inode = source.kind === 'file' ? inodeOf(statOf(source.path)) : undefined
      if (inode !== undefined) this.#secretInodes.set(inode, name)
    }
  }

  refuse(why: string): void {
    this.refusal ??= why
  }

  workspace(lower: string, hide: readonly PathPattern[] | undefined): readonly string[] {
    const isHidden = (path: string) =>
      hide === undefined ? isHiddenUnasked(path) : hide.some((pattern) => matchesPath(pattern, path))
    const hidden = new Set<string>()
    const linked: Linked[] = []
    const root = resolved(lower)
    for (const { path, stats } of this.#walk(root, isHidden)) {
      if (isHidden(path)) {
        const target = stats.isSymbolicLink() ? withinOf(root, path) : path
        if (target !== undefined) hidden.add(target)
      } else if (stats.isFile()) {
        if (stats.nlink > 1n) linked.push({ path, inode: inodeOf(stats) ?? '', names: stats.nlink })
        this.#judge(join(root, path), stats)
      }
    }
    const seen = linked.filter(({ path }) => !liesIn(hidden, path))
    for (const path of this.#alsoHidden(root, hidden, seen)) hidden.add(path)
    return [...hidden].filter((path) => !liesBelow(hidden, path)).toSorted()
  }

  /**
   * Returns those of the files that are seen which are hidden by another name: the same file by another name is no
   * other file. Hidden directories are looked through only where a file has more names than are seen.
   */
  #alsoHidden(root: string, hidden: ReadonlySet<string>, seen: readonly Linked[]): readonly string[] {
    const count = new Map<string, bigint>()
    for (const { inode } of seen) count.set(inode, (count.get(inode) ?? 0n) + 1n)
    const open = seen.filter(({ inode, names }) => (count.get(inode) ?? 0n) < names)
    if (open.length === 0) return []
    const inodes = new Set<string>()
    const budget = { left: ENTRIES_MAX }
    for (const path of hidden) {
      const stats = lstatOf(join(root, path))
      if (stats?.isFile()) inodes.add(inodeOf(stats) ?? '')
      if (!stats?.isDirectory() || liesBelow(hidden, path)) continue
      for (const { stats: each } of this.#walk(join(root, path), () => false, budget))
        if (each.isFile() && each.nlink > 1n) inodes.add(inodeOf(each) ?? '')
    }
    return open.filter(({ inode }) => inodes.has(inode)).map(({ path }) => path)
  }

  files(from: string): void {
    if (SYSTEM.some((directory) => from.startsWith(directory)) || isPackages(basename(from))) return
    const root = resolved(from)
    const stats = statOf(root)
    if (stats?.isFile()) return this.#judge(root, stats)
    if (stats?.isDirectory()) {
      for (const { path, stats: each } of this.#walk(root, () => false)) {
        if (each.isFile()) this.#judge(join(root, path), each)
      }
    }
  }

  #judge(file: string, stats: BigIntStats): void {
    if (this.refusal !== undefined) return
    const same = this.#secretInodes.get(inodeOf(stats) ?? '')
    const name = same ?? this.#heldIn(file, stats)
    if (name === undefined) return
    const what = same === undefined ? 'holds the secret' : 'is the file of the secret'
    this.refuse(`${file} ${what} "${name}", and its cell would be shown it: move it out of what is shown, or hide: it`)
  }

  /** Returns the secret whose value a file holds. */
  #heldIn(file: string, stats: BigIntStats): string | undefined {
    if (this.#needles.length === 0 || stats.size === 0n) return undefined
    if (this.#bytes >= READ_BYTES_MAX) this.incomplete = true
    if (this.incomplete) return undefined
    const bytes = readPlainFile(file, FILE_BYTES_MAX, 'no')?.bytes ?? Buffer.alloc(0)
    this.#bytes += bytes.length
    return this.#needles.find(([, needle]) => bytes.includes(needle))?.[0]
  }

  /**
   * Yields files breadth first, packages and repositories last: what lies at the top is looked at before the bound is
   * met.
   */
  *#walk(
    root: string,
    skip: (path: string) => boolean,
    budget: { left: number } = this.#shown,
  ): Generator<{ readonly path: string; readonly stats: BigIntStats }> {
    const [near, far]: [string[], string[]] = [[''], []]
    for (let at = near.shift() ?? far.shift(); at !== undefined; at = near.shift() ?? far.shift()) {
      for (const { name } of entriesOf(join(root, at))) {
        if (--budget.left < 0) {
          this.incomplete = true
          return
        }
        const path = at === '' ? name : `${at}/${name}`
        const stats = lstatOf(join(root, path))
        if (stats === undefined) continue
        yield { path, stats }
        if (stats.isDirectory() && !skip(path)) (isPackages(name) || name === '.git' ? far : near).push(path)
      }
    }
  }
}

const SYSTEM = ['/usr/', '/bin/', '/sbin/', '/lib/', '/lib64/', '/etc/', '/nix/']

/**
 * Returns the bytes of a value as it is, and as it stands in URLs, JSON, base64 wherever that begins, hexadecimal and
 * UTF-16.
 */
function formsOf(value: string): readonly Buffer[] {
  const bytes = Buffer.from(value)
  const inBase64 = [0, 1, 2].map((before) => {
    const text = Buffer.concat([Buffer.alloc(before), bytes]).toString('base64')
    // Only characters that are made of the value alone.
    return text.slice(Math.ceil((before * 8) / 6), Math.floor(((before + bytes.length) * 8) / 6))
  })
  const texts = [
    value,
    encodeURIComponent(value),
    JSON.stringify(value).slice(1, -1),
    ...inBase64,
    bytes.toString('hex'),
  ]
  const forms = [...new Set(texts)].filter((text) => text.length >= 8).map((text) => Buffer.from(text))
  return [...forms, Buffer.from(value, 'utf16le')]
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

function entriesOf(directory: string): readonly Dirent[] {
  try {
    return readdirSync(directory, { withFileTypes: true })
  } catch {
    return []
  }
}

function resolved(path: string): string {
  try {
    return realpathSync(path)
  } catch {
    return path
  }
}

function statOf(path: string): BigIntStats | undefined {
  return statSync(path, { bigint: true, throwIfNoEntry: false })
}

function lstatOf(path: string): BigIntStats | undefined {
  return lstatSync(path, { bigint: true, throwIfNoEntry: false })
}

function inodeOf(stats: BigIntStats | undefined): string | undefined {
  return stats === undefined ? undefined : `${stats.dev}:${stats.ino}`
}
