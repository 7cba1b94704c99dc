import { statSync } from 'node:fs'
import { wardenPids } from '../control/control-socket.ts'
import { statesIn } from '../control/tenants.ts'

/**
 * Why a decision may not be made on this terminal (S9): a run writes what its cell says on it, and a cell could show a
 * person something else than what they decide about, or type for them. Undefined where no live run of this state has it.
 */
export function sharedTerminal(state: string): string | undefined {
  const own = terminalsOf('self')
  if (own.size === 0) return undefined
  for (const pid of statesIn(state).flatMap(wardenPids))
    for (const device of terminalsOf(pid))
      if (own.has(device))
        return `a run (process ${pid}) shows what its cell writes on this terminal: decide on another one`
  return undefined
}

/** Devices of the terminals that a process reads and writes on its standard streams. */
function terminalsOf(pid: number | 'self'): ReadonlySet<number> {
  const found = new Set<number>()
  for (const fd of [0, 1, 2]) {
    try {
      const stat = statSync(`/proc/${pid}/fd/${fd}`)
      const { rdev } = stat
      if (stat.isCharacterDevice() && TERMINAL_MAJORS.has((rdev >> 8) & 0xfff)) found.add(rdev)
    } catch {
      // It has no such stream, or has ended.
    }
  }
  return found
}

/** Consoles and serial lines, and pseudo-terminals. Linux, Documentation/admin-guide/devices.txt */
const TERMINAL_MAJORS: ReadonlySet<number> = new Set([4, 136, 137, 138, 139, 140, 141, 142, 143])
