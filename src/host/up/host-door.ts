import { chmodSync, closeSync, mkdirSync, rmSync } from 'node:fs'
import { createServer, type Socket } from 'node:net'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { receiveOne } from '../../cells/descriptors.ts'
import { lock } from '../../ledger/log/lock.ts'
import { no, ok, parseJson, type Result } from '../../model/index.ts'
import { shortPath } from '../state/short-path.ts'
import { HOST_LINE_BYTES_MAX, type HostAsk, type HostReply } from './host-words.ts'

/** A command that has come to the door of a host. */
export interface Caller {
  readonly ask: HostAsk
  /** The descriptors that came with the words; whoever takes the caller closes them. */
  readonly fds: readonly number[]
  /** Later words come here, and its end. */
  readonly socket: Socket
  readonly reply: (reply: HostReply) => void
}

/** The place by which commands reach the host of a state; one host has it. */
export interface HostDoor {
  close(): void
}

const SOCKET = 'door.sock'
/** Milliseconds in which a caller has said what it wants. */
const WORDS_MS_MAX = 5_000
/** Milliseconds between two looks for them: at first, and for whoever lets us wait. */
const WORDS_EVERY_MS_MIN = 5
const WORDS_EVERY_MS_MAX = 160
/** Connections that have not said what they want: more than runs that begin at once, and few to look at. */
const UNHEARD_MAX = 256
const END_OF_LINE = '\n'
/** Descriptors that come with the first words. */
const STREAMS_MAX = 3
/** Milliseconds for a lock to be free that nobody keeps, and between two tries. */
const LOCKED_MS_MAX = 200
const LOCKED_EVERY_MS = 20
/** Milliseconds for a caller to read the last words of a host that ends. */
const LAST_WORDS_MS_MAX = 2_000

/** Returns the directory of a state in which its host has its lock and its door. */
export function hostPlace(stateDirectory: string): string {
  return join(stateDirectory, HOST_PART)
}

/** The part of a state that its host has. */
export const HOST_PART = 'host'

/** Opens the door of the one host that a state has; an error where another process is that host. */
export async function openHostDoor(
  stateDirectory: string,
  follow: (caller: Caller) => void,
): Promise<Result<HostDoor, string>> {
  const directory = hostPlace(stateDirectory)
  mkdirSync(directory, { recursive: true, mode: 0o700 })
  chmodSync(directory, 0o700)
  const locked = await lockedWithin(directory, LOCKED_MS_MAX)
  if (!locked.ok)
    return no(locked.reason.kind === 'locked' ? `a host is up: ${locked.reason.by}` : 'its lock is no file')
  const place = shortPath(directory)
  if (!place.ok) return no(place.reason.message)
  const path = place.value.at(SOCKET)
  rmSync(path, { force: true })
  // Paused: the descriptors come with the first words, and only recvmsg takes them.
  const sockets = new Set<Socket>()
  const unheard = new Set<Socket>()
  const server = createServer({ pauseOnConnect: true }, (socket) => {
    sockets.add(socket.on('error', () => undefined).on('close', () => sockets.delete(socket)))
    // Whoever asks something says so at once: room is made by those that have said nothing for longest.
    const [silent] = unheard.size < UNHEARD_MAX ? [] : unheard
    if (silent !== undefined) unheard.delete(silent)
    silent?.destroy()
    unheard.add(socket)
    hearFirst(socket)
      .finally(() => unheard.delete(socket))
      .then(follow)
      // Whatever was said: it ends this connection, and nothing else.
      .catch(() => socket.destroy())
  })
  const listening = await new Promise<Result<void, string>>((resolve) => {
    server.on('error', (error) => resolve(no(error.message)))
    server.listen(path, () => resolve(ok(chmodSync(path, 0o600))))
  })
  let isClosed = false
  const close = () => {
    if (isClosed) return
    isClosed = true
    server.close()
    // Who waits for the end of this host hears it by theirs; who does not read keeps nobody.
    for (const socket of sockets) socket.destroySoon()
    setTimeout(() => {
      for (const socket of sockets) socket.destroy()
    }, LAST_WORDS_MS_MAX).unref()
    rmSync(path, { force: true })
    place.value.close()
    void locked.value.release()
  }
  if (listening.ok) return ok({ close })
  close()
  return listening
}

/** Takes the lock of a directory; whoever only asks who has it holds it for a moment. */
async function lockedWithin(directory: string, ms: number): ReturnType<typeof lock> {
  for (const until = performance.now() + ms; ; ) {
    const locked = await lock(directory)
    if (locked.ok || locked.reason.kind !== 'locked' || performance.now() > until) return locked
    await delay(LOCKED_EVERY_MS)
  }
}

/** Takes the first line of a connection and what came with it; rejects where that is none, and closes what had come. */
async function hearFirst(socket: Socket): Promise<Caller> {
  const fd = descriptorOf(socket)
  const until = performance.now() + WORDS_MS_MAX
  const fds: number[] = []
  let said = Buffer.alloc(0)
  let everyMs = WORDS_EVERY_MS_MIN
  try {
    while (!said.includes(END_OF_LINE)) {
      // Its number may be another's by now.
      if (socket.destroyed) throw new Error('it is gone')
      const received = receiveOne(fd)
      if (received === 'later' && performance.now() > until) throw new Error('it says nothing')
      if (received === 'later') {
        await delay(everyMs)
        everyMs = Math.min(2 * everyMs, WORDS_EVERY_MS_MAX)
        continue
      }
      if (!received.ok) throw new Error('it is gone')
      fds.push(...received.value.fds)
      said = Buffer.concat([said, received.value.message])
      if (fds.length > STREAMS_MAX) throw new RangeError('it hands over too much')
      if (said.length > HOST_LINE_BYTES_MAX) throw new RangeError('it says too much')
    }
    const end = said.indexOf(END_OF_LINE)
    const ask = askIn(said.toString('utf8', 0, end))
    // What it says next may have come with it, such as a signal: it is read by whoever takes the caller.
    if (end + 1 < said.length) socket.unshift(said.subarray(end + 1))
    return { ask, fds, socket, reply: (reply) => void socket.write(`${JSON.stringify(reply)}\n`) }
  } catch (error) {
    for (const each of fds) closeSync(each)
    throw error
  }
}

/** Reads the first words: of our own command, by the state's owner alone. Throws where they are none. */
function askIn(text: string): HostAsk {
  const value: unknown = parseJson(text)
  if (typeof value !== 'object' || value === null || !('kind' in value)) throw new TypeError('it asks for nothing')
  return value as HostAsk
}

/** Returns the descriptor of a connected socket: Node shows it under this name alone. */
export function descriptorOf(socket: Socket): number {
  const { _handle: handle } = socket as unknown as { readonly _handle?: { readonly fd?: number } }
  if (handle?.fd === undefined || handle.fd < 0) throw new Error('the connection is gone')
  return handle.fd
}
