import { createHash } from 'node:crypto'
import { closeSync, mkdirSync, openSync, rmSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { namesIn, textIn } from '../../model/host/host-paths.ts'
import { failedWith } from '../../model/host/system-error.ts'
import { no, ok, type Result } from '../../model/result.ts'

/**
 * Host uids that live cells hold, one file each. The range lies above every distribution's and every subuid default,
 * and below 2^31, which some programs take for negative.
 */
export const UID_FIRST = 1_950_000_000
export const UID_LAST = 1_999_999_999

export type UidFault =
  | { readonly kind: 'taken'; readonly uid: number; readonly holder: string }
  | { readonly kind: 'exhausted' }

/**
 * Reserves a uid (the gid is the same number) until `freeUid`. O_EXCL: no two cells of this host ever hold one, in
 * whichever process they are launched. A random one, so that files an earlier cell left are not the next one's.
 */
export function reserveUid(
  directory: string,
  holder: string,
  random: () => number,
  wanted?: number,
): Result<number, UidFault> {
  mkdirSync(directory, { recursive: true, mode: 0o700 })
  if (wanted !== undefined) {
    return claimed(directory, wanted, holder)
      ? ok(wanted)
      : no({ kind: 'taken', uid: wanted, holder: uidHolder(directory, wanted) })
  }
  for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt++) {
    const uid = UID_FIRST + Math.floor(random() * (UID_LAST - UID_FIRST + 1))
    if (claimed(directory, uid, holder)) return ok(uid)
  }
  return no({ kind: 'exhausted' })
}

/**
 * Reserves a workspace, which two cells, or a cell and a restoration, never have at a time: a new one has no uid yet
 * that could be reserved, and without root all cells have the uid of the user.
 */
export function reserveWorkspace(directory: string, changes: string, holder: string): Result<() => boolean, string> {
  mkdirSync(directory, { recursive: true, mode: 0o700 })
  const name = `w-${createHash('sha256').update(changes).digest('hex').slice(0, 32)}`
  if (!claimed(directory, name, holder)) return no(uidHolder(directory, name))
  return ok(() => {
    rmSync(join(directory, name), { force: true })
    return true
  })
}

/** True once it is free, also when it was before. */
export function freeUid(directory: string, uid: number): boolean {
  rmSync(join(directory, `${uid}`), { force: true })
  return true
}

/** Returns who holds a uid, or a workspace; empty where nobody does. Throws where that cannot be read. */
export function uidHolder(directory: string, uid: number | string): string {
  return textIn(join(directory, `${uid}`), HOLDER_BYTES_MAX) ?? ''
}

/** Bytes of a reservation: more than the name of a cell with what it does. */
const HOLDER_BYTES_MAX = 4_096

/** Returns the names of the reservations in a directory: what has another name was not reserved here. */
export function reservationsIn(directory: string): readonly string[] {
  return namesIn(directory).filter((name) => /^(?:\d{1,10}|w-[0-9a-f]{32})$/.test(name))
}

/** With a million live cells of fifty million uids, 64 misses in a row have a chance of 10^-109. */
const ATTEMPTS_MAX = 64

function claimed(directory: string, uid: number | string, holder: string): boolean {
  try {
    const fd = openSync(join(directory, `${uid}`), 'wx', 0o600)
    try {
      writeSync(fd, holder)
    } finally {
      closeSync(fd)
    }
    return true
  } catch (error) {
    if (failedWith(error, 'EEXIST')) return false
    throw error
  }
}
