/**
 * Evidence of a cell's processes, from the kernel's tables. Nothing here opens a file of the cell, and of its
 * environment only the names are read: values may be what it stole.
 */
import { closeSync, opendirSync, openSync, readdirSync, readFileSync, readlinkSync, readSync } from 'node:fs'
import { namesIn } from '../../../model/host/host-paths.ts'
import { cutText } from '../../../model/text/text.ts'
import type { AnywherePort } from '../../spec.ts'
import { inTurns } from './in-turns.ts'

export interface ProcessEvidence {
  /** The host's. */
  readonly pid: number
  readonly parent: number
  /** Command line as the process wrote it. */
  readonly command: string
  readonly program: string
  /** Paths, pipes and sockets that it has open. */
  readonly open: readonly string[]
  readonly environment: readonly string[]
  /** Lists of these that go on: the first are told. */
  readonly cut?: readonly ('open' | 'environment')[]
  /** Resident memory in KiB. Its mappings are not looked at: the kernel takes a moment for each, of which it may have 65,530. */
  readonly memoryKiB: number
}

const PROCESSES_MAX = 64
const OPEN_MAX = 64
const NAMES_MAX = 128
const TEXT_MAX = 256
/** Bytes that are read of a text that a process makes as long as it likes: a stop waits for nothing longer. */
const COMMAND_BYTES_MAX = 4_096
const ENVIRONMENT_BYTES_MAX = 65_536

/** A process that ended meanwhile is left out. */
export function processEvidence(pids: readonly number[]): readonly ProcessEvidence[] {
  return pids.slice(0, PROCESSES_MAX).flatMap((pid) => {
    const status = contents(`/proc/${pid}/status`)
    if (status === '') return []
    const field = (name: string) => Number(new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(status)?.[1] ?? 0)
    const open = openOf(pid)
    const variables = beginning(`/proc/${pid}/environ`, ENVIRONMENT_BYTES_MAX).split('\0')
    const cut = [
      ...(open.length > OPEN_MAX ? (['open'] as const) : []),
      ...(variables.length > NAMES_MAX || (variables.at(-1) ?? '') !== '' ? (['environment'] as const) : []),
    ]
    return {
      pid,
      parent: field('PPid'),
      command: plain(beginning(`/proc/${pid}/cmdline`, COMMAND_BYTES_MAX).replaceAll('\0', ' ')),
      program: plain(linked(`/proc/${pid}/exe`)),
      open: open.slice(0, OPEN_MAX),
      environment: variables
        .slice(0, NAMES_MAX)
        .flatMap((variable) => (variable.includes('=') ? [plain(variable.slice(0, variable.indexOf('=')))] : [])),
      ...(cut.length > 0 && { cut }),
      memoryKiB: field('VmRSS'),
    }
  })
}

/**
 * Returns how many sockets of one of these ports somebody holds in the network namespace of `pids`, processes of one
 * cell, in whatever state: of one that is closed in one direction the other still carries. Undefined if no thread of
 * them shows its tables. Ours are the warden's and the gateway's: what is the cell's own says nothing, wherever it listens
 * on such a port. That is one of `uid`, where the cell has a uid that nothing else has; else one that none of `holders`,
 * our processes, has open. Our listeners speak IPv4 only. proc(5), /proc/net/tcp and udp: reading one takes 5 ms, for its
 * hash table is the host's, and 3 ms for each thousand sockets of the cell, in turns; /proc/net/sockstat counts the
 * namespace's own at no cost. One that stands all the while is seen.
 */
export async function connectionsIn(
  pids: Iterable<number>,
  ports: readonly AnywherePort[],
  ours: Ours,
): Promise<number | undefined> {
  for (const pid of pids)
    for (const thread of threadsOf(pid)) {
      const found = await heldAt(`/proc/${pid}/task/${thread}/net`, ports).catch(() => undefined)
      if (found !== undefined) return countOf(found, ours)
    }
  return undefined
}

