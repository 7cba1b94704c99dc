/** The places in which wardens keep their runs, of this user and of others. */
import { isAbsolute, join } from 'node:path'
import process from 'node:process'
import { namesIn } from '../../../model/host/host-paths.ts'
import { isOwnPlace } from '../../kernel/own-place.ts'
import type { Profile } from '../../spec.ts'

/** Returns the directory in which a warden of this user keeps its runs. */
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
