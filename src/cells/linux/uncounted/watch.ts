/**
 * Looks some times a second at what cells take of the kernel that no cgroup counts: a cell that takes more than its
 * bound is killed, which frees it. What it takes between two looks comes on top of the bound.
 */

import type { Exit } from '../../spec.ts'
import type { LinuxCell } from '../launch/cell.ts'
import { overLocked } from './locks.ts'
import { overOpen } from './open-files.ts'
import { overQueued } from './queues.ts'
import { overUnaccepted } from './unaccepted.ts'

type Watched = Pick<LinuxCell, 'pids' | 'kill' | 'look'>

const CHECKS: readonly (readonly [Exit['why'], (cells: readonly Watched[]) => Promise<readonly Watched[]>])[] = [
  ['file-locks', (cells) => overLocked(cells)],
  ['open-files', (cells) => overOpen(cells)],
  ['socket-queues', (cells) => overQueued(cells)],
  ['unaccepted', (cells) => overUnaccepted(cells)],
]

const LOOK_EVERY_MS = 250
/**
 * Factor of the wait after a look to the time that the look took, up to LOOK_EVERY_MS_MAX: on a busy host others have
 * their turn.
 */
const REST = 4
const LOOK_EVERY_MS_MAX = 2_000

/** Looks at `cells`, and does `also`, until it is stopped. It keeps no process from ending. */
export function watchUncounted(cells: () => readonly Watched[], also: () => void): { stop(): void } {
  let timer: NodeJS.Timeout | undefined
  let stopped = false
  const look = async (): Promise<void> => {
    const sinceMs = performance.now()
    await lookOnce(cells(), also).catch(() => undefined)
    const restMs = Math.min((performance.now() - sinceMs) * REST, LOOK_EVERY_MS_MAX)
    if (!stopped) next(Math.max(LOOK_EVERY_MS, restMs))
  }
  const next = (afterMs: number): void => {
    timer = setTimeout(() => void look(), afterMs).unref()
  }
  next(LOOK_EVERY_MS)
  return {
    stop() {
      stopped = true
      clearTimeout(timer)
    },
  }
}

async function lookOnce(cells: readonly Watched[], also: () => void): Promise<void> {
  if (cells.length === 0) return
  also()
  for (const cell of cells) cell.look()
  for (const [why, over] of CHECKS) for (const cell of await over(cells)) await cell.kill(why)
}
