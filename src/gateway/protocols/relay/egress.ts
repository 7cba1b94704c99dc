/**
 * The only way out of a relay's cell: a proxy for HTTP that listens inside that cell's own network and knows the origins of
 * its environment. The relay is untrusted, and does what a compromised agent tells it: it chooses every byte that comes in.
 *
 * - EG1  Bytes go to a declared host and port, or nowhere. The host is resolved here; what it resolves to is never asked of
 *        the relay, and is used once.
 * - EG2  A declared name leads to public addresses only: what is private or this very host is reached by its address, if a
 *        person wrote that down.
 * - EG3  Nothing is added to what is sent: no secret, no header that tells of this host.
 * - EG4  Every connection is asked for, wherever it leads, before anything is sent there (`Way.go`).
 * - EG5  Each piece that passes is asked for in the tick that writes it (`PassOptions.lastCheck`), also in a connection that
 *        stands: where nothing may leave any more, or more passes than was reserved, the connection ends.
 * - EG6  All framing of what leaves is ours (`outgoing`). One request of a connection is under way at a time.
 * - EG7  A connection that is closed takes along what the kernel has not sent of it, also where this process is killed.
 */
import { Buffer } from 'node:buffer'
import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { createServer } from '../../../model/host/node-http.ts'
import { type ConnectOperation, LIMITS, no, ok } from '../../../model/index.ts'
import { readUrl } from '../../../model/text/web-address.ts'
import { cutConnection, parseInPieces, unparsedOf } from '../../fairness/http-pieces.ts'
import { connectTo, type Pin, type PinRules, pin } from '../../origins/dial.ts'
import { Passing, type PassOptions } from '../../origins/passing.ts'
import { requestOver } from '../../origins/request-over.ts'
import { type Place, placeIn, placeName } from './egress-place.ts'
import { endToEnd, type Outgoing, outgoing } from './egress-request.ts'
import type { Wanted, Way, Went } from './way.ts'

export interface EgressOptions {
  /** A listening socket in the relay's network namespace; owned from now on. */
  readonly listener: number
  /** Origins as the configuration has them: `https://host`, `http://127.0.0.1:8080`. */
  readonly origins: readonly string[]
  /** Places of other environments, which no name leads to. */
  readonly elsewhere: readonly string[]
  /** Decides over each connection. */
  readonly way: Way
  /** Returns the addresses of a name. */
  readonly resolve?: PinRules['resolve']
}

/** Silence of one connection. */
const SILENCE_MS_MAX = 120_000

export class Egress {
  readonly #options: EgressOptions
  readonly #places: ReadonlyMap<string, Place>
  readonly #server: Server
  readonly #open = new Set<{ destroy(): unknown }>()
  readonly #under = new Set<Passing>()
  /** Connections with a request under way. */
  readonly #busy = new WeakSet<Duplex>()
  /** Requests that are being decided, also of connections that are gone. */
  #asking = 0

