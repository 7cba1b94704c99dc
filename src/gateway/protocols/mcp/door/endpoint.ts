/**
 * The door of one cell for MCP over HTTP: step 1 of the path of an action. `cell-server.ts` hands over each request;
 * what is well formed goes to its method in `methods.ts`, and the answer comes back here. It is long because five
 * revisions come in here, and each check of what a cell wrote stands in the order in which it is made.
 */
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import {
  cutText,
  isJsonObject,
  isNumber,
  type Json,
  type JsonObject,
  LIMITS,
  NAME_PATTERN,
  type UpstreamName,
} from '../../../../model/index.ts'
import type { EnvironmentContext } from '../../../admission/environment-context.ts'
import type { ServedCell } from '../../../admission/served-cell.ts'
import { FROM_CELL, jsonFaultText, parseStrictJson } from '../../../content/strict-json.ts'
import { type BodyFault, readBody } from '../../../fairness/http-body.ts'
import { cutConnection } from '../../../fairness/http-pieces.ts'
import { Room } from '../../../fairness/room.ts'
import { refuseFrame } from '../../../pipeline/refused.ts'
import { McpNotification } from '../contract/answer.ts'
import { headerMismatch } from '../contract/headers.ts'
import {
  isLogLevel,
  isSessionRevision,
  LOG_LEVELS,
  META,
  MODERN,
  modernResult,
  SESSION_REVISIONS,
  type SessionRevision,
} from '../revision.ts'
import {
  isRpcId,
  RPC,
  type RpcAnswer,
  type RpcId,
  type RpcNotification,
  type RpcRequest,
  readRpc,
  rpcError,
} from '../rpc.ts'
import { IMPLEMENTATION } from '../server/upstream-request.ts'
import { type CellRequest, capabilitiesFor, methodFor, TOO_LONG } from './methods.ts'
import { olderResult } from './older.ts'
import { Reply } from './reply.ts'
import { type Session, Sessions } from './sessions.ts'
import { Subscriptions } from './subscriptions.ts'

/**
 * MCP as one cell sees it, in all five revisions, over Streamable HTTP on its own listener: `/mcp` for everything that
 * it may use, `/mcp/<upstream>` for one upstream under its own names.
 *
 * Every byte that arrives here was written by the cell. Which cell that is was decided by the listener it came in on.
 */
export class McpEndpoint {
  readonly #gate: EnvironmentContext
  readonly #cell: ServedCell
  readonly #sessions = new Sessions()
  readonly #subscriptions: Subscriptions
  /** Room for frames that are being read or wait for their turn. */
  readonly #frames = new Room(LIMITS.framesBytesMax)
  /** Room for answers that the cell has not read yet. */
  readonly #unread = new Room(LIMITS.unreadBytesMax)
  /** Connections with a request that is not answered, or whose answer is not read. */
  readonly #busy = new WeakSet<Socket>()

  constructor(gate: EnvironmentContext, cell: ServedCell) {
    this.#gate = gate
    this.#cell = cell
    this.#subscriptions = new Subscriptions(cell, this.#sessions, this.#unread)
  }

