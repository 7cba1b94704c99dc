import type { IncomingHttpHeaders } from 'node:http'
import type { Dispatcher } from 'undici'
import Pool from 'undici/lib/dispatcher/pool.js'
import { isJsonObject, type JsonObject, LIMITS, no, ok, type Result, type UpstreamName } from '../../../model/index.ts'
import type { ListName, Prepared, PrepareOptions, SendOptions, Sent, UpstreamConnection } from '../../upstream.ts'
import { encodeHeader, paramHeaderValues, routedName } from './headers.ts'
import { isSessionRevision, MODERN } from './revision.ts'
import { RPC, type RpcId, type RpcMessage, rpcError } from './rpc.ts'
import { SseReader } from './sse.ts'
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

export interface HttpUpstreamOptions {
  readonly name: UpstreamName
  readonly url: URL
  /** With secrets already in them. */
  readonly headers: ReadonlyMap<string, string>
}

/**
 * Connects to an MCP server over Streamable HTTP and finds out which revision it speaks: 2026-07-28 if it answers
 * `server/discover`, else the older ones by `initialize` (2026-07-28, "Backward compatibility").
 */
export async function connectHttpUpstream(options: HttpUpstreamOptions): Promise<Result<UpstreamConnection, string>> {
  const upstream = new HttpUpstream(options)
  const fault = await upstream.negotiate()
  if (fault === undefined) return ok(upstream)
  upstream.close()
  return no(fault)
}

/** How long a server may take to say what it is. */
const FIRST_ANSWER_MS_MAX = 10_000

/** Open connections to one upstream; a request beyond them waits its turn. */
const CONNECTIONS_MAX = 32

class HttpUpstream implements UpstreamConnection {
  readonly name: UpstreamName
  readonly #pool: Pool
  readonly #path: string
  readonly #headers: Readonly<Record<string, string>>
  #revision: Revision = MODERN
  #session: string | undefined
  #capabilities: JsonObject = {}
  #instructions: string | undefined
  #nextId = 1
  readonly #listeners: ((list: ListName) => void)[] = []
  readonly #closed = new AbortController()

