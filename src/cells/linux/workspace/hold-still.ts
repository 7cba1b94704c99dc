/** A workspace whose changes stand still for as long as somebody copies them. */

import { closeSync, existsSync, openSync, statSync } from 'node:fs'
import { dirname } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { no, ok, type Result } from '../../../model/result.ts'
import { syncFileSystem } from '../../kernel/libc.ts'
import type { Still, WorkspaceFault, WorkspaceRecord } from '../../workspace.ts'
import type { LinuxCell } from '../launch/cell.ts'
import type { Ground } from '../launch/ground.ts'
import { imageOf } from './changes-disk.ts'
import { claimWorkspace } from './claim.ts'
import { bytesOn, copyImage, isAttached } from './image.ts'
import { readRecord } from './overlay.ts'

/**
 * Runs `act` over changes that nobody writes to. Of a live cell of this warden: frozen by the kernel's word and its file
 * system flushed; it goes on when `act` has ended. Without one, the workspace is held against whoever would start on it,
 * until `after` has ended, too.
 *
 * The image is copied as a file: no directory, name, link or attribute that a cell made is looked at, so none can mislead.
 */
export async function holdStill<T>(
  changes: string,
  ground: Ground,
  live: LinuxCell | undefined,
  random: Uint8Array,
  act: (still: Still) => Promise<T>,
  after: (done: T) => Promise<T> = (done) => Promise.resolve(done),
): Promise<Result<T, WorkspaceFault>> {
  const record = readRecord(changes)
  if (record === undefined) return no({ kind: 'unknown', problem: `no workspace is kept in ${changes}` })
  const image = imageOf(changes)
  if (record.diskBytes === undefined || ground.profile === 'user') return no({ kind: 'plain' })
  if (live !== undefined) {
    if (live.upper === undefined) return no({ kind: 'plain' })
    const upper = live.upper
    const frozen = await live.whileFrozen(async () => {
      if (!(await flushed(dirname(upper)))) return no(UNFLUSHED)
      return ok(await stillness(image, record, act))
    })
    if (!frozen.ok) return no({ kind: 'in-use', holder: `${live.id}, which cannot be frozen` })
    return frozen.value.ok ? ok(await after(frozen.value.value)) : frozen.value
  }
  const claim = claimWorkspace(changes, 'checkpoint', ground.run, random)
  if (!claim.ok) return no({ kind: 'in-use', holder: claim.reason })
  try {
    if (!existsSync(image)) return no({ kind: 'unknown', problem: `${image} is missing` })
    if (!(await isAtRest(image))) return no({ kind: 'in-use', holder: 'a cell that has just ended' })
    return ok(await after(await stillness(image, record, act)))
  } finally {
    claim.value()
  }
}

const UNFLUSHED: WorkspaceFault = { kind: 'uncopied', problem: 'its file system cannot be flushed' }

async function stillness<T>(image: string, record: WorkspaceRecord, act: (still: Still) => Promise<T>): Promise<T> {
  const stat = statSync(image, { bigint: true })
  const done = await act({
    record,
    stamp: `${stat.dev}.${stat.ino}.${stat.mtimeNs}.${stat.blocks}`,
    bytes: bytesOn(image),
    copy: (to) => copyImage(image, to),
  })
  // The kernel's clock for files moves in steps: within one, a later write would leave the same stamp.
  const ageMs = Date.now() - Number(stat.mtimeMs)
  if (ageMs >= 0 && ageMs < CLOCK_STEP_MS) await delay(CLOCK_STEP_MS - ageMs)
  return done
}

/** 100 steps a second is the slowest that kernels are built with. */
const CLOCK_STEP_MS = 10

async function flushed(directory: string): Promise<boolean> {
  const fd = openSync(directory, 'r')
  try {
    return await syncFileSystem(fd)
  } finally {
    closeSync(fd)
  }
}

export async function isAtRest(image: string): Promise<boolean> {
  for (let [waitMs, spentMs] = [1, 0]; spentMs < REST_MS_MAX; spentMs += waitMs, waitMs *= 2) {
    if (!isAttached(image)) return true
    await delay(waitMs)
  }
  return !isAttached(image)
}

/** The kernel lets go of a file system after the last process in it; a second is long. */
const REST_MS_MAX = 2_000
