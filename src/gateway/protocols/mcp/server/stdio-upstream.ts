/**
 * A connection to a server over pipes: an action's bytes are made here (`prepare`) before the ledger has them, and sent
 * after that. It is long because what is written, what waits for an answer and why the server
 * is gone belong to one class.
 */
import { Socket } from 'node:net'
import {
  doubleOf,
  type Json,
  type JsonObject,
  LIMITS,
  no,
  ok,
  type Result,
  type UpstreamName,
} from '../../../../model/index.ts'
import { cutShown } from '../../../content/cut-shown.ts'
import type { SendOptions } from '../../../pipeline/line.ts'
import { McpNotification } from '../contract/answer.ts'
import { MODERN, type Revision } from '../revision.ts'
import type { RpcMessage, RpcNotification, RpcResponse } from '../rpc.ts'
import { hasBatches, messagesIn } from './batch.ts'
import type { ListName, McpPrepared, McpSent, PrepareOptions, UpstreamConnection } from './connection.ts'
import { LineReader } from './lines.ts'
import { type ConnectFault, negotiate, type Opened } from './negotiation.ts'
import {
  answerTo,
  notificationBytes,
  readMessage,
  requestBytes,
  sentFrom,
  UPSTREAM_SILENCE_MS_MAX,
} from './upstream-request.ts'

export interface StdioConnectionOptions {
  readonly name: UpstreamName
  /** Our end of the server's standard input; owned from here on. */
  readonly stdin: number
  /** Our end of its standard output; owned from here on. */
  readonly stdout: number
  readonly onClosed: () => void
  /** The revision that it was found to speak before. */
  readonly known?: Revision
  /** Several cells use it: what one of them does must not be felt by the others. */
  readonly shared?: boolean
  /** Ends the connection, also while it is being made. */
  readonly signal?: AbortSignal
  /** Asked before a message of so many bytes is read. */
  readonly turn?: (bytes: number) => Promise<void> | undefined
}

/**
 * Milliseconds that a server that has said what is no JSON-RPC may say nothing else before the calls that waited are
 * ended. Some write their log there, and answer all the same.
 */
const NOISE_MS_MAX = 10_000

/** Bytes that may wait to be read by a server: past this it is not taking orders any more. */
const WAITING_BYTES_MAX = 4 * LIMITS.frameBytesMax
/**
 * Bytes that may wait to be read by a shared server: of one cell a frame and what is put around it, of all of them
 * together this.
 */
const SHARE_BYTES_MAX = LIMITS.frameBytesMax + 65_536
const SHARED_BYTES_MAX = 16 * LIMITS.frameBytesMax

/**
 * Milliseconds to a first answer: a server may have to load a runtime and its packages before it, on a busy host a
 * minute.
 */
const FIRST_ANSWER_MS_MAX = 60_000

/**
 * Milliseconds that the question for 2026-07-28 may go unanswered, the start of a server on a busy host included: servers
 * before it say nothing to what they do not know.
 */
const PROBE_MS_MAX = 10_000

/**
 * Speaks MCP with a program in an upstream cell: one JSON-RPC message a line (MCP, transports, "stdio"). The program is
 * untrusted: it may say nothing, too much, or what it was not asked. One that does not survive the question for 2026-07-28
 * is told by `anew`: another process has to be asked to `initialize`.
 */
export async function connectStdioUpstream(
  options: StdioConnectionOptions,
): Promise<Result<UpstreamConnection, ConnectFault>> {
  const connection = new StdioConnection(options)
  const onAbort = () => connection.close()
  options.signal?.addEventListener('abort', onAbort, { once: true })
  if (options.signal?.aborted) connection.close()
  const fault = await connection.negotiate(options.known)
  options.signal?.removeEventListener('abort', onAbort)
  if (fault === undefined && !connection.closed) return ok(connection)
  connection.close()
  if (options.signal?.aborted) return no({ why: 'it was called off' })
  return no(fault ?? { why: 'it ended' })
}

interface Waiting {
  /**
   * Counts its silence from now, since the server said that it is at it; without effect where no progress was asked
   * for.
   */
  readonly heard: () => void
  /** Milliseconds that it may say nothing. */
  readonly silenceMs: number
  readonly onPart?: SendOptions['onPart']
  /** True where its cell has not taken what it was sent: of a shared server it is told nothing more until then. */
  slow: boolean
  readonly settle: (sent: McpSent) => void
}

