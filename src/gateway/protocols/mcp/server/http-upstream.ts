/**
 * A connection to a server over HTTP: an action's bytes are made here (`prepare`) before the ledger has them, and sent by
 * `http-exchange.ts` after that. It is long because what it remembers (revision, session, credential, outage)
 * belongs to one class, whose every request may change it.
 */
import type { Dispatcher } from 'undici'
import {
  isJsonObject,
  type JsonObject,
  LIMITS,
  no,
  ok,
  type Result,
  type UpstreamName,
} from '../../../../model/index.ts'
import { Room } from '../../../fairness/room.ts'
import { Slots } from '../../../fairness/slots.ts'
import { belongsElsewhere } from '../../../origins/elsewhere.ts'
import { poolTo } from '../../../origins/pool.ts'
import type { SendOptions } from '../../../pipeline/line.ts'
import { encodeHeader, paramHeaderValues, routedName } from '../contract/headers.ts'
import { MODERN, type Revision, saysVersion } from '../revision.ts'
import type { RpcId, RpcMessage } from '../rpc.ts'
import { hasBatches } from './batch.ts'
import type { ListName, McpPrepared, McpSent, PrepareOptions, UpstreamConnection } from './connection.ts'
import { Exchange, type ExchangeEvents, Statement } from './http-exchange.ts'
import type { AnsweredRequest } from './http-refusal.ts'
import { speaksOldTransport } from './legacy-transport.ts'
import { type ConnectFault, negotiate, type Opened } from './negotiation.ts'
import { answerTo, notificationBytes, requestBytes, UPSTREAM_SILENCE_MS_MAX } from './upstream-request.ts'

export interface HttpConnectionOptions {
  readonly name: UpstreamName
  readonly url: URL
  /** Headers with secrets already in them. */
  readonly headers: ReadonlyMap<string, string>
  /** Certificates in PEM that alone are trusted to speak for it; absent: those that this host trusts. */
  readonly ca?: string
  /** Places of other environments, which nothing of this one reaches by whatever name. */
  readonly elsewhere: readonly string[]
  /** The revision that it was found to speak before. */
  readonly known?: Revision
  /** Ends the connection, also while it is being made. */
  readonly signal?: AbortSignal
  /** Asked before an answer of so many bytes is read. */
  readonly turn?: (bytes: number) => Promise<void> | undefined
}

/**
 * Connects to an MCP server over Streamable HTTP, in the revision that both speak (`negotiate`). Over HTTP a server that
 * says nothing, or that nobody reaches, is an outage and not an older one.
 */
export async function connectHttpUpstream(
  options: HttpConnectionOptions,
): Promise<Result<UpstreamConnection, ConnectFault>> {
  const { url, elsewhere } = options
  // A name is judged where it is looked up.
  const belongs = belongsElsewhere(url.hostname, portOf(url), elsewhere)
  if (belongs !== undefined) return no({ why: belongs })
  const connection = new HttpConnection(options)
  const onAbort = () => connection.close()
  options.signal?.addEventListener('abort', onAbort, { once: true })
  if (options.signal?.aborted) connection.close()
  const fault = await connection.negotiate(options.known)
  options.signal?.removeEventListener('abort', onAbort)
  if (fault === undefined && !connection.closed) return ok(connection)
  connection.close()
  return no(fault ?? { why: 'it was called off' })
}

function portOf({ port, protocol }: URL): number {
  return port === '' ? (protocol === 'https:' ? 443 : 80) : Number(port)
}

/** Milliseconds that a server may take to say what it is. */
const FIRST_ANSWER_MS_MAX = 10_000

/** Requests that are on the wire to one upstream; one beyond them waits its turn. */
const REQUESTS_MAX = 32

/**
 * A connection for each of them, for our answers to the upstream's requests, its standing stream and the end of a
 * session.
 */
const CONNECTIONS_MAX = REQUESTS_MAX + LIMITS.answersToUpstreamMax + 2

/** Milliseconds that the end of a session may take, while its connections stand. */
const FAREWELL_MS_MAX = 2_000

