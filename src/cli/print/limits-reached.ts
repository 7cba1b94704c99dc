import {
  type Exit,
  type LimitReached,
  LOCKS_MAX,
  OPEN_FILES_MAX,
  QUEUED_BYTES_MAX,
  UNACCEPTED_BYTES_MAX,
} from '../../cells/spec.ts'
import type { Agent } from '../../config/config.ts'

/** The place of a cell in firebreak.yaml (`agents: desk: cell`), and the limits that it was given. */
interface Given {
  readonly at: string
  readonly cell: Pick<Agent['cell'], 'memoryBytes' | 'pids' | 'wallMs'>
}

/** The line that a person reads about one limit, and what would change it. */
export interface LimitTold {
  readonly said: string
  readonly change: string
}

/** Returns a line for each limit that a cell ran into, with the key of firebreak.yaml that raises it. */
export function limitsTold({ limits, why }: Pick<Exit, 'limits' | 'why'>, given: Given): readonly LimitTold[] {
  return limits.map((reached) => told(reached, why, given))
}

const FIXED = 'this limit is the same for every cell: let it do with less at a time'

function told({ limit, count = 0 }: LimitReached, why: Exit['why'], { at, cell }: Given): LimitTold {
  const raise = (key: string) => `more of it: ${at}: ${key} in firebreak.yaml`
  const memory = size(cell.memoryBytes)
  switch (limit) {
    case 'memory':
      return {
        said:
          why === 'out-of-memory'
            ? `the cell was ended: its program was killed for want of memory, of which it has ${memory}`
            : `memory: ${counted(count)} killed for want of it, and the cell went on; it has ${memory}`,
        change: raise('memory'),
      }
    case 'pids':
      return {
        said: `processes: a new process or thread was refused ${count === 1 ? 'once' : `${count} times`}; it has ${cell.pids} at a time`,
        change: raise('pids'),
      }
    case 'wall':
      return {
        said: `the cell was ended: it has run for ${cell.wallMs / 1_000} s, as long as it may`,
        change: raise('wall'),
      }
    case 'disk':
      return {
        said: 'disk: there was no room for changes to its workspace: they may take 8 GiB, and less where the host has less',
        change: 'land or discard what it has changed (firebreak diff), or make room on the disk that holds the state',
      }
    case 'temporary':
      return {
        said: `temporary files: /tmp, /dev/shm or its home was full; each has ${size(Math.floor(cell.memoryBytes / 2))}, half of its memory`,
        change: raise('memory'),
      }
    case 'descriptors':
      return { said: 'descriptors: a process of it had all that it may have open, 4,096', change: FIXED }
    case 'file-locks':
      return { said: `the cell was ended: it held more than ${grouped(LOCKS_MAX)} locks on files`, change: FIXED }
    case 'open-files':
      return {
        said: `the cell was ended: its processes had more files open than one cell may, ${grouped(OPEN_FILES_MAX)} or a twentieth of the host’s`,
        change: FIXED,
      }
    case 'socket-queues':
      return {
        said: `the cell was ended: more than ${size(QUEUED_BYTES_MAX)} of the kernel’s answers waited in its netlink sockets`,
        change: FIXED,
      }
    case 'unaccepted':
      return {
        said: `the cell was ended: connections that nobody had accepted took more than ${size(UNACCEPTED_BYTES_MAX)}, with what waited in them`,
        change: FIXED,
      }
  }
}

function counted(count: number): string {
  return count === 1 ? 'a process of it was' : `${count} processes of it were`
}

function size(bytes: number): string {
  const unit = bytes % 1024 ** 3 === 0 ? (['GiB', 1024 ** 3] as const) : (['MiB', 1024 ** 2] as const)
  return `${Math.round(bytes / unit[1])} ${unit[0]}`
}

function grouped(count: number): string {
  return count.toLocaleString('en-US')
}
