import type { EventEmitter } from 'node:events'
import type { IncomingMessage } from 'node:http'
import {
  createSecureServer,
  type Http2SecureServer,
  type Http2ServerRequest,
  type Http2ServerResponse,
} from 'node:http2'
import { createServer as createListener, isIP, type Server, type Socket } from 'node:net'
import { Duplex } from 'node:stream'
import { createServer, type ServerResponse } from '../../model/host/node-http.ts'
import { LIMITS, ok, type Result } from '../../model/index.ts'
import { cutConnection, parseInPieces, unparsedOf } from '../fairness/http-pieces.ts'
import { readAuthority } from '../origins/origin.ts'
import type { Leaf } from '../trust/issuer.ts'
import type { ClientHello } from './client-hello.ts'
import { DnsDoor } from './dns-door.ts'
import { readBeginning } from './first-bytes.ts'
import { framingFault } from './framing.ts'
import { IdleConnections } from './idle-connections.ts'
import type { CellNames } from './names.ts'
import { NodeReply } from './web-reply.ts'
import { placeText, type WebPlace, type WebReply, type WebRequest } from './web-request.ts'
import { asksForWebSocket, takeStart, type WebSocketStart } from './web-socket-start.ts'

/** A socket of a cell's network that this gateway was handed, on which programs reach for any address. */
export interface CellWebSocket {
  readonly transport: 'tcp' | 'udp'
  readonly port: number
  readonly fd: number
}

export interface WebDoorOptions {
  readonly names: Pick<CellNames, 'answer' | 'nameOf'>
  /** Issues a certificate that the cell's programs trust, or says why it issues none. */
  readonly leaf: (host: string) => Result<Leaf, string>
  /** Takes each request that names the place that it came to. */
  readonly onRequest: (request: WebRequest, reply: WebReply) => void
  /**
   * Returns what connects a program to a place whose TLS it speaks itself: it resolves with false where it did not, and has
   * read nothing. Undefined for any other place, where TLS ends here.
   */
  readonly tunnelAt?: (place: WebPlace) => ((socket: Socket) => Promise<boolean>) | undefined
  /** Hears of what is no request: it cannot be read, or names another place than it came to. */
  readonly onUnfit: (place: string, problem: string) => void
  /** Milliseconds in which the head of the next request comes; absent: HEAD_MS_MAX. */
  readonly headMsMax?: number
}

/**
 * The door of one cell to the web: whatever its programs dial comes in here, and TLS ends here.
 *
 * - WD1  The place that was dialled, the server's name in TLS, and the host of each request are one, or the request is
 *        answered with 421 and goes nowhere.
 * - WD2  One request of a connection is under way at a time in HTTP/1.1; in HTTP/2 so many streams.
 * - WD3  Nothing of a request has gone anywhere before `onRequest` has it.
 * - WD4  What servers read in different ways, tunnels and other protocols on its connection are refused and told.
 * - WD5  Of all requests, also of refused ones whose answers nobody reads, so many are open: one more, and its connection
 *        is cut.
 * - WD6  Where a place is tunnelled, its first message of TLS is whole, names it, and is passed on as it came.
 */
export class WebDoor {
  readonly #options: WebDoorOptions
  readonly #dns: DnsDoor
  readonly #plain = createServer(SERVER_OPTIONS, (request, response) => this.#take('http', request, response))
  /** Servers of TLS by the name in their certificate, the one that was used last at the end. */
  readonly #secure = new Map<string, Http2SecureServer>()
  readonly #listening: Server[] = []
  readonly #open = new Set<Socket>()
  /** Answers under way by their connection of HTTP/1.1. */
  readonly #busy = new WeakMap<object, InstanceType<typeof ServerResponse> | Http2ServerResponse>()
  readonly #idle: IdleConnections
  /** Requests whose answers have not gone. */
  #requests = 0

