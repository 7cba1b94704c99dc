/**
 * Looks at files and directories for what they are, where any of it may be gone or not for us. Paths are texts of any bytes
 * (`file-name.ts`): a name that is no UTF-8 is a name as others are.
 */
import {
  type BigIntStats,
  lstatSync,
  type OpenDirOptions,
  opendirSync,
  readdirSync,
  readlinkSync,
  realpathSync,
  statSync,
} from 'node:fs'
import { nameBytes, nameText } from '../../model/text/file-name.ts'

export type Unreadable = 'unreadable'

/** Returns the names in a directory that no cell writes to: they are read at once, however many there are. */
export function entriesOf(directory: string): readonly string[] | undefined | Unreadable {
  return seenBy(() => readdirSync(nameBytes(directory), 'latin1').map(nameText))
}

/**
 * Tells the names in a directory until `take` wants no more, with turns of the loop between them. A cell makes as many
 * names as it likes, since a hard link takes no inode: they are read a few at a time, and none is kept.
 *
 * @returns `some` where `take` wanted no more; undefined where there is no such directory.
 */
export async function eachEntry(
  directory: string,
  take: (name: string) => boolean,
  turns: () => Promise<void> | undefined,
): Promise<'all' | 'some' | undefined | Unreadable> {
  const opened = seenBy(() => opendirSync(nameBytes(directory), AS_BYTES))
  if (opened === undefined || opened === 'unreadable') return opened
  try {
    for (;;) {
      const entry = seenBy(() => opened.readSync())
      if (entry === undefined || entry === 'unreadable') return entry
      if (entry === null) return 'all'
      if (!take(nameText(Buffer.from(entry.name).toString('latin1')))) return 'some'
      await turns()
    }
  } finally {
    opened.closeSync()
  }
}

/** Names as bytes, which Node's types do not know of: where a file system tells no kinds, each is looked at by its name. */
const AS_BYTES = { encoding: 'buffer', bufferSize: 256 } as unknown as OpenDirOptions

export function statOf(path: string): BigIntStats | undefined | Unreadable {
  return seenBy(() => statSync(nameBytes(path), { bigint: true }))
}

export function lstatOf(path: string): BigIntStats | undefined | Unreadable {
  return seenBy(() => lstatSync(nameBytes(path), { bigint: true }))
}

export function targetOf(link: string): string | undefined | Unreadable {
  return seenBy(() => nameText(readlinkSync(nameBytes(link), 'latin1')))
}

/** Returns what a look at a path finds; undefined where nothing is any more, and `unreadable` where it fails otherwise. */
function seenBy<T>(look: () => T): T | undefined | Unreadable {
  try {
    return look()
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    return code === 'ENOENT' || code === 'ENOTDIR' ? undefined : 'unreadable'
  }
}

/** Tells whether a directory cannot be entered by whoever looks, for want of the right to: no name in it leads anywhere. */
export function isShut(directory: string): boolean {
  try {
    lstatSync(nameBytes(`${directory}/.`))
    return false
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EACCES'
  }
}

export function resolved(path: string): string {
  const real = seenBy(() => nameText(realpathSync.native(nameBytes(path), 'latin1')))
  return real === undefined || real === 'unreadable' ? path : real
}

export function inodeOf({ dev, ino }: BigIntStats): string {
  return `${dev}:${ino}`
}