  /**
   * Takes one HTTP request: its body is read, and what it asks for goes to the method that `methods.ts` has for it.
   * Throws, as `cutConnection` does, where the one before it on its connection is not answered yet.
   */
  handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { socket } = request
    // One at a time: who sends on before it has read would have its answers kept here. No client of MCP does.
    if (this.#busy.has(socket)) {
      this.#gate.slices.moved()
      cutConnection(socket)
    }
    this.#busy.add(socket)
    response.once('close', () => this.#busy.delete(socket))
    return this.#serve(request, response)
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    // The body is read also where the request is refused: Node would keep the pieces of one that is not.
    const body = await readBody(request, this.#frames)
    if (!body.ok && body.reason === 'broken-off') return
    const bytes = body.ok ? body.value.length : 0
    const turn = this.#gate.slices.take(this.#cell, bytes)
    if (turn !== undefined) await turn
    this.#frames.give(bytes)
    if (response.destroyed) return
    if (!body.ok) response.setHeader('connection', 'close')
    const reply = this.#reply(response)
    const view = viewOf(request.url ?? '')
    if (view === null) return reply.empty(404)
    if (!isLocal(request)) return this.#refuse(reply, 403, RPC.invalidRequest, 'this listener serves its own cell only')
    if (request.method === 'GET') return this.#openStream(request, response, reply)
    if (request.method === 'DELETE') return this.#endSession(request, reply)
    if (request.method !== 'POST') return reply.empty(405, { allow: 'GET, POST, DELETE' })
    if (!isPlainJson(request))
      return this.#refuse(reply, 415, RPC.invalidRequest, 'the content type must be application/json')
    if (!body.ok) {
      const status = body.reason === 'no-room' ? 429 : 413
      return this.#refuse(reply, status, RPC.invalidRequest, BODY_FAULTS[body.reason])
    }
    const json = parseStrictJson(body.value, FROM_CELL)
    if (!json.ok) {
      const problem = `refused: ${jsonFaultText(json.reason)}`
      return this.#refuse(reply, 400, RPC.parseError, problem, null, {}, Buffer.from(body.value).toString('latin1'))
    }
    if (Array.isArray(json.value)) return this.#refuse(reply, 400, RPC.invalidRequest, BATCH)
    const message = readRpc(json.value)
    if (message === undefined || message.kind === 'response') {
      return this.#refuse(
        reply,
        400,
        RPC.invalidRequest,
        `one JSON-RPC request or notification is expected, with an id of at most ${LIMITS.idCharactersMax} characters`,
      )
    }
    if (isModern(request, message)) return this.#modern(request, response, message, view)
    return this.#inSession(request, response, message, view)
  }

  #reply(response: ServerResponse, headers: Readonly<Record<string, string>> = {}): Reply {
    return new Reply(response, this.#unread, headers)
  }

