import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import {
  chmodSync,
  closeSync,
  constants,
  fstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  rmSync,
  unlinkSync,
} from 'node:fs'
import { createServer, type Socket } from 'node:net'
import { constants as system } from 'node:os'
import { join } from 'node:path'
import process from 'node:process'
import { setTimeout as delay, setImmediate as turn } from 'node:timers/promises'
import { listenerAt, systemFaultText } from '../../cells/kernel/libc.ts'
import { FILE_BYTES_MAX } from '../../config/yaml.ts'
import { monotonicUs } from '../../model/host/monotonic.ts'
import { O_PATH } from '../../model/host/plain-file.ts'
import { type Json, no, ok, parseJson, type Result } from '../../model/index.ts'
import { shortPath } from '../state/short-path.ts'
import { inPart } from '../state/state-part.ts'
import { STOP_MS_MAX } from '../stop/bounds.ts'
import { askAt } from './ask-at.ts'
import type { ControlReply, ControlRequest, Done, FilesAsk, TimedRequest } from './control-request.ts'

/** `isGivenUp` tells, at any time, whether who asked has ended or waits no more. */
type Handle = (request: ControlRequest, reply: (reply: ControlReply) => void, isGivenUp: () => boolean) => Promise<void>

/** Answered by the warden of another environment. */
export const NOT_MINE = 'no gateway of that environment runs here'

/** An order names agents, each of which stands in its configuration with more characters; nothing else is as long. */
const REQUEST_CHARACTERS_MAX = FILE_BYTES_MAX + 65_536

/** The door of a running warden: by it, and by nothing else, people's orders come in. */
export interface ControlSocket {
  /** Asks by the same way as a person's command does; why nobody would be answered there. */
  readonly answers: () => Promise<Result<void, string>>
  readonly close: () => Promise<void>
}

/**
 * Opens the socket by which people reach a running warden: of their own user's, in the state, where no cell sees it.
 * Whoever can open it is the state's owner; nothing that comes through it is believed to be anyone else. It has answered
 * once when this resolves: a run that nobody could stop does not start.
 */
export async function openControlSocket(
  stateDirectory: string,
  handle: Handle,
): Promise<Result<ControlSocket, string>> {
  const directory = directoryOf(stateDirectory)
  const unopened = (why: string) => no(`the control socket in ${directory} does not open (${why}): ${NO_DOOR}`)
  const made = attempt(() => {
    mkdirSync(directory, { recursive: true, mode: 0o700 })
    chmodSync(directory, 0o700)
  })
  if (!made.ok) return unopened(made.reason)
  const place = shortPath(directory)
  if (!place.ok) return unopened(place.reason.message)
  const name = `${process.pid}-${randomBytes(6).toString('hex')}.sock`
  const path = place.value.at(name)
  const sockets = new Set<Socket>()
  const server = createServer((socket) => {
    sockets.add(socket.on('close', () => sockets.delete(socket)).on('error', () => undefined))
    serve(socket, handle)
  })
  const listening = await new Promise<Result<void, string>>((resolve) => {
    server.on('error', (error) => resolve(no(error.message)))
    server.listen(path, () => resolve(attempt(() => chmodSync(path, 0o600))))
  })
  server.unref()
  const close = async () => {
    server.close()
    rmSync(path, { force: true })
    // Who waits for what became of an order gets to hear it; who asks nothing keeps nobody waiting.
    for (let i = 0; i < TURNS; i++) await turn()
    for (const socket of sockets) if (socket.bytesRead === 0) socket.destroy()
    const last = Promise.allSettled([...sockets].map((socket) => once(socket, 'close')))
    await Promise.race([last, delay(STOP_MS_MAX, undefined, { ref: false })])
    for (const socket of sockets) socket.destroy()
    place.value.close()
  }
  const answers = async () => {
    const answer = await ask(stateDirectory, name, { kind: 'cells' }, () => undefined, ANSWER_MS_MAX)
    return answer?.ok ? ok(undefined) : unopened(answer?.said ?? 'nobody listens there any more')
  }
  const door = { answers, close }
  const opened = listening.ok ? await answers() : unopened(listening.reason)
  if (opened.ok) return ok(door)
  await close()
  return opened
}