  constructor(options: WebDoorOptions) {
    this.#options = options
    this.#dns = new DnsDoor(options.names)
    this.#idle = new IdleConnections(options.headMsMax ?? HEAD_MS_MAX)
    this.#plain.on('connection', (socket) => {
      parseInPieces(socket)
      this.#idle.watch(socket)
    })
    this.#plain.on('upgrade', (request, socket, head) => this.#takeStart('http', request, socket, head))
    this.#refusesOther(this.#plain)
  }

  /** Listens on the sockets that it was handed. Rejects where one of them is none. */
  async listen(sockets: readonly CellWebSocket[]): Promise<void> {
    await Promise.all(
      sockets.map(({ transport, port, fd }) => {
        if (port === DNS_PORT) return transport === 'udp' ? this.#dns.receive(fd) : this.#dns.listen(fd)
        return this.#listen(fd)
      }),
    )
  }

  /** Ends every connection, at once. */
  close(): void {
    this.#dns.close()
    for (const server of this.#listening) server.close()
    for (const socket of this.#open) socket.destroy()
    this.#plain.close()
    for (const server of this.#secure.values()) server.close()
  }

  #listen(fd: number): Promise<void> {
    const server = createListener({ pauseOnConnect: true, noDelay: true }, (socket) => {
      this.#begin(socket).catch(() => socket.destroy())
    })
    this.#listening.push(server)
    return new Promise((resolve, reject) => {
      server.once('error', reject)
      server.listen({ fd }, resolve)
    })
  }

  async #begin(socket: Socket): Promise<void> {
    if (this.#open.size >= LIMITS.webConnectionsMax) return void socket.destroy()
    this.#open.add(socket)
    socket.once('close', () => this.#open.delete(socket))
    socket.on('error', () => socket.destroy())
    const host = this.#hostOf(socket)
    const beginning = await readBeginning(socket)
    if (socket.destroyed) return
    if (!beginning.ok) {
      if (beginning.reason !== undefined) this.#options.onUnfit(`${host}:${socket.localPort}`, beginning.reason)
      return void socket.destroy()
    }
    if (beginning.value.kind === 'plain') return void this.#plain.emit('connection', socket)
    if (await this.#isTunnelled(socket, host, beginning.value.hello)) return
    // Where the name is another one than was dialled, whoever asks is told inside.
    const secure = this.#secureFor(beginning.value.hello.serverName ?? host)
    if (secure.ok) secure.value.emit('connection', socket)
    else {
      this.#options.onUnfit(`${host}:${socket.localPort}`, secure.reason)
      socket.destroy()
    }
  }

  /** Connects a program to a place whose TLS it speaks itself; false where it is to be spoken with here. */
  async #isTunnelled(socket: Socket, host: string, { serverName, isSplit }: ClientHello): Promise<boolean> {
    const place: WebPlace = { scheme: 'https', host, port: socket.localPort ?? 0 }
    const connect = this.#options.tunnelAt?.(place)
    if (connect === undefined) return false
    const isNamed = serverName === host || (serverName === undefined && isIP(host) !== 0)
    // What stands behind the place may look at the first record only, and go by another name.
    const problem = isSplit
      ? 'its first message is cut into several records'
      : `it names ${serverName ?? 'nobody'} in TLS, and a tunnel leads to ${host} alone`
    if (isNamed && !isSplit) return connect(socket)
    this.#tell(socket, problem)
    return false
  }

  /** Returns the name that was dialled; of an address that nobody was given, itself. */
  #hostOf({ localAddress = '' }: Pick<Socket, 'localAddress'>): string {
    return this.#options.names.nameOf(localAddress) ?? localAddress
  }

  #secureFor(name: string): Result<Http2SecureServer, string> {
    const known = this.#secure.get(name)
    const made = known === undefined ? this.#newSecure(name) : ok(known)
    if (!made.ok) return made
    this.#secure.delete(name)
    this.#secure.set(name, made.value)
    const [oldest] = this.#secure.keys()
    if (this.#secure.size > SECURE_MAX && oldest !== undefined) this.#secure.delete(oldest)
    return made
  }

  #newSecure(name: string): Result<Http2SecureServer, string> {
    const leaf = this.#options.leaf(name)
    if (!leaf.ok) return leaf
    const { certificate, key } = leaf.value
    const server = createSecureServer({ ...SECURE_OPTIONS, cert: certificate, key }, (request, response) =>
      this.#take('https', request, response, name),
    )
    server.on('secureConnection', (socket) => {
      // HTTP/2 has its own reader.
      if (socket.alpnProtocol === 'h2') return
      parseInPieces(socket)
      this.#idle.watch(socket)
    })
    server.on('session', (session) => {
      this.#idle.watch(session)
      session.setTimeout(SILENCE_MS_MAX, () => session.destroy())
    })
    server.on('upgrade', (request, socket, head) => this.#takeStart('https', request, socket, head, name))
    // Node hands these options on to no server of HTTP/1.1 inside of TLS.
    Object.assign(server, { shouldUpgradeCallback: asksForWebSocket })
    server.on('sessionError', () => undefined)
    server.on('tlsClientError', () => undefined)
    this.#refusesOther(server)
    return ok(server)
  }

  /** Has a server refuse what is no request for a resource, and say so, as it does of what cannot be read. */
  #refusesOther(server: EventEmitter): void {
    // Of HTTP/2 the second one is a response.
    server.on('connect', (request: IncomingMessage | Http2ServerRequest, other: Duplex | Http2ServerResponse) => {
      this.#tell(request.socket, 'it asks for a tunnel (CONNECT), and there is none')
      if ('stream' in request) return void request.stream.respond({ ':status': 405 }, { endStream: true })
      if (!(other instanceof Duplex)) return
      unparsedOf(other)
      other.on('error', () => undefined)
      other.end(bareAnswer('405 Method Not Allowed'), () => void other.destroy())
    })
    // Node answers by itself what it does not know to be expected, and tells nobody.
    server.on('checkExpectation', (request: unknown, response: unknown) => server.emit('request', request, response))
    server.on('clientError', (error: NodeJS.ErrnoException, socket: Socket) => {
      const { code = '' } = error
      // What follows the last request of a connection is not looked at.
      if (code.startsWith('HPE_') && code !== 'HPE_CLOSED_CONNECTION') this.#tell(socket, `it cannot be read (${code})`)
      const status = UNREADABLE[code] ?? '400 Bad Request'
      if (socket.writable && this.#busy.get(socket)?.headersSent !== true) socket.write(bareAnswer(status))
      socket.destroy()
    })
  }

  #tell(socket: Pick<Socket, 'localAddress' | 'localPort'>, problem: string): void {
    this.#options.onUnfit(`${this.#hostOf(socket)}:${socket.localPort}`, problem)
  }

  #take(
    scheme: WebPlace['scheme'],
    request: IncomingMessage | Http2ServerRequest,
    response: InstanceType<typeof ServerResponse> | Http2ServerResponse,
    secured?: string,
    start?: WebSocketStart,
  ): void {
    const { socket } = request
    const connection = 'stream' in request ? request.stream.session : socket
    if (connection === undefined) return
    const isBusy = this.#busy.has(connection)
    if (isBusy || this.#requests >= LIMITS.webRequestsOpenMax) {
      if ('stream' in request) return void connection.destroy()
      cutConnection(socket)
    }
    if (!('stream' in request)) this.#busy.set(socket, response)
    this.#requests++
    this.#idle.begin(connection)
    let isOver = false
    const over = () => {
      if (!isOver) this.#idle.end(connection)
      isOver = true
    }
    // A connection that is a WebSocket is busy to its end.
    const busy = start === undefined ? response : connection
    busy.once('close', () => {
      this.#requests--
      this.#busy.delete(connection)
      over()
    })
    request.on('error', () => undefined)
    // Of HTTP/2, Node does not always hear that a client has gone: an answer that nobody takes is waited for no longer than a
    // request.
    const reply = new NodeReply(response, () => this.#cut(request), 'stream' in request ? over : undefined)
    const dialled = this.#hostOf(socket)
    const port = socket.localPort ?? 0
    const place: WebPlace = { scheme, host: dialled, port }
    const named = 'authority' in request && request.authority !== '' ? request.authority : request.headers.host
    const fault = framingFault(request, start !== undefined)
    if (fault !== undefined) {
      // What follows on the connection is whatever its sender meant it to be.
      if ('shouldKeepAlive' in response) response.shouldKeepAlive = false
      this.#options.onUnfit(placeText(place), fault.problem)
      return reply.refuse(fault.status, `refused by Firebreak: ${fault.problem}`)
    }
    const authority = readAuthority(named?.toLowerCase() ?? '', scheme)
    const asked = authority.ok ? `${authority.value.host}:${authority.value.port}` : undefined
    const isOneName = !('authority' in request) || (request.headers.host ?? named) === named
    const isOne = isOneName && asked === `${dialled}:${port}` && (secured === undefined || secured === dialled)
    if (!isOne) {
      const problem = `it was dialled as ${placeText(place)}${secured === undefined ? '' : `, names ${secured} in TLS`}, and asks for ${shown(named)}`
      this.#options.onUnfit(placeText(place), problem)
      return reply.refuse(421, `refused by Firebreak: ${problem}`)
    }
    this.#options.onRequest(webRequest(place, request, start), reply)
  }

  /** Takes what asks to go on as a WebSocket: its connection is parsed no more, and a refusal ends it. */
  #takeStart(
    scheme: WebPlace['scheme'],
    request: IncomingMessage,
    socket: Duplex,
    head: Buffer,
    secured?: string,
  ): void {
    const rest = Buffer.concat([head, unparsedOf(socket)])
    const { start, response } = takeStart(request, socket, rest)
    this.#take(scheme, request, response, secured, start)
  }

  /** Ends a request so that its answer cannot be taken for a whole one: by a reset, not by an end. */
  #cut(request: IncomingMessage | Http2ServerRequest): void {
    if ('stream' in request) return request.stream.close(INTERNAL_ERROR)
    const { socket } = request
    const { remotePort, remoteAddress, localAddress } = socket
    for (const below of this.#open)
      if (
        below.remotePort === remotePort &&
        below.remoteAddress === remoteAddress &&
        below.localAddress === localAddress
      )
        below.resetAndDestroy()
    socket.destroy()
  }
}