  /** Refuses a request at the door, before it is an action, and records that. */
  async #refuse(
    reply: Reply,
    status: number,
    code: number,
    message: string,
    id: RpcId | null = null,
    data: JsonObject = {},
    frame = '',
  ): Promise<void> {
    const reference = await refuseFrame(this.#gate, this.#cell, message, frame)
    reply.fault(status, { code, message, data: { ...data, ...(reference && { reference }) } }, id)
  }

  /** Everything under way has been aborted already; this ends what only listens. */
  close(): void {
    for (const session of this.#sessions.all()) this.#sessions.end(session)
    this.#subscriptions.close()
  }

  /** 2026-07-28: no session; version and capabilities travel with every request. */
  async #modern(
    request: IncomingMessage,
    response: ServerResponse,
    message: RpcRequest | RpcNotification,
    view: UpstreamName | undefined,
  ): Promise<void> {
    const reply = this.#reply(response)
    if (message.kind === 'notification') return reply.accepted()
    const { id, method, params } = message
    const meta = isJsonObject(params._meta) ? params._meta : {}
    const fault = metaFault(meta) ?? tokenFault(meta)
    if (fault !== undefined) return this.#refuse(reply, 400, RPC.invalidParams, fault, id)
    const version = String(meta[META.version])
    const mismatch = headerMismatch(request.headers, version, method, params)
    if (mismatch === 'MCP-Protocol-Version')
      return this.#refuse(reply, 400, RPC.headerMismatch, `${mismatch} does not say what the body says`, id)
    if (version !== MODERN) {
      const data = { supported: [MODERN], requested: cutText(version, 64) }
      const problem = `protocol version ${cutText(version, 32)} is not supported: ask for ${MODERN}, or initialize with one of ${SESSION_REVISIONS.join(', ')}`
      return this.#refuse(reply, 400, RPC.unsupportedVersion, problem, id, data)
    }
    if (mismatch !== undefined)
      return this.#refuse(reply, 400, RPC.headerMismatch, `${mismatch} does not say what the body says`, id)
    if (method === 'subscriptions/listen') return this.#subscriptions.listen(id, params, response)
    if (method === 'server/discover') {
      const result = {
        supportedVersions: [MODERN],
        capabilities: capabilitiesFor(this.#cell, view),
        instructions: INSTRUCTIONS,
      }
      return reply.answer(id, { result: modernResult(method, result, IMPLEMENTATION) })
    }
    if (methodFor(method) === undefined)
      return this.#refuse(reply, 404, RPC.methodNotFound, `${cutText(method, 64)} is not supported`, id)
    const level = meta[META.logLevel]
    const logLevel = isLogLevel(level) ? { logLevel: level } : {}
    const wanted = { method, params, view, headers: request.headers, ...logLevel }
    const answer = await this.#call(response, reply, wanted, { progressToken: meta.progressToken })
    if (answer === undefined) return
    if ('error' in answer) return reply.answer(id, answer, statusOf(answer.error.code))
    reply.answer(id, { result: modernResult(method, answer.result, IMPLEMENTATION) })
  }

  /**
   * Answers a request of the revisions before 2026-07-28: in a session that `initialize` opens and that is known on
   * this listener alone.
   */
  async #inSession(
    request: IncomingMessage,
    response: ServerResponse,
    message: RpcRequest | RpcNotification,
    view: UpstreamName | undefined,
  ): Promise<void> {
    const accept = request.headers.accept ?? ''
    if (!accept.includes('application/json') || !accept.includes('text/event-stream')) {
      const problem = 'accept both application/json and text/event-stream'
      return this.#refuse(this.#reply(response), 406, RPC.invalidRequest, problem)
    }
    if (message.kind === 'request' && message.method === 'initialize')
      return this.#initialize(request, response, message, view)
    const session = this.#sessionOf(request, this.#reply(response))
    if (session === undefined) return
    const reply = this.#reply(response, { 'mcp-session-id': session.id })
    if (message.kind === 'notification') {
      const { requestId } = message.params
      if (message.method === 'notifications/cancelled' && isRpcId(requestId)) session.underWay.get(requestId)?.abort()
      return reply.accepted()
    }
    const { id, method, params } = message
    if (method === 'initialize')
      return reply.answer(id, rpcError(RPC.invalidRequest, 'this session is initialized'), 400)
    if (method === 'ping') return reply.answer(id, { result: {} })
    if (method === 'logging/setLevel') {
      if (!isLogLevel(params.level))
        return reply.answer(id, rpcError(RPC.invalidParams, `level is one of: ${LOG_LEVELS.join(', ')}`))
      session.logLevel = params.level
      return reply.answer(id, { result: {} })
    }
    if (methodFor(method) === undefined)
      return this.#refuse(reply, 200, RPC.methodNotFound, `${cutText(method, 64)} is not supported`, id)
    if (session.underWay.has(id))
      return reply.answer(id, rpcError(RPC.invalidRequest, 'a request with this id is under way'), 400)
    const meta = isJsonObject(params._meta) ? params._meta : {}
    const fault = tokenFault(meta)
    if (fault !== undefined) return this.#refuse(reply, 400, RPC.invalidParams, fault, id)
    const cancel = new AbortController()
    session.underWay.set(id, cancel)
    try {
      const wanted = { method, params, view, logLevel: session.logLevel ?? 'info' }
      const answer = await this.#call(response, reply, wanted, { progressToken: meta.progressToken, cancel })
      // A request that its sender cancelled gets no answer, but its connection must end.
      if (cancel.signal.aborted) response.destroyed || response.end()
      else if (answer !== undefined) reply.answer(id, olderAnswer(session.revision, method, answer))
    } finally {
      session.underWay.delete(id)
    }
  }

  #initialize(
    request: IncomingMessage,
    response: ServerResponse,
    { id, params }: RpcRequest,
    view: UpstreamName | undefined,
  ): void | Promise<void> {
    if (request.headers['mcp-protocol-version'] === MODERN) {
      const problem = 'initialize belongs to earlier revisions'
      return this.#refuse(this.#reply(response), 400, RPC.headerMismatch, problem, id)
    }
    if (request.headers['mcp-session-id'] !== undefined) {
      return this.#reply(response).answer(id, rpcError(RPC.invalidRequest, 'this session is initialized'), 400)
    }
    const asked = params.protocolVersion
    const session = this.#sessions.open(isSessionRevision(asked) ? asked : SESSION_REVISIONS[0])
    const result = {
      protocolVersion: session.revision,
      capabilities: capabilitiesFor(this.#cell, view),
      serverInfo: IMPLEMENTATION,
      instructions: INSTRUCTIONS,
    }
    this.#reply(response, { 'mcp-session-id': session.id }).answer(id, { result })
  }

  /** The one place where a method runs: bounded in number, ended with the cell, its request or its connection. */
  async #call(
    response: ServerResponse,
    reply: Reply,
    wanted: Omit<CellRequest, 'signal' | 'calledOff' | 'onPart' | 'hears'>,
    { progressToken, cancel = new AbortController() }: CallOptions,
  ): Promise<RpcAnswer | undefined> {
    const method = methodFor(wanted.method)
    if (method === undefined) return rpcError(RPC.methodNotFound, 'not supported')
    if (this.#cell.underWay >= LIMITS.requestsUnderWayMax) {
      return rpcError(RPC.internalError, `at most ${LIMITS.requestsUnderWayMax} requests may be under way`)
    }
    const end = new AbortController()
    const onGone = () => {
      end.abort()
      cancel.abort()
    }
    const onClose = () => {
      if (!response.writableFinished) cancel.abort()
    }
    this.#cell.gone.signal.addEventListener('abort', onGone, { once: true })
    response.once('close', onClose)
    const deadline = setTimeout(() => end.abort(TOO_LONG), LIMITS.callMsMax)
    this.#cell.underWay++
    const parts = onPartFor(reply, progressToken, wanted.logLevel)
    const request: CellRequest = { ...wanted, ...parts, signal: end.signal, calledOff: cancel.signal }
    try {
      return await method(this.#gate, this.#cell, request)
    } catch (error) {
      // A bug of ours: the cell learns nothing of it, and no door stays open.
      process.stderr.write(`gateway: ${error instanceof Error ? error.stack : String(error)}\n`)
      return rpcError(RPC.internalError, 'the gateway failed')
    } finally {
      clearTimeout(deadline)
      // It is under way until the cell has read its answer.
      if (response.closed) this.#cell.underWay--
      else response.once('close', () => this.#cell.underWay--)
      this.#cell.gone.signal.removeEventListener('abort', onGone)
      response.off('close', onClose)
    }
  }

  #openStream(request: IncomingMessage, response: ServerResponse, reply: Reply): void {
    if (request.headers['mcp-session-id'] === undefined) return reply.empty(405, { allow: 'POST' })
    const session = this.#sessionOf(request, reply)
    if (session === undefined) return
    if (!(request.headers.accept ?? '').includes('text/event-stream')) return reply.empty(406)
    this.#subscriptions.stream(session, response)
  }

  #endSession(request: IncomingMessage, reply: Reply): void {
    if (request.headers['mcp-session-id'] === undefined) return reply.empty(405, { allow: 'POST' })
    const session = this.#sessionOf(request, reply)
    if (session === undefined) return
    this.#sessions.end(session)
    reply.empty(200)
  }

  #sessionOf(request: IncomingMessage, reply: Reply): Session | undefined {
    const id = request.headers['mcp-session-id']
    if (typeof id !== 'string') {
      this.#refuse(reply, 400, RPC.invalidRequest, 'Mcp-Session-Id is missing: initialize first')
      return undefined
    }
    const session = this.#sessions.get(id)
    if (session === undefined) {
      this.#refuse(reply, 404, RPC.invalidRequest, 'there is no such session on this listener')
      return undefined
    }
    const version = request.headers['mcp-protocol-version']
    if (version !== undefined && version !== session.revision) {
      this.#refuse(reply, 400, RPC.invalidRequest, `this session speaks ${session.revision}`)
      return undefined
    }
    return session
  }
}

