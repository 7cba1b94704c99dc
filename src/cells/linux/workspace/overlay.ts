import { parseJson } from '../../../model/index.ts'
/** A workspace: a private overlay over a directory that is never written. Linux Documentation/filesystems/overlayfs.rst */

import {
  chmodSync,
  chownSync,
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import process from 'node:process'
import { resolvedPath } from '../../../model/host/host-paths.ts'
import { liesAt, mountsNow, placeOf } from '../../../model/host/host-places.ts'
import { no, ok, type Result } from '../../../model/result.ts'
import { type Handle, hold } from '../../handle.ts'
import { attachMount, changeMount, cloneMount, newMount, type SystemFault, systemFaultText } from '../../kernel/libc.ts'
import type { OwnerMaps } from '../../kernel/owner-map.ts'
import type { CellSpec, LaunchFault, Layer, Profile, WorkspaceSpec } from '../../spec.ts'
import { recordFrom, type WorkspaceRecord } from '../../workspace.ts'
import type { UserOverlay } from '../launch/user-overlay.ts'
import type { ChangesDisks } from './changes-disk.ts'
import { unmountApart } from './unmount-apart.ts'

/** A checked workspace, before a uid is known. */
export type FoundWorkspace = Omit<WorkspaceRecord, 'uid' | 'sinceMs' | 'diskBytes'> & {
  readonly earlier?: WorkspaceRecord
}

/** Returns the paths that no workspace may contain or lie in. */
export function keptFromWorkspaces({
  protectedPaths,
  shownPaths = [],
}: Pick<CellSpec, 'protectedPaths' | 'shownPaths'>): readonly string[] {
  return [...protectedPaths, ...shownPaths]
}

/** Refuses what must not be a workspace, before anything is made. */
export function checkWorkspace(
  spec: WorkspaceSpec,
  protectedPaths: readonly string[],
): Result<FoundWorkspace, LaunchFault> {
  const refuse = (problem: string) => no({ kind: 'workspace', path: spec.lower, problem } as const)
  let lower: string
  let owner: { uid: number; gid: number }
  try {
    lower = resolvedPath(spec.lower)
    const stat = statSync(lower)
    if (!stat.isDirectory()) return refuse('not a directory')
    owner = { uid: stat.uid, gid: stat.gid }
  } catch {
    return refuse('not found')
  }
  const mounts = mountsNow()
  const shown = placeOf(lower, mounts)
  for (const path of [...protectedPaths, spec.changes]) {
    const kept = placeOf(path, mounts)
    if (liesAt(kept, shown)) return refuse(`contains ${path}, which no cell may change`)
    if (liesAt(shown, kept)) return refuse(`lies in ${path}, which no cell may change`)
  }
  const earlier = readRecord(spec.changes)
  if (earlier === undefined) return ok({ lower, owner })
  if (earlier.lower !== lower) return refuse(`its changes were made over ${earlier.lower}`)
  return ok({ lower, owner, earlier })
}

export function readRecord(changes: string): WorkspaceRecord | undefined {
  try {
    const value: unknown = parseJson(readFileSync(join(changes, 'record.json'), 'utf8'))
    return recordFrom(value)
  } catch {
    return undefined
  }
}

/** The means of the warden that a mount of a workspace needs. */
export interface WorkspaceGround {
  readonly profile: Profile
  readonly ownerMaps: OwnerMaps
  readonly changesDisks: ChangesDisks
}

export interface MountedWorkspace {
  /** The changes themselves, as they lie behind the overlay. */
  readonly upper: string
  /** Directory that the cell sees. */
  readonly merged: string
  /** The overlay where it is not mounted yet: the cell's outer user namespace does it. */
  readonly outer?: UserOverlay
  unmount(): Promise<void>
}

/**
 * Mounts it at `merged` in `directory`, a place of ours. Root's mount, so the cell can neither set nor forge overlayfs'
 * own attributes (trusted.*), and the directories behind it are reachable by nobody but root.
 *
 * `volatile`: the cell's fsync costs nothing and proves nothing; its changes outlive the cell's and our own death, not
 * a power loss. Landing them is what makes them durable.
 */
export async function mountWorkspace(
  changes: string,
  record: WorkspaceRecord,
  directory: string,
  ground: WorkspaceGround,
): Promise<Result<MountedWorkspace, LaunchFault>> {
  mkdirSync(changes, { recursive: true, mode: 0o700 })
  const [merged, disk] = [join(directory, 'merged'), join(directory, 'disk')]
  if (ground.profile === 'user') {
    if (record.diskBytes !== undefined) {
      const fix = 'run the warden as root, or accept a workspace that can fill the disk'
      return no({ kind: 'lacking', layer: 'disk', problem: 'a disk image needs root', fix })
    }
    const [upper, work] = [join(changes, 'upper'), join(changes, 'work')]
    prepare(changes, upper, work, record)
    mkdirSync(merged)
    return ok({ upper, merged, outer: { lowers: [record.lower], upper, work, at: merged }, unmount: async () => {} })
  }
  if (record.diskBytes !== undefined) {
    const mounted = await ground.changesDisks.mount(changes, record.diskBytes, disk)
    if (!mounted.ok) return mounted
  }
  const unmountAll = () => unmountApart(merged, disk)
  const map = await ground.ownerMaps.take(record.owner, { uid: record.uid, gid: record.uid })
  if (!map.ok) {
    await unmountAll()
    return no({ kind: 'lacking', layer: 'owner-map', problem: map.reason, fix: 'install util-linux' })
  }
  const behind = record.diskBytes === undefined ? changes : disk
  const upper = join(behind, 'upper')
  const held: Handle[] = [map.value]
  const mounted = overlayAt(merged, upper, join(behind, 'work'), changes, record, map.value.fd, held)
  for (const handle of held) handle.close()
  if (mounted.ok) return ok({ upper, merged, unmount: unmountAll })
  await unmountAll()
  return mounted
}

function overlayAt(
  target: string,
  upper: string,
  work: string,
  changes: string,
  record: WorkspaceRecord,
  mapFd: number,
  held: Handle[],
): Result<void, LaunchFault> {
  const lower = mappedClone(record.lower, mapFd)
  if (!lower.ok) return lower
  held.push(lower.value)
  prepare(changes, upper, work, record)
  const [upperFd, workFd] = [hold(openSync(upper, 'r')), hold(openSync(work, 'r'))]
  held.push(upperFd, workFd)
  // Through descriptors: a path may hold the colons and commas that overlayfs takes for separators.
  const overlay = newMount(
    'overlay',
    [
      ['source', 'firebreak'],
      ['lowerdir', `/proc/self/fd/${lower.value.fd}`],
      ['upperdir', `/proc/self/fd/${upperFd.fd}`],
      ['workdir', `/proc/self/fd/${workFd.fd}`],
      ['redirect_dir', 'nofollow'],
      ['metacopy', 'off'],
      ['index', 'off'],
      ['xino', 'off'],
      ['volatile', true],
    ],
    { nosuid: true, nodev: true },
  )
  if (!overlay.ok) return failed(overlay.reason)
  mkdirSync(target, { mode: 0o755 })
  const attached = attachMount(overlay.value, target)
  closeSync(overlay.value)
  return attached.ok ? ok(undefined) : failed(attached.reason)
}

/** A read-only copy of the mount at `path`, owners shown as the namespace behind `mapFd` maps them. */
export function mappedClone(path: string, mapFd: number | undefined): Result<Handle, LaunchFault> {
  const clone = cloneMount(path, false)
  if (!clone.ok) return failed(clone.reason)
  const handle = hold(clone.value)
  const mapped = changeMount(handle.fd, { nosuid: true, nodev: true, readOnly: true }, mapFd)
  if (mapped.ok) return ok(handle)
  handle.close()
  return no({
    kind: 'lacking',
    layer: 'owner-map',
    problem: `${systemFaultText(mapped.reason)} on the file system of ${path}`,
    fix: 'put the workspace on ext4, xfs, btrfs or tmpfs (kernel 5.19 or newer)',
  })
}

function prepare(changes: string, upper: string, work: string, record: WorkspaceRecord): void {
  const isNew = readRecord(changes) === undefined
  // One stands there without the other where a launch, or a discard, was cut off.
  if (isNew || !existsSync(upper)) {
    mkdirSync(upper, { recursive: true, mode: 0o700 })
    if (process.getuid?.() === 0) chownSync(upper, record.uid, record.uid)
    chmodSync(upper, (statSync(record.lower).mode & 0o777) | 0o700)
  }
  if (isNew) {
    writeFileSync(join(changes, 'record.json'), JSON.stringify(record), { mode: 0o600 })
  }
  // The kernel's scratch space, which no cell has ever seen; a used volatile one cannot be mounted again.
  // overlayfs leaves its own directories in it with mode 0, which stops whoever is not root.
  for (const made of ['work', 'work/incompat', 'work/incompat/volatile'].map((name) => join(work, name))) {
    if (existsSync(made)) chmodSync(made, 0o700)
  }
  rmSync(work, { recursive: true, force: true })
  mkdirSync(work, { mode: 0o700 })
}

function failed(fault: SystemFault): { readonly ok: false; readonly reason: LaunchFault } {
  return no({ kind: 'failed', step: 'workspace', problem: systemFaultText(fault) })
}

/** Returns the size of the disk image; none, a disk without a bound, only by a person's word. */
export function diskBytesOf(wanted: number, accepts: readonly Layer[]): number | undefined {
  return accepts.includes('disk') ? undefined : wanted
}