  constructor({ name, url, headers }: HttpUpstreamOptions) {
    this.name = name
    this.#path = url.pathname + url.search
    this.#headers = Object.fromEntries(headers)
    this.#pool = new Pool(url.origin, {
      connections: CONNECTIONS_MAX,
      pipelining: 1,
      headersTimeout: UPSTREAM_SILENCE_MS_MAX,
      bodyTimeout: UPSTREAM_SILENCE_MS_MAX,
      connectTimeout: 5_000,
      maxHeaderSize: LIMITS.headerBytesMax,
    })
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

  async negotiate(): Promise<string | undefined> {
    let discovered = await this.#first('server/discover', {})
    // "Versioning": a server that refuses the version and names it as supported is asked once more.
    if (namesOurVersion(discovered)) discovered = await this.#first('server/discover', {})
    if (discovered.kind === 'answered' && isJsonObject(discovered.answer.value.result)) {
      const { supportedVersions, capabilities, instructions } = discovered.answer.value.result
      if (Array.isArray(supportedVersions) && supportedVersions.includes(MODERN)) {
        this.#describe(capabilities, instructions)
        this.#listen()
        return undefined
      }
    }
    if (discovered.kind === 'not-sent' || discovered.kind === 'unknown')
      return `it cannot be reached: ${discovered.why}`
    return this.#initialize()
  }

  async #initialize(): Promise<string | undefined> {
    this.#revision = '2025-11-25'
    this.#session = undefined
    const params = { protocolVersion: this.#revision, capabilities: {}, clientInfo: IMPLEMENTATION }
    const opened = await this.#first('initialize', params)
    if (opened.kind !== 'answered') return `initialize: ${opened.why}`
    const { result } = opened.answer.value
    if (!isJsonObject(result) || !isSessionRevision(result.protocolVersion)) {
      return `it speaks ${JSON.stringify(isJsonObject(result) ? result.protocolVersion : opened.answer.value.error)}, none of our revisions`
    }
    this.#revision = result.protocolVersion
    this.#describe(result.capabilities, result.instructions)
    await this.#post(notificationBytes(this.#revision, 'notifications/initialized', {}))
    this.#listen()
    return undefined
  }

  #describe(capabilities: unknown, instructions: unknown): void {
    // Read by the strict parser before, so that an object here is a JSON object.
    this.#capabilities = typeof capabilities === 'object' && capabilities !== null ? (capabilities as JsonObject) : {}
    this.#instructions = typeof instructions === 'string' ? instructions : undefined
  }

  prepare(method: string, params: JsonObject, options: PrepareOptions = {}): Prepared {
    const id = this.#nextId++
    const meta = {
      ...(options.progress ? { progressToken: id } : {}),
      ...(options.logLevel ? { logLevel: options.logLevel } : {}),
    }
    const bytes = requestBytes(this.#revision, id, method, params, meta)
    const headers = this.#requestHeaders(method, params)
    if (this.#revision === MODERN && isJsonObject(params.arguments)) {
      for (const [name, value] of paramHeaderValues(options.paramHeaders ?? [], params.arguments)) headers[name] = value
    }
    return { bytes, send: (send) => this.#send(bytes, headers, id, method, send) }
  }

  ask(method: string, params: JsonObject): Promise<Sent> {
    return this.#exchange(method, params, this.#closed.signal)
  }

  onListChanged(listener: (list: ListName) => void): void {
    this.#listeners.push(listener)
  }

  close(): void {
    this.#closed.abort()
    if (this.#session !== undefined) void this.#say('DELETE')
    this.#pool.close().catch(() => undefined)
  }

  #exchange(method: string, params: JsonObject, signal: AbortSignal): Promise<Sent> {
    return this.prepare(method, params).send({ lastCheck: () => undefined, signal })
  }

  #first(method: string, params: JsonObject): Promise<Sent> {
    return this.#exchange(
      method,
      params,
      AbortSignal.any([this.#closed.signal, AbortSignal.timeout(FIRST_ANSWER_MS_MAX)]),
    )
  }

  #requestHeaders(method: string, params: JsonObject): Record<string, string> {
    const headers: Record<string, string> = {
      ...this.#headers,
      'content-type': 'application/json',
      accept: 'application/json, text/event-stream',
    }
    if (this.#revision === MODERN) {
      headers['mcp-method'] = method
      const name = routedName(method, params)
      if (name !== undefined) headers['mcp-name'] = encodeHeader(name)
    }
    if (method !== 'initialize') headers['mcp-protocol-version'] = this.#revision
    if (this.#session !== undefined) headers['mcp-session-id'] = this.#session
    return headers
  }

  #send(
    bytes: Uint8Array,
    headers: Record<string, string>,
    id: RpcId,
    method: string,
    options: SendOptions,
  ): Promise<Sent> {
    return new Promise((resolve) => {
      const exchange = new Exchange(id, options, resolve, {
        onSession: (session) => {
          if (method === 'initialize') this.#session = session
        },
        onMessage: (message) => this.#unasked(message),
        onSessionLost: () => {
          if (this.#session !== undefined) this.#initialize().catch(() => undefined)
        },
      })
      try {
        this.#pool.dispatch({ path: this.#path, method: 'POST', headers, body: bytes }, exchange)
      } catch (error) {
        resolve({ kind: 'not-sent', why: messageOf(error) })
      }
    })
  }

  /** A notification or an answer of ours: no answer is due. */
  #post(bytes: Uint8Array): Promise<void> {
    return this.#say('POST', bytes)
  }

  /** Resolves when it was heard or not: the next request finds out whether the upstream is there. */
  #say(method: 'POST' | 'DELETE', body?: Uint8Array): Promise<void> {
    return new Promise((resolve) => {
      const request = { path: this.#path, method, headers: this.#requestHeaders('', {}), ...(body && { body }) }
      const done = () => resolve()
      this.#pool.dispatch(request, { onRequestStart: () => undefined, onResponseEnd: done, onResponseError: done })
    })
  }

  /** The stream of messages that belong to no request: a GET before 2026-07-28, `subscriptions/listen` since. */
  #listen(): void {
    const modern = this.#revision === MODERN
    const wanted = { toolsListChanged: true, promptsListChanged: true, resourcesListChanged: true }
    const id = this.#nextId++
    const exchange = new Exchange(id, { lastCheck: () => undefined, signal: this.#closed.signal }, () => undefined, {
      onSession: () => undefined,
      onMessage: (message) => this.#unasked(message),
      onSessionLost: () => undefined,
    })
    const method = 'subscriptions/listen'
    const headers = this.#requestHeaders(method, {})
    // An open stream is silent for as long as nothing changes.
    const quiet = { path: this.#path, bodyTimeout: 0 }
    const request: Dispatcher.DispatchOptions = modern
      ? { ...quiet, method: 'POST', headers, body: requestBytes(MODERN, id, method, { notifications: wanted }, {}) }
      : { ...quiet, method: 'GET', headers: { ...headers, accept: 'text/event-stream' } }
    this.#pool.dispatch(request, exchange)
  }

  #unasked(message: RpcMessage): void {
    if (message.kind === 'notification') this.#changed(message.method)
    if (message.kind !== 'request') return
    // Sampling, elicitation and roots are not passed on: the upstream hears so instead of waiting.
    const answer =
      message.method === 'ping' ? { result: {} } : rpcError(RPC.methodNotFound, `${message.method} is not supported`)
    void this.#post(Buffer.from(JSON.stringify({ jsonrpc: '2.0', id: message.id, ...answer })))
  }

  #changed(method: string): void {
    const list = /^notifications\/(tools|prompts|resources)\/list_changed$/.exec(method)?.[1]
    if (list !== undefined) for (const listener of this.#listeners) listener(list as ListName)
  }
}

interface ExchangeEvents {
  readonly onSession: (session: string) => void
  /** A message that is not the answer. */
  readonly onMessage: (message: RpcMessage) => void
  readonly onSessionLost: () => void
}

