/**
 * What one warden process has made on this host, under one directory, so that the next one can find and remove what a
 * killed one left: `runs/<run>/owner`, `runs/<run>/cells/<cell>/…`, `uids/<uid>`.
 */

import { chmodSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import process from 'node:process'
import { setTimeout as delay } from 'node:timers/promises'
import { readPlainFile } from '../model/plain-file.ts'
import { no, ok, type Result } from '../model/result.ts'
import { reapCgroup } from './cgroup.ts'
import type { CgroupHost } from './cgroup-host.ts'
import { makePrivate, unmount } from './libc.ts'
import { isOwnPlace, makeOwnPlace } from './own-place.ts'
import { namesIn } from './paths.ts'
import { UID_FIRST, uidHolder } from './uid.ts'

export interface RunDirectory {
  readonly path: string
  readonly uids: string
  cellDirectory(cell: string): string
  /** Removes it; only when no cell of it is left. */
  close(): void
}

/** `own`: mounts made below it must spread to no other namespace. Not for a warden without root. */
export function openRunDirectory(base: string, run: string, own: boolean): Result<RunDirectory, string> {
  // A cell's uid passes through, and lists nothing.
  for (const directory of [base, join(base, 'runs')]) {
    const made = makeOwnPlace(directory, 0o711)
    if (!made.ok) return made
  }
  try {
    return ok(madeIn(base, run, own))
  } catch (error) {
    return no(error instanceof Error ? error.message : String(error))
  }
}

function madeIn(base: string, run: string, own: boolean): RunDirectory {
  for (const directory of [base, join(base, 'runs')]) chmodSync(directory, 0o711)
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
  /** Gateways that did not end by themselves, and were ended. */
  readonly gateways: readonly string[]
  /** What could not be removed; empty when all is gone. */
  readonly left: readonly string[]
}

/**
 * Ends and removes every cell whose warden is dead. Never touches one whose warden lives. Several may do so at a time. In
 * a directory that somebody else could have made, nothing is ours, and nothing in it is read.
 */
export async function reapOrphans(base: string, cgroups: CgroupHost): Promise<readonly Reaped[]> {
  const runs = join(base, 'runs')
  if (!isOwnPlace(base) || !isOwnPlace(runs)) return []
  const reaped: Reaped[] = []
  for (const run of namesIn(runs)) {
    const path = join(runs, run)
    if (run.startsWith('.') || ownerLives(path)) continue
    const cells = namesIn(join(path, 'cells'))
    // A cell that was never unblocked has outlived its parent.
    for (const cell of cells) killInit(join(path, 'cells', cell))
    for (const uid of uidsOf(join(base, 'uids'), cells)) killProcessesOf(uid)
    const { ended, left } = await endGateways(path)
    for (const cell of cells) if (!(await reapCgroup(cgroups, cell, REAP_TIMEOUT_MS))) left.push(`cgroup ${cell}`)
    for (const cell of cells) if (!(await initEnds(join(path, 'cells', cell)))) left.push(`processes of ${cell}`)
    // One that somebody else took away meanwhile is gone all the same: what counts is what is left.
    for (const mount of mountsUnder(path)) unmount(mount, true)
    left.push(...mountsUnder(path).map((mount) => `mount ${mount}`))
    if (left.length === 0) {
      for (const uid of uidsOf(join(base, 'uids'), cells)) rmSync(join(base, 'uids', uid), { force: true })
      rmSync(path, { recursive: true, force: true })
    }
    reaped.push({ run, cells, gateways: ended, left })
  }
  freeForgotten(base)
  return reaped
}

/**
 * Reservations of cells that no run knows any more: one that could not be proven gone keeps its uid until nothing runs
 * as it. Older than a minute, because a reservation stands a moment before its cell's directory does.
 */
function freeForgotten(base: string): void {
  const [runs, uids] = [join(base, 'runs'), join(base, 'uids')]
  const known = namesIn(runs).flatMap((run) => namesIn(join(runs, run, 'cells')))
  for (const uid of namesIn(uids)) {
    const path = join(uids, uid)
    const holder = uidHolder(uids, uid)
    // Another warden may free it while we look.
    const since = statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? Date.now()
    if (known.some((cell) => holder.endsWith(cell)) || Date.now() - since < FORGOTTEN_AFTER_MS) continue
    if (killProcessesOf(uid) === 0) rmSync(path, { force: true })
  }
}

const FORGOTTEN_AFTER_MS = 60_000

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
const REAP_LOOK_MS = 10

/** A run directory without a readable owner is one whose warden died while making it. */
function ownerLives(path: string): boolean {
  const owner = stampIn(join(path, 'owner'))
  return owner !== undefined && owner.startTicks === processStamp(owner.pid).startTicks
}

interface ProcessStamp {
  readonly pid: number
  /** Empty where there is no such process. */
  readonly startTicks: string
}

/** Bytes of a stamp: two numbers and their names. */
const STAMP_BYTES_MAX = 1_024

function stampIn(path: string): ProcessStamp | undefined {
  try {
    const value: unknown = JSON.parse(readPlainFile(path, STAMP_BYTES_MAX, 'no')?.bytes.toString('utf8') ?? '')
    if (typeof value !== 'object' || value === null || !('pid' in value && 'startTicks' in value)) return undefined
    const { pid, startTicks } = value
    return typeof pid === 'number' && typeof startTicks === 'string' && startTicks !== ''
      ? { pid, startTicks }
      : undefined
  } catch {
    return undefined
  }
}

/**
 * Returns the pid and its start time, which together are one process: a pid alone may be somebody else's by now. A
 * process that has ended and that nobody has reaped counts as gone; one of which only the main thread has ended is shown
 * as a zombie, too, and runs on in the others. proc(5), stat fields 3 (state), 20 (threads) and 22 (start).
 */
function processStamp(pid: number): ProcessStamp {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    const ended = (fields[0] === 'Z' || fields[0] === 'X') && !(Number(fields[17]) > 1)
    return { pid, startTicks: ended ? '' : (fields[19] ?? '') }
  } catch {
    return { pid, startTicks: '' }
  }
}

