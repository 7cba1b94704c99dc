/**
 * A process that ends the cells of a warden that was killed. Each cell asks the kernel to die with its parent, but it
 * can ask otherwise: who takes over pid 1 of a cell, which has the cell's own uid, has the power to. So a process
 * outside the cells, in a session of its own, waits for the end of a pipe that only the warden holds, and then kills
 * the pid 1 of each; with it the kernel ends all the rest of that cell.
 */
import { spawn } from 'node:child_process'
import { no, ok, type Result } from '../../../model/result.ts'

export interface OrphanKiller {
  readonly pid: number
  /** Lets it go. Called when no cell is left. */
  dismiss(): void
}

/** `run`: the directory of this warden's run, where `recordInit` says which process is pid 1 of each cell. */
export function startOrphanKiller(run: string): Result<OrphanKiller, string> {
  const killer = spawn('/bin/sh', ['-c', SCRIPT, 'sh', run], {
    stdio: ['pipe', 'ignore', 'ignore'],
    cwd: '/',
    env: {},
    detached: true,
  })
  let problem = 'it was not started'
  killer.on('error', (error) => {
    problem = error.message
  })
  const { pid, stdin } = killer
  if (pid === undefined) return no(problem)
  killer.unref()
  stdin.on('error', () => {})
  if ('unref' in stdin && typeof stdin.unref === 'function') stdin.unref()
  return ok({ pid, dismiss: () => stdin.destroy() })
}

/**
 * Builtins only. A pid is killed only while it is the process it was: by its start time, the twentieth field after the
 * name in proc(5), stat. A name can hold anything but is closed by the last parenthesis of the line.
 */
const SCRIPT = `trap '' HUP INT QUIT TERM
read -r _
for init in "$1"/cells/*/init; do
  read -r stamp < "$init" || [ -n "$stamp" ] || continue
  pid=\${stamp#*'"pid":'}
  pid=\${pid%%[!0-9]*}
  ticks=\${stamp#*'"startTicks":"'}
  ticks=\${ticks%%[!0-9]*}
  read -r stat < "/proc/$pid/stat" || continue
  set -- "$1" \${stat##*) }
  [ "\${21}" = "$ticks" ] && kill -9 "$pid"
done`