  constructor(options: EgressOptions) {
    this.#options = options
    this.#places = new Map(options.origins.map(placeIn).map((place) => [place.name, place]))
    this.#server = createServer({
      maxHeaderSize: LIMITS.headerBytesMax,
      // `outgoing` refuses a request without one, and a connection ends on which several are sent at once.
      requireHostHeader: false,
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
      this.#begin(socket)
      this.#tunnel(asked, socket, Buffer.concat([head, rest])).catch(() => socket.destroy())
    })
    this.#server.on('request', (asked, answer) => {
      this.#begin(asked.socket)
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
  cut(why: string): void {
    for (const each of this.#under) each.cut(why)
    for (const each of this.#open) each.destroy()
  }

  close(why = 'its relay has ended'): void {
    this.#server.close()
    this.cut(why)
  }

  /**
   * Marks a connection as busy. Throws, as `cutConnection` does, where more is sent before the first is answered or more
   * is asked than can be told.
   */
  #begin(socket: Duplex): void {
    if (this.#busy.has(socket) || this.#asking >= LIMITS.egressConnectionsMax) cutConnection(socket)
    this.#busy.add(socket)
  }

  /** CONNECT: what is inside, TLS above all, is between the relay and the origin. */
  async #tunnel({ url = '', headers }: IncomingMessage, socket: Duplex, rest: Buffer): Promise<void> {
    const read = /^[^/?#@]+$/.test(url) ? readUrl(`https://${url}`) : undefined
    const place = read && this.#places.get(placeName(read))
    const framed = headers['content-length'] !== undefined || headers['transfer-encoding'] !== undefined
    const went = await this.#ask('tls.connect', place, {
      asked: url,
      ...(framed && { unfit: 'a body of CONNECT has no meaning' }),
      head: (address) => Buffer.from(JSON.stringify({ host: place?.hostname, port: place?.port, address })),
      pass: (pinned, options) => this.#passTunnel(socket, rest, this.#connect(pinned), options),
    })
    if (went.kind === 'refused') refuse(socket, 'HTTP/1.1 403 Forbidden', went.reference)
  }

  /** The absolute form, for what is not encrypted: one request, to the place that its own first line names. */
  async #forward(asked: IncomingMessage, answer: ServerResponse): Promise<void> {
    asked.once('error', () => answer.destroy())
    const url = readUrl(asked.url ?? '')
    const place = url?.protocol === 'http:' ? this.#places.get(placeName(url)) : undefined
    const framed = outgoing(asked, place?.host ?? '')
    const sending = framed.ok ? { ...framed.value, path: `${url?.pathname ?? '/'}${url?.search ?? ''}` } : undefined
    const went = await this.#ask('http.connect', place, {
      asked: asked.url ?? '',
      method: asked.method ?? '',
      ...(framed.ok ? {} : { unfit: framed.reason.problem }),
      head: () => headOf(sending),
      pass: (pinned, options) => {
        const socket = this.#connect(pinned)
        return this.#passRequest({ asked, answer, socket, sending, port: place?.port ?? 0 }, options)
      },
    })
    if (went.kind === 'went' || answer.destroyed) return
    const status = place === undefined || framed.ok ? 403 : framed.reason.status
    const { reference } = went
    answer.writeHead(status, { connection: 'close', ...(reference && { [REFERENCE]: reference }) }).end()
  }

  async #ask(
    operation: ConnectOperation,
    place: Place | undefined,
    about: Omit<Wanted, 'operation' | 'place' | 'resolve' | 'pass'> & {
      readonly pass: (pinned: Pin, options: PassOptions) => ReturnType<Wanted['pass']>
    },
  ): Promise<Went> {
    this.#asking++
    let isAsking = true
    const asked = () => {
      if (isAsking) this.#asking--
      isAsking = false
    }
    const { pass } = about
    let pinned: Pin | undefined
    try {
      return await this.#options.way.go({
        ...about,
        operation,
        ...(place && { place }),
        resolve: async () => {
          const found = place === undefined ? no({ why: 'nowhere' }) : await this.#pinned(place)
          if (!found.ok) return no(found.reason.why)
          pinned = found.value
          return ok(pinned.addresses[0])
        },
        pass: (address, options) => {
          asked()
          // The ledger has committed to one address, and that one was judged.
          if (pinned?.addresses[0] !== address)
            throw new Error('a connection was let through to an address that was not judged')
          return pass(pinned, options)
        },
      })
    } finally {
      asked()
    }
  }

  #passTunnel(socket: Duplex, rest: Buffer, far: Socket, options: PassOptions): ReturnType<Wanted['pass']> {
    const passing = this.#passing(new Passing(far, options))
    passing.onEnd(() => {
      if (!passing.hasBegun) refuse(socket, passing.wasCut ? 'HTTP/1.1 403 Forbidden' : 'HTTP/1.1 502 Bad Gateway')
      // What has come whole is still written out.
      else if (!passing.isWhole) socket.destroy()
    })
    socket.once('close', () => far.destroy())
    if (socket.destroyed) far.destroy()
    far.once('connect', () => {
      if (!passing.begin(0)) return
      socket.write('HTTP/1.1 200 Connection Established\r\n\r\n')
      passing.back(far, socket)
      if (rest.length > 0 && passing.leaves(rest.length)) far.write(rest)
      passing.out(socket, far)
    })
    return passing.ended
  }

  /** Sends a request in the tick that connected, and asked. */
  #passRequest({ asked, answer, socket, sending, port }: Sending, options: PassOptions): ReturnType<Wanted['pass']> {
    const passing = this.#passing(new Passing(socket, options, true))
    const fail = (status = 502) =>
      answer.headersSent ? answer.destroy() : answer.writeHead(status, { connection: 'close' }).end()
    passing.onEnd(() => {
      if (!passing.hasBegun) fail(passing.wasCut ? 403 : 502)
      else if (passing.wasCut) answer.destroy()
    })
    answer.once('close', () => socket.destroy())
    if (answer.destroyed || sending === undefined) socket.destroy()
    socket.once('connect', () => {
      if (sending === undefined || !passing.begin(headOf(sending).length)) return
      try {
        const { method, headers, hasBody, path } = sending
        const far = requestOver(socket, { port, method, path, headers })
        far.once('response', (response) => {
          response.once('error', () => answer.destroy())
          passBack(response, answer, passing)
        })
        far.once('upgrade', (_, other) => other.destroy())
        far.once('error', () => fail())
        if (hasBody) passing.out(asked, far)
        else far.end()
      } catch {
        // Bytes of a header that cannot be written again.
        socket.destroy()
        answer.destroy()
      }
    })
    return passing.ended
  }

  #passing(passing: Passing): Passing {
    this.#under.add(passing)
    passing.onEnd(() => this.#under.delete(passing))
    return passing
  }

  #connect(pinned: Pin): Socket {
    const far = connectTo(pinned)
    this.#keep(far)
    far.setTimeout(SILENCE_MS_MAX, () => far.destroy())
    far.on('error', () => far.destroy())
    return far
  }

  #pinned({ address, hostname, port }: Place): ReturnType<typeof pin> {
    const { elsewhere, resolve } = this.#options
    return pin(
      { host: address ?? hostname, port },
      {
        elsewhere,
        // The ledger commits to one.
        addressesMax: 1,
        ...(resolve && { resolve }),
      },
    )
  }

  #keep(each: { destroy(): unknown; once(event: 'close', listener: () => void): unknown }): void {
    this.#open.add(each)
    each.once('close', () => this.#open.delete(each))
  }
}

