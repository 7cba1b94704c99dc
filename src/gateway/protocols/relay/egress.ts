/**
 * The only way out of a relay's cell: a proxy for HTTP that listens inside that cell's own network and knows the origins of
 * its environment. The relay is untrusted, and does what a compromised agent tells it: it chooses every byte that comes in.
 *
 * - EG1  Bytes go to a declared host and port, or nowhere. The host is resolved here; what it resolves to is never asked of
 *        the relay, and is used once.
 * - EG2  A declared name leads to public addresses only: what is private or this very host is reached by its address, if a
 *        person wrote that down.
 * - EG3  Nothing is added to what is sent: no secret, no header that tells of this host.
 * - EG4  Every place that is asked for is told, let through or not, before anything is sent there (`EgressRules.ask`).
 * - EG5  Each piece that leaves is asked for in the tick that writes it (`EgressRules.lastCheck`), also in a connection that
 *        stands: where nothing may leave any more, the connection ends.
 * - EG6  All framing of what leaves is ours (`outgoing`). One request of a connection is under way at a time.
 * - EG7  A connection that is closed takes along what the kernel has not sent of it, also where this process is killed.
 */
import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import { connect, type Socket } from 'node:net'
import type { Duplex, Readable, Writable } from 'node:stream'
import { createServer, request } from '../../../model/host/node-http.ts'
import { LIMITS } from '../../../model/index.ts'
import { parseInPieces, unparsedOf } from '../../fairness/http-pieces.ts'
import { addressesOf, isPublic, type Place, placeIn, placeName } from './egress-place.ts'
import { endToEnd, type Outgoing, outgoing } from './egress-request.ts'
import { belongsElsewhere } from './elsewhere.ts'
import { resetsOnClose } from './resetting.ts'

/** The rules that decide over a relay's way out, and record it. */
export interface EgressRules {
  /** Resolves when there is somebody to ask: a relay is started before the cell that it serves. At once where absent. */
  readonly ready?: () => Promise<void>
  /**
   * Tells of a place that is asked for, and resolves with why nothing may be sent there: `problem`, where there is one
   * already. Resolves with nothing where it may be: then that is on disk. `asked` is what the relay wrote.
   */
  readonly ask: (place: string, asked: string, problem?: string) => Promise<string | undefined>
  /** Returns why nothing may leave now, in the tick that would write it. */
  readonly lastCheck: () => string | undefined
}

export interface EgressOptions {
  /** A listening socket in the relay's network namespace; owned from now on. */
  readonly listener: number
  /** Origins as the configuration has them: `https://host`, `http://127.0.0.1:8080`. */
  readonly origins: readonly string[]
  /** Places of other environments, which no name leads to. */
  readonly elsewhere: readonly string[]
  /** Rules for a relay that serves cells. */
  readonly rules?: EgressRules
  /**
   * Hears of each request and why it was refused, where the relay serves no cell: then there is nobody whose word could
   * be asked.
   */
  readonly onTried?: (place: string, problem: string | undefined) => void
  /** Addresses of a name. */
  readonly resolve?: (host: string) => Promise<readonly string[]>
}

/** Silence of one connection. */
const SILENCE_MS_MAX = 120_000

export class Egress {
  readonly #options: EgressOptions
  readonly #rules: EgressRules
  readonly #places: ReadonlyMap<string, Place>
  readonly #server: Server
  readonly #open = new Set<{ destroy(): unknown }>()
  /** Connections with a request under way. */
  readonly #busy = new WeakSet<Duplex>()
  /** Requests whose place is being told, also of connections that are gone. */
  #asking = 0

