/**
 * Searches what a cell is going to be shown for secrets: files by their inode (a hard link, a bind mount) and by their first
 * bytes, names, what links lead to, and texts. Bounded, and what was not searched is told.
 */
import type { BigIntStats } from 'node:fs'
import type { Config } from '../../config/config.ts'
import { soughtOf } from '../../gateway/content/secrets.ts'
import { readPlainFile } from '../../model/host/plain-file.ts'
import { bytesOf, nameBytes } from '../../model/text/file-name.ts'
import { inodeOf, lstatOf, statOf, targetOf } from './looked-at.ts'
import { formsOf } from './secret-forms.ts'

/** Bounds of one look; tests have smaller ones. */
export interface LookBounds {
  /** Files and directories, and as many in what is hidden; a large repository has tens of thousands. */
  readonly entriesMax: number
  /** Characters of the paths of all these, and as many in what is hidden; one path may have 4,096. */
  readonly pathCharactersMax: number
  /** Bytes that are read of all files together, and of each: a token lies in a small file. */
  readonly readBytesMax: number
  readonly fileBytesMax: number
  /** Milliseconds for which values are looked for; names are looked at to the end. */
  readonly readMsMax: number
  /** Milliseconds for which others on the loop wait at a time. */
  readonly turnMsMax: number
}

/** A secret that was found in what a cell would be shown. */
export interface FoundSecret {
  /** A clause that says where, and which. */
  readonly where: string
  /** The advice to a person who owns the place. */
  readonly advice: string
}

export function refusalOf({ where, advice }: FoundSecret): string {
  return `${where}, and its cell would be shown it: ${advice}`
}

export class SecretSearch {
  readonly #inodes = new Map<string, string>()
  /** Secrets whose files cannot be looked at. */
  readonly #unknownFiles: string[] = []
  readonly #needles: readonly (readonly [name: string, needle: Buffer])[]
  readonly #bounds: LookBounds
  readonly #sinceMs = performance.now()
  #bytes = 0
  /** Files of which the first bytes alone were read, and files of which none were. */
  readonly #large: string[] = []
  #unread = 0
  /** Files and directories that whoever looks may not read, or that fail to be: a cell with another uid may read them. */
  readonly unreadable: string[] = []

  constructor(secrets: Config['secrets'], values: ReadonlyMap<string, string>, bounds: LookBounds) {
    this.#bounds = bounds
    this.#needles = [...values].flatMap(([name, value]) =>
      formsOf(soughtOf(value)).map((form) => [name, form] as const),
    )
    for (const [name, source] of secrets) {
      if (source.kind !== 'file') continue
      const stats = statOf(source.path)
      if (stats === 'unreadable') this.#unknownFiles.push(name)
      else if (stats !== undefined) this.#inodes.set(inodeOf(stats), name)
    }
  }

  /** True where values are known that can be looked for. */
  get seeks(): boolean {
    return this.#needles.length > 0
  }

  unsearched(): readonly string[] {
    const { readBytesMax, fileBytesMax, readMsMax } = this.#bounds
    return [
      ...(this.#unread > 0 ? [`${this.#unread} files: ${readBytesMax} bytes or ${readMsMax} ms went to others`] : []),
      ...(this.#large.length > 0 ? [`what lies behind the first ${fileBytesMax} bytes of ${some(this.#large)}`] : []),
      ...(this.unreadable.length > 0 ? [`what cannot be read: ${some(this.unreadable)}`] : []),
      ...(this.#unknownFiles.length > 0
        ? [`all of it, by other names of the files of ${some(this.#unknownFiles)}: they cannot be looked at`]
        : []),
    ]
  }

  /** Returns the secret for which a file must not be shown. */
  inFile(file: string, stats: BigIntStats): FoundSecret | undefined {
    const same = this.#inodes.get(inodeOf(stats))
    const name = same ?? this.#heldIn(file, stats)
    if (name === undefined) return undefined
    const what = same === undefined ? 'holds the secret' : 'is the file of the secret'
    return { where: `${file} ${what} "${name}"`, advice: 'move it out of what is shown, or hide: it' }
  }

  /** Returns the secret for which the names in a directory must not be shown: they are seen also of what is hidden. */
  inNames(directory: string, paths: readonly string[]): FoundSecret | undefined {
    const name = this.seeks ? this.#secretIn(bytesOf(paths.join('\n'))) : undefined
    if (name === undefined) return undefined
    return { where: `a name in ${directory} holds the secret "${name}"`, advice: 'rename it' }
  }

  /** Returns the secret for which what a link says must not be shown: it is seen also where what it leads to is hidden. */
  inTarget(link: string): FoundSecret | undefined {
    const target = this.seeks ? targetOf(link) : undefined
    const name = target === undefined ? undefined : this.#secretIn(bytesOf(target))
    if (name === undefined) return undefined
    return { where: `the target of the link ${link} holds the secret "${name}"`, advice: 'remove the link' }
  }

  /** Returns why a text must not be handed to a cell. */
  inText(what: string, text: string, given: readonly string[] = []): string | undefined {
    const name = this.#secretIn(Buffer.from(text), given)
    if (name === undefined) return undefined
    return `${what} holds the secret "${name}", and its cell would be given it: leave it out`
  }

  #secretIn(bytes: Buffer, given: readonly string[] = []): string | undefined {
    return this.#needles.find(([name, needle]) => !given.includes(name) && bytes.includes(needle))?.[0]
  }

  /** Returns the secret whose value a file holds. */
  #heldIn(file: string, stats: BigIntStats): string | undefined {
    if (!this.seeks || stats.size === 0n) return undefined
    const { readBytesMax, fileBytesMax, readMsMax } = this.#bounds
    if (this.#bytes >= readBytesMax || performance.now() - this.#sinceMs >= readMsMax) {
      this.#unread++
      return undefined
    }
    const read = readPlainFile(nameBytes(file), fileBytesMax, 'no')
    if (read === undefined) {
      if (lstatOf(file) !== undefined) this.unreadable.push(file)
      return undefined
    }
    if (!read.whole && !isOpaque(read.bytes)) this.#large.push(file)
    this.#bytes += read.bytes.length
    return this.#secretIn(read.bytes)
  }
}

/**
 * Beginnings of programs (ELF), packs of Git, archives and pictures: what they hold is compiled or compressed, and no
 * value would be found in it.
 */
const OPAQUE = ['7f454c46', '5041434b', '1f8b', '504b0304', 'fd377a58', '28b52ffd', '425a68', '89504e47', 'ffd8ff']

function isOpaque(bytes: Buffer): boolean {
  const head = bytes.toString('hex', 0, 4)
  return OPAQUE.some((magic) => head.startsWith(magic))
}

/** Files, or secrets, that are named of those that were not looked at. */
const NAMED_MAX = 3
/** Names the first of many. */
export function some(all: readonly string[]): string {
  const more = all.length > NAMED_MAX ? ` and ${all.length - NAMED_MAX} more` : ''
  return `${all.slice(0, NAMED_MAX).join(', ')}${more}`
}
