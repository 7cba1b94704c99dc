/** Finds the cells that have processes on this host, by the kernel's tables; no warden is asked. */
import { opendirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { CellId } from '../model/index.ts'
import { aboutIn, type CellAbout, hasBegun } from './about.ts'
import { CGROUP_PARENT, killMembers } from './cgroup.ts'
import type { CgroupHost } from './cgroup-host.ts'
import { isOwnPlace } from './own-place.ts'
import { initIn } from './run-directory.ts'

/** One cell of which processes exist. */
export interface Standing {
  readonly cell: CellId
  /** The user whose run directory names it; what that says of the cell is that user's word. */
  readonly uid: number | undefined
  /** The note of what the cell is; absent for a helper of ours, or where nobody wrote it down. */
  readonly about: CellAbout | undefined
  /** True where, by the kernel, each of the cell's processes stands still. */
  readonly frozen: boolean
  /** False while the cell waits before its first instruction. */
  readonly begun: boolean
  /** Ends all of the cell's processes, as far as the kernel lets this user. */
  readonly end: () => void
}

/**
 * Returns the cells of a user that have processes, from the run directories `bases` (`runDirectories`). A directory that
 * somebody else could have made is not read. Of another user's cells only pid 1 is known, which ends the rest, and only
 * what runs as that user is ended: the user could have named there whom they like. No more than `OTHERS_MAX` are looked
 * at then: whoever makes a million names keeps no order waiting.
 */
export function standingCells(
  bases: readonly string[],
  { unified }: CgroupHost,
  uid: number | undefined = process.geteuid?.(),
): readonly Standing[] {
  const own = uid === process.geteuid?.()
  let left = own ? Number.POSITIVE_INFINITY : OTHERS_MAX
  const looked = (directory: string) => {
    const names = namesIn(directory, left)
    left -= names.length
    return names
  }
  return bases
    .filter((base) => isOwnPlace(base, uid))
    .flatMap((base) =>
      looked(join(base, 'runs')).flatMap((run) => {
        const cells = join(base, 'runs', run, 'cells')
        return looked(cells).flatMap((cell) => {
          const group = unified === undefined || !own ? undefined : join(unified, CGROUP_PARENT, cell)
          return standing(cell as CellId, join(cells, cell), group, uid) ?? [] // a name that `launchSteps` gave
        })
      }),
    )
}

/** Names in another user's run directories: of four wardens with all the cells that one may have. */
const OTHERS_MAX = 4_096

/**
 * Returns the cell if processes of it exist: by its cgroup where it has one, else by its pid 1, whose end ends all the
 * rest.
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

function namesIn(directory: string, max: number): readonly string[] {
  const names: string[] = []
  try {
    const opened = opendirSync(directory)
    try {
      while (names.length < max) {
        const entry = opened.readSync()
        if (entry === null) break
        names.push(entry.name)
      }
    } finally {
      opened.closeSync()
    }
  } catch {
    // It went away, as cells do.
  }
  return names
}

function contents(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return undefined
  }
}
