/** Puts a saved state in the place of a workspace's changes: the old one stands, or the new one, never half of each. */

import { existsSync, mkdirSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { no, ok, type Result } from '../../../model/result.ts'
import type { ReplaceStep, SavedState, WorkspaceFault, WorkspaceRecord } from '../../workspace.ts'
import type { Ground } from '../launch/ground.ts'
import { imageOf } from './changes-disk.ts'
import { claimWorkspace } from './claim.ts'
import { isAtRest } from './hold-still.ts'
import { copyImage } from './image.ts'
import { readRecord } from './overlay.ts'
import { putAside, removeAside } from './put-aside.ts'

/**
 * Puts a saved state in place, only where no cell lives on it: a process goes on with the files that it has open, and
 * would bring them back.
 */
export async function replaceWorkspace(
  changes: string,
  saved: SavedState,
  ground: Ground,
  random: Uint8Array,
  at: (step: ReplaceStep) => void = () => {},
): Promise<Result<void, WorkspaceFault>> {
  if (saved.record.diskBytes === undefined || ground.profile === 'user') return no({ kind: 'plain' })
  const claim = claimWorkspace(changes, 'restore', ground.run, random)
  if (!claim.ok) return no({ kind: 'in-use', holder: claim.reason })
  try {
    if (existsSync(imageOf(changes)) && !(await isAtRest(imageOf(changes))))
      return no({ kind: 'in-use', holder: 'a cell that has just ended' })
    const [made, decided] = [join(changes, '.restored'), join(changes, 'restored')]
    putInPlace(changes)
    putAside(changes, '.restored')
    mkdirSync(made, { mode: 0o700 })
    const copied = await copyImage(saved.image, join(made, 'disk'))
    if (!copied.ok) {
      putAside(changes, '.restored')
      return copied
    }
    at('copied')
    writeFileSync(join(made, 'record.json'), JSON.stringify(saved.record), { mode: 0o600 })
    at('prepared')
    renameSync(made, decided)
    at('decided')
    putInPlace(changes, at)
    return ok(undefined)
  } finally {
    claim.value()
    // The next start sweeps what stays.
    await removeAside(changes)
  }
}

/** Does what a killed warden had decided and not done. Called before the changes are used. */
export function settleReplaced(changes: string, ground: Ground, random: Uint8Array): void {
  if (!isUnsettled(changes)) return
  const claim = claimWorkspace(changes, 'restore', ground.run, random)
  // Somebody is at it.
  if (!claim.ok) return
  try {
    putInPlace(changes)
  } finally {
    claim.value()
    void removeAside(changes)
  }
}

export function isUnsettled(changes: string): boolean {
  return existsSync(join(changes, 'restored'))
}

/** Each rename is done or not, and doing the rest again is the same. */
function putInPlace(changes: string, at: (step: ReplaceStep) => void = () => {}): void {
  const decided = join(changes, 'restored')
  if (!existsSync(decided)) return
  const [image, old] = [join(decided, 'disk'), join(decided, 'old')]
  if (existsSync(image)) {
    // Out of the way first: ext4 writes out a file whose name takes the place of another's, and that is what takes long.
    if (existsSync(imageOf(changes))) renameSync(imageOf(changes), old)
    at('old out of the way')
    renameSync(image, imageOf(changes))
  }
  at('image in place')
  if (existsSync(join(decided, 'record.json'))) renameSync(join(decided, 'record.json'), join(changes, 'record.json'))
  at('all in place')
  putAside(changes, 'restored')
}

/** Tells whether a workspace is another one than when its record was read. */
export function isReplaced(changes: string, known: WorkspaceRecord | undefined): boolean {
  return isUnsettled(changes) || readRecord(changes)?.uid !== known?.uid
}
