import { accessSync, constants, existsSync, realpathSync, statSync } from 'node:fs'
import { isAbsolute, join } from 'node:path'
import process from 'node:process'
import { liesIn } from '../cells/paths.ts'
import type { CellConfig } from '../config/config.ts'
import { BASE_VARIABLES } from './cell-spec.ts'

/** What a person reads where a cell's program is not in it, and what would put it there. */
export interface ProgramFault {
  readonly problem: string
  readonly fix: string
}

/**
 * Why a cell would not find this program: it sees the host's /usr and what `files` shows. Nothing is said of a root of
 * its own and of its workspace, which hold what they hold when it starts.
 */
export function programFault(cell: CellConfig, program: string): ProgramFault | undefined {
  if (cell.root !== undefined) return undefined
  const path = cell.env.get('PATH') ?? BASE_VARIABLES.PATH
  const places = program.includes('/') ? [program] : path.split(':').map((directory) => join(directory, program))
  if (places.some((place) => !place.startsWith('/') || liesIn(place, '/workspace'))) return undefined
  if (places.some((place) => isExecutable(seenAt(cell, place)))) return undefined
  return {
    problem: `its cell does not see the program "${program}": it sees the host’s /usr, and what stands under cell.files`,
    fix: shownBy(program),
  }
}

/** Arguments that name files of this host which a cell does not see: of a script, or of a directory that is served. */
export function unseenArguments(cell: CellConfig, args: readonly string[]): readonly string[] {
  if (cell.root !== undefined) return []
  return args.filter((arg) => isAbsolute(arg) && existsSync(arg) && seenAt(cell, arg) === undefined)
}

/** The host's path of what a cell sees at this place; undefined where it sees nothing of the host there. */
export function seenAt({ files }: CellConfig, place: string): string | undefined {
  for (const [to, from] of files) if (liesIn(place, to)) return `${from}${place.slice(to.length)}`
  const [, top = ''] = place.split('/')
  return SYSTEM.includes(top) ? place : undefined
}

/** What every cell without a root of its own has of the host (`bubblewrap.ts`). */
const SYSTEM: readonly string[] = ['usr', 'bin', 'sbin', 'lib', 'lib64', 'lib32', 'libx32']

function isExecutable(path: string | undefined): boolean {
  try {
    if (path === undefined) return false
    accessSync(path, constants.X_OK)
    return statSync(path).isFile()
  } catch {
    return false
  }
}

/** Where the caller's own PATH has it, if anywhere. */
function shownBy(program: string): string {
  const directories = program.includes('/') ? [''] : (process.env.PATH ?? '').split(':')
  const found = directories.map((directory) => join(directory, program)).find(isExecutable)
  if (found === undefined) return `it is not on this host’s PATH either: install it, or name it by its path`
  const start = program.includes('/') ? '' : `, and start it as ${found}`
  return `show it: cell: { files: { ${found}: ${realpathSync(found)} } }${start}`
}