class StdioConnection implements UpstreamConnection {
  readonly name: UpstreamName
  readonly #stdin: Socket
  readonly #stdout: Socket
  readonly #lines = new LineReader(LIMITS.answerBytesMax)
  readonly #waiting = new Map<number, Waiting>()
  readonly #listeners: ((list: ListName) => void)[] = []
  readonly #onClosed: () => void
  #revision: Revision = MODERN
  #capabilities: JsonObject = {}
  #instructions: string | undefined
  #nextId = 1
  #closed = false
  readonly #shared: boolean
  readonly #turn: NonNullable<StdioConnectionOptions['turn']>
  /** Bytes that the server has not read, by whom they are from. */
  readonly #unread = new Map<object, number>()
  /** Answers of ours that it has not read. */
  #answering = 0
  /** Lines that were read and not looked at. */
  #pending: Uint8Array[] = []
  #resting = false
  #negotiated = false
  /** The time at which it last said something that is JSON-RPC, on `performance`'s clock. */
  #heardMs = 0
  #noise: NodeJS.Timeout | undefined
  /** Until it has said something after a call was called off. */
  #watch: NodeJS.Timeout | undefined

  constructor({ name, stdin, stdout, onClosed, shared = false, turn = () => undefined }: StdioConnectionOptions) {
    this.name = name
    this.#shared = shared
    this.#turn = turn
    this.#onClosed = onClosed
    this.#stdin = new Socket({ fd: stdin, readable: false, writable: true })
    this.#stdout = new Socket({ fd: stdout, readable: true, writable: false })
    this.#stdout.on('data', (chunk) => this.#read(chunk))
    this.#stdout.on('close', () => this.close())
    this.#stdout.on('error', () => this.close())
    this.#stdin.on('error', () => this.close())
  }

  get closed(): boolean {
    return this.#closed
  }

  get capabilities(): JsonObject {
    return this.#capabilities
  }

  get instructions(): string | undefined {
    return this.#instructions
  }

  get revision(): Revision {
    return this.#revision
  }

  async negotiate(known: Revision | undefined): Promise<ConnectFault | undefined> {
    const opened = await negotiate({
      ...(known !== undefined && { known }),
      probeMsMax: PROBE_MS_MAX,
      answerMsMax: FIRST_ANSWER_MS_MAX,
      ask: async (revision, method, params, msMax) => {
        this.#revision = revision
        const sent = await this.#ask(method, params, msMax)
        return this.#closed ? { kind: 'unknown', why: 'it ended before it answered' } : sent
      },
      // One that has answered is there, and can be asked something else.
      mayGoOn: (sent) => sent.kind === 'answered',
    })
    if (!opened.ok) return opened.reason
    this.#begin(opened.value)
    return undefined
  }

