/**
 * A workspace shown to a helper cell: what was given, what overlayfs wrote down, and both together as the cell saw them,
 * each read-only and each as if the helper owned it.
 */

import { closeSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { no, ok, type Result } from '../../../model/result.ts'
import type { Handle } from '../../handle.ts'
import { attachMount, newMount, systemFaultText } from '../../kernel/libc.ts'
import type { Ids } from '../../kernel/owner-map.ts'
import type { LaunchFault } from '../../spec.ts'
import type { WorkspaceRecord } from '../../workspace.ts'
import type { Mounted } from '../launch/ground.ts'
import { mappedClone, type WorkspaceGround } from './overlay.ts'
import { unmountApart } from './unmount-apart.ts'

export interface Viewed {
  readonly changes: string
  readonly record: WorkspaceRecord
  /** Directory of the changes while a cell lives on them; its disk must not be mounted a second time. */
  readonly liveUpper?: string
  /** The user that the trees are shown as owned by. */
  readonly viewer: Ids
  /** True to show the owner's directory itself, too, to be written. */
  readonly target: boolean
}

export async function mountView(
  viewed: Viewed,
  directory: string,
  ground: WorkspaceGround,
): Promise<Result<Mounted, LaunchFault>> {
  const { record, changes, viewer } = viewed
  const at = (name: string): string => join(directory, name)
  const places = ['merged', 'upper', 'lower', 'disk'].map(at)
  const unmountAll = () => unmountApart(...places)
  const refused = async (reason: LaunchFault) => {
    await unmountAll()
    return no(reason)
  }

  if (ground.profile === 'user') {
    // One uid owns all of it already, and its own user namespace mounts the two together.
    const upper = viewed.liveUpper ?? join(changes, 'upper')
    mkdirSync(at('merged'))
    const shown = [at('merged'), upper, record.lower].map((from, i) => ({
      from,
      to: `/${['merged', 'upper', 'lower'][i]}`,
      writable: false,
    }))
    const target = viewed.target ? [{ from: record.lower, to: '/target', writable: true }] : []
    const outer = { lowers: [upper, record.lower], at: at('merged') }
    return ok({ binds: [...shown, ...target], disk: record.lower, outer, unmount: async () => {} })
  }
  let behind = viewed.liveUpper
  if (behind === undefined && record.diskBytes !== undefined) {
    const disk = ground.changesDisks.show(changes, at('disk'))
    if (!disk.ok) return refused(disk.reason)
    behind = join(at('disk'), 'upper')
  }
  const cell = { uid: record.uid, gid: record.uid }
  const lower = await clonedFor(record.lower, record.owner, viewer, ground)
  if (!lower.ok) return refused(lower.reason)
  const upper = await clonedFor(behind ?? join(changes, 'upper'), cell, viewer, ground)
  if (!upper.ok) {
    lower.value.close()
    return refused(upper.reason)
  }
  try {
    const merged = newMount(
      'overlay',
      [
        ['source', 'firebreak'],
        ['lowerdir', `/proc/self/fd/${upper.value.fd}:/proc/self/fd/${lower.value.fd}`],
        ['redirect_dir', 'nofollow'],
        ['metacopy', 'off'],
        ['index', 'off'],
        ['xino', 'off'],
      ],
      { nosuid: true, nodev: true, readOnly: true },
    )
    if (!merged.ok) return refused({ kind: 'failed', step: 'view', problem: systemFaultText(merged.reason) })
    const shown: readonly (readonly [string, number])[] = [
      ['lower', lower.value.fd],
      ['upper', upper.value.fd],
      ['merged', merged.value],
    ]
    for (const [name, fd] of shown) {
      mkdirSync(at(name))
      const attached = attachMount(fd, at(name))
      if (!attached.ok) {
        closeSync(merged.value)
        return refused({ kind: 'failed', step: 'view', problem: systemFaultText(attached.reason) })
      }
    }
    closeSync(merged.value)
    const binds = shown.map(([name]) => ({ from: at(name), to: `/${name}`, writable: false }))
    const target = viewed.target ? [{ from: record.lower, to: '/target', writable: true }] : []
    return ok({ binds: [...binds, ...target], disk: record.lower, unmount: unmountAll })
  } finally {
    lower.value.close()
    upper.value.close()
  }
}

async function clonedFor(
  path: string,
  owner: Ids,
  viewer: Ids,
  ground: WorkspaceGround,
): Promise<Result<Handle, LaunchFault>> {
  if (owner.uid === viewer.uid && owner.gid === viewer.gid) return mappedClone(path, undefined)
  const map = await ground.ownerMaps.take(owner, viewer)
  if (!map.ok) return no({ kind: 'lacking', layer: 'owner-map', problem: map.reason, fix: 'install util-linux' })
  try {
    return mappedClone(path, map.value.fd)
  } finally {
    map.value.close()
  }
}
