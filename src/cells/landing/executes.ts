import { LOOKALIKES } from '../../model/text/lookalikes.ts'
import type { Executes } from '../workspace.ts'
import { RULES } from './host-names.ts'

/**
 * Returns those of these paths that need a yes, in the same order. The name of a directory counts only where hosts act
 * upon directories of that name.
 */
export function executesOnHost(
  paths: readonly string[],
  isDirectory: (path: string) => boolean = () => false,
): readonly Executes[] {
  return paths.flatMap((path) => {
    const why = reason(path, isDirectory(path))
    return why === undefined ? [] : [{ path, why }]
  })
}

/**
 * `Foo/.GIT/config` is git’s on a file system that ignores case, and so is `.g\u200cit` on one that ignores
 * zero-width characters, and `git~1` where short names are kept: compared as the least careful of them would.
 */
export function leastCareful(path: string): string {
  return (
    path
      .normalize('NFKC')
      .replace(/\p{Default_Ignorable_Code_Point}/gu, '')
      .toLowerCase()
      .replace(/[^\0-\x7f]/g, (letter) => LOOKALIKES.get(letter) ?? letter)
      .split('/')
      // A stream of NTFS is another name of its file.
      .map((part) => part.replace(/(?<=.):.*$/, '').replace(/[. ]+$/, '') || part)
      .map((part) => (/^git~\d+$/.test(part) ? '.git' : part))
      .join('/')
  )
}

function reason(path: string, isDirectory: boolean): string | undefined {
  const parts = leastCareful(path).split('/')
  const name = parts.at(-1) ?? ''
  for (const { why, single, deeper, names, patterns } of LOOKED_UP) {
    if (parts.some((part) => single.has(part))) return why
    if (deeper.some((directory) => within(parts, directory))) return why
    if (!isDirectory && (names.has(name) || patterns.some((pattern) => pattern.test(name)))) return why
  }
  return undefined
}

/** The rules as a hundred thousand changes are held against them. */
const LOOKED_UP = RULES.map(({ why, directories = [], names = [], patterns = [] }) => ({
  why,
  names: new Set(names),
  patterns,
  single: new Set(directories.filter((directory) => !directory.includes('/'))),
  deeper: directories.filter((directory) => directory.includes('/')).map((directory) => directory.split('/')),
}))

/** `.config/mise` matches those two parts anywhere in the path, the last one included. */
function within(parts: readonly string[], wanted: readonly string[]): boolean {
  return parts.some((_, at) => wanted.every((part, i) => parts[at + i] === part))
}