interface Sending {
  readonly asked: IncomingMessage
  readonly answer: ServerResponse
  /** Socket to the place. */
  readonly socket: Socket
  readonly port: number
  /** The request as it leaves; absent of one that cannot. */
  readonly sending: (Outgoing & { readonly path: string }) | undefined
}

/** Returns the head of a request as it leaves. */
function headOf(sending: Sending['sending']): Uint8Array {
  if (sending === undefined) return new Uint8Array()
  const { method, path, headers } = sending
  let text = `${method} ${path} HTTP/1.1\r\n`
  for (let i = 0; i + 1 < headers.length; i += 2) text += `${headers[i]}: ${headers[i + 1]}\r\n`
  return Buffer.from(`${text}\r\n`, 'latin1')
}

/**
 * Passes an answer back to the relay. An origin can send a status and headers that cannot be written again: then the
 * relay hears that it did.
 */
function passBack(response: IncomingMessage, answer: ServerResponse, passing: Passing): void {
  const head = response.rawHeaders.reduce((sum, text) => sum + text.length + 2, 0)
  if (!passing.comes(head)) return
  try {
    answer.writeHead(response.statusCode ?? 502, endToEnd(response, true))
  } catch {
    response.destroy()
    if (answer.headersSent) answer.destroy()
    else answer.writeHead(502, { connection: 'close' }).end()
    return
  }
  passing.back(response, answer)
  response.once('end', () => passing.isAnswered())
}

function refuse(socket: Duplex | Socket, line: string, reference?: string): void {
  if (!socket.writable) return void socket.destroy()
  const told = reference === undefined ? '' : `${REFERENCE}: ${reference}\r\n`
  socket.end(`${line}\r\n${told}Content-Length: 0\r\nConnection: close\r\n\r\n`)
}

/** Header of a refusal: the reference under which the owner finds why. */
const REFERENCE = 'Firebreak-Reference'
