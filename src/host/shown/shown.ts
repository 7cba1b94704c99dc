/**
 * Looks through what a cell is going to be shown: which files of its workspace stay hidden, and whether a secret or a state
 * lies in any of it. Bounded, and what was not looked at is told. It is long because one walk looks for all of that, and
 * each thing that it finds has its words for a person beside it.
 * Whoever waits for it has turns of the loop meanwhile: other cells live beside the one that starts.
 */
import type { BigIntStats } from 'node:fs'
import { basename, join } from 'node:path'
import process from 'node:process'
import type { Config } from '../../config/config.ts'
import { liesIn as isIn } from '../../model/host/host-paths.ts'
import { TURN_MS, turnsEvery } from '../../model/host/turns.ts'
import { shownName } from '../../model/text/file-name.ts'
import { matchesPath } from '../../model/text/pattern.ts'
import { visibleText } from '../../model/text/text.ts'
import { type Lead, leadOf } from '../prepare/cell-view.ts'
import { isHiddenUnasked } from '../programs/hidden-files.ts'
import { upwards } from '../programs/places.ts'
import { isPackages } from '../programs/secret-files.ts'
import { isState, STATE_PARTS } from '../state/state.ts'
import type { Handed } from './handed.ts'
import { HiddenNames } from './hidden-names.ts'
import { eachEntry, inodeOf, isShut, lstatOf, resolved, statOf, type Unreadable } from './looked-at.ts'
import { type FoundSecret, type LookBounds, refusalOf, SecretSearch, some } from './secret-search.ts'

export interface Shown {
  /** Hidden paths, relative to the workspace, `/` between parts. */
  readonly hidden: readonly string[]
  /** Reason why it must not be shown. */
  readonly refusal?: string
  /** Phrases for a person about what was not looked through; none where all of it was. */
  readonly unsearched: readonly string[]
  /** Patterns of `hide:` that hide nothing, as they are written. */
  readonly unmet: readonly string[]
}

/** The beginning of the sentence that a part of what a cell is shown was not looked through. */
export const NOT_SEARCHED = 'of what its cell is shown, this was not looked through for secrets:'
/** The advice to a person about that. */
export const SEARCHED_BY = 'show less of it, hide: what it does not need, or see for yourself that no secret lies there'

const BOUNDS: LookBounds = {
  entriesMax: 100_000,
  pathCharactersMax: 32 * 1024 ** 2,
  readBytesMax: 128 * 1024 ** 2,
  fileBytesMax: 1024 ** 2,
  readMsMax: 15_000,
  turnMsMax: TURN_MS,
}

/** Mounts that hide; a person with more names their directory. */
const HIDDEN_MAX = 256

/**
 * Looks through all that is handed to a cell.
 *
 * @param values of the secrets that are known to whoever asks; the files of all are compared.
 */
export async function lookThrough(
  config: Pick<Config, 'secrets' | 'profile'>,
  cell: Handed,
  values: ReadonlyMap<string, string>,
  bounds: LookBounds = BOUNDS,
): Promise<Shown> {
  const look = new Look(config, values, bounds)
  for (const [what, text] of cell.texts ?? []) look.refuse(look.search.inText(what, text, cell.given))
  const hidden = cell.workspace === undefined ? [] : await look.workspace(cell.workspace, cell)
  for (const from of cell.files.values()) if (look.refusal === undefined) await look.files(from)
  if (hidden.length > HIDDEN_MAX)
    look.refuse(
      `its workspace has ${hidden.length} files to hide, more than ${HIDDEN_MAX}: name their directories under hide:`,
    )
  if (cell.hide !== undefined && look.isCut) {
    look.refuse(
      `${cell.workspace} has more files than are looked through for hide: (${boundOf(bounds)}): show a smaller directory`,
    )
  }
  return {
    hidden,
    unsearched: look.unsearched(),
    unmet: look.unmet,
    ...(look.refusal !== undefined && { refusal: look.refusal }),
  }
}

/**
 * Looks through the kept changes of a workspace, which its cell is shown over the directory itself.
 *
 * @param upper directory of the changes, which nobody writes to meanwhile.
 * @param hidden paths of the workspace that the cell does not see.
 */
export async function lookThroughKept(
  config: Pick<Config, 'secrets' | 'profile'>,
  upper: string,
  hidden: readonly string[],
  values: ReadonlyMap<string, string>,
  bounds: LookBounds = BOUNDS,
): Promise<Omit<Shown, 'hidden' | 'unmet'>> {
  const look = new Look(config, values, bounds)
  await look.kept(upper, new Set(hidden))
  const named = (text: string) => text.replaceAll(upper, 'its kept changes')
  return {
    unsearched: look.unsearched().map(named),
    ...(look.refusal !== undefined && { refusal: named(look.refusal) }),
  }
}

