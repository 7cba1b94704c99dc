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
  return plainly(path).split('/').map(leastCarefulPart).join('/')
}

function plainly(path: string): string {
  if (/^[\0-\x7f]*$/.test(path)) return path.toLowerCase()
  return path
    .normalize('NFKC')
    .replace(/\p{Default_Ignorable_Code_Point}/gu, '')
    .toLowerCase()
    .replace(/[^\0-\x7f]/g, (letter) => LOOKALIKES.get(letter) ?? letter)
}

/** Goes through a part once, however many dots, spaces and colons its cell gave it. */
function leastCarefulPart(part: string): string {
  // A stream of NTFS is another name of its file.
  const colon = part.indexOf(':', 1)
  let end = colon === -1 ? part.length : colon
  while (end > 0 && (part[end - 1] === '.' || part[end - 1] === ' ')) end--
  const name = end === 0 ? part : part.slice(0, end)
  return /^git~\d+$/.test(name) ? '.git' : name
}

/** Returns the reason of the first rule that a path meets. */
function reason(path: string, isDirectory: boolean): string | undefined {
  const parts = leastCareful(path).split('/')
  const name = parts.at(-1) ?? ''
  let first = isDirectory ? RULES.length : (NAMES.get(name) ?? RULES.length)
  for (const [at, part] of parts.entries()) {
    first = Math.min(first, SINGLE.get(part) ?? RULES.length)
    for (const { before, rule } of DEEPER.get(part) ?? [])
      if (rule < first && before.every((each, i) => parts[at - before.length + i] === each)) first = rule
  }
  const pattern = isDirectory ? undefined : PATTERNS.find(({ rule, is }) => rule < first && is.test(name))
  return RULES[pattern?.rule ?? first]?.why
}

/** Names, directories and patterns by the first rule that has them, as a hundred thousand long paths are held against them. */
const NAMES = new Map(RULES.flatMap(({ names = [] }, rule) => names.map((name) => [name, rule] as const)).toReversed())
const SINGLE = new Map(
  directories(1)
    .map(({ last, rule }) => [last, rule] as const)
    .toReversed(),
)
const DEEPER = Map.groupBy(directories(2), ({ last }) => last)
const PATTERNS = RULES.flatMap(({ patterns = [] }, rule) => patterns.map((is) => ({ is, rule })))

/** Returns directories of one part, or of more: `.config/mise` matches those two anywhere in a path, the last included. */
function directories(parts: 1 | 2) {
  return RULES.flatMap(({ directories: all = [] }, rule) =>
    all.flatMap((directory) => {
      const before = directory.split('/')
      const last = before.pop() ?? ''
      return before.length > 0 === parts > 1 ? [{ before, last, rule }] : []
    }),
  )
}
