import { readdirSync, realpathSync, statSync } from 'node:fs'
import { basename, dirname, join, relative, sep } from 'node:path'
import { failedWith } from '../../model/host/system-error.ts'
import { census } from '../drivers.ts'

/** The reason why a directory is not taken for a state, and which states may be meant. */
export interface StateFault {
  readonly problem: string
  /** Directories of states, most likely first; empty where none is known. */
  readonly meant: readonly string[]
}

/**
 * Says why a directory that a person names as a state is none: it lies within a state, or holds something else. What is
 * not there yet, and what holds no more than a state that begins, may become one. A link is where it leads to.
 */
export function namedStateFault(named: string): StateFault | undefined {
  const path = placeOf(named)
  const within = withinState(path)
  if (within !== undefined) return within
  if (isState(path)) return undefined
  const names = namesIn(path)
  if (names === 'absent' || names?.every((name) => PARTS.has(name))) return undefined
  const of = stateNotedIn(path)
  const beside = [join(path, '.firebreak'), join(path, 'state')].filter(isState)
  const holds = names === undefined ? 'is no directory' : 'holds something else'
  return {
    problem: `${named} is no state: it ${holds}`,
    meant: [...(of === undefined ? [] : [wholeState(of)]), ...beside],
  }
}

/** Returns the state of the cell whose directory a person has named, where that can be read. */
function stateNotedIn(path: string): string | undefined {
  try {
    return census.noteIn(path)?.state
  } catch {
    return undefined
  }
}

/** Says within which state a path lies, where it does: a state in a state is reached by no order to the outer one. */
export function withinState(named: string): StateFault | undefined {
  const path = placeOf(named)
  for (let above = dirname(path); ; above = dirname(above)) {
    const [part = '', tenant = '', ...below] = relative(above, path).split(sep)
    const ofTenant = part === 'tenants' && tenant !== '' && below.length === 0
    // Whatever lies above a state may look like one: what a cell has put there keeps nobody from stopping it.
    if (isState(above) && (ofTenant || !isState(path))) {
      const whose = ofTenant ? `what is kept of a tenant, in the state ${above}` : `a part of the state ${above}`
      return { problem: `${named} is ${whose}`, meant: withinState(above)?.meant ?? [above] }
    }
    if (above === dirname(above)) return undefined
  }
}

/** Returns the state that a person names for one that may be a tenant's. */
export function wholeState(state: string): string {
  return withinState(state)?.meant[0] ?? state
}

/** Tells whether something has run in a directory, as a state or as that of tenants. */
function isState(path: string): boolean {
  if (hasRun(path)) return true
  const tenants = namesIn(join(path, 'tenants'))
  return Array.isArray(tenants) && tenants.some((name) => hasRun(join(path, 'tenants', name)))
}

/** A ledger alone may be anybody's. */
function hasRun(path: string): boolean {
  return isDirectory(join(path, 'ledger')) && ['witness', 'fence'].some((part) => isDirectory(join(path, part)))
}

/** Names in a state before anything has run in it, or while it is made. */
const PARTS: ReadonlySet<string> = new Set([
  'fence',
  'tenants',
  'ledger',
  'witness',
  'workspaces',
  'log',
  'control',
  'host',
  'uids.json',
])

/** Returns the path without links, as far as it is there. */
function placeOf(path: string): string {
  try {
    return realpathSync(path)
  } catch {
    return path === dirname(path) ? path : join(placeOf(dirname(path)), basename(path))
  }
}

function isDirectory(path: string): boolean {
  try {
    return statSync(path).isDirectory()
  } catch {
    return false
  }
}

/** Returns the names in a directory; `absent` where there is none or it cannot be read; undefined for a file. */
function namesIn(path: string): readonly string[] | 'absent' | undefined {
  try {
    return readdirSync(path)
  } catch (error) {
    return failedWith(error, 'ENOTDIR') ? undefined : 'absent'
  }
}
