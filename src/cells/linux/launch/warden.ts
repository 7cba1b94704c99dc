/**
 * The warden: launches, freezes, kills and tears down cells. The only privileged code of Firebreak. It takes what it
 * does from the configuration; nothing a cell writes is read, parsed or walked here.
 */

import { randomBytes } from 'node:crypto'
import { existsSync, lstatSync, readlinkSync } from 'node:fs'
import { isAbsolute, join } from 'node:path'
import process from 'node:process'
import { namesIn } from '../../../model/host/host-paths.ts'
import { no, ok, type Result } from '../../../model/result.ts'
import type { CellSpec, LaunchFault, Profile } from '../../spec.ts'
import { isOwnPlace } from '../kernel/own-place.ts'
import { freeUid, reserveUid } from '../kernel/uid.ts'
import { CGROUP_PARENT } from '../limits/cgroup.ts'
import { openCgroups } from '../limits/cgroup-host.ts'
import { filterProgram } from '../seccomp/filter.ts'
import { openSensors, type Sensed, type Sensors } from '../sensors/sensors.ts'
import { attachPump, type Pump, type Streams } from '../streams/pump.ts'
import { watchUncounted } from '../uncounted/watch.ts'
import { inMemory, writeEtc } from '../view/etc.ts'
import { lacksOfRootTried, rootFix } from '../view/root.ts'
import {
  type Chosen,
  commitWorkspace,
  diffSaved,
  diffWorkspace,
  discardWorkspace,
  type Landing,
  type WorkspaceDiff,
  type WorkspaceFault,
} from '../workspace/changes.ts'
import { openChangesDisks } from '../workspace/changes-disk.ts'
import type { WorkspaceRecord } from '../workspace/overlay.ts'
import { openOwnerMaps } from '../workspace/owner-map.ts'
import { type ReplaceStep, replaceWorkspace, type SavedState } from '../workspace/replace.ts'
import { holdStill, type Still } from '../workspace/still.ts'
import { BUBBLEWRAP } from './bubblewrap.ts'
import type { Cell } from './cell.ts'
import { standGuard } from './guard.ts'
import { type Ground, launchCell, type MayBegin } from './launch.ts'
import { openRunDirectory, type Reaped, reapOrphans, recordGateway } from './run-directory.ts'

export interface WardenOptions {
  /**
   * Directory of the runs, one for the whole host: uids are reserved in it. Default: /run/firebreak, or one of the
   * user's own (`runDirectories`).
   */
  readonly runDirectory?: string
  /** Default: `full` for root, `user` for everyone else. */
  readonly profile?: Profile
}

export type WardenFault =
  | { readonly kind: 'missing'; readonly what: string; readonly fix: string }
  | { readonly kind: 'profile'; readonly problem: string; readonly fix: string }
  /** The run directory cannot be made, or somebody else could have made it. */
  | { readonly kind: 'place'; readonly problem: string; readonly fix: string }

/**
 * - W1  A cell it launched dies with it, whatever it has done to its own pid 1 (`guard.ts`), and what a killed one left
 *       is gone after the next `openWarden`.
 * - W2  It holds no descriptor of a cell that has been torn down.
 */
export interface Warden {
  readonly profile: Profile
  /** Where it keeps its runs, and where whoever looks for its cells must look. */
  readonly runDirectory: string
  /** Notes a gateway beside the cells: it is ended where this process dies and it does not. */
  recordGateway(pid: number): Result<void, string>
  /** What earlier, dead wardens had left behind. */
  readonly reaped: readonly Reaped[]
  /**
   * Builds a cell, which waits for its `start()`; that asks `mayBegin` (K6). Absent: the cell acts on nobody's word.
   */
  launch(spec: CellSpec, mayBegin?: MayBegin): Promise<Result<Cell, LaunchFault>>
  /** Carries the person's streams to and from a cell, in processes of a uid that nothing else has. */
  pump(cell: Cell, streams: Streams): Pump
  /** Tells what happens in a cell, from its first instruction to its end; for root only. */
  sense(cell: Cell, onSensed: (sensed: Sensed) => void): void
  cells(): readonly Cell[]
  /** What a workspace has become; `changes` as in its spec. */
  diff(changes: string): Promise<Result<WorkspaceDiff, WorkspaceFault>>
  /** Lands `paths`; those of them that the host would execute only if they stand in `confirmed`, too. */
  commit(
    changes: string,
    paths: readonly string[],
    confirmed: readonly string[],
  ): Promise<Result<Landing, WorkspaceFault>>
  /** Lands what `choose` takes of one moment's changes. */
  commitChosen(changes: string, choose: (diff: WorkspaceDiff) => Chosen): Promise<Result<Landing, WorkspaceFault>>
  discard(changes: string): Result<void, WorkspaceFault>
  /** Runs `act` over changes that stand still, and `after` once a live cell goes on. */
  still<T>(
    changes: string,
    act: (still: Still) => Promise<T>,
    after?: (done: T) => Promise<T>,
  ): Promise<Result<T, WorkspaceFault>>
  /** What a saved state had changed; `saved` is the directory that holds its image. */
  diffSaved(saved: string, record: WorkspaceRecord): Promise<Result<WorkspaceDiff, WorkspaceFault>>
  /** Puts a saved state in the place of the changes. Refused while a cell lives on them. `at` hears of each step. */
  replace(changes: string, saved: SavedState, at?: (step: ReplaceStep) => void): Promise<Result<void, WorkspaceFault>>
  /** Tears every cell down, then removes what the warden itself made. */
  close(): Promise<void>
}