/** A file or directory of what is walked. */
interface Entry {
  readonly path: string
  readonly stats: BigIntStats
}

/** A directory of what is walked that is told of as a whole. */
interface Told {
  readonly path: string
  readonly stats?: never
  /** A state; one that cannot be listed; what may be no directory, since it cannot be looked at; what its names tell. */
  readonly is: 'state' | 'unlisted' | 'unknown' | { readonly found: FoundSecret }
}

/** A file of the workspace that has other names, here or elsewhere. */
interface Linked {
  readonly path: string
  readonly inode: string
  /** Number of names that the file has on its file system. */
  readonly names: bigint
}

/** The names of one directory that a walk saw, as paths from where it began. */
interface Listed {
  readonly paths: readonly string[]
  readonly seen: Awaited<ReturnType<typeof eachEntry>>
}

/** The names that a walk may still see: how many, and the characters of their paths. */
interface Room {
  entries: number
  characters: number
}

function roomOf({ entriesMax, pathCharactersMax }: LookBounds): Room {
  return { entries: entriesMax, characters: pathCharactersMax }
}

function boundOf({ entriesMax, pathCharactersMax }: LookBounds): string {
  return `${entriesMax} files and directories, or ${pathCharactersMax} characters of their paths`
}

class Look {
  readonly search: SecretSearch
  readonly #bounds: LookBounds
  readonly #shown: Room
  readonly #turns: ReturnType<typeof turnsEvery>
  /** True where a cell may do what whoever looks may, and no more: it has their uid. */
  readonly #isForCaller: boolean
  /** Places of packages that are too many to be looked through. */
  readonly #packages = new Set<string>()
  /** Links by which a pattern may mean more, and which cannot be followed from here. */
  #unfollowed: readonly string[] = []
  /** True where there were more entries than are looked at. */
  isCut = false
  /** Patterns of `hide:` that hide nothing. */
  unmet: readonly string[] = []
  refusal: string | undefined

  constructor(
    { secrets, profile }: Pick<Config, 'secrets' | 'profile'>,
    values: ReadonlyMap<string, string>,
    bounds: LookBounds,
  ) {
    this.search = new SecretSearch(secrets, values, bounds)
    this.#bounds = bounds
    this.#turns = turnsEvery(bounds.turnMsMax)
    this.#shown = roomOf(bounds)
    this.#isForCaller = profile === 'user' && process.geteuid?.() !== 0
  }

  refuse(why: string | undefined): void {
    // Names of others: one with a line break would begin a line of its own.
    if (why !== undefined) this.refusal ??= visibleText(shownName(why))
  }

