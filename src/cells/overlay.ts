/** A workspace: a private overlay over a directory that is never written. Linux Documentation/filesystems/overlayfs.rst */
import {
  chmodSync,
  chownSync,
  closeSync,
  mkdirSync,
  openSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { no, ok, type Result } from '../model/result.ts'
import { type Handle, hold } from './handle.ts'
import { attachMount, changeMount, cloneMount, newMount, type SystemFault, systemFaultText, unmount } from './libc.ts'
import type { OwnerMaps } from './owner-map.ts'
import { liesIn, resolvedPath } from './paths.ts'
import type { LaunchFault, WorkspaceSpec } from './spec.ts'

/** What is known of a workspace's changes after its cell has ended; stands beside them as `record.json`. */
export interface WorkspaceRecord {
  /** Resolved. */
  readonly lower: string
  /** Owner of the changes: the uid of the cell, and of every later cell on them. */
  readonly uid: number
  /** Owner of `lower`. */
  readonly owner: { readonly uid: number; readonly gid: number }
}

/** Refuses what must not be a workspace, before anything is made. */
export function checkWorkspace(
  spec: WorkspaceSpec,
  protectedPaths: readonly string[],
): Result<Omit<WorkspaceRecord, 'uid'> & { readonly uid?: number }, LaunchFault> {
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
  for (const path of [...protectedPaths, spec.changes]) {
    const resolved = resolvedPath(path)
    if (liesIn(resolved, lower)) return refuse(`contains ${path}, which no cell may change`)
    if (liesIn(lower, resolved)) return refuse(`lies in ${path}, which no cell may change`)
  }
  const record = readRecord(spec.changes)
  if (record === undefined) return ok({ lower, owner })
  if (record.lower !== lower) return refuse(`its changes were made over ${record.lower}`)
  return ok({ lower, owner, uid: record.uid })
}

export function readRecord(changes: string): WorkspaceRecord | undefined {
  try {
    const value: unknown = JSON.parse(readFileSync(join(changes, 'record.json'), 'utf8'))
    return isRecord(value) ? value : undefined
  } catch {
    return undefined
  }
}

/**
 * Mounts it at `target`. Root's mount, so the cell can neither set nor forge overlayfs' own attributes (trusted.*),
 * and the directories behind it are reachable by nobody but root.
 *
 * `volatile`: the cell's fsync costs nothing and proves nothing; its changes outlive the cell's and our own death, not
 * a power loss. Landing them is what makes them durable.
 */
export async function mountWorkspace(
  changes: string,
  record: WorkspaceRecord,
  target: string,
  maps: OwnerMaps,
): Promise<Result<{ unmount(): boolean }, LaunchFault>> {
  const map = await maps.take(record.owner, record.uid)
  if (!map.ok) return no({ kind: 'lacking', layer: 'owner-map', problem: map.reason, fix: 'install util-linux' })
  const lower = cloneMount(record.lower, false)
  if (!lower.ok) {
    map.value.close()
    return failed(lower.reason)
  }
  const held: Handle[] = [hold(lower.value), map.value]
  try {
    const mapped = changeMount(lower.value, { nosuid: true, nodev: true, readOnly: true }, map.value.fd)
    if (!mapped.ok) {
      return no({
        kind: 'lacking',
        layer: 'owner-map',
        problem: `${systemFaultText(mapped.reason)} on the file system of ${record.lower}`,
        fix: 'put the workspace on ext4, xfs, btrfs or tmpfs (kernel 5.19 or newer)',
      })
    }
    const upper = join(changes, 'upper')
    const work = join(changes, 'work')
    prepare(changes, upper, work, record)
    const [upperFd, workFd] = [hold(openSync(upper, 'r')), hold(openSync(work, 'r'))]
    held.push(upperFd, workFd)
    // Through descriptors: a path may hold the colons and commas that overlayfs takes for separators.
    const overlay = newMount(
      'overlay',
      [
        ['source', 'firebreak'],
        ['lowerdir', `/proc/self/fd/${lower.value}`],
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
    if (!attached.ok) return failed(attached.reason)
    return ok({ unmount: () => unmount(target, true).ok })
  } finally {
    for (const handle of held) handle.close()
  }
}

function prepare(changes: string, upper: string, work: string, record: WorkspaceRecord): void {
  mkdirSync(changes, { recursive: true, mode: 0o700 })
  if (readRecord(changes) === undefined) {
    mkdirSync(upper, { mode: 0o700 })
    chownSync(upper, record.uid, record.uid)
    chmodSync(upper, (statSync(record.lower).mode & 0o777) | 0o700)
    writeFileSync(join(changes, 'record.json'), JSON.stringify(record), { mode: 0o600 })
  }
  // The kernel's scratch space, which no cell has ever seen; a used volatile one cannot be mounted again.
  rmSync(work, { recursive: true, force: true })
  mkdirSync(work, { mode: 0o700 })
}

function failed(fault: SystemFault): { readonly ok: false; readonly reason: LaunchFault } {
  return no({ kind: 'failed', step: 'workspace', problem: systemFaultText(fault) })
}

function isRecord(value: unknown): value is WorkspaceRecord {
  if (typeof value !== 'object' || value === null) return false
  if (!('lower' in value && typeof value.lower === 'string' && 'uid' in value && Number.isSafeInteger(value.uid)))
    return false
  const owner = 'owner' in value ? value.owner : undefined
  return typeof owner === 'object' && owner !== null && 'uid' in owner && 'gid' in owner
}
