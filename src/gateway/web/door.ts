import type { IncomingMessage, ServerResponse } from 'node:http'
import {
  createSecureServer,
  type Http2SecureServer,
  type Http2ServerRequest,
  type Http2ServerResponse,
} from 'node:http2'
import { createServer as createListener, type Server, type Socket } from 'node:net'
import { createServer } from '../../model/host/node-http.ts'
import { LIMITS, ok, type Result } from '../../model/index.ts'
import { cutConnection, parseInPieces } from '../fairness/http-pieces.ts'
import { readAuthority } from '../origins/origin.ts'
import type { Leaf } from '../trust/issuer.ts'
import { DnsDoor } from './dns-door.ts'
import { readBeginning } from './first-bytes.ts'
import type { CellNames } from './names.ts'
import { NodeReply } from './web-reply.ts'
import { placeText, type WebPlace, type WebReply, type WebRequest } from './web-request.ts'

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
  /** Hears of what is no request: it cannot be read, or names another place than it came to. */
  readonly onUnfit: (place: string, problem: string) => void
}

/**
 * The door of one cell to the web: whatever its programs dial comes in here, and TLS ends here.
 *
 * - WD1  The place that was dialled, the server's name in TLS, and the host of each request are one, or the request is
 *        answered with 421 and goes nowhere.
 * - WD2  One request of a connection is under way at a time in HTTP/1.1; in HTTP/2 so many streams.
 * - WD3  Nothing of a request has gone anywhere before `onRequest` has it.
 */
export class WebDoor {
  readonly #options: WebDoorOptions
  readonly #dns: DnsDoor
  readonly #plain = createServer(SERVER_OPTIONS, (request, response) => this.#take('http', request, response))
  /** Servers of TLS by the name in their certificate, the one that was used last at the end. */
  readonly #secure = new Map<string, Http2SecureServer>()
  readonly #listening: Server[] = []
  readonly #open = new Set<Socket>()
  readonly #busy = new WeakSet<Socket>()

  constructor(options: WebDoorOptions) {
    this.#options = options
    this.#dns = new DnsDoor(options.names)
    this.#plain.on('connection', parseInPieces)
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
    // Where the name is another one than was dialled, whoever asks is told inside.
    const secure = this.#secureFor(beginning.value.hello.serverName ?? host)
    if (secure.ok) secure.value.emit('connection', socket)
    else {
      this.#options.onUnfit(`${host}:${socket.localPort}`, secure.reason)
      socket.destroy()
    }
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
    // HTTP/1.1 inside of it has these, too; the types of Node do not say so.
    Object.assign(server, { headersTimeout: SERVER_OPTIONS.headersTimeout, requestTimeout: 0 })
    server.on('secureConnection', (socket) => {
      // HTTP/2 has its own reader.
      if (socket.alpnProtocol !== 'h2') parseInPieces(socket)
    })
    server.on('sessionError', () => undefined)
    server.on('tlsClientError', () => undefined)
    return ok(server)
  }

  #take(
    scheme: WebPlace['scheme'],
    request: IncomingMessage | Http2ServerRequest,
    response: ServerResponse | Http2ServerResponse,
    secured?: string,
  ): void {
    const { socket } = request
    if (!('stream' in request)) {
      if (this.#busy.has(socket)) cutConnection(socket)
      this.#busy.add(socket)
      response.once('close', () => this.#busy.delete(socket))
    }
    request.on('error', () => undefined)
    const reply = new NodeReply(
      response,
      () => void ('stream' in request ? request.stream.destroy() : socket.destroy()),
    )
    const dialled = this.#hostOf(socket)
    const port = socket.localPort ?? 0
    const place: WebPlace = { scheme, host: dialled, port }
    const named = 'authority' in request && request.authority !== '' ? request.authority : request.headers.host
    const authority = readAuthority(named?.toLowerCase() ?? '', scheme)
    const asked = authority.ok ? `${authority.value.host}:${authority.value.port}` : undefined
    const isOne = asked === `${dialled}:${port}` && (secured === undefined || secured === dialled)
    if (!isOne) {
      const problem = `it was dialled as ${placeText(place)}${secured === undefined ? '' : `, names ${secured} in TLS`}, and asks for ${named ?? 'nobody'}`
      this.#options.onUnfit(placeText(place), problem)
      return reply.refuse(421, `refused by Firebreak: ${problem}`)
    }
    this.#options.onRequest(webRequest(place, request), reply)
  }
}

const DNS_PORT = 53
/** Servers of TLS that one cell keeps; each is a certificate and its tables. */
const SECURE_MAX = 64

const SERVER_OPTIONS = {
  maxHeaderSize: LIMITS.webHeaderBytesMax,
  requireHostHeader: false,
  headersTimeout: 10_000,
  requestTimeout: 0,
  connectionsCheckingInterval: 5_000,
  keepAliveTimeout: 60_000,
} as const

const SECURE_OPTIONS = {
  allowHTTP1: true,
  maxHeaderSize: LIMITS.webHeaderBytesMax,
  // Bytes of one connection's state: Node's own default is 10 MB.
  maxSessionMemory: 4,
  settings: { maxConcurrentStreams: 64, maxHeaderListSize: LIMITS.webHeaderBytesMax, enableConnectProtocol: false },
  minVersion: 'TLSv1.2',
} as const

function webRequest(place: WebPlace, request: IncomingMessage | Http2ServerRequest): WebRequest {
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
  }
}
