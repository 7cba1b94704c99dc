/**
 * Limits, freeze and kill of one cell, on a pure cgroup v2 host and on the hybrid one (v1 controllers beside a cgroup2
 * that carries no controller but can freeze and kill). Linux Documentation/admin-guide/cgroup-v2.rst, cgroup-v1/*.
 */

import { existsSync, mkdirSync, readFileSync, rmdirSync, statSync, writeFileSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import process from 'node:process'
import { setImmediate, setTimeout } from 'node:timers/promises'
import { no, ok, type Result } from '../../../model/result.ts'
import type { HaltFault } from '../../driver.ts'
import { killProcess } from '../../kernel/libc.ts'
import type { CellLimits, Layer } from '../../spec.ts'
import { type CgroupHost, type Controller, cgroupSettings, TCP_LIMIT } from './cgroup-host.ts'

/** Every cell is below this one. */
export const CGROUP_PARENT = 'firebreak'

/**
 * - C1  The limits are written before any process is placed in it.
 * - C2  `freeze` and `kill` answer only after the kernel has said so (`frozen 1`, `populated 0`).
 * - C3  A limit that was asked for and is not accepted is a fault, never skipped.
 */
export interface Cgroup {
  readonly enforcedBy: Readonly<Record<string, string>>
  /** Off the main thread: moving a process waits for the kernel's readers, up to 15 ms where none was moved lately. */
  place(pid: number): Promise<Result<void, HaltFault>>
  /** Host pids, at most `PIDS_READ_MAX`. */
  pids(): readonly number[]
  /** True where the kernel says that nothing is in it: what leaves it in its end has let go of its descriptors before. */
  isEmpty(): boolean
  freeze(timeoutMs: number): Promise<Result<void, HaltFault>>
  thaw(timeoutMs: number): Promise<Result<void, HaltFault>>
  kill(timeoutMs: number): Promise<Result<void, HaltFault>>
  /** Counts how often its limits were reached since it was made. */
  counts(): CgroupCounts
  /** True once every directory of it is gone. Only an empty one can be removed. */
  remove(): boolean
  /** Words of a receipt once it is gone: where the host gives a cell no group, none was removed. */
  readonly removal: string
}

/** The counts of a group's limits that were reached, as the kernel has them. */
export interface CgroupCounts {
  /** Processes that were ended for want of memory. */
  readonly outOfMemoryKills: number
  /** Processes that were not made: there were as many as there may be. */
  readonly forksRefused: number
}

export function createCgroup(
  host: CgroupHost,
  name: string,
  limits: CellLimits,
  disk: string | undefined,
  accepts: readonly Layer[],
): Result<Cgroup, HaltFault> {
  const made: string[] = []
  const abandon = (fault: HaltFault): { readonly ok: false; readonly reason: HaltFault } => {
    for (const directory of made.toReversed()) removed(directory)
    return no(fault)
  }
  const enforcedBy: Record<string, string> = {}
  const directoryOf = (controller: Controller): string | undefined => {
    const at = host.controllers[controller]
    return at === undefined ? undefined : join(at.directory, CGROUP_PARENT, name)
  }

  if (host.unified === undefined) {
    if (!accepts.includes('freeze')) return no({ kind: 'lacking', layer: 'freeze', problem: 'no cgroup2 mount' })
  } else {
    enforcedBy.freeze = 'v2'
  }
  const wanted: Controller[] = ['memory', 'cpu', 'pids', ...(limits.io ? (['io'] as const) : [])]
  const present = wanted.filter((controller) => host.controllers[controller] !== undefined)
  for (const controller of wanted) {
    if (!present.includes(controller) && !accepts.includes(controller)) {
      return no({ kind: 'lacking', layer: controller, problem: `no ${controller} controller` })
    }
  }

  const io = host.controllers.io
  const writesLimited = limits.io?.writeBytesPerSecond !== undefined || limits.io?.writesPerSecond !== undefined
  // Version 1 sees a write when it leaves the page cache, on the kernel's own account: nothing is held against the cell.
  if (io?.version === 1 && writesLimited && !accepts.includes('io')) {
    return no({ kind: 'lacking', layer: 'io', problem: 'version 1 of the controller limits no buffered write' })
  }

  const unified = host.unified === undefined ? undefined : join(host.unified, CGROUP_PARENT, name)
  const directories = [...new Set([unified, ...present.map(directoryOf)])].filter((path) => path !== undefined)
  for (const directory of directories) {
    const step = attempt(`mkdir ${directory}`, () => mkdirSync(directory))
    if (!step.ok) return abandon(step.reason)
    made.push(directory)
  }
  for (const controller of present) {
    const directory = directoryOf(controller)
    const version = host.controllers[controller]?.version
    if (directory === undefined || version === undefined) continue
    for (const [file, value] of cgroupSettings(controller, version, limits, disk)) {
      // A kernel without it does not count what it would limit.
      if (file === TCP_LIMIT && !existsSync(join(directory, file))) continue
      const step = attempt(`${controller}: ${file}`, () => writeFileSync(join(directory, file), value))
      if (!step.ok) return abandon(step.reason)
    }
    enforcedBy[controller] = controller === 'io' && version === 1 ? 'v1, but for buffered writes' : `v${version}`
  }

  const memory = directoryOf('memory')
  const cpu = directoryOf('cpu')
  const pids = directoryOf('pids')
  const changed = (file: string, value: string): Result<void, HaltFault> =>
    unified === undefined
      ? no({ kind: 'lacking', layer: 'freeze', problem: 'no cgroup2 mount' })
      : attempt(file, () => writeFileSync(join(unified, file), value))
  const settled = (step: 'freeze' | 'thaw', line: string, timeoutMs: number) =>
    waitFor(unified ?? '', line, step, timeoutMs)

  /** A throttled process reaches the point where it is frozen, or ends, only in its next period: 25 times slower. */
  const unthrottled = (): Result<void, HaltFault> => {
    const version = host.controllers.cpu?.version
    if (cpu === undefined || version === undefined || !present.includes('cpu')) return ok(undefined)
    return liftQuota(cpu, version)
  }

  return ok({
    enforcedBy,
    place: async (pid) => {
      const placing = directories.map(async (directory) => {
        try {
          await writeFile(join(directory, 'cgroup.procs'), `${pid}`)
          return ok(undefined)
        } catch (error) {
          return no<HaltFault>({ kind: 'failed', step: `place in ${directory}`, problem: String(error) })
        }
      })
      return (await Promise.all(placing)).find((placed) => !placed.ok) ?? ok(undefined)
    },
    pids: () => pidsIn(unified ?? directories[0] ?? ''),
    isEmpty: () => unified !== undefined && isGroupEmpty(unified),
    freeze: async (timeoutMs) => {
      const lifted = unthrottled()
      if (!lifted.ok) return lifted
      const step = changed('cgroup.freeze', '1')
      return step.ok ? await settled('freeze', 'frozen 1', timeoutMs) : step
    },
    thaw: async (timeoutMs) => {
      const version = host.controllers.cpu?.version
      if (cpu !== undefined && version !== undefined) {
        for (const [file, value] of cgroupSettings('cpu', version, limits, disk)) {
          const restored = attempt(file, () => writeFileSync(join(cpu, file), value))
          if (!restored.ok) return restored
        }
      }
      const step = changed('cgroup.freeze', '0')
      return step.ok ? await settled('thaw', 'frozen 0', timeoutMs) : step
    },
    kill: async (timeoutMs) => {
      unthrottled() // where it fails, a kill takes longer and is still one
      if (unified === undefined) return no({ kind: 'lacking', layer: 'freeze', problem: 'no cgroup2 mount' })
      return await killGroup(unified, timeoutMs)
    },
    counts: () => {
      const events = host.controllers.memory?.version === 2 ? 'memory.events' : 'memory.oom_control'
      return {
        outOfMemoryKills: memory === undefined ? 0 : countIn(join(memory, events), 'oom_kill'),
        forksRefused: pids === undefined ? 0 : countIn(join(pids, 'pids.events'), 'max'),
      }
    },
    remove: () => directories.map(removed).every(Boolean),
    removal: directories.length === 0 ? 'it had none: this host gives its cells none' : 'removed',
  })
}

/**
 * Kills all that is in the group; ok once the kernel says that nothing is. A group that is gone was empty: only such a
 * one can be removed.
 */
async function killGroup(directory: string, timeoutMs: number): Promise<Result<void, HaltFault>> {
  const endMs = performance.now() + timeoutMs
  killMembers(directory, false)
  if ((await waitFor(directory, 'populated 0', 'kill', SOON_MS)).ok) return ok(undefined)
  for (;;) {
    if (isGroupEmpty(directory)) return ok(undefined)
    if (performance.now() > endMs) return no({ kind: 'timeout', step: 'kill', afterMs: timeoutMs })
    killMembers(directory, true)
    await setTimeout(KILL_AGAIN_MS)
  }
}

/**
 * Tells the kernel to kill all that is in the group. Its own way, cgroup.kill, came with Linux 5.14, and passes over a
 * process of which only the main thread has ended: with `each`, each process gets a signal of its own, too. A process is
 * held by a descriptor meanwhile, so that nobody else who has its number by then is meant.
 */
export function killMembers(directory: string, each: boolean): void {
  attempt('cgroup.kill', () => writeFileSync(join(directory, 'cgroup.kill'), '1'))
  if (!each) return
  const group = directory.slice(directory.lastIndexOf(`/${CGROUP_PARENT}/`))
  for (const pid of pidsIn(directory))
    killProcess(pid, () => /^0::(.*)$/m.exec(contents(`/proc/${pid}/cgroup`))?.[1]?.endsWith(group) ?? false)
}

function isGroupEmpty(directory: string): boolean {
  return says(directory, 'populated 0') || isRemoved(directory)
}

/** Tells whether a group is gone; one that cannot be looked at may be there. */
function isRemoved(directory: string): boolean {
  try {
    return statSync(directory, { throwIfNoEntry: false }) === undefined && existsSync(dirname(directory))
  } catch {
    return false
  }
}

function says(directory: string, line: string): boolean {
  return contents(join(directory, 'cgroup.events')).split('\n').includes(line)
}

function countIn(file: string, name: string): number {
  const line = contents(file)
    .split('\n')
    .find((each) => each.startsWith(`${name} `))
  return Number(line?.slice(name.length + 1) ?? 0)
}

/**
 * Kills and removes what a dead warden left under this name, whichever hierarchies it used. True once nothing of it
 * is left. On a loaded host the kernel takes its time to let go of what has ended: each has `timeoutMs`.
 */
export async function reapCgroup(host: CgroupHost, name: string, timeoutMs: number): Promise<boolean> {
  const directories = [host.unified, ...Object.values(host.controllers).map((at) => at?.directory)]
    .filter((path) => path !== undefined)
    .map((path) => join(path, CGROUP_PARENT, name))
  const [unified] = directories
  // What is throttled ends only in its next period, as in a kill by its own warden.
  const { cpu } = host.controllers
  if (cpu !== undefined) liftQuota(join(cpu.directory, CGROUP_PARENT, name), cpu.version)
  if (
    host.unified !== undefined &&
    unified !== undefined &&
    attempt('', () => readFileSync(join(unified, 'cgroup.events'))).ok
  ) {
    await killGroup(unified, timeoutMs)
  }
  for (const endMs = performance.now() + timeoutMs; ; await setTimeout(KILL_AGAIN_MS)) {
    if ([...new Set(directories)].map(removed).every(Boolean)) return true
    if (performance.now() > endMs) return false
  }
}

function liftQuota(directory: string, version: 1 | 2): Result<void, HaltFault> {
  const [file, value] = version === 2 ? ['cpu.max', 'max'] : ['cpu.cfs_quota_us', '-1']
  return attempt(file, () => writeFileSync(join(directory, file), value, { flag: 'r+' }))
}

/**
 * Moves this process to where it already is. The first move after a quiet moment waits for an RCU grace period (about
 * 15 ms here), those that follow closely do not: a launch begins with this one, beside its other work, and pays less.
 */
export async function hastenMoves(host: CgroupHost): Promise<void> {
  try {
    if (host.unified === undefined) return
    const own = /^0::(.+)$/m.exec(readFileSync('/proc/self/cgroup', 'utf8'))?.[1] ?? '/'
    await writeFile(join(host.unified, own, 'cgroup.procs'), `${process.pid}`)
  } catch {
    // Only time is lost.
  }
}

/** Above any `pids` limit we accept; the file is as long as the cell has processes. */
const PIDS_READ_MAX = 65_536

function pidsIn(directory: string): readonly number[] {
  return contents(join(directory, 'cgroup.procs'))
    .split('\n')
    .filter((line) => line !== '')
    .slice(0, PIDS_READ_MAX)
    .map(Number)
}

async function waitFor(
  directory: string,
  line: string,
  step: 'freeze' | 'thaw' | 'kill',
  timeoutMs: number,
): Promise<Result<void, HaltFault>> {
  const startMs = performance.now()
  for (;;) {
    if (says(directory, line)) return ok(undefined)
    const spentMs = performance.now() - startMs
    if (spentMs > timeoutMs) return no({ kind: 'timeout', step, afterMs: timeoutMs })
    await (spentMs < SOON_MS ? nap() : setTimeout(1))
  }
}

/** An idle cell freezes in half a millisecond, a hundred processes are dead in seven; a timer takes at least one. */
const SOON_MS = 20
const NAP_MS = 0.1
/** A process that was told to end and has a processor is gone by then. */
const KILL_AGAIN_MS = 10
const NOBODY_WAKES = new Int32Array(new SharedArrayBuffer(4))

/**
 * A turn of the event loop, and then this thread sleeps, once for all that wait. A thread that only asked again and again
 * would hold a processor that the cell's processes need to reach their end; one that runs before all others
 * (`schedule`) would keep it for itself: sixteen times slower.
 */
function nap(): Promise<void> {
  napping ??= setImmediate().then(() => {
    napping = undefined
    Atomics.wait(NOBODY_WAKES, 0, 0, NAP_MS)
  })
  return napping
}

let napping: Promise<void> | undefined

function contents(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return ''
  }
}

function removed(directory: string): boolean {
  try {
    rmdirSync(directory)
    return true
  } catch (error) {
    return isSystemError(error) && error.code === 'ENOENT'
  }
}

function attempt(step: string, act: () => unknown): Result<void, HaltFault> {
  try {
    act()
    return ok(undefined)
  } catch (error) {
    return no({ kind: 'failed', step, problem: isSystemError(error) ? (error.code ?? error.message) : String(error) })
  }
}

function isSystemError(error: unknown): error is NodeJS.ErrnoException {
  return error instanceof Error && 'code' in error
}
