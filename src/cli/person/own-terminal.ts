import { readFileSync, type Stats, statSync } from 'node:fs'
import process from 'node:process'
import { isatty } from 'node:tty'
import { census } from '../../host/drivers.ts'
import { runPlaces } from '../../host/services/run-places.ts'
import { shownBy } from '../../host/state/shown-by.ts'
import { statesIn } from '../../host/state/tenants.ts'
import { failedWith } from '../../model/host/system-error.ts'

/**
 * Says why a decision may not be made on this terminal (S9): a run writes what its cell says on it, and a cell could show
 * a person something else than what they decide about, or type for them. Undefined where none does, of all the runs of
 * this host that this user can see, whatever their state; `state` only tells of further places to look for them.
 */
export function sharedTerminal(state: string): string | undefined {
  const self = standingOf('self')
  const own = new Set(STREAMS.filter((fd) => isatty(fd)).flatMap((fd) => streamOf('self', fd, self) ?? []))
  if (own.size === 0 || self === undefined) return undefined
  for (const device of relayedTo(self)) own.add(device)
  own.delete(NO_TERMINAL)
  for (const pid of wardensSeen(state)) {
    const { devices, session } = shownOn(pid)
    if (devices.some((device) => own.has(device)) || session === self.session)
      return `a run (process ${pid}) shows what its cell writes on this terminal, or whoever it hands that to may: decide on another one`
  }
  return undefined
}

function wardensSeen(state: string): ReadonlySet<number> {
  const noted = runPlaces(statesIn(state))
  const user = process.geteuid?.() ?? 0
  const users = user === 0 ? new Set([user, ...census.users()]) : [user]
  const places = (uid: number) => [...new Set([...census.runDirectories(uid), ...noted])]
  const wardens = [...users].flatMap((uid) => census.wardens({ runDirectories: places(uid), uid }))
  // A host shows its cells on the terminals of those who asked for them.
  const seen = new Set([...wardens, ...[...users].flatMap((uid) => shownBy(places(uid)))])
  // A command that has tried servers may ask: it shows no cell.
  seen.delete(process.pid)
  return seen
}

/** Terminals that may show what a run writes; and the session of one that hands it to another program. */
interface Shown {
  readonly devices: readonly number[]
  readonly session?: number
}

function shownOn(pid: number): Shown {
  const standing = standingOf(pid)
  if (standing === undefined) return { devices: [] }
  const streams = STREAMS.map((fd) => streamOf(pid, fd, standing))
  const devices = streams.filter((stream) => typeof stream === 'number')
  const isHanded = streams.includes(HANDED)
  if (!isHanded && devices.length === 0) return { devices }
  const all = [...devices, ...relayedTo(standing)]
  // `run | tee log`: whoever reads it was started beside it, on the same terminal.
  return isHanded ? { devices: [...all, standing.terminal], session: standing.session } : { devices: all }
}

const STREAMS = [0, 1, 2] as const
const HANDED = 'handed'

/**
 * Returns the device that a standard stream leads to, or that another program has the other end; undefined for a file,
 * and where there is none. What may not be looked at counts as handed on.
 */
function streamOf(
  pid: number | 'self',
  fd: number,
  { terminal }: Standing = NOBODY,
): number | typeof HANDED | undefined {
  let stat: Stats
  try {
    stat = statSync(`/proc/${pid}/fd/${fd}`)
  } catch (error) {
    return failedWith(error, 'ENOENT') ? undefined : HANDED
  }
  if (stat.isCharacterDevice()) return stat.rdev === DEV_TTY ? terminal : stat.rdev
  return fd !== 0 && (stat.isFIFO() || stat.isSocket()) ? HANDED : undefined
}

/** The device that is each process's own terminal, by any name. Linux, Documentation/admin-guide/devices.txt */
const DEV_TTY = 0x500

/** A process as the kernel shows it to everybody. proc(5), /proc/pid/stat */
interface Standing {
  readonly name: string
  readonly parent: number
  readonly session: number
  /** Device of its controlling terminal; `NO_TERMINAL` where it has none. */
  readonly terminal: number
}

const NO_TERMINAL = 0

const NOBODY: Standing = { name: '', parent: 0, session: 0, terminal: NO_TERMINAL }

function standingOf(pid: number | 'self'): Standing | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1')
    const [, parent, , session, terminal] = stat
      .slice(stat.lastIndexOf(')') + 2)
      .split(' ')
      .map(Number)
    const name = stat.slice(stat.indexOf('(') + 1, stat.lastIndexOf(')'))
    return { name, parent: parent ?? 0, session: session ?? 0, terminal: terminal ?? NO_TERMINAL }
  } catch {
    return undefined
  }
}

/** Returns the terminals on which whoever made the terminal of this session shows it. */
function relayedTo({ session }: Standing): readonly number[] {
  const leader = standingOf(session)
  const maker = leader === undefined || leader.parent <= 1 ? undefined : standingOf(leader.parent)
  return maker === undefined || !RELAYS.has(maker.name) ? [] : [maker.terminal, ...relayedTo(maker)]
}

const RELAYS: ReadonlySet<string> = new Set(['sudo', 'script'])