function olderAnswer(revision: SessionRevision, method: string, answer: RpcAnswer): RpcAnswer {
  return 'error' in answer ? answer : { result: olderResult(revision, method, answer.result) }
}

const BODY_FAULTS: Readonly<Record<BodyFault, string>> = {
  'broken-off': 'the frame broke off',
  'too-large': `a frame has at most ${LIMITS.frameBytesMax} bytes`,
  'too-many-pieces': 'the frame comes in too many pieces',
  'no-room': `at most ${LIMITS.framesBytesMax} bytes of frames may be on their way`,
}

/** 2026-07-28, "Error codes": these two are told by the status as well; all others are answers like any other. */
function statusOf(code: number): number {
  return code === RPC.headerMismatch || code === RPC.missingCapability ? 400 : 200
}

/** The refusal of batches, which 2025-03-26 has: what is decided, and answered, is one action. */
const BATCH = 'a batch of JSON-RPC messages is refused: send each of them in a request of its own'

const INSTRUCTIONS =
  'Every call is decided by a policy and recorded. A refusal carries a reference; repeating the same call will not change it.'

interface CallOptions {
  /** The cell's own name for what is said of the call meanwhile. */
  readonly progressToken: Json | undefined
  /** In a session the cell can cancel by id as well. */
  readonly cancel?: AbortController
}

