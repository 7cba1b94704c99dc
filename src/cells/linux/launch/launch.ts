/** One launch, top to bottom. Whatever step fails, nothing of the cell is left. */

import { randomBytes } from 'node:crypto'
import { chmodSync, chownSync, mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import process from 'node:process'
import { setTimeout as delay } from 'node:timers/promises'
import { no, ok, type Result } from '../../../model/result.ts'
import { socketsOf } from '../../cell-sockets.ts'
import type { HaltFault, MayBegin } from '../../driver.ts'
import { freeUid, reserveUid, reserveWorkspace } from '../../kernel/uid.ts'
import { CELL_USER, type CellSpec, type LaunchFault, type LaunchReceipt } from '../../spec.ts'
import type { WorkspaceRecord } from '../../workspace.ts'
import { recordAbout } from '../abilities/about.ts'
import { checkSpec } from '../abilities/check.ts'
import { type Cgroup, createCgroup, hastenMoves } from '../limits/cgroup.ts'
import { diskOf } from '../limits/disk.ts'
import { listenInside } from '../network/listener.ts'
import { listenByHelper } from '../network/listener-entered.ts'
import { plantDecoys } from '../sensors/decoys.ts'
import { spawnBlocked } from '../view/blocked.ts'
import { namesFor } from '../view/etc.ts'
import { exposeFiles, exposeUsr } from '../view/expose.ts'
import { startFault, userNamespaceFix } from '../view/root.ts'
import { DISK_BYTES_DEFAULT } from '../workspace/changes-disk.ts'
import { hiddenBinds } from '../workspace/hidden.ts'
import {
  checkWorkspace,
  diskBytesOf,
  type FoundWorkspace,
  keptFromWorkspaces,
  mountWorkspace,
} from '../workspace/overlay.ts'
import { isReplaced, settleReplaced } from '../workspace/replace.ts'
import { cellOf, type LinuxCell } from './cell.ts'
import type { Arrangement, Ground } from './ground.ts'
import { killProcessesOf, mountsUnder, recordInit } from './run-directory.ts'
import { writeTexts } from './text-files.ts'

/** An agent's cell, or a stdio upstream's. */
export async function launchCell(
  spec: CellSpec,
  ground: Ground,
  forget: () => void,
  mayBegin: MayBegin,
): Promise<Result<LinuxCell, LaunchFault>> {
  const checked = checkSpec(spec)
  if (!checked.ok) return checked
  const { workspace } = spec
  if (workspace !== undefined) settleReplaced(workspace.changes, ground, randomBytes(16))
  if (workspace === undefined) {
    const nothing = async () => ok({ binds: [], disk: ground.run.path, unmount: async () => {} })
    return launchArranged(spec, ground, forget, { mayBegin, mount: nothing })
  }
  const found = checkWorkspace(workspace, keptFromWorkspaces(spec))
  if (!found.ok) return found
  const { earlier } = found.value
  return launchArranged(spec, ground, forget, {
    mayBegin,
    changes: workspace.changes,
    ...(earlier ? { uid: { wanted: earlier.uid, held: false } } : {}),
    async mount(directory, uid) {
      // Held from here on; until then, somebody may have put another state in its place.
      if (isReplaced(workspace.changes, earlier))
        return no({
          kind: 'workspace',
          path: workspace.lower,
          problem: 'it was restored at this moment: start it again',
        })
      const record = recordOf(found.value, uid, spec)
      const mounted = await mountWorkspace(workspace.changes, record, directory, ground)
      if (!mounted.ok) return mounted
      const { upper, merged, outer, unmount } = mounted.value
      const hidden = hiddenBinds(workspace, outer === undefined ? { merged } : { upper }, directory)
      const binds = [{ from: merged, to: workspace.at, writable: true }, ...hidden]
      return ok({ binds, disk: upper, upper, workspace: record, unmount, ...(outer ? { outer } : {}) })
    },
  })
}

export async function launchArranged(
  spec: CellSpec,
  ground: Ground,
  forget: () => void,
  arrangement: Arrangement,
): Promise<Result<LinuxCell, LaunchFault>> {
  const undo: (() => unknown)[] = []
  const launched = await launchSteps(spec, ground, forget, arrangement, undo).catch((error: unknown) =>
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
  arrangement: Arrangement,
  undo: (() => unknown)[],
): Promise<Result<LinuxCell, LaunchFault>> {
  const claim = claimed(spec, ground, arrangement)
  if (!claim.ok) return claim
  const { uid, free } = claim.value
  undo.push(free)
  // Whatever of a failed launch still stands: nothing else runs as this uid.
  if (ground.profile === 'full' && !arrangement.uid?.held) undo.push(() => killProcessesOf(`${uid}`))
  const identity = ground.profile === 'full' ? (arrangement.runsAs ?? { uid, gid: uid }) : ownIds()

  void hastenMoves(ground.cgroups)
  const directory = ground.run.cellDirectory(spec.id)
  mkdirSync(directory)
  // Of all users of the host only this cell's passes through. Set after the fact: a umask narrows mkdir's mode.
  chmodSync(directory, 0o710)
  if (ground.profile === 'full') chownSync(directory, 0, identity.gid)
  // Never through a mount that could not be taken away: what is behind it is not ours to remove.
  undo.push(() => mountsUnder(directory).length === 0 && rmSync(directory, { recursive: true, force: true }))
  if (spec.about !== undefined) recordAbout(directory, spec.about)

  const mounted = await arrangement.mount(directory, uid)
  if (!mounted.ok) return mounted
  undo.push(mounted.value.unmount)
  const decoys = plantDecoys(spec.decoys ?? [], directory)
  const texts = writeTexts(spec.texts ?? [], join(directory, 'texts'))
  const files = exposeFiles([...spec.files, ...texts, ...decoys], directory, ground.profile)
  undo.push(files.unmount)
  const usr = exposeUsr(spec.root, directory, ground.profile)
  undo.push(usr.unmount)

  const binds = [...files.binds, ...mounted.value.binds]
  const names = namesFor(spec)
  // Started before its cgroup is made, so that one goes on beside the other; it is placed there before it is unblocked.
  const blocking = spawnBlocked(
    spec,
    identity,
    ground.filter,
    {
      etc: ground.etc(names, binds),
      binds,
      usr: usr.from,
      rootLinks: ground.rootLinks,
      covered: ground.covered,
    },
    mounted.value.outer,
  )
  const cgroup = createCgroup(ground.cgroups, spec.id, spec.limits, diskOf(mounted.value.disk), spec.accepts ?? [])
  if (cgroup.ok) undo.push(() => removeSoon(cgroup.value))
  const blocked = await blocking
  if (blocked.ok) undo.push(blocked.value.abandon)
  if (!cgroup.ok) return no(cgroupFault(cgroup.reason))
  if (!blocked.ok) return no(hostFault(blocked.reason, identity, spec))

  const { initPid } = blocked.value
  const init = recordInit(directory, initPid)
  // While not one instruction of the cell has run: all it will ever fork is born in these groups.
  const [placed, ready] = await Promise.all([cgroup.value.place(initPid), blocked.value.ready()])
  if (!ready.ok) return no(hostFault(ready.reason, identity, spec))
  if (!placed.ok) return no(cgroupFault(placed.reason))
  const sockets = socketsOf(spec)
  const listen = async () =>
    ground.profile === 'full' ? listenInside(initPid, sockets) : listenByHelper(initPid, sockets)
  const listeners = await listen()
  if (!listeners.ok) return no({ kind: 'failed', step: 'listener', problem: listeners.reason })

  const { workspace, upper, unmount } = mounted.value
  return ok(
    cellOf({
      ...blocked.value,
      init,
      receipt: receiptOf(spec, ground, identity, cgroup.value, workspace),
      cgroup: cgroup.value,
      listeners: [...listeners.value],
      listen,
      directory,
      hidesCommand: spec.secretCommand !== undefined,
      decoys,
      ...(upper === undefined ? {} : { upper }),
      async unmount() {
        files.unmount()
        usr.unmount()
        await unmount()
      },
      freeUid: free,
      mountsUnder,
      forget,
      mayBegin: arrangement.mayBegin ?? (() => ok(undefined)),
    }),
  )
}

interface Claim {
  readonly uid: number
  free(): boolean
}

/** Reserves the uid, and with it the workspace: nobody else gets either until it is free again. */
function claimed(spec: CellSpec, ground: Ground, { uid: asked, changes }: Arrangement): Result<Claim, LaunchFault> {
  const { uids } = ground.run
  const inUse = (holder: string) =>
    no<LaunchFault>({ kind: 'workspace', path: spec.workspace?.lower ?? changes ?? '', problem: `in use by ${holder}` })
  if (ground.profile === 'user') {
    const { uid } = ownIds()
    if (changes === undefined || asked?.held) return ok({ uid, free: () => true })
    const free = reserveWorkspace(uids, changes, spec.id)
    return free.ok ? ok({ uid, free: free.value }) : inUse(free.reason)
  }
  if (asked?.held) return ok({ uid: asked.wanted, free: () => true })
  const workspace = changes === undefined ? ok(() => true) : reserveWorkspace(uids, changes, spec.id)
  if (!workspace.ok) return inUse(workspace.reason)
  const uid = reserveUid(uids, spec.id, Math.random, asked?.wanted)
  if (uid.ok) return ok({ uid: uid.value, free: () => workspace.value() && freeUid(uids, uid.value) })
  workspace.value()
  return uid.reason.kind === 'exhausted'
    ? no({ kind: 'failed', step: 'uid', problem: 'no free uid' })
    : inUse(uid.reason.holder)
}

function ownIds(): { readonly uid: number; readonly gid: number } {
  return { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 }
}

/** Returns the record of a workspace; one that was there before keeps its owner, its size and its beginning. */
function recordOf(found: FoundWorkspace, uid: number, spec: CellSpec): WorkspaceRecord {
  const { earlier, ...workspace } = found
  if (earlier) return earlier
  const diskBytes = diskBytesOf(spec.limits.diskBytes ?? DISK_BYTES_DEFAULT, spec.accepts ?? [])
  return { ...workspace, uid, sinceMs: Date.now(), ...(diskBytes === undefined ? {} : { diskBytes }) }
}

function receiptOf(
  spec: CellSpec,
  ground: Ground,
  identity: { readonly uid: number; readonly gid: number },
  cgroup: Cgroup,
  workspace: WorkspaceRecord | undefined,
): LaunchReceipt {
  return {
    cell: spec.id,
    profile: ground.profile,
    uid: identity.uid,
    gid: identity.gid,
    uidInside: CELL_USER.uid,
    command: spec.command,
    variables: Object.keys(spec.variables).toSorted(),
    root: spec.root.kind === 'host-usr' ? '/usr' : spec.root.path,
    files: spec.files,
    ...(spec.texts && { texts: spec.texts.map(({ to }) => to) }),
    ...(workspace && spec.workspace
      ? {
          workspace: {
            lower: workspace.lower,
            changes: spec.workspace.changes,
            at: spec.workspace.at,
            owner: `${workspace.owner.uid}:${workspace.owner.gid}`,
            ...(spec.workspace.hidden?.length && { hidden: spec.workspace.hidden }),
          },
        }
      : {}),
    ports: spec.ports,
    ...(spec.anywhere?.length && { anywhere: spec.anywhere }),
    limits: spec.limits,
    filter: ground.filter.sha256,
    enforcedBy: cgroup.enforcedBy,
    without: spec.accepts ?? [],
  }
}

function cgroupFault(fault: HaltFault): LaunchFault {
  switch (fault.kind) {
    case 'lacking':
      return {
        kind: 'lacking',
        layer: fault.layer,
        problem: fault.problem,
        fix: 'enable the controller (of cgroup v2; in a container: a writable /sys/fs/cgroup), or write "profile: user", which does without',
      }
    case 'failed':
      return { kind: 'failed', step: fault.step, problem: fault.problem }
    case 'timeout':
      return { kind: 'failed', step: fault.step, problem: `no answer from the kernel in ${fault.afterMs} ms` }
  }
}

/**
 * Replaces a fault of bubblewrap that every cell would meet on this host by one that says what to do about it; returns
 * any other unchanged.
 */
function hostFault(
  fault: LaunchFault,
  identity: { readonly uid: number; readonly gid: number },
  { workspace }: CellSpec,
): LaunchFault {
  if (fault.kind !== 'failed' || fault.step !== 'bubblewrap') return fault
  // mount(8) under profile `user`: overlayfs keeps changes on no overlay, and the root of a container often is one.
  if (workspace !== undefined && /^mount: .*wrong fs type/s.test(fault.output ?? '')) {
    const problem =
      'changes cannot be kept on this file system: put the state on ext4, xfs, btrfs or tmpfs, --state names it'
    return { kind: 'workspace', path: workspace.changes, problem }
  }
  const words = startFault(process.getuid?.() === 0 ? identity : {})
  return words === undefined
    ? fault
    : { kind: 'failed', step: 'bubblewrap', problem: `${words}: ${userNamespaceFix()}` }
}

async function removeSoon(cgroup: Cgroup): Promise<void> {
  for (let waitMs = 1; waitMs < 1_000 && !cgroup.remove(); waitMs *= 2) await delay(waitMs)
}
