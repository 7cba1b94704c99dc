/**
 * The only way out of a relay's cell: a proxy for HTTP that listens inside that cell's own network and knows the origins of
 * its environment. The relay is untrusted, and does what a compromised agent tells it: it chooses every byte that comes in.
 *
 * - EG1  Bytes go to a declared host and port, or nowhere. The host is resolved here; what it resolves to is never asked of
 *        the relay, and is used once.
 * - EG2  A declared name leads to public addresses only: what is private or this very host is reached by its address, if a
 *        person wrote that down.
 * - EG3  Nothing is added to what is sent: no secret, no header that tells of this host.
 * - EG4  Every place that is asked for is told once, let through or not.
 */
import { lookup } from 'node:dns/promises'
import { createServer, type IncomingMessage, request, type Server, type ServerResponse } from 'node:http'
import { BlockList, connect, isIP, type Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { LIMITS } from '../model/index.ts'

export interface EgressOptions {
  /** A listening socket in the relay's network namespace; owned from now on. */
  readonly listener: number
  /** As the configuration has them: `https://host`, `http://127.0.0.1:8080`. */
  readonly origins: readonly string[]
  /** `problem` where it was not let through. */
  readonly onTried: (place: string, problem: string | undefined) => void
  /** Addresses of a name. */
  readonly resolve?: (host: string) => Promise<readonly string[]>
}

/** Silence of one connection. */
const SILENCE_MS_MAX = 120_000
/** Places that are told of: more than a relay has honest use for. */
const TOLD_MAX = 256

export class Egress {
  readonly #options: EgressOptions
  readonly #places: ReadonlyMap<string, Place>
  readonly #server: Server
  readonly #open = new Set<{ destroy(): unknown }>()
  readonly #told = new Set<string>()

  constructor(options: EgressOptions) {
    this.#options = options
    this.#places = new Map(options.origins.map(placeIn).map((place) => [place.name, place]))
    this.#server = createServer({
      maxHeaderSize: LIMITS.headerBytesMax,
      headersTimeout: 10_000,
      requestTimeout: 0,
      connectionsCheckingInterval: 5_000,
    })
    this.#server.maxConnections = LIMITS.egressConnectionsMax
    this.#server.on('connection', (socket) => this.#keep(socket))
    this.#server.on('connect', (asked, socket, head) => void this.#tunnel(asked, socket, head))
    this.#server.on('request', (asked, answer) => void this.#forward(asked, answer))
    this.#server.on('upgrade', (_, socket) => refuse(socket, 'HTTP/1.1 501 Not Implemented'))
    this.#server.on('error', () => this.close())
    this.#server.listen({ fd: options.listener })
  }

  close(): void {
    this.#server.close()
    for (const each of this.#open) each.destroy()
  }

  /** CONNECT: what is inside, TLS above all, is between the relay and the origin. */
  async #tunnel({ url = '' }: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> {
    socket.on('error', () => socket.destroy())
    const place =
      URL.canParse(`http://${url}`) && /^[^/?#@]+$/.test(url) ? this.#placeOf(new URL(`https://${url}`)) : undefined
    const address = await this.#addressOf(place, url)
    if (place === undefined || address === undefined) return refuse(socket, 'HTTP/1.1 403 Forbidden')
    const far = connect({ host: address, port: place.port })
    this.#keep(far)
    far.setTimeout(SILENCE_MS_MAX, () => far.destroy())
    far.once('error', () => refuse(socket, 'HTTP/1.1 502 Bad Gateway'))
    far.once('connect', () => {
      if (socket.destroyed) return void far.destroy()
      socket.write('HTTP/1.1 200 Connection Established\r\n\r\n')
      far.write(head)
      far.pipe(socket)
      socket.pipe(far)
    })
    far.once('close', () => socket.destroy())
    socket.once('close', () => far.destroy())
  }

  /** The absolute form, for what is not encrypted: one request, to the place that its own first line names. */
  async #forward(asked: IncomingMessage, answer: ServerResponse): Promise<void> {
    const url = asked.url !== undefined && URL.canParse(asked.url) ? new URL(asked.url) : undefined
    const place = url?.protocol === 'http:' ? this.#placeOf(url) : undefined
    const address = await this.#addressOf(place, asked.url ?? '')
    if (url === undefined || place === undefined || address === undefined) {
      answer.writeHead(403, { connection: 'close' }).end()
      return
    }
    const { port, host } = place
    const headers = [...endToEnd(asked), 'Host', host, 'Connection', 'close']
    const method = asked.method ?? 'GET'
    const far = request({ host: address, port, method, path: url.pathname + url.search, headers, agent: false })
    this.#keep(far)
    far.setTimeout(SILENCE_MS_MAX, () => far.destroy())
    far.once('response', (response) => {
      answer.writeHead(response.statusCode ?? 502, endToEnd(response))
      response.pipe(answer)
      response.once('error', () => answer.destroy())
    })
    far.once('upgrade', (_, socket) => socket.destroy())
    far.once('error', () => (answer.headersSent ? answer.destroy() : answer.writeHead(502).end()))
    answer.once('close', () => far.destroy())
    asked.once('error', () => far.destroy())
    asked.pipe(far)
  }

  #placeOf(url: URL): Place | undefined {
    // Of a URL of its own scheme, the parser has left the port out where it is the usual one.
    const port = url.port === '' ? (url.protocol === 'https:' ? 443 : 80) : Number(url.port)
    return this.#places.get(`${url.hostname}:${port}`)
  }

  /** Where to, now; and the place is told. */
  async #addressOf(place: Place | undefined, asked: string): Promise<string | undefined> {
    if (place === undefined) return this.#tell(asked, 'it is not in the environment’s egress')
    if (place.address !== undefined) {
      this.#tell(place.name, undefined)
      return place.address
    }
    const resolve = this.#options.resolve ?? addressesOf
    const addresses = await resolve(place.hostname).catch(() => [])
    const open = addresses.find(isPublic)
    if (open !== undefined) this.#tell(place.name, undefined)
    else this.#tell(place.name, addresses.length === 0 ? 'it has no address' : 'it has no public address')
    return open
  }

  #tell(asked: string, problem: string | undefined): undefined {
    const place = asked.replaceAll(/[^\x21-\x7e]/g, '').slice(0, 256) || '-'
    const key = `${problem === undefined} ${place}`
    if (this.#told.size >= TOLD_MAX || this.#told.has(key)) return undefined
    this.#told.add(key)
    this.#options.onTried(place, problem)
    return undefined
  }

  #keep(each: { destroy(): unknown; once(event: 'close', listener: () => void): unknown }): void {
    this.#open.add(each)
    each.once('close', () => this.#open.delete(each))
  }
}