const DNS_PORT = 53
/** The code of a stream of HTTP/2 that has no end (RFC 9113, 7). */
const INTERNAL_ERROR = 2
/** Servers of TLS that one cell keeps; each is a certificate and its tables. */
const SECURE_MAX = 64

/**
 * Milliseconds in which the head of a request comes, from the beginning of its connection or the last answer. Clients
 * connect before they ask, and keep what they have asked on for a minute.
 */
const HEAD_MS_MAX = 70_000
/** Milliseconds in which nothing passes on a connection of HTTP/2, either way: more than any origin may be silent. */
const SILENCE_MS_MAX = 660_000
/** Milliseconds in which TLS begins. */
const HANDSHAKE_MS_MAX = 10_000

const SERVER_OPTIONS = {
  shouldUpgradeCallback: asksForWebSocket,
  maxHeaderSize: LIMITS.webHeaderBytesMax,
  requireHostHeader: false,
  keepAliveTimeout: 60_000,
} as const

/** Answers to what cannot be read, by the codes of Node's parser. */
const UNREADABLE: Readonly<Record<string, string>> = {
  HPE_HEADER_OVERFLOW: '431 Request Header Fields Too Large',
  HPE_CHUNK_EXTENSIONS_OVERFLOW: '413 Payload Too Large',
}

