/** One launch, top to bottom. Whatever step fails, nothing of the cell is left. */
import { chmodSync, chownSync, mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { no, ok, type Result } from '../model/result.ts'
import { spawnBlocked } from './blocked.ts'
import type { Prepared } from './bubblewrap.ts'
import { type Cell, cellOf } from './cell.ts'
import { type Cgroup, type CgroupFault, createCgroup, hastenMoves } from './cgroup.ts'
import type { CgroupHost } from './cgroup-host.ts'
import { checkSpec } from './check.ts'
import { diskOf } from './disk.ts'
import { CELL_USER } from './etc.ts'
import { listenInside } from './listener.ts'
import { mountsUnder, type RunDirectory } from './run-directory.ts'
import type { FilterProgram } from './seccomp/filter.ts'
import type { CellSpec, LaunchFault, LaunchReceipt, Profile } from './spec.ts'
import { freeUid, reserveUid } from './uid.ts'
import { DISK_BYTES_DEFAULT } from './workspace/changes-disk.ts'
import {
  checkWorkspace,
  diskBytesOf,
  type FoundWorkspace,
  type MountedWorkspace,
  mountWorkspace,
  type WorkspaceGround,
  type WorkspaceRecord,
} from './workspace/overlay.ts'

/** What a warden has at hand for every launch. */
export interface Ground extends WorkspaceGround {
  readonly profile: Profile
  readonly run: RunDirectory
  readonly cgroups: CgroupHost
  readonly filter: FilterProgram
  readonly rootLinks: Prepared['rootLinks']
  readonly covered: readonly string[]
}

export async function launchCell(
  spec: CellSpec,
  ground: Ground,
  forget: () => void,
): Promise<Result<Cell, LaunchFault>> {
  const undo: (() => unknown)[] = []
  const launched = await launchSteps(spec, ground, forget, undo).catch((error: unknown) =>
    no<LaunchFault>({
      kind: 'failed',
      step: 'launch',
      problem: error instanceof Error ? error.message : String(error),
    }),
  )
  if (!launched.ok) for (const step of undo.toReversed()) await step()
  return launched
}

async function launchSteps(
  spec: CellSpec,
  ground: Ground,
  forget: () => void,
  undo: (() => unknown)[],
): Promise<Result<Cell, LaunchFault>> {
  const checked = checkSpec(spec)
  if (!checked.ok) return checked
  const found = spec.workspace ? checkWorkspace(spec.workspace, spec.protectedPaths) : ok(undefined)
  if (!found.ok) return found

  const uid = reserveUid(ground.run.uids, spec.id, Math.random, found.value?.earlier?.uid)
  if (!uid.ok) {
    if (uid.reason.kind === 'exhausted') return no({ kind: 'failed', step: 'uid', problem: 'no free uid' })
    return no({ kind: 'workspace', path: spec.workspace?.lower ?? '', problem: `in use by ${uid.reason.holder}` })
  }
  undo.push(() => freeUid(ground.run.uids, uid.value))

  void hastenMoves(ground.cgroups)
  const directory = ground.run.cellDirectory(spec.id)
  mkdirSync(directory)
  // Of all users of the host only this cell's passes through. Set after the fact: a umask narrows mkdir's mode.
  chmodSync(directory, 0o710)
  chownSync(directory, 0, uid.value)
  undo.push(() => rmSync(directory, { recursive: true, force: true }))

  const workspace = found.value ? recordOf(found.value, uid.value, spec) : undefined
  let mounted: MountedWorkspace | undefined
  if (workspace && spec.workspace) {
    const result = await mountWorkspace(spec.workspace.changes, workspace, directory, ground)
    if (!result.ok) return result
    mounted = result.value
    undo.push(mounted.unmount)
  }

  const disk = diskOf(mounted?.upper ?? ground.run.path)
  const cgroup = createCgroup(ground.cgroups, spec.id, spec.limits, disk, spec.accepts ?? [])
  if (!cgroup.ok) return no(cgroupFault(cgroup.reason))
  undo.push(() => removeSoon(cgroup.value))

  const blocked = await spawnBlocked(spec, uid.value, ground.filter, {
    etc: join(ground.run.path, 'etc'),
    ...(mounted ? { merged: join(directory, 'merged') } : {}),
    files: spec.files,
    rootLinks: ground.rootLinks,
    covered: ground.covered,
  })
  if (!blocked.ok) return blocked
  undo.push(blocked.value.abandon)

  const { initPid } = blocked.value
  // While not one instruction of the cell has run: all it will ever fork is born in these groups.
  const placed = await cgroup.value.place(initPid)
  if (!placed.ok) return no(cgroupFault(placed.reason))
  const listeners = listenInside(initPid, spec.ports)
  if (!listeners.ok) return no({ kind: 'failed', step: 'listener', problem: listeners.reason })

  return ok(
    cellOf({
      ...blocked.value,
      receipt: receiptOf(spec, ground, uid.value, cgroup.value, workspace),
      cgroup: cgroup.value,
      listeners: listeners.value,
      directory,
      ...(mounted ? { unmount: mounted.unmount } : {}),
      freeUid: () => freeUid(ground.run.uids, uid.value),
      mountsUnder,
      forget,
    }),
  )
}

/** What was there before stays as it was recorded: its owner, its size, its beginning. */
function recordOf(found: FoundWorkspace, uid: number, spec: CellSpec): WorkspaceRecord {
  const { earlier, ...workspace } = found
  if (earlier) return earlier
  const diskBytes = diskBytesOf(spec.limits.diskBytes ?? DISK_BYTES_DEFAULT, spec.accepts ?? [])
  return { ...workspace, uid, sinceMs: Date.now(), ...(diskBytes === undefined ? {} : { diskBytes }) }
}

function receiptOf(
  spec: CellSpec,
  ground: Ground,
  uid: number,
  cgroup: Cgroup,
  workspace: WorkspaceRecord | undefined,
): LaunchReceipt {
  return {
    cell: spec.id,
    profile: ground.profile,
    uid,
    gid: uid,
    uidInside: CELL_USER.uid,
    command: spec.command,
    variables: Object.keys(spec.variables).toSorted(),
    root: spec.root.kind === 'host-usr' ? '/usr' : spec.root.path,
    files: spec.files,
    ...(workspace && spec.workspace
      ? {
          workspace: {
            lower: workspace.lower,
            changes: spec.workspace.changes,
            at: spec.workspace.at,
            owner: `${workspace.owner.uid}:${workspace.owner.gid}`,
          },
        }
      : {}),
    ports: spec.ports,
    limits: spec.limits,
    filter: ground.filter.sha256,
    enforcedBy: cgroup.enforcedBy,
    without: spec.accepts ?? [],
  }
}

function cgroupFault(fault: CgroupFault): LaunchFault {
  switch (fault.kind) {
    case 'lacking':
      return {
        kind: 'lacking',
        layer: fault.layer,
        problem: fault.problem,
        fix: 'enable the controller, or accept to go without it',
      }
    case 'failed':
      return { kind: 'failed', step: fault.step, problem: fault.problem }
    case 'timeout':
      return { kind: 'failed', step: fault.step, problem: `no answer from the kernel in ${fault.afterMs} ms` }
  }
}

async function removeSoon(cgroup: Cgroup): Promise<void> {
  for (let waitMs = 1; waitMs < 1_000 && !cgroup.remove(); waitMs *= 2) await delay(waitMs)
}
