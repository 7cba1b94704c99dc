import { Socket } from 'node:net'
import {
  isJsonObject,
  type Json,
  type JsonObject,
  LIMITS,
  no,
  ok,
  type Result,
  type UpstreamName,
} from '../../../model/index.ts'
import type { ListName, Prepared, PrepareOptions, SendOptions, Sent, UpstreamConnection } from '../../upstream.ts'
import { LineReader } from './lines.ts'
import { isSessionRevision, MODERN } from './revision.ts'
import { RPC, type RpcMessage, type RpcNotification, type RpcResponse, rpcError } from './rpc.ts'
import {
  IMPLEMENTATION,
  namesOurVersion,
  notificationBytes,
  type Revision,
  readMessage,
  requestBytes,
  sentFrom,
  UPSTREAM_SILENCE_MS_MAX,
} from './upstream-request.ts'

export interface StdioUpstreamOptions {
  readonly name: UpstreamName
  /** Our end of the server's standard input; owned from here on. */
  readonly stdin: number
  /** Our end of its standard output; owned from here on. */
  readonly stdout: number
  readonly onClosed: () => void
}

/** A server may have to load a runtime and its packages before it answers for the first time. */
const FIRST_ANSWER_MS_MAX = 30_000

/**
 * Speaks MCP with a program in an upstream cell: one JSON-RPC message a line (MCP, transports, "stdio"). The program is
 * untrusted: it may say nothing, too much, or what it was not asked.
 */
export async function connectStdioUpstream(options: StdioUpstreamOptions): Promise<Result<UpstreamConnection, string>> {
  const upstream = new StdioUpstream(options)
  const fault = await upstream.negotiate()
  if (fault === undefined) return ok(upstream)
  upstream.close()
  return no(fault)
}

interface Waiting {
  readonly onNotification?: SendOptions['onNotification']
  readonly settle: (sent: Sent) => void
}

class StdioUpstream implements UpstreamConnection {
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

  constructor({ name, stdin, stdout, onClosed }: StdioUpstreamOptions) {
    this.name = name
    this.#onClosed = onClosed
    this.#stdin = new Socket({ fd: stdin, readable: false, writable: true })
    this.#stdout = new Socket({ fd: stdout, readable: true, writable: false })
    this.#stdout.on('data', (chunk) => this.#read(chunk))
    this.#stdout.on('close', () => this.close())
    this.#stdout.on('error', () => this.close())
    this.#stdin.on('error', () => this.close())
  }

  get capabilities(): JsonObject {
    return this.#capabilities
  }

  get instructions(): string | undefined {
    return this.#instructions
  }

