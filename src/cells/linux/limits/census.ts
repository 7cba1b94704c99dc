/** Finds the cells that have processes on this host, by the kernel's tables; no warden is asked. */

import { opendirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { failedWith } from '../../../model/host/system-error.ts'
import type { CellId } from '../../../model/index.ts'
import type { Standing } from '../../census.ts'
import { isOwnPlace } from '../../kernel/own-place.ts'
import { unlessGone } from '../../kernel/process-end.ts'
import type { CellAbout } from '../../spec.ts'
import { aboutIn, hasBegun } from '../abilities/about.ts'
import { initIn, ownerIn } from '../launch/run-directory.ts'
import { CGROUP_PARENT, killMembers } from './cgroup.ts'
import type { CgroupHost } from './cgroup-host.ts'

/** The result of one look at a user's run directories. */
export interface UserLook {
  readonly cells: readonly Standing[]
  /** The reason why there may be more cells than these; absent where all names, and all notes under them, were read. */
  readonly cut?: string
}

/** Returns the cells of a user that have processes, as far as they could be looked at (`lookAtCells`). */
export function standingCells(...asked: Parameters<typeof lookAtCells>): readonly Standing[] {
  return lookAtCells(...asked).cells
}

/**
 * Returns the cells of a user that have processes, from the run directories `bases` (`runDirectories`). A directory that
 * somebody else could have made is not read. Of another user's cells only pid 1 is known, which ends the rest, and only
 * what runs as that user is ended: the user could have named there whom they like. No more than `OTHERS_MAX` names are
 * looked at then: whoever makes a million of them keeps no order waiting, and `cut` says so.
 */
export function lookAtCells(
  bases: readonly string[],
  { unified }: CgroupHost,
  uid: number | undefined = process.geteuid?.(),
): UserLook {
  const own = uid === process.geteuid?.()
  let left = own ? Number.POSITIVE_INFINITY : OTHERS_MAX
  let cut: string | undefined
  const looked = (directory: string) => {
    const { names, fault } = namesIn(directory, left)
    left -= names.length
    cut ??= fault
    return names
  }
  const cells = bases
    .filter((base) => isOwnPlace(base, uid))
    .flatMap((base) =>
      looked(join(base, 'runs')).flatMap((run) => {
        const cells = join(base, 'runs', run, 'cells')
        return looked(cells).flatMap((cell) => {
          const group = unified === undefined || !own ? undefined : join(unified, CGROUP_PARENT, cell)
          try {
            return standing(cell as CellId, join(cells, cell), group, uid) ?? [] // a name that `launchSteps` gave
          } catch (error) {
            cut ??= `of ${cell} it cannot be told what it is: ${String(error)}`
            return []
          }
        })
      }),
    )
  return { cells, ...(cut !== undefined && { cut }) }
}

/** Returns what is noted of a cell in a user's run directories, also where nothing of it runs; throws where that cannot be read. */
export function notedCells(
  bases: readonly string[],
  cell: string,
  uid: number | undefined = process.geteuid?.(),
): readonly CellAbout[] {
  return bases
    .filter((base) => isOwnPlace(base, uid))
    .flatMap((base) =>
      namesIn(join(base, 'runs'), OTHERS_MAX).names.flatMap(
        (run) => aboutIn(join(base, 'runs', run, 'cells', cell)) ?? [],
      ),
    )
}

/** Returns the wardens of a user that live, from the run directories `bases`, as `lookAtCells` reads them. */
export function wardensIn(bases: readonly string[], uid: number | undefined = process.geteuid?.()): readonly number[] {
  const own = uid === process.geteuid?.()
  return bases
    .filter((base) => isOwnPlace(base, uid))
    .flatMap((base) =>
      namesIn(join(base, 'runs'), own ? Number.POSITIVE_INFINITY : OTHERS_MAX).names.flatMap((run) => {
        const warden = ownerIn(join(base, 'runs', run))
        return warden?.lives() && (own || runsAs(warden.pid, uid)) ? [warden.pid] : []
      }),
    )
}

/** Names in another user's run directories: of four wardens with all the cells that one may have. */
const OTHERS_MAX = 4_096

/**
 * Returns the cell if processes of it exist: by its cgroup where it has one, else by its pid 1, whose end ends all the
 * rest. Throws where neither can be told, or what is noted of it.
 */
function standing(
  cell: CellId,
  directory: string,
  group: string | undefined,
  uid: number | undefined,
): Standing | undefined {
  const events = group === undefined ? undefined : contents(join(group, 'cgroup.events'))
  const init = initIn(directory)
  if (!(events?.includes('populated 1') ?? false) && !init?.lives()) return undefined
  return {
    cell,
    uid,
    about: aboutIn(directory),
    frozen: events?.includes('frozen 1') ?? false,
    begun: hasBegun(directory),
    end: () => {
      if (group !== undefined) killMembers(group, true)
      if (init !== undefined && (uid === process.geteuid?.() || runsAs(init.pid, uid))) init.kill()
    },
  }
}

/** Tells whether a process runs as this user and as no other, by the kernel. proc(5), the four uids of /proc/pid/status */
function runsAs(pid: number, uid: number | undefined): boolean {
  const [, ...uids] = /^Uid:\t(\d+)\t(\d+)\t(\d+)\t(\d+)$/m.exec(contents(`/proc/${pid}/status`) ?? '') ?? []
  return uids.length > 0 && uids.every((each) => Number(each) === uid)
}

/** Returns at most `max` names of a directory, and why there may be more. What is not there has none. */
function namesIn(directory: string, max: number): { readonly names: readonly string[]; readonly fault?: string } {
  const names: string[] = []
  try {
    const opened = opendirSync(directory)
    try {
      for (let entry = opened.readSync(); entry !== null; entry = opened.readSync()) {
        if (names.length >= max)
          return { names, fault: `only ${OTHERS_MAX} names are looked at, and ${directory} has more` }
        names.push(entry.name)
      }
    } finally {
      opened.closeSync()
    }
    return { names }
  } catch (error) {
    // One that goes away, as cells do, has no more of them; a file of that name is no run.
    const gone = failedWith(error, 'ENOENT', 'ENOTDIR')
    return gone ? { names } : { names, fault: `${directory} cannot be read: ${String(error)}` }
  }
}

function contents(path: string): string | undefined {
  return unlessGone(() => readFileSync(path, 'utf8'))
}