/** Between two tries of the standing stream: twice as long each time, while it breaks sooner than the last of them. */
const REOPEN_MS_MIN = 1_000
const REOPEN_MS_MAX = 60_000

class HttpConnection implements UpstreamConnection {
  readonly name: UpstreamName
  readonly #pool: Dispatcher
  readonly #path: string
  readonly #headers: Readonly<Record<string, string>>
  readonly #url: string
  #revision: Revision = MODERN
  #session: string | undefined
  #capabilities: JsonObject = {}
  #instructions: string | undefined
  #nextId = 1
  readonly #listeners: ((list: ListName) => void)[] = []
  readonly #closed = new AbortController()
  /** Requests that are on the wire, and those that wait. */
  readonly #slots = new Slots(REQUESTS_MAX)
  readonly #exchanges = new Set<Exchange>()
  readonly #room = new Room(LIMITS.answersBytesMax)
  readonly #turn: NonNullable<HttpConnectionOptions['turn']>
  /** Answers of ours that the upstream has not taken. */
  #answering = 0
  #retired = false
  #reopening: NodeJS.Timeout | undefined

  constructor({ name, url, headers, ca, elsewhere, turn = () => undefined }: HttpConnectionOptions) {
    this.name = name
    this.#turn = turn
    this.#url = url.href
    this.#path = url.pathname + url.search
    this.#headers = Object.fromEntries(headers)
    this.#pool = poolTo(url, {
      elsewhere,
      // Whoever wrote down an upstream may mean one of their own network.
      mayBePrivate: true,
      ...(ca !== undefined && { ca }),
      caKey: 'mcp: { ca: ./ca.pem }',
      connectionsMax: CONNECTIONS_MAX,
      silenceMsMax: UPSTREAM_SILENCE_MS_MAX,
    })
  }

  get capabilities(): JsonObject {
    return this.#capabilities
  }

  get instructions(): string | undefined {
    return this.#instructions
  }

  get closed(): boolean {
    return this.#retired
  }

  get revision(): Revision {
    return this.#revision
  }

  async negotiate(known: Revision | undefined): Promise<ConnectFault | undefined> {
    let silent = false
    let status: number | undefined
    const opened = await negotiate({
      ...(known !== undefined && { known }),
      probeMsMax: FIRST_ANSWER_MS_MAX,
      answerMsMax: FIRST_ANSWER_MS_MAX,
      ask: async (revision, method, params, msMax) => {
        this.#revision = revision
        if (method === 'initialize') this.#session = undefined
        const inTime = AbortSignal.timeout(msMax)
        const sent = await this.#exchange(method, params, AbortSignal.any([this.#closed.signal, inTime]))
        silent = inTime.aborted && sent.kind === 'unknown'
        status = sent.kind === 'unreadable' || sent.kind === 'unknown' ? sent.status : undefined
        return silent ? { kind: 'unknown', why: `it said nothing for ${msMax} ms` } : sent
      },
      mayGoOn: (sent) => sent.kind !== 'not-sent' && !silent && status !== 401 && !isRedirect(status),
    })
    if (!opened.ok) return this.#faultOf(opened.reason, status)
    return this.#begin(opened.value)
  }

  async #begin({ revision, capabilities, instructions }: Opened): Promise<ConnectFault | undefined> {
    this.#revision = revision
    this.#capabilities = capabilities
    this.#instructions = instructions
    if (revision !== MODERN) {
      const unheard = await this.#say('POST', notificationBytes(revision, 'notifications/initialized', {}))
      if (unheard !== undefined) return { why: `notifications/initialized: ${unheard}` }
    }
    this.#listen()
    return undefined
  }

  /** Returns the fault for a person. Where nobody answers, a server of the transport before this one may be there. */
  async #faultOf({ why, credential }: ConnectFault, status: number | undefined): Promise<ConnectFault> {
    if (status !== undefined && [400, 404, 405, 406, 415].includes(status)) {
      const accept = { ...this.#headers, accept: 'text/event-stream' }
      const old = await speaksOldTransport(this.#pool, this.#path, accept, this.#closed.signal)
      if (old) return { why: OLD_TRANSPORT }
      return { why: `${why}: no MCP server of Streamable HTTP answers at this url; ${WHERE_ELSE}` }
    }
    if (credential === true) return { why, credential }
    return { why: `it cannot be reached: ${why}` }
  }

  prepare(method: string, params: JsonObject, options: PrepareOptions = {}): McpPrepared {
    const id = this.#nextId++
    // Progress is always asked for: it is how a long call says that it is alive.
    const progress = method === 'initialize' || method === 'server/discover' ? {} : { progressToken: id }
    const meta = { ...progress, ...(options.logLevel ? { logLevel: options.logLevel } : {}) }
    const bytes = requestBytes(this.#revision, id, method, params, meta)
    const headers = this.#requestHeaders(method, params)
    if (this.#revision === MODERN && isJsonObject(params.arguments)) {
      for (const [name, value] of paramHeaderValues(options.paramHeaders ?? [], params.arguments)) headers[name] = value
    }
    const silenceMs = options.silenceMsMax ?? UPSTREAM_SILENCE_MS_MAX
    return { bytes, send: (send) => this.#send(bytes, headers, id, method, send, silenceMs) }
  }

  ask(method: string, params: JsonObject, signal?: AbortSignal): Promise<McpSent> {
    const { signal: closed } = this.#closed
    return this.#exchange(method, params, signal === undefined ? closed : AbortSignal.any([closed, signal]))
  }

  onListChanged(listener: (list: ListName) => void): void {
    this.#listeners.push(listener)
  }

  retire(): void {
    if (this.#retired) return
    this.#retired = true
    this.#closed.abort()
    clearTimeout(this.#reopening)
    if (this.#slots.idle) this.#leave()
    else this.#slots.onIdle = () => this.#leave()
  }

  close(): void {
    this.retire()
    this.#slots.drop()
    for (const exchange of this.#exchanges) exchange.cut('the connection was closed')
  }

  /** Leaves once nothing is under way. */
  #leave(): void {
    const farewell = this.#session === undefined ? Promise.resolve() : this.#say('DELETE', undefined, FAREWELL_MS_MAX)
    this.#session = undefined
    farewell.then(() => this.#pool.destroy()).catch(() => undefined)
  }

  #exchange(method: string, params: JsonObject, signal: AbortSignal): Promise<McpSent> {
    return this.prepare(method, params).send({ lastCheck: () => undefined, signal })
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
    if (method !== 'initialize' && saysVersion(this.#revision)) headers['mcp-protocol-version'] = this.#revision
    if (this.#session !== undefined) headers['mcp-session-id'] = this.#session
    return headers
  }

  #send(
    bytes: Uint8Array,
    headers: Record<string, string>,
    id: RpcId,
    method: string,
    options: SendOptions,
    silenceMs: number,
  ): Promise<McpSent> {
    return new Promise((resolve) => {
      const start = () => {
        const events = {
          ...this.#events,
          asked: this.#asked(method),
          onSession: (session: string) => {
            if (method === 'initialize') this.#session = session
          },
          onOver: () => this.#isOver(exchange),
        }
        const exchange = new Exchange(id, options, resolve, events)
        this.#exchanges.add(exchange)
        const silence = { headersTimeout: silenceMs, bodyTimeout: silenceMs }
        this.#dispatch({ path: this.#path, method: 'POST', headers, body: bytes, ...silence }, exchange)
      }
      const dropped = () => resolve({ kind: 'not-sent', why: 'it was called off', lives: true })
      this.#slots.take(start, options.signal, dropped)
    })
  }

  #asked(method: string): AnsweredRequest {
    const inSession = this.#revision !== MODERN && method !== 'initialize'
    return { url: this.#url, inSession, session: this.#session, batches: hasBatches(this.#revision) }
  }

  #isOver(exchange: Exchange): void {
    this.#exchanges.delete(exchange)
    this.#slots.give()
  }

  #dispatch(request: Dispatcher.DispatchOptions, handler: Exchange | Statement): void {
    try {
      this.#pool.dispatch(request, handler)
    } catch (error) {
      handler.failed(error)
    }
  }

  /** A statement of ours, to which nothing but a status is due. Resolves with why it was not heard. */
  #say(method: 'POST' | 'DELETE', body?: Uint8Array, msMax = FIRST_ANSWER_MS_MAX): Promise<string | undefined> {
    return new Promise((resolve) => {
      const headers = this.#requestHeaders('', {})
      const request = { path: this.#path, method, headers, headersTimeout: msMax, ...(body && { body }) }
      this.#dispatch(request, new Statement(msMax, resolve))
    })
  }

  /**
   * The stream of messages that belong to no request: a GET before 2026-07-28, `subscriptions/listen` since. One that
   * breaks is opened anew after a while, and what may have been said meanwhile is asked for.
   */
  #listen(afterMs = 0): void {
    const modern = this.#revision === MODERN
    const wanted = { toolsListChanged: true, promptsListChanged: true, resourcesListChanged: true }
    const id = this.#nextId++
    const begun = performance.now()
    const onOver = () => this.#exchanges.delete(exchange)
    const onEnd = (sent: McpSent) => {
      // One that was answered or refused is not offered.
      if (this.#retired || sent.kind === 'answered' || sent.kind === 'unreadable') return
      const lasted = performance.now() - begun
      const wait =
        lasted > REOPEN_MS_MAX ? REOPEN_MS_MIN : Math.min(Math.max(afterMs * 2, REOPEN_MS_MIN), REOPEN_MS_MAX)
      this.#reopening = setTimeout(() => {
        this.#listen(wait)
        for (const list of ['tools', 'prompts', 'resources'] as const) this.#changed(list)
      }, wait)
    }
    const options = { lastCheck: () => undefined, signal: this.#closed.signal }
    const method = 'subscriptions/listen'
    // Many servers have no such stream and answer it with 404: of the session only what is called tells.
    const deaf = { onSession: () => undefined, onSessionLost: () => undefined }
    const stream = { asked: this.#asked(method), ...deaf, onOver }
    const events = { ...this.#events, ...stream }
    const exchange = new Exchange(id, options, onEnd, events)
    this.#exchanges.add(exchange)
    const headers = this.#requestHeaders(method, {})
    // An open stream is silent for as long as nothing changes.
    const quiet = { path: this.#path, bodyTimeout: 0 }
    const request: Dispatcher.DispatchOptions = modern
      ? { ...quiet, method: 'POST', headers, body: requestBytes(MODERN, id, method, { notifications: wanted }, {}) }
      : { ...quiet, method: 'GET', headers: { ...headers, accept: 'text/event-stream' } }
    this.#dispatch(request, exchange)
  }

  readonly #events: Omit<ExchangeEvents, 'asked' | 'onSession' | 'onOver'> = {
    onMessage: (message) => this.#unasked(message),
    // It has forgotten us: the next use connects anew, and compares what it offers then.
    onSessionLost: () => {
      this.#session = undefined
      this.retire()
    },
    turn: (bytes) => this.#turn(bytes),
    room: this.#room,
  }

  #unasked(message: RpcMessage): void {
    if (message.kind === 'notification') this.#notified(message.method)
    if (message.kind !== 'request' || this.#retired) return
    // One that asks without taking our answers would have them kept here.
    if (this.#answering >= LIMITS.answersToUpstreamMax) return this.close()
    this.#answering++
    this.#say('POST', answerTo(message)).then(() => this.#answering--)
  }

  #notified(method: string): void {
    const list = /^notifications\/(tools|prompts|resources)\/list_changed$/.exec(method)?.[1]
    if (list !== undefined) this.#changed(list as ListName)
  }

  #changed(list: ListName): void {
    for (const listener of this.#listeners) listener(list)
  }
}

function isRedirect(status: number | undefined): boolean {
  return status !== undefined && status >= 300 && status < 400
}

const OLD_TRANSPORT =
  'it speaks the transport of 2024-11-05 (HTTP+SSE), which Firebreak does not: write the url of its Streamable HTTP endpoint (often /mcp), take a newer release of it, or run it over stdio (command:)'

const WHERE_ELSE =
  'look its url up (often /mcp); one that ends in /sse is of an older transport, which is not spoken here'