  #begin({ revision, capabilities, instructions }: Opened): void {
    this.#negotiated = true
    this.#revision = revision
    this.#capabilities = capabilities
    this.#instructions = instructions
    if (revision === MODERN) this.#subscribe()
    else this.#write(notificationBytes(revision, 'notifications/initialized', {}), this)
  }

  prepare(method: string, params: JsonObject, options: PrepareOptions = {}): McpPrepared {
    const id = this.#nextId++
    // Progress is always asked for: it is how a long call says that it is alive.
    const meta = { progressToken: id, ...(options.logLevel ? { logLevel: options.logLevel } : {}) }
    const bytes = requestBytes(this.#revision, id, method, params, meta)
    const silenceMs = options.silenceMsMax ?? UPSTREAM_SILENCE_MS_MAX
    return { bytes, send: (send) => this.#send(bytes, id, send, silenceMs, true) }
  }

  ask(method: string, params: JsonObject, signal?: AbortSignal): Promise<McpSent> {
    return this.#ask(method, params, UPSTREAM_SILENCE_MS_MAX, signal)
  }

  onListChanged(listener: (list: ListName) => void): void {
    this.#listeners.push(listener)
  }

  /** Gives the server up for all, since there is one pair of pipes. */
  retire(): void {
    this.close()
  }

  close(): void {
    if (this.#closed) return
    this.#closed = true
    clearTimeout(this.#noise)
    clearTimeout(this.#watch)
    this.#stdin.destroy()
    this.#stdout.destroy()
    for (const [id, waiting] of this.#waiting) {
      this.#waiting.delete(id)
      waiting.settle({ kind: 'unknown', why: 'the upstream ended' })
    }
    this.#onClosed()
  }

  #ask(
    method: string,
    params: JsonObject,
    silenceMs: number,
    signal: AbortSignal = new AbortController().signal,
  ): Promise<McpSent> {
    const id = this.#nextId++
    const bytes = requestBytes(this.#revision, id, method, params, {})
    return this.#send(bytes, id, { lastCheck: () => undefined, signal, owner: this }, silenceMs)
  }

  #send(
    bytes: Uint8Array,
    id: number,
    options: SendOptions,
    silenceMs: number,
    asksProgress = false,
  ): Promise<McpSent> {
    const withdrawn = options.signal.aborted ? 'it was called off' : options.lastCheck()
    if (withdrawn !== undefined) return Promise.resolve({ kind: 'not-sent', why: withdrawn, lives: true })
    if (this.#closed) return Promise.resolve({ kind: 'not-sent', why: 'the upstream ended' })
    const owner = options.owner ?? this
    // What the server does not read waits here, and what one cell left unread leaves room for the others'.
    if (
      (this.#unread.get(owner) ?? 0) + bytes.length > (this.#shared ? SHARE_BYTES_MAX : WAITING_BYTES_MAX) ||
      this.#stdin.writableLength + bytes.length > (this.#shared ? SHARED_BYTES_MAX : WAITING_BYTES_MAX)
    )
      return Promise.resolve({ kind: 'not-sent', why: 'it does not read', lives: true })
    const begunMs = performance.now()
    return new Promise((resolve) => {
      const settle = (sent: McpSent) => {
        clearTimeout(timer)
        options.signal.removeEventListener('abort', onAbort)
        this.#waiting.delete(id)
        resolve(sent)
      }
      const onAbort = () => {
        const said = { requestId: id, reason: 'called off' }
        this.#write(notificationBytes(this.#revision, 'notifications/cancelled', said), owner)
        settle({ kind: 'unknown', why: 'it was called off', lives: true })
        this.#askForLife(silenceMs)
      }
      const onSilence = () => {
        // A shared server that answers others is not given up for one call.
        const lives = this.#shared && this.#heardMs > begunMs
        settle({ kind: 'unknown', why: `no answer within ${silenceMs} ms`, ...(lives && { lives }) })
      }
      const timer = setTimeout(onSilence, silenceMs)
      options.signal.addEventListener('abort', onAbort, { once: true })
      const { onPart } = options
      const heard = () => void (asksProgress && timer.refresh())
      this.#waiting.set(id, { settle, heard, silenceMs, slow: false, ...(onPart && { onPart }) })
      this.#write(bytes, owner)
    })
  }

  /**
   * Asks a server for a sign of life. Nobody waits for the answer that would have told of it, and clients are less
   * patient than we are: whether it still says anything is asked in our own name. What cannot be asked, because it does
   * not read, counts as silence.
   */
  #askForLife(calledOffMs: number): void {
    if (this.#watch !== undefined || this.#closed) return
    const begunMs = performance.now()
    // One that is at a call which may take long is not expected to answer anything else meanwhile.
    const others = [...this.#waiting.values()].map(({ silenceMs }) => silenceMs)
    const waitMs = Math.max(UPSTREAM_SILENCE_MS_MAX, calledOffMs, ...others)
    this.#watch = setTimeout(() => {
      this.#watch = undefined
      if (this.#heardMs < begunMs) this.close()
    }, waitMs)
    void this.ask(this.#revision === MODERN ? 'server/discover' : 'ping', {})
  }

  #write(bytes: Uint8Array, owner: object, onRead?: () => void): void {
    if (!this.#stdin.writable) return
    this.#unread.set(owner, (this.#unread.get(owner) ?? 0) + bytes.length)
    this.#stdin.write(bytes)
    this.#stdin.write('\n', () => {
      const left = (this.#unread.get(owner) ?? 0) - bytes.length
      if (left > 0) this.#unread.set(owner, left)
      else this.#unread.delete(owner)
      onRead?.()
    })
  }

  #read(chunk: Uint8Array): void {
    const lines = this.#lines.push(chunk)
    // A line that never ends would fill our memory.
    if (lines === undefined) return this.close()
    for (const line of lines) {
      if ('begins' in line) this.#heardTooMuch(line.begins)
      else this.#pending.push(line)
    }
    if (!this.#resting) this.#takeLines()
  }

  /** Settles the call whose answer is too large; a line of which nobody knows what it is costs the server. */
  #heardTooMuch(begins: Uint8Array): void {
    const answered = this.#answeredBy(Buffer.from(begins.subarray(0, 4_096)).toString('latin1'))
    if (answered === undefined) return this.close()
    const why = `its answer cannot be read: larger than ${LIMITS.answerBytesMax} bytes`
    answered.settle({ kind: 'unreadable', why, answers: true })
  }

  /** Large ones wait for their turn, and the server with them. */
  #takeLines(): void {
    const lines = this.#pending
    this.#pending = []
    for (const [i, line] of lines.entries()) {
      if (this.#closed) return
      const turn = this.#turn(line.length)
      if (turn === undefined) {
        this.#takeLine(line)
        if (!this.#resting) continue
        this.#pending = lines.slice(i + 1)
        return
      }
      this.#pending = lines.slice(i + 1)
      this.#rest(turn.then(() => this.#takeLine(line)))
      return
    }
  }

  #takeLine(line: Uint8Array): void {
    if (this.#closed) return
    const batch = hasBatches(this.#revision) ? messagesIn(line) : undefined
    if (batch !== undefined) {
      for (const each of batch) this.#takeLine(each)
      return
    }
    const message = readMessage(line)
    if (!message.ok) return this.#heardNoise(line, message.reason)
    this.#heardMs = performance.now()
    this.#take(message.value, line)
  }

  /** Has the server wait with what it says next. */
  #rest(until: Promise<unknown>): void {
    this.#resting = true
    this.#stdout.pause()
    const goOn = () => {
      this.#resting = false
      this.#takeLines()
      if (!this.#resting) this.#stdout.resume()
    }
    until.then(goOn, goOn)
  }

  #take(message: RpcMessage, bytes: Uint8Array): void {
    if (message.kind === 'response') return this.#answer(message, bytes)
    if (message.kind === 'notification') return this.#notified(message)
    // One that asks without reading our answers would have them kept here.
    if (this.#answering >= LIMITS.answersToUpstreamMax) return this.close()
    this.#answering++
    this.#write(answerTo(message), this, () => this.#answering--)
  }

  /**
   * No line that is not JSON-RPC answers anything: servers write their log there by mistake. An answer that cannot be read
   * ends its call at once; after anything else the calls that wait are given up where nothing follows that can.
   */
  #heardNoise(line: Uint8Array, fault: string): void {
    // Some write the id before what they answer, and some after it.
    const ends = [line.subarray(0, 4_096), line.subarray(Math.max(4_096, line.length - 256))]
    const answered = this.#answeredBy(Buffer.concat(ends).toString('latin1'))
    if (answered !== undefined)
      return answered.settle({ kind: 'unreadable', why: `its answer cannot be read: ${fault}`, answers: true })
    if (this.#waiting.size === 0 || this.#noise !== undefined || !this.#negotiated) return
    const saidMs = performance.now()
    const said = cutShown(JSON.stringify(cutShown(Buffer.from(line).toString('utf8'), 80)), 120)
    const waited = [...this.#waiting.values()]
    this.#noise = setTimeout(() => {
      this.#noise = undefined
      if (this.#heardMs > saidMs) return
      const why = `it said what is not JSON-RPC, and nothing else for ${NOISE_MS_MAX} ms: ${said}`
      for (const waiting of waited) waiting.settle({ kind: 'unreadable', why })
    }, NOISE_MS_MAX)
  }

  /** The call that a line means to answer, as far as can be told of one that cannot be read. */
  #answeredBy(text: string): Waiting | undefined {
    if (!/^\s*\{/.test(text) || !text.includes('"jsonrpc"')) return undefined
    const ids = [...text.matchAll(/"id"\s*:\s*(\d{1,15})\s*[,}]/g)].map(([, id]) => Number(id))
    return this.#waiting.get(ids.find((id) => this.#waiting.has(id)) ?? -1)
  }

  #answer(response: RpcResponse, bytes: Uint8Array): void {
    const { id } = response
    const waiting = typeof id === 'number' ? this.#waiting.get(id) : undefined
    waiting?.settle(sentFrom(response, bytes))
  }

  /** All requests share one stream: progress names its own by the token that we gave, log messages go to the only one. */
  #notified({ method, params }: RpcNotification): void {
    const list = /^notifications\/(tools|prompts|resources)\/list_changed$/.exec(method)?.[1]
    if (list !== undefined) for (const listener of this.#listeners) listener(list as ListName)
    // Whose call a log line belongs to cannot be told where several cells may call.
    if (this.#shared && method !== 'notifications/progress') return
    const waiting = this.#owner(method, params.progressToken)
    if (method === 'notifications/progress') waiting?.heard()
    if (waiting === undefined || waiting.slow) return
    const passed = waiting.onPart?.(new McpNotification(method, params))
    if (passed === undefined) return
    // The cell reads slower than the server sends: the server waits, unless others wait with it.
    if (!this.#shared) return this.#rest(passed)
    waiting.slow = true
    const read = () => {
      waiting.slow = false
    }
    passed.then(read, read)
  }

  #owner(method: string, token: Json | undefined): Waiting | undefined {
    if (method === 'notifications/progress') return this.#waiting.get(doubleOf(token) ?? -1)
    const [only, another] = this.#waiting.values()
    return method === 'notifications/message' && another === undefined ? only : undefined
  }

  #subscribe(): void {
    const wanted = { toolsListChanged: true, promptsListChanged: true, resourcesListChanged: true }
    this.#write(requestBytes(MODERN, this.#nextId++, 'subscriptions/listen', { notifications: wanted }, {}), this)
  }
}
