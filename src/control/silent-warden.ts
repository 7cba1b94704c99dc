import { readdirSync, readFileSync, readlinkSync } from 'node:fs'
import process from 'node:process'
import { CGROUP_PARENT } from '../cells/cgroup.ts'
import { openCgroups } from '../cells/cgroup-host.ts'
import { reapOrphans } from '../cells/run-directory.ts'
import { type Confirmation, eventually } from './containment.ts'

const END_MS_MAX = 2_000

/**
 * Ends a warden that was reached and does not answer. Its cells die with it (W1), and its gateway ends with its channel:
 * what is left of them is looked for by `reapDead`.
 */
export async function endSilentWarden(pid: number, socket: string): Promise<Confirmation> {
  const begun = performance.now()
  const is = () => holds(pid, socket)
  if (is()) process.kill(pid, 'SIGKILL')
  const gone = await eventually(() => !is(), END_MS_MAX)
  return {
    point: `warden ${pid}`,
    by: 'kernel',
    confirmed: gone,
    said: gone ? 'it did not answer, and was ended' : 'it does not answer, and cannot be ended',
    afterMs: performance.now() - begun,
    escalated: true,
  }
}

/** Cells of wardens that are dead: whatever of them the kernel still has is ended, and proven gone. */
export async function reapDead(runDirectories: readonly string[]): Promise<readonly Confirmation[]> {
  const begun = performance.now()
  const cgroups = openCgroups(CGROUP_PARENT)
  const reaped = (await Promise.all(runDirectories.map((base) => reapOrphans(base, cgroups)))).flat()
  return reaped.flatMap(({ cells, left }) =>
    cells.map((cell) => ({
      point: `processes of ${cell}`,
      by: 'kernel' as const,
      confirmed: left.length === 0,
      said: left.length === 0 ? 'its warden is dead, and nothing of it is left' : `left: ${left.join(', ')}`,
      afterMs: performance.now() - begun,
      escalated: true,
    })),
  )
}

/**
 * Tells whether the process has the socket open: its number alone may be somebody else's by now; the name of its socket
 * has been nobody else's. proc(5), /proc/net/unix
 */
function holds(pid: number, socket: string): boolean {
  try {
    const inodes = readFileSync('/proc/net/unix', 'utf8')
      .split('\n')
      .flatMap((line) => (line.endsWith(`/${socket}`) ? [`socket:[${line.split(/\s+/)[6]}]`] : []))
    return readdirSync(`/proc/${pid}/fd`).some((fd) => inodes.includes(readlinkSync(`/proc/${pid}/fd/${fd}`)))
  } catch {
    return false
  }
}
