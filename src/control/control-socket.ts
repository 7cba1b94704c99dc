import { once } from 'node:events'
import { chmodSync, existsSync, mkdirSync, readdirSync, rmSync } from 'node:fs'
import { connect, createServer, type Socket } from 'node:net'
import { basename, join } from 'node:path'
import process from 'node:process'
import { setTimeout as delay } from 'node:timers/promises'
import {
  type AgentName,
  type Json,
  type JsonObject,
  no,
  ok,
  type PersonName,
  type Result,
  type Rung,
} from '../model/index.ts'
import type { Confirmation, Order, Receipt } from './containment.ts'
import type { UndoOrder } from './undo-order.ts'

/** What a person asks of a running warden. */
export type ControlRequest =
  | { readonly kind: 'contain'; readonly order: Order }
  | {
      readonly kind: 'release'
      readonly agent: AgentName
      readonly environment: string
      readonly from: Rung
      readonly to: Rung
      readonly by: PersonName
      readonly why: string
    }
  | { readonly kind: 'undo'; readonly order: UndoOrder }
  | { readonly kind: 'cells' }
  | { readonly kind: 'files'; readonly ask: FilesAsk }

/** What it answers, a line each; the last one is `done`. */
export type ControlReply =
  | { readonly kind: 'confirmation'; readonly confirmation: Confirmation }
  | {
      readonly kind: 'done'
      readonly ok: boolean
      readonly said: string
      readonly receipt?: Receipt
      readonly cells?: readonly LiveCell[]
      /** Said by nobody: this process listens there, and does not answer. */
      readonly silent?: { readonly pid: number; readonly socket: string }
      /** What was done with files; absent where no cell of this warden lives on them. */
      readonly files?: Json
    }

/** Something about the files of a workspace that a cell lives on. */
export interface FilesAsk {
  readonly what: 'checkpoint' | 'restore' | 'commit'
  /** Its name in the state. */
  readonly workspace: string
  readonly detail: JsonObject
}

export interface LiveCell {
  readonly cell: string
  readonly agent: string
  readonly environment: string
  /** Where it stands: as it was last ordered, or as its gateway last said. */
  readonly rung: Rung
  readonly sinceMs: number
}

type Handle = (request: ControlRequest, reply: (reply: ControlReply) => void) => Promise<void>

/** Answered by the warden of another environment. */
export const NOT_MINE = 'no gateway of that environment runs here'

const REQUEST_BYTES_MAX = 65_536
/** An order and all that it escalates to has its own bounds; together they are less. */
const LAST_WORDS_MS_MAX = 10_000

/**
 * Where people reach a running warden: a socket of their own user's in the state, which no cell sees. Whoever can open
 * it is the state's owner; nothing that comes through it is believed to be anyone else.
 */
export function openControlSocket(stateDirectory: string, handle: Handle): () => Promise<void> {
  const directory = directoryOf(stateDirectory)
  mkdirSync(directory, { recursive: true, mode: 0o700 })
  chmodSync(directory, 0o700)
  const path = join(directory, `${process.pid}-${Math.floor(performance.now())}.sock`)
  const sockets = new Set<Socket>()
  const server = createServer((socket) => {
    sockets.add(socket.on('close', () => sockets.delete(socket)).on('error', () => undefined))
    let text = ''
    socket.on('data', (chunk: Buffer) => {
      text += chunk.toString('utf8')
      const end = text.indexOf('\n')
      if (text.length > REQUEST_BYTES_MAX) socket.destroy()
      if (end === -1 || socket.destroyed) return
      const reply = (said: ControlReply) => void socket.write(`${JSON.stringify(said)}\n`)
      // From the state's owner, by our own command: its shape is what that wrote.
      const request = JSON.parse(text.slice(0, end)) as ControlRequest
      text = ''
      handle(request, reply)
        .catch((error: unknown) =>
          reply({ kind: 'done', ok: false, said: error instanceof Error ? error.message : String(error) }),
        )
        .finally(() => socket.end())
    })
  })
  server.on('error', () => undefined)
  server.listen(path, () => chmodSync(path, 0o600))
  server.unref()
  return async () => {
    server.close()
    rmSync(path, { force: true })
    // Who waits for what became of an order gets to hear it.
    const last = Promise.allSettled([...sockets].map((socket) => once(socket, 'close')))
    await Promise.race([last, delay(LAST_WORDS_MS_MAX, undefined, { ref: false })])
    for (const socket of sockets) socket.destroy()
  }
}

/** Wardens that run on this state, or ran. */
export function wardenPids(stateDirectory: string): readonly number[] {
  const directory = directoryOf(stateDirectory)
  const names = existsSync(directory) ? readdirSync(directory) : []
  return names.flatMap((name) => /^(\d+)-\d+\.sock$/.exec(name)?.[1] ?? []).map(Number)
}

/** Asks every warden that runs on this state; the sockets of dead ones are taken away. */
export async function askWardens(
  stateDirectory: string,
  request: ControlRequest,
  onReply: (reply: ControlReply) => void,
  boundMs = 15_000,
): Promise<readonly Extract<ControlReply, { kind: 'done' }>[]> {
  const directory = directoryOf(stateDirectory)
  const names = existsSync(directory) ? readdirSync(directory).filter((name) => name.endsWith('.sock')) : []
  const answers = await Promise.all(names.map((name) => ask(join(directory, name), request, onReply, boundMs)))
  return answers.filter((answer) => answer !== undefined)
}

function ask(
  path: string,
  request: ControlRequest,
  onReply: (reply: ControlReply) => void,
  boundMs: number,
): Promise<Extract<ControlReply, { kind: 'done' }> | undefined> {
  return new Promise((resolve) => {
    let text = ''
    let done: Extract<ControlReply, { kind: 'done' }> | undefined
    let connected = false
    const socket = connect(path, () => {
      connected = true
      socket.write(`${JSON.stringify(request)}\n`)
    })
    socket.setTimeout(boundMs, () => socket.destroy())
    socket.on('data', (chunk: Buffer) => {
      const lines = (text + chunk.toString('utf8')).split('\n')
      text = lines.pop() ?? ''
      for (const line of lines) {
        const reply = JSON.parse(line) as ControlReply
        onReply(reply)
        if (reply.kind === 'done') done = reply
      }
    })
    socket.on('error', () => undefined)
    socket.on('close', () => {
      if (!connected) rmSync(path, { force: true })
      const silent = { pid: Number.parseInt(basename(path), 10), socket: path }
      const broken = { kind: 'done', ok: false, said: 'the warden was reached, and did not answer', silent } as const
      resolve(connected ? (done ?? broken) : undefined)
    })
  })
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
  return join(stateDirectory, 'control')
}