function bareAnswer(status: string): string {
  return `HTTP/1.1 ${status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n`
}

/** Returns whom a request says that it is for, as the ledger and its program are told: short, and without controls. */
function shown(named: string | undefined): string {
  return named === undefined ? 'nobody' : named.slice(0, 256).replaceAll(/[^\x20-\x7e]/g, '?')
}

const SECURE_OPTIONS = {
  allowHTTP1: true,
  maxHeaderSize: LIMITS.webHeaderBytesMax,
  // Bytes of one connection's state: Node's own default is 10 MB.
  maxSessionMemory: 4,
  settings: { maxConcurrentStreams: 64, maxHeaderListSize: LIMITS.webHeaderBytesMax, enableConnectProtocol: false },
  minVersion: 'TLSv1.2',
  handshakeTimeout: HANDSHAKE_MS_MAX,
  // Of HTTP/1.1 inside of it.
  requireHostHeader: false,
  keepAliveTimeout: 60_000,
} as const

function webRequest(
  place: WebPlace,
  request: IncomingMessage | Http2ServerRequest,
  start: WebSocketStart | undefined,
): WebRequest {
  const headers: [string, string][] = []
  const { rawHeaders, headers: read, method = '', url = '' } = request
  for (let i = 0; i + 1 < rawHeaders.length; i += 2) {
    const name = rawHeaders[i]?.toLowerCase() ?? ''
    if (!name.startsWith(':')) headers.push([name, rawHeaders[i + 1] ?? ''])
  }
  const length = read['content-length']
  const isStream = 'stream' in request
  return {
    place,
    method,
    target: url,
    headers,
    length: length === undefined ? undefined : Number(length),
    hasBody: isStream
      ? !request.stream.endAfterHeaders
      : read['transfer-encoding'] !== undefined || Number(length ?? 0) > 0,
    body: request,
    ...(start && { start }),
  }
}