/** An origin that a person declared. */
interface Place {
  /** Host and port, as every way of asking is brought to. */
  readonly name: string
  readonly hostname: string
  readonly port: number
  /** As the `Host` header has it. */
  readonly host: string
  /** Where the host is an address itself. */
  readonly address?: string
}

function placeIn(origin: string): Place {
  const { hostname, port: written, protocol, host } = new URL(origin)
  const port = written === '' ? (protocol === 'https:' ? 443 : 80) : Number(written)
  const bare = hostname.replace(/^\[|\]$/g, '')
  return { name: `${hostname}:${port}`, hostname, port, host, ...(isIP(bare) !== 0 && { address: bare }) }
}

async function addressesOf(host: string): Promise<readonly string[]> {
  return (await lookup(host, { all: true })).map(({ address }) => address)
}

/** IANA's registries of special-purpose addresses: what is not of the open internet, and what holds another address. */
const RESERVED = reserved({
  ipv4: [
    ['0.0.0.0', 8],
    ['10.0.0.0', 8],
    ['100.64.0.0', 10],
    ['127.0.0.0', 8],
    ['169.254.0.0', 16],
    ['172.16.0.0', 12],
    ['192.0.0.0', 24],
    ['192.0.2.0', 24],
    ['192.88.99.0', 24],
    ['192.168.0.0', 16],
    ['198.18.0.0', 15],
    ['198.51.100.0', 24],
    ['203.0.113.0', 24],
    ['224.0.0.0', 3],
  ],
  ipv6: [
    ['2001::', 23],
    ['2001:db8::', 32],
    ['2002::', 16],
    ['3fff::', 20],
  ],
})
const GLOBAL_UNICAST = reserved({ ipv4: [], ipv6: [['2000::', 3]] })

function isPublic(address: string): boolean {
  if (isIP(address) === 4) return !RESERVED.check(address, 'ipv4')
  return isIP(address) === 6 && GLOBAL_UNICAST.check(address, 'ipv6') && !RESERVED.check(address, 'ipv6')
}

type Ranges = Readonly<Record<'ipv4' | 'ipv6', readonly (readonly [net: string, prefix: number])[]>>

function reserved({ ipv4, ipv6 }: Ranges): BlockList {
  const list = new BlockList()
  for (const [net, prefix] of ipv4) list.addSubnet(net, prefix, 'ipv4')
  for (const [net, prefix] of ipv6) list.addSubnet(net, prefix, 'ipv6')
  return list
}

/** What RFC 9110 (7.6.1) keeps between two hops, the host that the first line overrides, and what only proxies read. */
const HOP = new Set(['connection', 'keep-alive', 'te', 'trailer', 'transfer-encoding', 'upgrade', 'host', 'expect'])

function endToEnd({ rawHeaders, headers }: IncomingMessage): string[] {
  const named = new Set(
    String(headers.connection ?? '')
      .toLowerCase()
      .split(/[\s,]+/),
  )
  const kept: string[] = []
  for (let i = 0; i + 1 < rawHeaders.length; i += 2) {
    const [name = '', value = ''] = [rawHeaders[i], rawHeaders[i + 1]]
    const lower = name.toLowerCase()
    if (HOP.has(lower) || lower.startsWith('proxy-') || named.has(lower)) continue
    kept.push(name, value)
  }
  return kept
}

function refuse(socket: Duplex | Socket, line: string): void {
  if (!socket.writable) return void socket.destroy()
  socket.end(`${line}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n`)
}