export async function openWarden(options: WardenOptions = {}): Promise<Result<Warden, WardenFault>> {
  const root = process.getuid?.() === 0
  const profile = options.profile ?? (root ? 'full' : 'user')
  const unfit = profileFault(profile)
  if (unfit !== undefined) return no(unfit)
  if (!existsSync(BUBBLEWRAP)) return no({ kind: 'missing', what: BUBBLEWRAP, fix: 'apt-get install bubblewrap' })
  const filter = filterProgram(process.arch)
  if (filter === undefined)
    return no({ kind: 'missing', what: `a system call filter for ${process.arch}`, fix: 'use x86-64 or arm64' })

  // Cells read what is made for them as uids of their own; what is nobody else's business has a mode of its own.
  if (root) process.umask(0o022)
  const base = options.runDirectory ?? defaultRunDirectory(profile)
  const cgroups = openCgroups(CGROUP_PARENT)
  const reaped = await reapOrphans(base, cgroups)
  const made = openRunDirectory(base, `r_${randomBytes(8).toString('hex')}`, profile === 'full')
  if (!made.ok) return no({ kind: 'place', problem: made.reason, fix: placeFix(profile) })
  const run = made.value
  const guard = standGuard(run.path)
  if (!guard.ok) {
    run.close()
    return no({ kind: 'missing', what: `a guard over the cells (${guard.reason})`, fix: 'install /bin/sh' })
  }
  if (profile === 'full') inMemory(join(run.path, 'etc'))
  writeEtc(join(run.path, 'etc'))
  const ownerMaps = openOwnerMaps()
  const cells = new Map<string, Cell>()
  /** They count from the first step on: two that start side by side do not pass the limit together. */
  let launching = 0
  let sensors: Sensors | undefined
  const ground: Ground = {
    profile,
    run,
    cgroups,
    ownerMaps,
    changesDisks: openChangesDisks(run.path),
    filter,
    rootLinks: rootLinks(),
    covered: COVERED.filter((path) => existsSync(path)),
  }

  const uncounted = watchUncounted(
    () => [...cells.values()],
    () => ground.changesDisks.bound(),
  )
  const liveOn = (changes: string): Cell | undefined =>
    [...cells.values()].find(({ receipt }) => receipt.workspace?.changes === changes)

  return ok({
    profile,
    runDirectory: base,
    recordGateway(pid) {
      try {
        return ok(recordGateway(run.path, pid))
      } catch (error) {
        return no(`a gateway cannot be noted: ${error instanceof Error ? error.message : String(error)}`)
      }
    },
    reaped,
    async launch(spec, mayBegin = () => ok(undefined)) {
      if (cells.size + launching >= CELLS_MAX) {
        const problem = `${CELLS_MAX} cells are running or starting: end one first`
        return no({ kind: 'failed', step: 'launch', problem })
      }
      launching++
      try {
        const cell = await launchCell(spec, ground, () => cells.delete(spec.id), mayBegin)
        if (cell.ok) cells.set(spec.id, cell.value)
        return cell
      } finally {
        launching--
      }
    },
    pump(cell, streams) {
      const uid = profile === 'full' ? reserveUid(run.uids, `pump of ${cell.id}`, Math.random) : undefined
      if (uid && !uid.ok) throw new Error('no free uid')
      const pump = attachPump(cell, streams, uid?.value)
      void cell.exited.then(() => pump.stop())
      if (uid) void pump.done.then(() => freeUid(run.uids, uid.value))
      return pump
    },
    sense(cell, onSensed) {
      if (profile !== 'full') return
      sensors ??= openSensors()
      const stop = sensors.watch(cell, onSensed)
      void cell.exited.then(stop)
    },
    cells: () => [...cells.values()],
    diff: (changes) => diffWorkspace(changes, ground, liveOn(changes), randomBytes(16)),
    commit: (changes, paths, confirmed) =>
      commitWorkspace(
        changes,
        () => ({ paths, confirmed }),
        ground,
        liveOn(changes),
        () => randomBytes(16),
      ),
    commitChosen: (changes, choose) => commitWorkspace(changes, choose, ground, liveOn(changes), () => randomBytes(16)),
    discard: (changes) => discardWorkspace(changes, ground, randomBytes(16)),
    still: (changes, act, after) => holdStill(changes, ground, liveOn(changes), randomBytes(16), act, after),
    diffSaved: (saved, record) => diffSaved(saved, record, ground, randomBytes(16)),
    replace: (changes, saved, at) => replaceWorkspace(changes, saved, ground, randomBytes(16), at),
    async close() {
      uncounted.stop()
      await Promise.all([...cells.values()].map((cell) => cell.teardown()))
      sensors?.close()
      ownerMaps.close()
      guard.value.dismiss()
      run.close()
    },
  })
}