  unsearched(): readonly string[] {
    return [
      ...(this.isCut ? [`what lies behind the first ${boundOf(this.#bounds)}, in which nothing is hidden`] : []),
      ...(this.search.seeks ? [...this.#packages].map((place) => `the packages in ${place}`) : []),
      ...(this.#unfollowed.length > 0
        ? [
            `what lies behind ${some(this.#unfollowed)}: where that leads is known in the cell alone, and nothing is hidden there`,
          ]
        : []),
      ...this.search.unsearched(),
    ].map((phrase) => visibleText(shownName(phrase)))
  }

  async workspace(lower: string, cell: Handed): Promise<readonly string[]> {
    const { hide } = cell
    const isHidden = (path: string) =>
      hide === undefined ? isHiddenUnasked(path) : hide.some((pattern) => matchesPath(pattern, path))
    const root = resolved(lower)
    this.#refuseInState(root)
    const hidden = new Set<string>()
    const names = new HiddenNames(hide ?? [])
    const linked: Linked[] = []
    const unlisted: string[] = []
    const unknown: string[] = []
    /** Links that are hidden unasked: what they lead to is. */
    const meantLinks: (readonly [path: string, lead: Lead])[] = []
    /** Refusals, unless what they are about is hidden in the end. */
    const refusals: { readonly path: string; readonly text: string }[] = []
    for await (const entry of this.#walk(root, isHidden)) {
      const { path, stats } = entry
      if (stats === undefined) {
        if (entry.is === 'state') hidden.add(path)
        else if (entry.is === 'unlisted') unlisted.push(path)
        else if (entry.is === 'unknown') {
          names.add(path, 'directory')
          unknown.push(path)
        } else refusals.push({ path, text: refusalOf(entry.is.found) })
      } else if (stats.isSymbolicLink()) {
        const lead = leadOf(cell, root, path)
        names.addLink(path, lead)
        if (hide === undefined && isHidden(path)) meantLinks.push([path, lead])
      } else {
        names.add(path, stats.isDirectory() ? 'directory' : 'other')
        if (isHidden(path)) hidden.add(path)
        else if (stats.isFile()) {
          if (stats.nlink > 1n) linked.push({ path, inode: inodeOf(stats), names: stats.nlink })
          const found = this.search.inFile(join(root, path), stats)
          if (found !== undefined) refusals.push({ path, text: refusalOf(found) })
        }
      }
    }
    for (const path of await names.hidden(this.#turns)) hidden.add(path)
    for (const [, lead] of meantLinks) if (lead.to === 'workspace' && lead.path !== '') hidden.add(lead.path)
    this.#unfollowed = [...names.unfollowed, ...meantLinks.flatMap(([path, { to }]) => (to === 'unknown' ? path : []))]
    this.unmet = names.unmet()
    const seen = linked.filter(({ path }) => !liesIn(hidden, path))
    for (const path of await this.#alsoHidden(root, hidden, seen)) hidden.add(path)
    const refusal = refusals.find(({ path }) => !liesIn(hidden, path))
    if (refusal !== undefined) this.refuse(refusal.text)
    const meant = unknown.filter((path) => hidden.delete(path) || names.mayBeIn(path))
    this.#refuseUnseen(
      root,
      [...unlisted.filter((path) => names.mayBeIn(path)), ...meant].filter((path) => !liesIn(hidden, path)),
    )
    const least = [...hidden].filter((path) => !liesBelow(hidden, path)).toSorted()
    this.#refuseUnnamed(
      root,
      least.find((path) => !path.isWellFormed()),
    )
    return least.filter((path) => path.isWellFormed())
  }

  /** Refuses what is to be hidden by a name that no mount can be told. */
  #refuseUnnamed(root: string, path: string | undefined): void {
    if (path !== undefined)
      this.refuse(
        `${join(root, path)} is to be hidden, and its name is not UTF-8: rename it, or hide: a directory above it`,
      )
  }

  /** Refuses what cannot be listed where a pattern may mean something in it, unless its cell cannot enter it either. */
  #refuseUnseen(root: string, unseen: readonly string[]): void {
    const open = unseen.map((path) => join(root, path)).find((path) => !(this.#isForCaller && isShut(path)))
    if (open !== undefined)
      this.refuse(
        `${open} cannot be listed, and hide: may name what lies in it: make it readable, or hide: it as a whole`,
      )
  }

  #refuseInState(root: string): void {
    const state = upwards(root).find(isState)
    if (state !== undefined)
      this.refuse(`${root} is of the state in ${state}, which no cell may see: show another directory`)
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
    const room = roomOf(this.#bounds)
    for (const path of hidden) {
      const stats = this.#read(join(root, path), lstatOf)
      if (stats?.isFile()) inodes.add(inodeOf(stats))
      if (!stats?.isDirectory() || liesBelow(hidden, path)) continue
      for await (const { stats: each } of this.#walk(join(root, path), () => false, room))
        if (each?.isFile() && each.nlink > 1n) inodes.add(inodeOf(each))
    }
    return open.filter(({ inode }) => inodes.has(inode)).map(({ path }) => path)
  }

  async files(from: string): Promise<void> {
    const root = resolved(from)
    this.#refuseInState(root)
    if (isIn(root, SEEN_BY_ALL) || isPackages(basename(root))) return
    if (isIn(root, NIX_STORE)) return void this.#packages.add(root)
    const stats = this.#read(root, statOf)
    if (stats?.isFile()) return this.#refuseFound(this.search.inFile(root, stats))
    if (!stats?.isDirectory()) return
    for await (const entry of this.#walk(root, () => false)) {
      const { path, stats: each } = entry
      if (this.refusal !== undefined) return
      if (each !== undefined) {
        if (each.isFile()) this.#refuseFound(this.search.inFile(join(root, path), each))
      } else if (entry.is === 'state') this.refuse(`${join(root, path)} is a state, which no cell may see: show less`)
      else if (typeof entry.is === 'object') this.#refuseFound(entry.is.found)
    }
  }

  /** Looks through what a cell wrote. A directory that it gave the names of a state is none. */
  async kept(upper: string, hidden: ReadonlySet<string>): Promise<void> {
    for await (const entry of this.#walk(upper, (each) => hidden.has(each), this.#shown, 'cell')) {
      const { path, stats } = entry
      let found: FoundSecret | undefined
      if (stats === undefined) found = typeof entry.is === 'object' ? entry.is.found : undefined
      else if (stats.isFile() && !hidden.has(path)) found = this.search.inFile(join(upper, path), stats)
      this.#refuseFound(found && { ...found, advice: KEPT_ADVICE })
      if (this.refusal !== undefined) return
    }
  }

  #refuseFound(found: FoundSecret | undefined): void {
    if (found !== undefined) this.refuse(refusalOf(found))
  }

  /** Returns what `look` finds at a path; undefined where nothing is, and of what cannot be read, which is told. */
  #read<T>(path: string, look: (path: string) => T | undefined | Unreadable): T | undefined {
    const found = look(path)
    if (found !== 'unreadable') return found
    this.search.unreadable.push(path)
    return undefined
  }

  /**
   * Yields files breadth first, packages and repositories last: what lies at the top is looked at before the bound is
   * met.
   */
  async *#walk(
    root: string,
    skip: (path: string) => boolean,
    room: Room = this.#shown,
    madeBy: 'owner' | 'cell' = 'owner',
  ): AsyncGenerator<Entry | Told> {
    const isShown = room === this.#shown
    const [near, far]: [string[], string[]] = [[''], []]
    // A shift of a long list moves all of it.
    let [nearAt, farAt] = [0, 0]
    const next = () => (nearAt < near.length ? near[nearAt++] : far[farAt++])
    for (let at = next(); at !== undefined; at = next()) {
      const directory = join(root, at)
      const listed = await this.#list(directory, at, room)
      const { paths, seen } = listed
      if (seen === 'unreadable') {
        this.search.unreadable.push(directory)
        yield { path: at, is: 'unlisted' }
        continue
      }
      if (isShown && madeBy === 'owner' && isStateOf(directory, at, listed)) {
        yield { path: at, is: 'state' }
        continue
      }
      const told = isShown ? await this.#inNames(directory, paths) : undefined
      if (told !== undefined) yield { path: at, is: { found: told } }
      for (const path of paths) {
        await this.#turns()
        const stats = await this.#lookAt(directory, join(root, path))
        if (stats === 'unreadable') {
          this.search.unreadable.push(join(root, path))
          yield { path, is: 'unknown' }
        }
        if (stats === undefined || stats === 'unreadable') continue
        const leads = isShown && stats.isSymbolicLink() ? this.search.inTarget(join(root, path)) : undefined
        if (leads !== undefined) yield { path: at, is: { found: leads } }
        yield { path, stats }
        const name = basename(path)
        if (stats.isDirectory() && !skip(path)) (isPackages(name) || name === '.git' ? far : near).push(path)
      }
      if (seen === 'some') return
    }
  }

  /** Lists a directory as far as there is room: what one directory has is bounded as what all have is. */
  async #list(directory: string, at: string, room: Room): Promise<Listed> {
    const paths: string[] = []
    const take = (name: string): boolean => {
      const path = at === '' ? name : `${at}/${name}`
      room.entries--
      room.characters -= path.length
      if (room.entries < 0 || room.characters < 0) return false
      paths.push(path)
      return true
    }
    const seen = await eachEntry(directory, take, this.#turns)
    this.isCut ||= seen === 'some'
    return { paths: paths.length > SORTED_MAX ? paths : paths.toSorted(), seen }
  }

  async #inNames(directory: string, paths: readonly string[]): Promise<FoundSecret | undefined> {
    for (let from = 0; from < paths.length; from += NAMES_AT_ONCE) {
      const found = this.search.inNames(directory, paths.slice(from, from + NAMES_AT_ONCE))
      if (found !== undefined) return found
      await this.#turns()
    }
    return undefined
  }

