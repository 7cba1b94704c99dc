import { lstatSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import process from 'node:process'
import { setTimeout as delay } from 'node:timers/promises'
import { sendDescriptors } from '../../cells/descriptors.ts'
import { type LockHolder, lockHolder } from '../../ledger/log/lock.ts'
import { failedWith } from '../../model/host/system-error.ts'
import { no, ok, type Result } from '../../model/index.ts'
import type { Applied, ApplyAsk, ApplyFault, Planned } from '../apply/apply-words.ts'
import type { RunEnd, RunEvent } from '../runs/agent-run.ts'
import { shortPath } from '../state/short-path.ts'
import { inPart } from '../state/state-part.ts'
import type { Unwritten } from '../stop/fence-again.ts'
import { descriptorOf, HOST_PART, hostPlace } from './host-door.ts'
import { type HostAsk, type HostReply, type HostRunAsk, type HostSignal, hearLines } from './host-words.ts'

/** A host that is up, as a command reaches it. */
export interface ReachedHost {
  /** Has a program run there with these streams; the connection is the run: where it ends, the cell does. */
  run(ask: HostRunAsk, fds: readonly [number, number, number], heard: (event: RunEvent) => void): HostedRun
  /** Ends the host in order; resolves when it is gone, with the orders that no fence has. An error where it did not say so. */
  down(): Promise<Result<readonly Unwritten[], string>>
  about(): Promise<Result<Extract<HostReply, { kind: 'about' }>, string>>
  /** Returns what putting the configuration in force would change that stands in its file now. */
  plan(): Promise<Result<Planned, ApplyFault>>
  apply(ask: ApplyAsk): Promise<Result<Applied, ApplyFault>>
}

export interface HostedRun {
  readonly ended: Promise<Result<RunEnd, string>>
  signal(signal: NodeJS.Signals): void
}

/** Milliseconds for a host to say who it is, which it does at once. */
const ABOUT_MS_MAX = 5_000
/** Milliseconds for a host to end all that runs in it: more than the bounds of its parts come to. */
const DOWN_MS_MAX = 60_000

/**
 * Returns the host that is up over a state; undefined where none is, which is the word of its lock alone. An error that names
 * it, and says why, where one is up and is not reached, or where that cannot be told.
 *
 * @param msMax milliseconds for the door of one to open whose lock is held.
 */
export async function reachHost(
  stateDirectory: string,
  msMax: number = REACH_MS_MAX,
): Promise<Result<ReachedHost | undefined, string>> {
  for (const until = performance.now() + msMax; ; await delay(REACH_EVERY_MS)) {
    const socket = await connected(stateDirectory)
    if (socket.ok) {
      socket.value.destroy()
      return ok(reached(stateDirectory))
    }
    let holder: LockHolder | undefined
    try {
      holder = inPart(stateDirectory, HOST_PART, lockHolder)
    } catch (error) {
      if (failedWith(error, 'ENOENT', 'ENOTDIR', 'ENAMETOOLONG')) return ok(undefined)
      return no(`whether a host is up cannot be told: ${error instanceof Error ? error.message : String(error)}`)
    }
    if (holder === undefined) return ok(undefined)
    const { pid, uid } = holder
    // One that comes up, or goes down, has its lock for a moment without its door.
    if (socket.reason !== NOT_OURS && performance.now() < until) continue
    return no(
      `a host is up and is not reached: process ${pid ?? 'of an unknown number'} of user ${uid}: ${socket.reason}`,
    )
  }
}

/** Milliseconds for the door of a host to open whose lock is held, and between two tries. */
const REACH_MS_MAX = 3_000
const REACH_EVERY_MS = 50

function reached(stateDirectory: string): ReachedHost {
  return {
    run: (ask, fds, heard) => runThere(stateDirectory, ask, fds, heard),
    down: async () => {
      const late = no(`it is not gone after ${DOWN_MS_MAX / 1_000} s`)
      const replies = await Promise.race([
        heardOf(stateDirectory, { kind: 'down' }),
        delay(DOWN_MS_MAX, late, { ref: false }),
      ])
      if (!replies.ok) return replies
      const [down] = replies.value.filter((reply) => reply.kind === 'down')
      return down === undefined ? no('it has ended, and did not say how') : ok(down.unwritten)
    },
    about: async () => {
      const late = delay<readonly HostReply[]>(ABOUT_MS_MAX, [], { ref: false })
      const replies = await Promise.race([asked(stateDirectory, { kind: 'about' }), late])
      const [about] = replies.filter((reply) => reply.kind === 'about')
      return about === undefined ? no('the host did not answer') : ok(about)
    },
    plan: async () => {
      const [said] = (await asked(stateDirectory, { kind: 'plan' })).filter((reply) => reply.kind === 'planned')
      return said === undefined ? LOST : said.planned
    },
    apply: async (ask) => {
      const [said] = (await asked(stateDirectory, { kind: 'apply', ask })).filter((reply) => reply.kind === 'applied')
      return said === undefined ? LOST : said.applied
    },
  }
}

const LOST = no({ kind: 'lost', problem: 'the host has ended, or does not know what was asked' } as const)

function runThere(
  stateDirectory: string,
  ask: HostRunAsk,
  fds: readonly [number, number, number],
  heard: (event: RunEvent) => void,
): HostedRun {
  let socket: Socket | undefined
  const ended = (async (): Promise<Result<RunEnd, string>> => {
    const opened = await connected(stateDirectory)
    if (!opened.ok) return no(`the host is not reached any more: ${opened.reason}`)
    socket = opened.value
    let end: Result<RunEnd, string> = no('the host has ended, and the cell with it')
    const sent = await talk(socket, ask, fds, (reply) => {
      if (reply.kind === 'event') heard(reply.event)
      else if (reply.kind === 'end') end = ok(reply.end)
      else if (reply.kind === 'refused') end = no(reply.why)
    })
    return sent.ok ? end : sent
  })()
  return {
    ended,
    signal(signal) {
      const words: HostSignal = { kind: 'signal', signal }
      socket?.write(`${JSON.stringify(words)}\n`)
    },
  }
}

async function asked(stateDirectory: string, ask: HostAsk): Promise<readonly HostReply[]> {
  const heard = await heardOf(stateDirectory, ask)
  return heard.ok ? heard.value : []
}

/** Returns what a host says until it ends the connection; an error where it was not asked. */
async function heardOf(stateDirectory: string, ask: HostAsk): Promise<Result<readonly HostReply[], string>> {
  const socket = await connected(stateDirectory)
  if (!socket.ok) return socket
  const replies: HostReply[] = []
  const sent = await talk(socket.value, ask, [], (reply) => replies.push(reply))
  return sent.ok ? ok(replies) : sent
}

/** Sends the first words with their descriptors, and hears until the connection has ended. */
async function talk(
  socket: Socket,
  ask: HostAsk,
  fds: readonly number[],
  hear: (reply: HostReply) => void,
): Promise<Result<void, string>> {
  const closed = new Promise<void>((resolve) => socket.on('close', () => resolve()).on('error', () => undefined))
  hearLines<HostReply>(socket, hear)
  const sent = sendDescriptors(descriptorOf(socket), Buffer.from(`${JSON.stringify(ask)}\n`), fds)
  if (!sent.ok) socket.destroy()
  await closed
  return sent.ok ? ok(undefined) : no(`the host cannot be told: ${sent.reason.kind}`)
}

/** Tells whether a directory is there that this user alone may use; false for a path that no call takes, too. */
function isOwnPlace(directory: string): boolean {
  try {
    const { uid, mode } = lstatSync(directory)
    return (mode & 0o170077) === 0o040000 && uid === process.geteuid?.()
  } catch {
    return false
  }
}

const NOT_OURS = 'its place is not one that this user alone may use'

/** Connects to a host of this user's: in a place that somebody else could have made, none is ours. */
function connected(stateDirectory: string): Promise<Result<Socket, string>> {
  if (!isOwnPlace(hostPlace(stateDirectory))) return Promise.resolve(no(NOT_OURS))
  const place = shortPath(hostPlace(stateDirectory))
  if (!place.ok) return Promise.resolve(no(place.reason.message))
  return new Promise((resolve) => {
    const socket = connect(place.value.at('door.sock'))
    const settle = (value: Result<Socket, string>) => {
      place.value.close()
      resolve(value)
    }
    socket
      .once('connect', () => settle(ok(socket)))
      .once('error', ({ message }) => settle(no(`its door does not open (${message})`)))
  })
}