/** Why this process cannot open a warden of that profile. Asked before anything is made. */
export function profileFault(profile: Profile): WardenFault | undefined {
  const lacking = profile === 'user' ? undefined : lacksOfRootTried()
  if (lacking === undefined) return undefined
  return { kind: 'profile', problem: `the full profile needs root, and ${lacking}`, fix: rootFix() }
}

export function defaultRunDirectory(profile: Profile): string {
  if (profile === 'full') return '/run/firebreak'
  const [first = ''] = userPlaces(process.getuid?.()).filter((place) => isOwnPlace(place))
  return join(first === '' ? SHARED : first, `firebreak-${process.getuid?.()}`)
}

/** Returns every directory in which a warden of that user may have left something, by what is known of that user here. */
export function runDirectories(uid: number | undefined = process.getuid?.()): readonly string[] {
  const ofUser = [...userPlaces(uid), SHARED].map((place) => join(place, `firebreak-${uid}`))
  return uid === 0 ? ['/run/firebreak', ...new Set(ofUser)] : [...new Set(ofUser)]
}

/** Returns the uids of the users of whom a directory of runs may lie where such directories usually do; throws where that cannot be read. */
export function usersOfRuns(): readonly number[] {
  const named = namesIn(SHARED).flatMap((name) => /^firebreak-(\d+)$/.exec(name)?.[1] ?? [])
  const users = new Set([...namesIn('/run/user').filter((name) => /^\d+$/.test(name)), ...named])
  return [...users].slice(0, USERS_MAX).map(Number)
}

/** Users whose runs are looked at, beside this one and the owners of what is meant. */
const USERS_MAX = 1_024

/**
 * Returns the directories of a user alone, where the session has made one. XDG Base Directory Specification: a relative
 * one is ignored; of another user's session it is not known.
 */
function userPlaces(uid: number | undefined): readonly string[] {
  const named = uid === process.getuid?.() ? (process.env.XDG_RUNTIME_DIR ?? '') : ''
  return [...(isAbsolute(named) ? [named] : []), `/run/user/${uid}`]
}

/** Directory in which everybody can write: what has a name of ours is believed only where it is ours (own-place.ts). */
const SHARED = '/tmp'

function placeFix(profile: Profile): string {
  return profile === 'full' ? 'remove it' : 'remove it, or set XDG_RUNTIME_DIR to a directory of this user alone'
}

/** Each holds about 10 descriptors here; the usual limit is 20,000 and up. */
export const CELLS_MAX = 1_000

/**
 * World-readable files of a fresh /proc that tell of the host and not of the cell: symbols, modules, keys, how it was booted, and counters
 * fine enough to watch other people's keystrokes by.
 */
const COVERED = [
  '/proc/kallsyms',
  '/proc/modules',
  '/proc/keys',
  '/proc/cmdline',
  '/proc/interrupts',
  '/proc/softirqs',
  '/proc/sched_debug',
  '/proc/kcore',
  '/proc/sysrq-trigger',
]

/** Merged-/usr hosts have links here, older ones directories. */
function rootLinks(): Ground['rootLinks'] {
  return ['/bin', '/sbin', '/lib', '/lib64', '/lib32', '/libx32']
    .filter((path) => existsSync(path))
    .map((path) => (lstatSync(path).isSymbolicLink() ? { path, target: readlinkSync(path) } : { path }))
}
