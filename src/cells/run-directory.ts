/**
 * What one warden process has made on this host, under one directory, so that the next one can find and remove what a
 * killed one left: `runs/<run>/owner`, `runs/<run>/cells/<cell>/…`, `uids/<uid>`.
 */
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import process from 'node:process'
import { reapCgroup } from './cgroup.ts'
import type { CgroupHost } from './cgroup-host.ts'
import { makePrivate, unmount } from './libc.ts'
import { uidHolder } from './uid.ts'

export interface RunDirectory {
  readonly path: string
  readonly uids: string
  cellDirectory(cell: string): string
  /** Removes it; only when no cell of it is left. */
  close(): void
}

/** `own`: mounts made below it must spread to no other namespace. Not for a warden without root. */
export function openRunDirectory(base: string, run: string, own: boolean): RunDirectory {
  for (const directory of [base, join(base, 'runs')]) {
    mkdirSync(directory, { recursive: true })
    // A cell's uid passes through, and lists nothing.
    chmodSync(directory, 0o711)
  }
  const path = join(base, 'runs', run)
  // Under another name until its owner stands in it: a warden that opens at this moment would take it for an orphan.
  const unborn = join(base, 'runs', `.${run}`)
  mkdirSync(unborn)
  chmodSync(unborn, 0o711)
  writeFileSync(join(unborn, 'owner'), JSON.stringify(processStamp(process.pid)), { mode: 0o600 })
  renameSync(unborn, path)
  if (own) {
    const bound = makePrivate(path)
    if (!bound.ok) throw new Error(`${path}: cannot be made private (${bound.reason.errno})`)
  }
  mkdirSync(join(path, 'cells'))
  chmodSync(join(path, 'cells'), 0o711)
  return {
    path,
    uids: join(base, 'uids'),
    cellDirectory: (cell) => join(path, 'cells', cell),
    close() {
      if (readdirSync(join(path, 'cells')).length > 0) return
      if (own) unmount(path, true)
      rmSync(path, { recursive: true, force: true })
    },
  }
}

export interface Reaped {
  readonly run: string
  readonly cells: readonly string[]
  /** What could not be removed; empty when all is gone. */
  readonly left: readonly string[]
}

/** Ends and removes every cell whose warden is dead. Never touches one whose warden lives. */
export async function reapOrphans(base: string, cgroups: CgroupHost): Promise<readonly Reaped[]> {
  const runs = join(base, 'runs')
  if (!existsSync(runs)) return []
  const reaped: Reaped[] = []
  for (const run of readdirSync(runs)) {
    const path = join(runs, run)
    if (run.startsWith('.') || ownerLives(path)) continue
    const cells = existsSync(join(path, 'cells')) ? readdirSync(join(path, 'cells')) : []
    const left: string[] = []
    for (const cell of cells) if (!(await reapCgroup(cgroups, cell, REAP_TIMEOUT_MS))) left.push(`cgroup ${cell}`)
    for (const mount of mountsUnder(path)) if (!unmount(mount, true).ok) left.push(`mount ${mount}`)
    left.push(...mountsUnder(path).map((mount) => `mount ${mount}`))
    if (left.length === 0) {
      freeUidsOf(join(base, 'uids'), cells)
      rmSync(path, { recursive: true, force: true })
    }
    reaped.push({ run, cells, left })
  }
  return reaped
}

/** Mount points at or below `path`, deepest and newest first. proc(5) escapes spaces as \040. */
export function mountsUnder(path: string): readonly string[] {
  return readFileSync('/proc/self/mountinfo', 'utf8')
    .split('\n')
    .map((line) =>
      (line.split(' ')[4] ?? '').replace(/\\(\d{3})/g, (_, octal: string) =>
        String.fromCharCode(Number.parseInt(octal, 8)),
      ),
    )
    .filter((mount) => mount === path || mount.startsWith(`${path}/`))
    .toReversed()
}

const REAP_TIMEOUT_MS = 5_000

function ownerLives(path: string): boolean {
  try {
    const owner: unknown = JSON.parse(readFileSync(join(path, 'owner'), 'utf8'))
    if (typeof owner !== 'object' || owner === null || !('pid' in owner && 'startTicks' in owner)) return false
    const now = processStamp(Number(owner.pid))
    return now.startTicks !== '' && now.startTicks === owner.startTicks
  } catch {
    // A run directory without a readable owner is one whose warden died while making it.
    return false
  }
}

/** A pid alone may be somebody else's by now; with its start time it is one process. proc(5), stat field 22. */
function processStamp(pid: number): { readonly pid: number; readonly startTicks: string } {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    return { pid, startTicks: stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? '' }
  } catch {
    return { pid, startTicks: '' }
  }
}

function freeUidsOf(uids: string, cells: readonly string[]): void {
  if (!existsSync(uids)) return
  for (const uid of readdirSync(uids))
    if (cells.includes(uidHolder(uids, Number(uid)))) rmSync(join(uids, uid), { force: true })
}
