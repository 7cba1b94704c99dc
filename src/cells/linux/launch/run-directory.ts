import { parseJson } from '../../../model/index.ts'
/**
 * The run directory: all that one warden process has made on this host, in one place, so that the next one can find and
 * remove what a killed one left: `runs/<run>/owner`, `runs/<run>/cells/<cell>/…`, `uids/<uid>`.
 */

import {
  chmodSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import process from 'node:process'
import { setTimeout as delay } from 'node:timers/promises'
import { namesIn, textIn } from '../../../model/host/host-paths.ts'
import type { CellId } from '../../../model/ids.ts'
import { no, ok, type Result } from '../../../model/result.ts'
import type { NotedCell, Reaped } from '../../census.ts'
import { makePrivate, unmount } from '../../kernel/libc.ts'
import { isOwnPlace, makeOwnPlace } from '../../kernel/own-place.ts'
import { isEnding, isStopped, startOf, unlessGone } from '../../kernel/process-end.ts'
import { reservationsIn, UID_FIRST, uidHolder } from '../../kernel/uid.ts'
import { aboutIn } from '../abilities/about.ts'
import { reapCgroup } from '../limits/cgroup.ts'
import type { CgroupHost } from '../limits/cgroup-host.ts'

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

/**
 * Ends and removes every cell whose warden is dead. Never touches one whose warden may live. Several may do so at a time. In
 * a directory that somebody else could have made, nothing is ours, and nothing in it is read. What is not a run by its own
 * look stays, whoever has named the directory to us.
 */
export async function reapOrphans(base: string, cgroups: CgroupHost): Promise<readonly Reaped[]> {
  const runs = join(base, 'runs')
  if (!isOwnPlace(base) || !isOwnPlace(runs)) return []
  const reaped: Reaped[] = []
  for (const run of namesIn(runs)) {
    const path = join(runs, run)
    if (!RUN_NAME.test(run)) continue
    try {
      if (isRun(path) && !(await ownerStays(path))) reaped.push(await reapRun(base, run, cgroups))
    } catch (error) {
      const untold = error instanceof Error ? error.message : String(error)
      reaped.push({ run, cells: [], noted: [], gateways: [], left: [], untold })
    }
  }
  freeForgotten(base)
  return reaped
}

/** Ends and removes what a dead warden has left; throws where what is left cannot be told. */
async function reapRun(base: string, run: string, cgroups: CgroupHost): Promise<Reaped> {
  const path = join(base, 'runs', run)
  const cells = namesIn(join(path, 'cells'))
  const noted = cells.flatMap((cell) => notedIn(join(path, 'cells', cell), cell as CellId)) // a name that `launchSteps` gave
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
  return { run, cells, noted, gateways: ended, left }
}

/** Returns nothing also where the note cannot be read: what it is of is ended all the same. */
function notedIn(directory: string, cell: CellId): readonly NotedCell[] {
  try {
    const about = aboutIn(directory)
    return about === undefined ? [] : [{ cell, about }]
  } catch {
    return []
  }
}

/**
 * Tells whether what has the name of a run is one: a directory that says whose it is, or holds nothing but what runs do.
 * One that was being removed says it no more.
 */
function isRun(path: string): boolean {
  if (lstatSync(path, { throwIfNoEntry: false })?.isDirectory() !== true) return false
  return stampIn(join(path, 'owner')) !== undefined || namesIn(path).every((each) => RUN_PART.test(each))
}

const RUN_NAME = /^r_[0-9a-f]{16}$/
/** The last one is an image of changes that was being formatted (changes-disk.ts). */
const RUN_PART = /^(?:owner|cells|etc(?:-[0-9a-z-]+)?|gateways|empty-\d+)$/

/**
 * Reservations of cells that no run knows any more: one that could not be proven gone keeps its uid until nothing runs
 * as it. Older than a minute, because a reservation stands a moment before its cell's directory does.
 */
function freeForgotten(base: string): void {
  const [runs, uids] = [join(base, 'runs'), join(base, 'uids')]
  const known = namesIn(runs)
    .filter((name) => RUN_NAME.test(name))
    .flatMap((run) => namesIn(join(runs, run, 'cells')))
  for (const uid of reservationsIn(uids)) {
    const path = join(uids, uid)
    const holder = holderIn(uids, uid)
    // Another warden may free it while we look.
    const since = statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? Date.now()
    if (holder === undefined || known.some((cell) => holder.endsWith(cell)) || Date.now() - since < FORGOTTEN_AFTER_MS)
      continue
    if (killProcessesOf(uid) === 0) rmSync(path, { force: true })
  }
}

/** Returns who holds a reservation; undefined where that cannot be told. */
function holderIn(uids: string, uid: string): string | undefined {
  try {
    return uidHolder(uids, uid)
  } catch {
    return undefined
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

/**
 * Tells whether a run's warden lives; of a run without an owner it died while it was making or removing it. Throws where
 * the kernel does not tell.
 */
function ownerLives(path: string): boolean {
  const owner = stampIn(join(path, 'owner'))
  return owner !== undefined && owner.startTicks === startOf(owner.pid)
}

/** Tells whether a run's warden lives on. One that is ending is waited for: on a busy host a killed one takes its time. */
async function ownerStays(path: string): Promise<boolean> {
  for (let spentMs = 0; spentMs < REAP_TIMEOUT_MS; spentMs += REAP_LOOK_MS) {
    const owner = ownerIn(path)
    if (owner === undefined || !isEnding(owner.pid)) break
    await delay(REAP_LOOK_MS)
  }
  return ownerLives(path)
}

/** Returns the warden of a run, from what it wrote at its start. */
export function ownerIn(runDirectory: string): Init | undefined {
  const stamp = stampIn(join(runDirectory, 'owner'))
  return stamp && initOf(stamp)
}

interface ProcessStamp {
  readonly pid: number
  /** Empty where there is no such process. */
  readonly startTicks: string
}

/** Bytes of a stamp: two numbers and their names. */
const STAMP_BYTES_MAX = 1_024

/** Returns the stamp that stands in a file; undefined where there is none. Throws where that cannot be read. */
function stampIn(path: string): ProcessStamp | undefined {
  const text = textIn(path, STAMP_BYTES_MAX)
  try {
    const value: unknown = parseJson(text ?? '')
    if (typeof value !== 'object' || value === null || !('pid' in value && 'startTicks' in value)) return undefined
    const { pid, startTicks } = value
    return typeof pid === 'number' && typeof startTicks === 'string' && startTicks !== ''
      ? { pid, startTicks }
      : undefined
  } catch {
    return undefined
  }
}

/** Returns the pid and its start time, which together are one process. Throws where the kernel does not tell. */
function processStamp(pid: number): ProcessStamp {
  return { pid, startTicks: startOf(pid) ?? '' }
}

/** Names of the reservations that these cells and their pumps held. */
function uidsOf(uids: string, cells: readonly string[]): readonly string[] {
  return reservationsIn(uids).filter((uid) => cells.some((cell) => uidHolder(uids, uid).endsWith(cell)))
}

/** Pid 1 of a cell, or a warden, and never whoever has its number after it. */
export interface Init {
  readonly pid: number
  /** True also where the kernel does not tell. */
  lives(): boolean
  /** Does nothing where the kernel does not tell whose number it is. */
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

/** Returns pid 1 of the cell, from what `recordInit` wrote; undefined where nothing was. Throws where that cannot be read. */
export function initIn(cellDirectory: string): Init | undefined {
  const stamp = stampIn(join(cellDirectory, 'init'))
  return stamp && initOf(stamp)
}

function initOf({ pid, startTicks }: ProcessStamp): Init {
  const look = (): 'lives' | 'ended' | 'untold' => {
    try {
      return startTicks !== '' && startTicks === startOf(pid) ? 'lives' : 'ended'
    } catch {
      return 'untold'
    }
  }
  return { pid, lives: () => look() !== 'ended', kill: () => void (look() === 'lives' && killProcess(pid)) }
}

/**
 * Kills all that runs as a reserved uid, which one cell holds and nothing else; returns how many processes there were, or
 * may be, so that whoever frees the uid looks again.
 */
export function killProcessesOf(uid: string): number {
  if (!/^\d+$/.test(uid) || Number(uid) < UID_FIRST) return 0
  let found = 0
  for (const entry of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    const status = statusOf(entry)
    if (status === 'gone' || (status !== 'untold' && !status.includes(`\nUid:\t${uid}\t`))) continue
    found++
    if (status !== 'untold') killProcess(Number(entry))
  }
  return found
}

function statusOf(pid: string): string {
  try {
    return unlessGone(() => readFileSync(`/proc/${pid}/status`, 'utf8')) ?? 'gone'
  } catch {
    return 'untold'
  }
}

function killProcess(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL')
  } catch {
    // It is gone already.
  }
}