/** Names of the reservations that these cells and their pumps held. */
function uidsOf(uids: string, cells: readonly string[]): readonly string[] {
  return namesIn(uids).filter((uid) => cells.some((cell) => uidHolder(uids, uid).endsWith(cell)))
}

/** Pid 1 of a cell, and never whoever has its number after it. */
export interface Init {
  readonly pid: number
  lives(): boolean
  kill(): void
}

/** Says which process is pid 1 of a cell, for whoever has to end it after us: `reapOrphans`, and the guard. */
export function recordInit(cellDirectory: string, pid: number): Init {
  const stamp = processStamp(pid)
  // Its name appears last: the guard must not read half of it.
  const unnamed = join(cellDirectory, '.init')
  writeFileSync(unnamed, `${JSON.stringify(stamp)}\n`, { mode: 0o600 })
  renameSync(unnamed, join(cellDirectory, 'init'))
  return initOf(stamp)
}

function killInit(cellDirectory: string): void {
  initIn(cellDirectory)?.kill()
}

/** Notes a gateway in the directory of its run; throws what the disk says. */
export function recordGateway(runDirectory: string, pid: number): void {
  const own = join(runDirectory, 'gateways', `${pid}`)
  mkdirSync(own, { recursive: true, mode: 0o700 })
  recordInit(own, pid)
}

/** Ends the gateways of a run whose warden is dead, where they do not end by themselves: one stands still, perhaps. */
async function endGateways(runDirectory: string): Promise<{ readonly ended: string[]; readonly left: string[] }> {
  const [ended, left]: [string[], string[]] = [[], []]
  for (const name of namesIn(join(runDirectory, 'gateways'))) {
    const own = join(runDirectory, 'gateways', name)
    if (await initEnds(own, GATEWAY_END_MS_MAX, isStopped)) continue
    killInit(own)
    const told = (await initEnds(own)) ? ended : left
    told.push(`gateway ${name}`)
  }
  return { ended, left }
}

/** Milliseconds for what a gateway still writes down when its warden is gone, on a host that others have loaded. */
const GATEWAY_END_MS_MAX = 5_000

/** Waits until pid 1 of the cell has ended in all its threads; false where it has not in `withinMs`, or `isStuck`. */
async function initEnds(
  cellDirectory: string,
  withinMs = REAP_TIMEOUT_MS,
  isStuck: (pid: number) => boolean = () => false,
): Promise<boolean> {
  const init = initIn(cellDirectory)
  for (let spentMs = 0; spentMs < withinMs && init?.lives() && !isStuck(init.pid); spentMs += REAP_LOOK_MS)
    await delay(REAP_LOOK_MS)
  return !init?.lives()
}

/** Tells whether a process was stopped by a signal: it does not end by itself. proc(5), stat, state */
function isStopped(pid: number): boolean {
  try {
    return /\) [Tt] /.test(readFileSync(`/proc/${pid}/stat`, 'latin1'))
  } catch {
    return false
  }
}

/** Returns pid 1 of the cell, from what `recordInit` wrote; undefined where nothing was written. */
export function initIn(cellDirectory: string): Init | undefined {
  const stamp = stampIn(join(cellDirectory, 'init'))
  return stamp && initOf(stamp)
}

function initOf({ pid, startTicks }: ProcessStamp): Init {
  const lives = (): boolean => startTicks !== '' && startTicks === processStamp(pid).startTicks
  return { pid, lives, kill: () => void (lives() && killProcess(pid)) }
}

/**
 * Kills all that runs as a reserved uid, which one cell holds and nothing else; returns how many processes there were,
 * so that whoever frees the uid looks again.
 */
export function killProcessesOf(uid: string): number {
  if (!/^\d+$/.test(uid) || Number(uid) < UID_FIRST) return 0
  let found = 0
  for (const entry of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    try {
      const status = readFileSync(`/proc/${entry}/status`, 'utf8')
      if (!status.includes(`\nUid:\t${uid}\t`)) continue
      found++
      killProcess(Number(entry))
    } catch {
      // It ended while we looked.
    }
  }
  return found
}

function killProcess(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL')
  } catch {
    // It is gone already.
  }
}