  /** `server/discover` first; whatever is not an answer to it is an earlier revision (2026-07-28, "Versioning"). */
  async negotiate(): Promise<string | undefined> {
    let discovered = await this.#first('server/discover', {})
    if (namesOurVersion(discovered)) discovered = await this.#first('server/discover', {})
    const result = discovered.kind === 'answered' ? discovered.answer.value.result : undefined
    if (isJsonObject(result) && Array.isArray(result.supportedVersions) && result.supportedVersions.includes(MODERN)) {
      this.#describe(result)
      this.#subscribe()
      return undefined
    }
    if (this.#closed) return 'it ended before it answered'
    this.#revision = '2025-11-25'
    const params = { protocolVersion: this.#revision, capabilities: {}, clientInfo: IMPLEMENTATION }
    const opened = await this.#first('initialize', params)
    if (opened.kind !== 'answered') return `initialize: ${opened.why}`
    const initialized = opened.answer.value.result
    if (!isJsonObject(initialized) || !isSessionRevision(initialized.protocolVersion))
      return 'it speaks none of our revisions'
    this.#revision = initialized.protocolVersion
    this.#describe(initialized)
    this.#write(notificationBytes(this.#revision, 'notifications/initialized', {}))
    return undefined
  }

  prepare(method: string, params: JsonObject, options: PrepareOptions = {}): Prepared {
    const id = this.#nextId++
    const meta = {
      ...(options.progress ? { progressToken: id } : {}),
      ...(options.logLevel ? { logLevel: options.logLevel } : {}),
    }
    const bytes = requestBytes(this.#revision, id, method, params, meta)
    return { bytes, send: (send) => this.#send(bytes, id, send, UPSTREAM_SILENCE_MS_MAX) }
  }

  ask(method: string, params: JsonObject): Promise<Sent> {
    return this.#ask(method, params, UPSTREAM_SILENCE_MS_MAX)
  }

  onListChanged(listener: (list: ListName) => void): void {
    this.#listeners.push(listener)
  }

  close(): void {
    if (this.#closed) return
    this.#closed = true
    this.#stdin.destroy()
    this.#stdout.destroy()
    for (const [id, waiting] of this.#waiting) {
      this.#waiting.delete(id)
      waiting.settle({ kind: 'unknown', why: 'the upstream ended' })
    }
    this.#onClosed()
  }

  #describe({ capabilities, instructions }: JsonObject): void {
    this.#capabilities = isJsonObject(capabilities) ? capabilities : {}
    this.#instructions = typeof instructions === 'string' ? instructions : undefined
  }

  #first(method: string, params: JsonObject): Promise<Sent> {
    return this.#ask(method, params, FIRST_ANSWER_MS_MAX)
  }

  #ask(method: string, params: JsonObject, silenceMs: number): Promise<Sent> {
    const id = this.#nextId++
    const bytes = requestBytes(this.#revision, id, method, params, {})
    return this.#send(bytes, id, { lastCheck: () => undefined, signal: new AbortController().signal }, silenceMs)
  }

  #send(bytes: Uint8Array, id: number, options: SendOptions, silenceMs: number): Promise<Sent> {
    const withdrawn = options.signal.aborted ? 'it was called off' : options.lastCheck()
    if (withdrawn !== undefined) return Promise.resolve({ kind: 'not-sent', why: withdrawn })
    if (this.#closed) return Promise.resolve({ kind: 'not-sent', why: 'the upstream ended' })
    // What the server does not read waits here: past this it is not taking orders any more.
    if (this.#stdin.writableLength > LIMITS.frameBytesMax * 4)
      return Promise.resolve({ kind: 'not-sent', why: 'it does not read' })
    return new Promise((resolve) => {
      const settle = (sent: Sent) => {
        clearTimeout(timer)
        options.signal.removeEventListener('abort', onAbort)
        this.#waiting.delete(id)
        resolve(sent)
      }
      const onAbort = () => {
        this.#write(
          notificationBytes(this.#revision, 'notifications/cancelled', { requestId: id, reason: 'called off' }),
        )
        settle({ kind: 'unknown', why: 'it was called off' })
      }
      const timer = setTimeout(() => settle({ kind: 'unknown', why: `no answer within ${silenceMs} ms` }), silenceMs)
      options.signal.addEventListener('abort', onAbort, { once: true })
      this.#waiting.set(id, { settle, ...(options.onNotification && { onNotification: options.onNotification }) })
      this.#write(bytes)
    })
  }

  #write(bytes: Uint8Array): void {
    if (!this.#stdin.writable) return
    this.#stdin.write(bytes)
    this.#stdin.write('\n')
  }

  #read(chunk: Uint8Array): void {
    const lines = this.#lines.push(chunk)
    // A line that never ends would fill our memory.
    if (lines === undefined) return this.close()
    for (const line of lines) {
      if (line.length === 0) continue
      const message = readMessage(line)
      // Servers log to standard output by mistake: what is not JSON-RPC is dropped, and can answer nothing.
      if (message !== undefined) this.#take(message, line)
    }
  }

  #take(message: RpcMessage, bytes: Uint8Array): void {
    if (message.kind === 'response') return this.#answer(message, bytes)
    if (message.kind === 'notification') return this.#notified(message)
    const answer =
      message.method === 'ping' ? { result: {} } : rpcError(RPC.methodNotFound, `${message.method} is not supported`)
    this.#write(Buffer.from(JSON.stringify({ jsonrpc: '2.0', id: message.id, ...answer })))
  }

  #answer({ id, answer }: RpcResponse, bytes: Uint8Array): void {
    const waiting = typeof id === 'number' ? this.#waiting.get(id) : undefined
    waiting?.settle(sentFrom(answer, bytes))
  }

  /** All requests share one stream: progress names its own by the token that we gave, log messages go to the only one. */
  #notified({ method, params }: RpcNotification): void {
    const list = /^notifications\/(tools|prompts|resources)\/list_changed$/.exec(method)?.[1]
    if (list !== undefined) for (const listener of this.#listeners) listener(list as ListName)
    const waiting = this.#owner(method, params.progressToken)
    const passed = waiting?.onNotification?.(method, params)
    if (passed === undefined) return
    // The cell reads slower than the server sends: the server waits.
    this.#stdout.pause()
    passed.then(
      () => this.#stdout.resume(),
      () => this.#stdout.resume(),
    )
  }

  #owner(method: string, token: Json | undefined): Waiting | undefined {
    if (method === 'notifications/progress') return typeof token === 'number' ? this.#waiting.get(token) : undefined
    const [only, another] = this.#waiting.values()
    return method === 'notifications/message' && another === undefined ? only : undefined
  }

  #subscribe(): void {
    const wanted = { toolsListChanged: true, promptsListChanged: true, resourcesListChanged: true }
    this.#write(requestBytes(MODERN, this.#nextId++, 'subscriptions/listen', { notifications: wanted }, {}))
  }
}