/** Returns the sockets that are held on these ports of a network, whose tables lie at `network`. */
async function heldAt(network: string, ports: readonly AnywherePort[]): Promise<readonly HeldSocket[]> {
  const counts = readFileSync(`${network}/sockstat`, 'utf8')
  const found: HeldSocket[] = []
  for (const transport of TRANSPORTS) {
    const wanted = ports.flatMap((each) => (each.transport === transport ? [each.port] : []))
    if (wanted.length === 0 || new RegExp(`^${transport}: inuse 0 `, 'im').test(counts)) continue
    let length = 0
    for await (const lines of inTurns(`${network}/${transport}`)) {
      length += lines.length
      found.push(...heldIn(lines, wanted))
    }
    if (length === 0) throw new Error('a table without a head is none')
  }
  return found
}

const TRANSPORTS = ['tcp', 'udp'] as const

/** The marks by which our sockets are told from those of a cell. */
export type Ours = { readonly uid: number } | { readonly holders: readonly number[] }

/**
 * The inode of a socket that no process holds: closed, and the kernel still brings its end about, or waiting to be
 * accepted: that one stands and falls with its listener.
 */
const NOBODY = '0'

/** A socket of a table that a process holds. */
interface HeldSocket {
  readonly uid: number
  readonly inode: string
}

/** Returns the sockets that are held on one of these ports, of lines of a /proc/net/tcp or udp. Others are not taken apart. */
function heldIn(lines: string, ports: readonly number[]): readonly HeldSocket[] {
  const local = ports.map((port) => port.toString(16).toUpperCase().padStart(4, '0')).join('|')
  return [...lines.matchAll(new RegExp(`^ *\\d+: [0-9A-F]{8}:(?:${local}) .*$`, 'gm'))]
    .map(([line]) => line.trim().split(/\s+/))
    .flatMap(([, , , , , , , uid, , inode = NOBODY]) => (inode === NOBODY ? [] : [{ uid: Number(uid), inode }]))
}

function countOf(sockets: readonly HeldSocket[], ours: Ours): number {
  if ('uid' in ours) return sockets.filter(({ uid }) => uid !== ours.uid).length
  const held = sockets.length === 0 ? undefined : openSocketsOf(ours.holders)
  return sockets.filter(({ inode }) => held?.has(`socket:[${inode}]`) ?? true).length
}

/** Returns the sockets that these processes have open; undefined where the kernel does not show all of them. */
function openSocketsOf(pids: readonly number[]): ReadonlySet<string> | undefined {
  try {
    return new Set(pids.flatMap((pid) => namesIn(`/proc/${pid}/fd`).map((fd) => linked(`/proc/${pid}/fd/${fd}`))))
  } catch {
    return undefined
  }
}

/** One whose main thread has ended shows its network through the others only. */
function threadsOf(pid: number): readonly string[] {
  try {
    return readdirSync(`/proc/${pid}/task`)
  } catch {
    return []
  }
}

/** Returns what a process has open: one more than is told, where there are more. */
function openOf(pid: number): readonly string[] {
  const open: string[] = []
  try {
    const directory = opendirSync(`/proc/${pid}/fd`)
    try {
      for (let entry = directory.readSync(); entry !== null && open.length <= OPEN_MAX; entry = directory.readSync())
        open.push(plain(linked(`/proc/${pid}/fd/${entry.name}`)))
    } finally {
      directory.closeSync()
    }
  } catch {
    // It ends just now.
  }
  return open
}

function linked(path: string): string {
  try {
    return readlinkSync(path)
  } catch {
    return ''
  }
}

function contents(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return ''
  }
}

function beginning(path: string, bytesMax: number): string {
  try {
    const fd = openSync(path, 'r')
    try {
      const bytes = Buffer.alloc(bytesMax)
      let length = 0
      for (let read = -1; read !== 0 && length < bytesMax; length += read)
        read = readSync(fd, bytes, length, bytesMax - length, null)
      return bytes.toString('utf8', 0, length)
    } finally {
      closeSync(fd)
    }
  } catch {
    return ''
  }
}

function plain(text: string): string {
  return cutText(text, TEXT_MAX).trim()
}