/**
 * One request and its answer, as undici reports them. `lastCheck` runs in `onRequestStart`, which undici calls in the
 * tick that writes the request: aborting there leaves no byte on the wire.
 */
class Exchange implements Dispatcher.DispatchHandler {
  readonly #id: RpcId
  readonly #options: SendOptions
  readonly #resolve: (sent: Sent) => void
  readonly #events: ExchangeEvents
  #controller: Dispatcher.DispatchController | undefined
  #written = false
  #withdrawn: string | undefined
  #done = false
  #status = 0
  #chunks: Uint8Array[] = []
  #length = 0
  #sse: SseReader | undefined

  constructor(id: RpcId, options: SendOptions, resolve: (sent: Sent) => void, events: ExchangeEvents) {
    this.#id = id
    this.#options = options
    this.#resolve = resolve
    this.#events = events
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller
    this.#withdrawn = this.#options.signal.aborted ? 'it was called off' : this.#options.lastCheck()
    if (this.#withdrawn !== undefined) {
      controller.abort(new Error(this.#withdrawn))
      return
    }
    this.#written = true
    this.#options.signal.addEventListener('abort', this.#onAbort, { once: true })
  }

  onResponseStart(_: Dispatcher.DispatchController, status: number, headers: IncomingHttpHeaders): void {
    this.#status = status
    const session = headers['mcp-session-id']
    if (typeof session === 'string' && /^[\x21-\x7e]{1,256}$/.test(session)) this.#events.onSession(session)
    if (String(headers['content-type'] ?? '').startsWith('text/event-stream')) this.#sse = new SseReader()
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Uint8Array): void {
    if (this.#done) return
    if (this.#sse !== undefined) return this.#readEvents(controller, this.#sse, chunk)
    this.#length += chunk.length
    if (this.#length > LIMITS.answerBytesMax)
      return this.#fail(`its answer is larger than ${LIMITS.answerBytesMax} bytes`)
    this.#chunks.push(chunk)
  }

  onResponseEnd(): void {
    if (this.#done) return
    if (this.#sse !== undefined) return this.#end({ kind: 'unknown', why: 'its stream ended without an answer' })
    const [first] = this.#chunks
    const bytes = this.#chunks.length === 1 && first !== undefined ? first : Buffer.concat(this.#chunks)
    // A redirect is never followed, and nothing that it carries is an answer.
    const redirected = this.#status >= 300 && this.#status < 400
    const message = bytes.length === 0 || redirected ? undefined : readMessage(bytes)
    if (this.#status === 404) this.#events.onSessionLost()
    if (
      message?.kind === 'response' &&
      (message.id === this.#id || (message.id === undefined && this.#status >= 400))
    ) {
      return this.#end(sentFrom(message.answer, bytes))
    }
    const why =
      this.#status >= 300
        ? `it answered with HTTP ${this.#status}`
        : 'its answer is not a JSON-RPC response to the request'
    // A refusal by status is an answer; 5xx and 3xx say nothing of what happened.
    this.#end(this.#status >= 400 && this.#status < 500 ? { kind: 'unreadable', why } : { kind: 'unknown', why })
  }

  onResponseError(_: Dispatcher.DispatchController, error: Error): void {
    const why = this.#withdrawn ?? messageOf(error)
    this.#end(this.#written ? { kind: 'unknown', why } : { kind: 'not-sent', why })
  }

  #readEvents(controller: Dispatcher.DispatchController, sse: SseReader, chunk: Uint8Array): void {
    let waiting: Promise<unknown> | undefined
    try {
      for (const event of sse.push(chunk)) {
        const bytes = Buffer.from(event.data)
        const message = readMessage(bytes)
        if (message === undefined) return this.#fail('it sent an event that is not JSON-RPC')
        if (message.kind === 'response' && message.id === this.#id) return this.#end(sentFrom(message.answer, bytes))
        const ofAList = message.kind === 'notification' && message.method.endsWith('/list_changed')
        if (message.kind === 'notification' && !ofAList && this.#options.onNotification !== undefined) {
          const passed = this.#options.onNotification(message.method, message.params)
          if (passed !== undefined) waiting = waiting === undefined ? passed : Promise.all([waiting, passed])
        } else this.#events.onMessage(message)
      }
    } catch (error) {
      return this.#fail(messageOf(error))
    }
    if (waiting === undefined) return
    // The cell reads slower than the upstream sends: the upstream waits.
    controller.pause()
    waiting.then(
      () => controller.resume(),
      () => this.#fail('the cell went away'),
    )
  }

  readonly #onAbort = (): void => {
    this.#controller?.abort(new Error('it was called off'))
  }

  #fail(why: string): void {
    this.#end({ kind: 'unreadable', why })
    this.#controller?.abort(new Error(why))
  }

  #end(sent: Sent): void {
    if (this.#done) return
    this.#done = true
    this.#options.signal.removeEventListener('abort', this.#onAbort)
    this.#chunks = []
    this.#resolve(sent)
  }
}

function messageOf(error: unknown): string {
  if (error instanceof AggregateError && error.errors[0] instanceof Error) return error.errors[0].message
  return error instanceof Error ? error.message : String(error)
}