const NO_DOOR = 'nobody could stop what ran there. Keep the state elsewhere: --state <dir>'
/**
 * Milliseconds that we wait for our own socket to answer, which it does at once: the bound is for a host that stands
 * still.
 */
const ANSWER_MS_MAX = 10_000

function serve(socket: Socket, handle: Handle): void {
  let text = ''
  const reply = (said: ControlReply) => void socket.write(`${JSON.stringify(said)}\n`)
  const refuse = (said: string) => {
    reply({ kind: 'done', ok: false, said })
    // What still comes is read and dropped: whoever is cut off while they write does not hear why.
    socket.removeListener('data', hear).resume().end()
  }
  const hear = (chunk: string) => {
    text += chunk
    const end = text.indexOf('\n')
    if (text.length > REQUEST_CHARACTERS_MAX)
      return refuse(`nothing was done: a request has at most ${REQUEST_CHARACTERS_MAX} characters`)
    if (end === -1) return
    const request = attempt(() => requestIn(text.slice(0, end)))
    text = ''
    if (!request.ok) return refuse(`nothing was done: the request cannot be read: ${request.reason}`)
    const { untilUs, ...asked } = request.value
    const isGivenUp = () => isOver() || (untilUs !== undefined && monotonicUs() > untilUs)
    follow(asked, isGivenUp)
      .catch((error: unknown) =>
        reply({ kind: 'done', ok: false, said: error instanceof Error ? error.message : String(error) }),
      )
      .finally(() => socket.end())
  }
  const isOver = () => socket.destroyed || socket.readableEnded
  const follow = async (request: ControlRequest, isGivenUp: () => boolean) => {
    // A stop is carried out whenever it is heard. Whoever has ended says so behind what they asked.
    for (let i = 0; i < TURNS && request.kind !== 'contain'; i++) await turn()
    if (request.kind !== 'contain' && isGivenUp()) return refuse(`nothing was done: ${TOO_LATE}`)
    await handle(request, reply, isGivenUp)
  }
  socket.setEncoding('utf8').on('data', hear)
}

/** Turns of the loop by which the end of a connection is heard that was there with what it said. */
const TURNS = 3

/** Reads a request of our own command, by the state's owner; throws where it is none. */
function requestIn(text: string): TimedRequest {
  const value: unknown = parseJson(text)
  if (typeof value !== 'object' || value === null || !('kind' in value)) throw new TypeError('it asks for nothing')
  return value as TimedRequest
}

/** The reason why a request is refused that was heard after who asked had given up. */
export const TOO_LATE = 'the request was heard too late, and whoever asked has given up'

/**
 * Returns the names of the sockets of a state; who has asked all of them can ask again for those that have come since.
 */
function socketsIn(stateDirectory: string): Result<readonly string[], string> {
  const names = attempt(() => inPart(stateDirectory, CONTROL, (directory) => readdirSync(directory)))
  if (names.ok) return ok(names.value.filter((name) => name.endsWith('.sock')))
  return names.code === 'ENOENT' ? ok([]) : no(`${directoryOf(stateDirectory)} cannot be read: ${names.reason}`)
}

/**
 * Asks every warden that runs on this state, but for those whose sockets are in `asked`, and adds what it asks to that.
 * The sockets of dead ones are taken away; one that cannot be reached and may live has answered `silent`.
 */
export async function askWardens(
  stateDirectory: string,
  request: ControlRequest,
  onReply: (reply: ControlReply) => void,
  boundMs = 15_000,
  asked: Set<string> = new Set(),
): Promise<readonly Done[]> {
  const names = socketsIn(stateDirectory)
  if (!names.ok) return [{ kind: 'done', ok: false, said: names.reason }]
  const directory = directoryOf(stateDirectory)
  const others = names.value.filter((name) => !asked.has(`${directory}/${name}`))
  for (const name of others) asked.add(`${directory}/${name}`)
  const answers = await Promise.all(others.map((name) => ask(stateDirectory, name, request, onReply, boundMs)))
  return answers.filter((answer) => answer !== undefined)
}

