import { existsSync, realpathSync } from 'node:fs'
import { basename, isAbsolute, join, resolve } from 'node:path'
import process from 'node:process'
import type { CellConfig, Config } from '../../config/config.ts'
import { isFile } from '../programs/places.ts'
import { interpreterOf } from '../programs/shebang.ts'
import { whyNotShown } from '../programs/showable.ts'
import { BASE_VARIABLES } from './cell-spec.ts'
import { lookUp, permits } from './cell-view.ts'

export { seenAt } from './cell-view.ts'

/** A program that is not in its cell: what a person reads of that, and what would put it there. */
export interface ProgramFault {
  readonly problem: string
  readonly fix: string
}

const INTERPRETERS_MAX = 5

/**
 * Returns why a cell would not find or not start this program: it sees the host's /usr and what `files` shows, and the
 * interpreter that a script names on its first line has to be there, too. Nothing is said of a root of its own and of its
 * workspace, which hold what they hold when it starts.
 */
export function programFault(
  cell: CellConfig,
  program: string,
  profile: Config['profile'] = 'full',
  depth = 0,
): ProgramFault | undefined {
  if (cell.root !== undefined) return undefined
  const path = cell.env.get('PATH') ?? BASE_VARIABLES.PATH
  const places = program.includes('/')
    ? [resolve(cell.cwd ?? (cell.workspace === undefined ? '/' : '/workspace'), program)]
    : path.split(':').map((directory) => join(directory, program))
  const found = places.map((place) => lookUp(cell, place))
  if (found.some(({ kind }) => kind === 'unknown')) return undefined
  const files = found.flatMap((each) => (each.kind === 'found' && each.stats.isFile() ? [each] : []))
  const fit = files.find(({ stats }) => permits(stats, 'execute', profile))
  const [unfit] = files
  if (fit === undefined && unfit !== undefined)
    return {
      problem: `its cell may not execute ${unfit.host}: it runs under a uid of its own, and only others’ permissions count`,
      fix: `chmod o+rx ${unfit.host}`,
    }
  if (fit === undefined) {
    const end = found.flatMap((each) => (each.kind === 'absent' && !places.includes(each.place) ? [each.place] : []))[0]
    const leads = end === undefined ? '' : `; it leads to ${end}`
    return {
      problem: `its cell does not see the program "${program}": it sees the host’s /usr, and what stands under cell.files${leads}`,
      fix: shownBy(program, end),
    }
  }
  const interpreter = depth < INTERPRETERS_MAX ? interpreterOf(fit.host) : undefined
  const fault = interpreter && programFault(cell, interpreter.program, profile, depth + 1)
  if (fault === undefined) return undefined
  return { problem: `${basename(program)} is started by ${interpreter?.program}: ${fault.problem}`, fix: fault.fix }
}

/** Arguments that name files of this host which a cell does not see: of a script, or of a directory that is served. */
export function unseenArguments(cell: CellConfig, args: readonly string[]): readonly string[] {
  if (cell.root !== undefined) return []
  return args.filter((arg) => isAbsolute(arg) && existsSync(arg) && lookUp(cell, arg).kind === 'absent')
}

/** Returns the arguments that name what a cell sees and may not read. */
export function unreadableArguments(
  cell: CellConfig,
  args: readonly string[],
  profile: Config['profile'],
): readonly string[] {
  if (cell.root !== undefined) return []
  return args.flatMap((arg) => {
    const found = isAbsolute(arg) ? lookUp(cell, arg) : undefined
    return found?.kind === 'found' && !permits(found.stats, 'read', profile) ? [found.host] : []
  })
}

/**
 * Returns how to show the program to the cell: from the caller's own PATH, if anywhere there, or from what a link leads
 * to.
 */
function shownBy(program: string, end: string | undefined): string {
  if (end !== undefined && existsSync(end)) {
    const asked = { roots: [], home: process.env.HOME ?? '/root' }
    return whyNotShown(end, asked) === undefined
      ? `show it: cell: { files: { ${end}: ${end} } }`
      : `show it by hand under cell: { files }, if ${end} is what it should lead to`
  }
  const directories = program.includes('/') ? [''] : (process.env.PATH ?? '').split(':')
  const found = directories.map((directory) => join(directory, program)).find(isFile)
  if (found === undefined) return `it is not on this host’s PATH either: install it, or name it by its path`
  const start = program.includes('/') ? '' : `, and start it as ${found}`
  return `show it: cell: { files: { ${found}: ${realpathSync(found)} } }${start}`
}