  /** Returns what lies at a path that was listed; undefined where it is gone since, and is listed no more. */
  async #lookAt(directory: string, path: string): Promise<BigIntStats | undefined | Unreadable> {
    const stats = lstatOf(path)
    if (stats !== undefined) return stats
    const name = basename(path)
    const seen = await eachEntry(directory, (each) => each !== name, this.#turns)
    return seen === 'unreadable' || seen === 'some' ? 'unreadable' : undefined
  }
}

/** Names of a directory that are told in their order; more come as the directory has them, since sorting has no turns. */
const SORTED_MAX = 4_096

/** Names that are searched together: 256 KiB at the most, for some ten needles of each secret. */
const NAMES_AT_ONCE = 64

const KEPT_ADVICE = 'restore a checkpoint without it, or discard the changes (firebreak commit --discard)'

/** The directory of a host that every cell sees, whatever its files are. */
const SEEN_BY_ALL = '/usr'
/** The directory in which Nix keeps its builds: a hundred thousand files that anybody may read. */
const NIX_STORE = '/nix/store'

/** Tells whether a directory is a state, by its names where all of them were seen. */
function isStateOf(directory: string, at: string, { paths, seen }: Listed): boolean {
  return seen === 'some' ? isState(directory) : STATE_PARTS.every((part) => paths.includes(join(at, part)))
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