/** Asks one warden; undefined where nobody listens any more. The socket that was looked at is the one that is asked. */
async function ask(
  stateDirectory: string,
  name: string,
  request: ControlRequest,
  onReply: (reply: ControlReply) => void,
  boundMs: number,
): Promise<Done | undefined> {
  const opened = attempt(() => inPart(stateDirectory, CONTROL, (directory) => openDoor(directory, name)))
  if (!opened.ok) return opened.code === 'ENOENT' ? undefined : { kind: 'done', ok: false, said: opened.reason }
  const fd = opened.value
  try {
    if (!fstatSync(fd).isSocket()) return undefined
    const socket = { path: `/proc/self/fd/${fd}`, state: stateDirectory, name }
    const said = await askAt(socket, request, onReply, boundMs)
    if (said !== 'nobody') return said
    attempt(() => inPart(stateDirectory, CONTROL, (directory) => unlinkSync(join(directory, name))))
    return undefined
  } finally {
    closeSync(fd)
  }
}

/** The process that listens at the socket of a warden, by the kernel's word. */
export type Listener =
  | { readonly kind: 'nobody' }
  /** `pid` is 0 for a process outside of this PID namespace; `uid` is the user to whom the socket belongs. */
  | { readonly kind: 'process'; readonly pid: number; readonly uid: number }
  /** Somebody may: it is not reached. `uid` where the socket is there. */
  | { readonly kind: 'unreached'; readonly why: string; readonly uid?: number }

/** Connects to the socket of a warden, and returns who listens there. */
export function listenerOf(stateDirectory: string, name: string): Listener {
  const opened = attempt(() => inPart(stateDirectory, CONTROL, (directory) => openDoor(directory, name)))
  if (!opened.ok) return opened.code === 'ENOENT' ? { kind: 'nobody' } : { kind: 'unreached', why: opened.reason }
  const fd = opened.value
  try {
    const { uid } = fstatSync(fd)
    const pid = listenerAt(`/proc/self/fd/${fd}`)
    if (pid.ok) return { kind: 'process', pid: pid.value, uid }
    const isNobody = pid.reason.errno === system.errno.ECONNREFUSED
    return isNobody ? { kind: 'nobody' } : { kind: 'unreached', why: systemFaultText(pid.reason), uid }
  } finally {
    closeSync(fd)
  }
}

/** Opens a socket as a name alone, which is no link; throws what is in the way. */
function openDoor(directory: string, name: string): number {
  const place = shortPath(directory)
  if (!place.ok) throw place.reason
  try {
    return openSync(place.value.at(name), O_PATH | constants.O_NOFOLLOW)
  } finally {
    place.value.close()
  }
}

/** Asks the warden whose cell lives on the files of a workspace, and returns what that has done. */
export async function askHolder(
  stateDirectory: string,
  filesAsk: FilesAsk,
  boundMs: number,
): Promise<Result<Json, string>> {
  const answers = await askWardens(stateDirectory, { kind: 'files', ask: filesAsk }, () => undefined, boundMs)
  const [holder] = answers.filter(({ said }) => said !== NOT_HELD)
  if (holder === undefined) return no('no run of this state has a cell on it: another state’s has, or it ends just now')
  return holder.ok ? ok(holder.files ?? null) : no(holder.said)
}

export const NOT_HELD = 'no cell of this warden lives on these files'

function directoryOf(stateDirectory: string): string {
  return join(stateDirectory, CONTROL)
}

const CONTROL = 'control'

function attempt<T>(
  act: () => T,
): { readonly ok: true; readonly value: T } | { readonly ok: false; readonly reason: string; readonly code?: string } {
  try {
    return ok(act())
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : undefined
    return { ...no(error instanceof Error ? error.message : String(error)), ...(code !== undefined && { code }) }
  }
}