  constructor(options: EgressOptions) {
    this.#options = options
    this.#rules = options.rules ?? telling(options.onTried)
    this.#places = new Map(options.origins.map(placeIn).map((place) => [place.name, place]))
    this.#server = createServer({
      maxHeaderSize: LIMITS.headerBytesMax,
      headersTimeout: 10_000,
      requestTimeout: 0,
      connectionsCheckingInterval: 5_000,
    })
    this.#server.maxConnections = LIMITS.egressConnectionsMax
    this.#server.on('connection', (socket) => this.#keep(socket))
    this.#server.on('connection', parseInPieces)
    this.#server.on('connect', (asked, socket, head) => {
      const rest = unparsedOf(socket)
      socket.on('error', () => socket.destroy())
      if (!this.#begins(socket)) return
      this.#tunnel(asked, socket, Buffer.concat([head, rest])).catch(() => socket.destroy())
    })
    this.#server.on('request', (asked, answer) => {
      if (!this.#begins(asked.socket)) return
      answer.once('close', () => this.#busy.delete(asked.socket))
      this.#forward(asked, answer).catch(() => answer.destroy())
    })
    this.#server.on('upgrade', (_, socket) => {
      unparsedOf(socket)
      refuse(socket, 'HTTP/1.1 501 Not Implemented')
    })
    this.#server.on('error', () => this.close())
    this.#server.listen({ fd: options.listener })
  }

  /** Ends every connection that stands. The next ones are asked for anew. */
  cut(): void {
    for (const each of this.#open) each.destroy()
  }

  close(): void {
    this.#server.close()
    this.cut()
  }

  /**
   * Marks a connection as busy. False, and the connection ends, where more are sent before the first is answered or
   * more is asked than can be told.
   */
  #begins(socket: Duplex): boolean {
    if (this.#busy.has(socket) || this.#asking >= LIMITS.egressConnectionsMax) {
      socket.destroy()
      return false
    }
    this.#busy.add(socket)
    return true
  }

  /** CONNECT: what is inside, TLS above all, is between the relay and the origin. */
  async #tunnel({ url = '', headers }: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> {
    const isPlain = URL.canParse(`http://${url}`) && /^[^/?#@]+$/.test(url)
    const place = isPlain ? this.#places.get(placeName(new URL(`https://${url}`))) : undefined
    const framed = headers['content-length'] !== undefined || headers['transfer-encoding'] !== undefined
    const address = await this.#addressOf(place, url, framed ? 'a body of CONNECT has no meaning' : undefined)
    if (place === undefined || address === undefined) return refuse(socket, 'HTTP/1.1 403 Forbidden')
    const far = this.#connect(address, place.port)
    const fail = () => refuse(socket, 'HTTP/1.1 502 Bad Gateway')
    far.once('close', fail)
    socket.once('close', () => far.destroy())
    far.once('connect', () => {
      far.off('close', fail)
      // What has come whole is still written out.
      far.once('close', () => far.readableEnded || socket.destroy())
      if (socket.destroyed || this.#stops(place)) {
        far.destroy()
        return void socket.destroy()
      }
      socket.write('HTTP/1.1 200 Connection Established\r\n\r\n')
      if (head.length > 0) far.write(head)
      far.pipe(socket)
      this.#pass(socket, far, place)
    })
  }

  /** The absolute form, for what is not encrypted: one request, to the place that its own first line names. */
  async #forward(asked: IncomingMessage, answer: ServerResponse): Promise<void> {
    asked.once('error', () => answer.destroy())
    const url = asked.url !== undefined && URL.canParse(asked.url) ? new URL(asked.url) : undefined
    const place = url?.protocol === 'http:' ? this.#places.get(placeName(url)) : undefined
    const framed = outgoing(asked, place?.host ?? '')
    const address = await this.#addressOf(place, asked.url ?? '', framed.ok ? undefined : framed.reason.problem)
    if (answer.destroyed) return
    if (url === undefined || place === undefined || address === undefined || !framed.ok) {
      const status = place === undefined || framed.ok ? 403 : framed.reason.status
      answer.writeHead(status, { connection: 'close' }).end()
      return
    }
    const socket = this.#connect(address, place.port)
    const fail = () => (answer.headersSent ? answer.destroy() : answer.writeHead(502, { connection: 'close' }).end())
    socket.once('error', fail)
    answer.once('close', () => socket.destroy())
    socket.once('connect', () => {
      socket.off('error', fail)
      if (answer.destroyed || this.#stops(place)) {
        socket.destroy()
        return void answer.destroy()
      }
      try {
        this.#send({ asked, answer, place, socket, outgoing: framed.value, path: url.pathname + url.search })
      } catch {
        // Bytes of a header that cannot be written again.
        socket.destroy()
        answer.destroy()
      }
    })
  }

  /** Sends a request in the tick that connected, and asked. */
  #send({ asked, answer, place, socket, outgoing: { method, headers, hasBody }, path }: Sending): void {
    const { port } = place
    const far = request({ port, method, path, headers, createConnection: () => socket })
    far.once('response', (response) => {
      response.once('error', () => answer.destroy())
      passBack(response, answer)
    })
    far.once('upgrade', (_, other) => other.destroy())
    far.once('error', () => (answer.headersSent ? answer.destroy() : answer.writeHead(502).end()))
    if (hasBody) this.#pass(asked, far, place)
    else far.end()
  }

  /** Passes what comes from the relay piece by piece, each of which may be the first of another request. */
  #pass(from: Readable, to: Writable, place: Place): void {
    const onDrain = () => void from.resume()
    to.on('drain', onDrain)
    from.on('data', (chunk: Buffer) => {
      if (to.destroyed || to.writableEnded) return
      if (this.#stops(place)) {
        to.destroy()
        from.destroy()
      } else if (!to.write(chunk)) from.pause()
    })
    from.once('end', () => void to.end())
    from.once('error', () => to.destroy())
    from.resume()
  }

  /** Tells whether nothing may leave any more; then that is told, of this place. */
  #stops({ name }: Place): boolean {
    const problem = this.#rules.lastCheck()
    if (problem === undefined) return false
    void this.#ask(name, name, problem)
    return true
  }

  #connect(host: string, port: number): Socket {
    const far = connect({ host, port })
    this.#keep(far)
    far.once('connect', () => resetsOnClose(far))
    far.setTimeout(SILENCE_MS_MAX, () => far.destroy())
    far.on('error', () => far.destroy())
    return far
  }

  /** Returns the address to connect to now, and tells of the place. */
  async #addressOf(place: Place | undefined, asked: string, unfit: string | undefined): Promise<string | undefined> {
    if (place === undefined) {
      await this.#ask(asked, asked, 'it is not in the environment’s egress')
      return undefined
    }
    await this.#ready()
    const shut = unfit ?? this.#rules.lastCheck()
    const found = shut === undefined ? await this.#resolved(place) : { problem: shut }
    const problem = await this.#ask(place.name, asked, found.problem)
    return problem === undefined ? found.address : undefined
  }

  async #ready(): Promise<void> {
    if (this.#rules.ready === undefined) return
    this.#asking++
    await this.#rules.ready().finally(() => this.#asking--)
  }

  async #resolved({
    address,
    hostname,
    port,
  }: Place): Promise<{ readonly address?: string; readonly problem?: string }> {
    if (address !== undefined) return { address }
    const addresses = await (this.#options.resolve ?? addressesOf)(hostname).catch(() => [])
    const open = addresses.find(isPublic)
    const belongs = open === undefined ? undefined : belongsElsewhere(open, port, this.#options.elsewhere)
    if (belongs !== undefined) return { problem: belongs }
    if (open !== undefined) return { address: open }
    return { problem: addresses.length === 0 ? 'it has no address' : 'it has no public address' }
  }

  async #ask(place: string, asked: string, problem: string | undefined): Promise<string | undefined> {
    this.#asking++
    try {
      return await this.#rules.ask(place, asked, problem)
    } finally {
      this.#asking--
    }
  }

  #keep(each: { destroy(): unknown; once(event: 'close', listener: () => void): unknown }): void {
    this.#open.add(each)
    each.once('close', () => this.#open.delete(each))
  }
}

/** Returns rules by which declared places are reached, and all are told. */
function telling(onTried: EgressOptions['onTried']): EgressRules {
  return {
    ask: async (place, _, problem) => {
      onTried?.(place, problem)
      return problem
    },
    lastCheck: () => undefined,
  }
}

interface Sending {
  readonly asked: IncomingMessage
  readonly answer: ServerResponse
  readonly place: Place
  /** Socket to the place, connected. */
  readonly socket: Socket
  readonly outgoing: Outgoing
  readonly path: string
}

/**
 * Passes an answer back to the relay. An origin can send a status and headers that cannot be written again: then the
 * relay hears that it did.
 */
function passBack(response: IncomingMessage, answer: ServerResponse): void {
  try {
    answer.writeHead(response.statusCode ?? 502, endToEnd(response, true))
  } catch {
    response.destroy()
    if (answer.headersSent) answer.destroy()
    else answer.writeHead(502, { connection: 'close' }).end()
    return
  }
  response.pipe(answer)
}

function refuse(socket: Duplex | Socket, line: string): void {
  if (!socket.writable) return void socket.destroy()
  socket.end(`${line}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n`)
}