/** Progress goes out under the cell's own token; log messages only from the level that it asked for. */
function onPartFor(
  reply: Reply,
  progressToken: Json | undefined,
  logLevel: string | undefined,
): Pick<CellRequest, 'onPart' | 'hears'> {
  const wantsProgress = isRpcId(progressToken)
  const wantsLog = isLogLevel(logLevel)
  if (!wantsProgress && !wantsLog) return {}
  const saidOf = ({ method, said: params }: McpNotification): JsonObject | undefined => {
    if (method === 'notifications/progress' && wantsProgress) {
      const { progress, total, message } = params
      if (!isNumber(progress)) return undefined
      return {
        progressToken,
        progress,
        ...(isNumber(total) && { total }),
        ...(typeof message === 'string' && { message }),
      }
    }
    if (method !== 'notifications/message' || !wantsLog || !isLogLevel(params.level)) return undefined
    if (LOG_LEVELS.indexOf(params.level) < LOG_LEVELS.indexOf(logLevel)) return undefined
    const { _meta: _, ...said } = params
    return said
  }
  return {
    hears: (part) => part instanceof McpNotification && saidOf(part) !== undefined,
    onPart: (part) => {
      const said = part instanceof McpNotification ? saidOf(part) : undefined
      return part instanceof McpNotification && said ? reply.notify(part.method, said) : undefined
    },
  }
}

/** The body decides which revision speaks; the header is only held against it. */
function isModern(request: IncomingMessage, { method, params }: RpcRequest | RpcNotification): boolean {
  const meta = isJsonObject(params._meta) ? params._meta : {}
  if (META.version in meta) return !(method === 'initialize' && metaFault(meta) !== undefined)
  return request.headers['mcp-protocol-version'] === MODERN && method !== 'initialize'
}

function metaFault(meta: JsonObject): string | undefined {
  if (typeof meta[META.version] !== 'string') return `_meta lacks ${META.version}`
  if (!isJsonObject(meta[META.clientCapabilities])) return `_meta lacks ${META.clientCapabilities}`
  const info = meta[META.clientInfo]
  if (info !== undefined && !isJsonObject(info)) return `${META.clientInfo} is not an object`
  const level = meta[META.logLevel]
  if (level !== undefined && !isLogLevel(level)) return `${META.logLevel} is one of: ${LOG_LEVELS.join(', ')}`
  return undefined
}

/**
 * Returns what is wrong with a progress token. It is written out with each notification of an upstream, so that a long
 * one makes of a few bytes as many as it has.
 */
function tokenFault({ progressToken }: JsonObject): string | undefined {
  if (typeof progressToken !== 'string' || isRpcId(progressToken)) return undefined
  return `a progress token has at most ${LIMITS.idCharactersMax} characters`
}

/** Returns the upstream whose own names a path asks for, undefined for all of them; null where it is no path of ours. */
function viewOf(url: string): UpstreamName | undefined | null {
  if (url === '/mcp' || url === '/mcp/') return undefined
  const name = /^\/mcp\/([^/?#]+)$/.exec(url)?.[1]
  return name !== undefined && NAME_PATTERN.test(name) ? (name as UpstreamName) : null // checked by the pattern
}

/** Tells whether a body is plain JSON in UTF-8: whoever says that it is anything else would have it read in two ways. */
function isPlainJson({ headers }: IncomingMessage): boolean {
  if ((headers['content-encoding'] ?? 'identity') !== 'identity') return false
  return /^application\/json\s*(?:;\s*charset="?utf-8"?\s*)?$/i.test(headers['content-type'] ?? '')
}

/**
 * A browser in the cell must not be led here by a page (DNS rebinding): the Host and, where there is one, the Origin are
 * those of the loopback listener. MCP 2025-11-25, transports, "Security warning".
 */
function isLocal({ headers }: IncomingMessage): boolean {
  const local = /^(?:localhost|127\.0\.0\.1|\[::1\])(?::\d{1,5})?$/i
  if (!local.test(headers.host ?? '')) return false
  return headers.origin === undefined || local.test(headers.origin.replace(/^https?:\/\//, ''))
}
