import { lstatSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import process from 'node:process'
import { setTimeout as delay } from 'node:timers/promises'
import { sendDescriptors } from '../../cells/descriptors.ts'
import { no, ok, type Result } from '../../model/index.ts'
import type { Applied, ApplyAsk, ApplyFault, Planned } from '../apply/apply-words.ts'
import type { RunEnd, RunEvent } from '../runs/agent-run.ts'
import { shortPath } from '../state/short-path.ts'
import { descriptorOf, hostPlace } from './host-door.ts'
import { type HostAsk, type HostReply, type HostRunAsk, type HostSignal, hearLines } from './host-words.ts'

/** A host that is up, as a command reaches it. */
export interface ReachedHost {
  /** Has a program run there with these streams; the connection is the run: where it ends, the cell does. */
  run(ask: HostRunAsk, fds: readonly [number, number, number], heard: (event: RunEvent) => void): HostedRun
  /** Ends the host in order; resolves when it is gone. */
  down(): Promise<Result<void, string>>
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

/** Returns the host that is up over a state; undefined where none is. */
export async function reachHost(stateDirectory: string): Promise<ReachedHost | undefined> {
  const first = await connected(stateDirectory)
  if (first === undefined) return undefined
  first.destroy()
  return {
    run: (ask, fds, heard) => runThere(stateDirectory, ask, fds, heard),
    down: async () => {
      const gone = asked(stateDirectory, { kind: 'down' }).then(() => true)
      const isGone = await Promise.race([gone, delay(DOWN_MS_MAX, false, { ref: false })])
      return isGone ? ok(undefined) : no(`it is not gone after ${DOWN_MS_MAX / 1_000} s`)
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
    socket = await connected(stateDirectory)
    if (socket === undefined) return no('the host has ended')
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
  const socket = await connected(stateDirectory)
  const replies: HostReply[] = []
  if (socket !== undefined) await talk(socket, ask, [], (reply) => replies.push(reply))
  return replies
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

/** Connects to a host of this user's: in a place that somebody else could have made, none is ours. */
function connected(stateDirectory: string): Promise<Socket | undefined> {
  if (!isOwnPlace(hostPlace(stateDirectory))) return Promise.resolve(undefined)
  const place = shortPath(hostPlace(stateDirectory))
  if (!place.ok) return Promise.resolve(undefined)
  return new Promise((resolve) => {
    const socket = connect(place.value.at('door.sock'))
    const settle = (value: Socket | undefined) => {
      place.value.close()
      resolve(value)
    }
    socket.once('connect', () => settle(socket)).once('error', () => settle(undefined))
  })
}
