import { dirname, resolve } from 'node:path'
import type { Source } from '../../model/index.ts'
import { type CellConfig, HOME_FILES } from '../config.ts'
import type { ShapedCell } from '../schema.ts'
import { wayBack } from '../way-back.ts'
import { type Judge, report } from './judge.ts'

/** The way to the same without `home:`. */
const INSTEAD = 'files: for what its home begins with, or that in the root itself'

export function readCell(judge: Judge, cell: ShapedCell | undefined, source: Source): CellConfig {
  const at = (path: string) => resolve(dirname(judge.file), path)
  const files = new Map<string, string>()
  for (const [place, path] of cell?.files ?? []) {
    files.set(place, path === '${node}' ? judge.variables.node : at(path))
    if (/\$\{(?!node\})/.test(path))
      report(judge, source, `unknown variable in "${path}"`, '${node}, the Node that runs Firebreak')
  }
  if (cell?.home !== undefined) {
    files.set(HOME_FILES, at(cell.home))
    const instead = cell.root !== undefined ? 'a root' : cell.env?.has('HOME') === true ? 'a HOME' : undefined
    if (instead !== undefined)
      report(
        judge,
        source,
        `"home" goes with the home that a cell is made, and not with ${instead} of its own`,
        INSTEAD,
      )
  }
  return {
    ...(cell?.home !== undefined && { home: true }),
    ...(cell?.driver !== undefined && { driver: cell.driver }),
    ...(cell?.root === undefined ? {} : { root: at(cell.root) }),
    ...(cell?.workspace === undefined ? {} : { workspace: at(cell.workspace) }),
    ...(cell?.hide !== undefined && { hide: cell.hide }),
    labels: cell?.labels ?? [],
    labelled: cell?.labels !== undefined,
    files,
    ...(cell?.cwd === undefined ? {} : { cwd: cell.cwd }),
    env: cell?.env ?? new Map(),
    cpu: cell?.cpu ?? 1,
    memoryBytes: cell?.memory ?? 1_073_741_824,
    pids: cell?.pids ?? 128,
    ...(cell?.io === undefined ? {} : { ioBytesPerSecond: cell.io }),
    wallMs: cell?.wall ?? 7_200_000,
    ...(cell && wayBack(cell, judge.shaped.profile, (problem) => judge.problems.push(problem))),
  }
}
