/**
 * The warden: launches, freezes, kills and tears down cells. The only privileged code of Firebreak. It takes what it
 * does from the configuration; nothing a cell writes is read, parsed or walked here.
 */

import { randomBytes } from 'node:crypto'
import { existsSync, lstatSync, readlinkSync } from 'node:fs'
import process from 'node:process'
import { no, ok, type Result } from '../../../model/result.ts'
import type { Reaped } from '../../census.ts'
import type { MayBegin, Pump, Sensed, Streams, WardenFault } from '../../driver.ts'
import { openOwnerMaps } from '../../kernel/owner-map.ts'
import { freeUid, reserveUid } from '../../kernel/uid.ts'
import type { CellSpec, LaunchFault, Profile } from '../../spec.ts'
import type { Workspaces } from '../../workspace.ts'
import { CGROUP_PARENT } from '../limits/cgroup.ts'
import { openCgroups } from '../limits/cgroup-host.ts'
import { filterProgram } from '../seccomp/filter.ts'
import { openSensors, type Sensors } from '../sensors/sensors.ts'
import { attachPump } from '../streams/pump.ts'
import { watchUncounted } from '../uncounted/watch.ts'
import { inMemory, sharedEtc } from '../view/etc.ts'
import { lacksOfRootTried, rootFix } from '../view/root.ts'
import { commitWorkspace, diffSaved, diffWorkspace, discardWorkspace } from '../workspace/changes.ts'
import { openChangesDisks } from '../workspace/changes-disk.ts'
import { holdStill } from '../workspace/hold-still.ts'
import { removeAside } from '../workspace/put-aside.ts'
import { replaceWorkspace } from '../workspace/replace.ts'
import { BUBBLEWRAP } from './bubblewrap.ts'
import type { LinuxCell } from './cell.ts'
import type { Ground } from './ground.ts'
import { launchCell } from './launch.ts'
import { startOrphanKiller } from './orphan-killer.ts'
import { defaultRunDirectory } from './run-directories.ts'
import { openRunDirectory, reapOrphans, recordGateway } from './run-directory.ts'

export interface WardenOptions {
  /**
   * Directory of the runs, one for the whole host: uids are reserved in it. Default: /run/firebreak, or one of the
   * user's own (`runDirectories`).
   */
  readonly runDirectory?: string
  /** Default: `full` for root, `user` for everyone else. */
  readonly profile?: Profile
}

/**
 * - W1  A cell it launched dies with it, whatever it has done to its own pid 1 (`orphan-killer.ts`), and what a killed one left
 *       is gone after the next `openWarden`.
 * - W2  It holds no descriptor of a cell that has been torn down.
 */
export interface LinuxWarden extends Workspaces {
  readonly profile: Profile
  /** Directory of its runs, in which a census finds its cells. */
  readonly runDirectory: string
  /** Notes a gateway beside the cells: it is ended where this process dies and it does not. */
  recordGateway(pid: number): Result<void, string>
  /** Runs of earlier, dead wardens, which were ended and removed. */
  readonly reaped: readonly Reaped[]
  /**
   * Builds a cell, which waits for its `start()`; that asks `mayBegin` (K6). Absent: the cell acts on nobody's word.
   */
  launch(spec: CellSpec, mayBegin?: MayBegin): Promise<Result<LinuxCell, LaunchFault>>
  /** Carries the person's streams to and from a cell, in processes of a uid that nothing else has. */
  pump(cell: LinuxCell, streams: Streams): Pump
  /** Tells what happens in a cell, from its first instruction to its end; for root only. */
  sense(cell: LinuxCell, onSensed: (sensed: Sensed) => void): void
  cells(): readonly LinuxCell[]
  /** Tears every cell down, then removes what the warden itself made. */
  close(): Promise<void>
}

export async function openWarden(options: WardenOptions = {}): Promise<Result<LinuxWarden, WardenFault>> {
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
  const killer = startOrphanKiller(run.path)
  if (!killer.ok) {
    run.close()
    return no({ kind: 'missing', what: `a guard over the cells (${killer.reason})`, fix: 'install /bin/sh' })
  }
  const etc = sharedEtc(run.path, profile === 'full' ? inMemory : () => undefined)
  // Nearly every cell has these.
  etc('files')
  const ownerMaps = openOwnerMaps()
  const cells = new Map<string, LinuxCell>()
  /**
   * Number of launches under way, counted from their first step on: two that start side by side do not pass the limit
   * together.
   */
  let launching = 0
  let sensors: Sensors | undefined
  const ground: Ground = {
    profile,
    run,
    cgroups,
    ownerMaps,
    changesDisks: openChangesDisks(run.path),
    filter,
    etc,
    rootLinks: rootLinks(),
    covered: COVERED.filter((path) => existsSync(path)),
  }

  const uncounted = watchUncounted(
    () => [...cells.values()],
    () => ground.changesDisks.bound(),
  )
  const liveOn = (changes: string): LinuxCell | undefined =>
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
    discard: (changes, gone) => discardWorkspace(changes, ground, randomBytes(16), gone),
    async sweep(changes) {
      await removeAside(changes)
    },
    still: (changes, act, after) => holdStill(changes, ground, liveOn(changes), randomBytes(16), act, after),
    diffSaved: (saved, record) => diffSaved(saved, record, ground, randomBytes(16)),
    replace: (changes, saved, at) => replaceWorkspace(changes, saved, ground, randomBytes(16), at),
    async close() {
      uncounted.stop()
      await Promise.all([...cells.values()].map((cell) => cell.teardown()))
      sensors?.close()
      ownerMaps.close()
      killer.value.dismiss()
      run.close()
    },
  })
}

/**
 * Returns why this process cannot open a warden of that profile; undefined where it can. Asked before anything is made.
 */
export function profileFault(profile: Profile): WardenFault | undefined {
  const lacking = profile === 'user' ? undefined : lacksOfRootTried()
  if (lacking === undefined) return undefined
  return { kind: 'profile', problem: `the full profile needs root, and ${lacking}`, fix: rootFix() }
}

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
