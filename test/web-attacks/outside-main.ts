/**
 * The world outside of a cell, in a network namespace where every address is local and somebody stands at it: a real gateway
 * on the sockets of a cell's network (descriptors from 4 on), hostile origins that keep every byte, and a resolver that says
 * what it is told to. Started by `cell-main.ts`, which makes the attacks.
 */
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { createSocket } from 'node:dgram'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { connect, createServer, type Socket } from 'node:net'
import { join } from 'node:path'
import process from 'node:process'
import { setTimeout as delay } from 'node:timers/promises'
import { createServer as createTlsServer } from 'node:tls'
import { makeEveryAddressLocal } from '../../src/cells/kernel/sockets.ts'
import { makeIssuer } from '../../src/gateway/trust/issuer.ts'
import type { UpstreamPlan } from '../kit/config-text.ts'
import { startGateway } from '../kit/gateway.ts'
import { makeCertificate } from '../kit/make-certificate.ts'
import { temporaryDirectory } from '../kit/temporary.ts'
import { ANSWERS } from './answers.ts'
import { CERTIFIED } from './certified.ts'
import {
  API,
  type Arrived,
  CERTIFIED_NAMES,
  certifiedAddress,
  certifiedName,
  type FromOutside,
  LED,
  MODEL,
  type Names,
  PLAIN,
  type RawStream,
  type ToOutside,
  TUNNEL,
  TUNNEL_NAME,
} from './outside.ts'
import { splitStrictly } from './readers.ts'
import { STARTS } from './web-socket-starts.ts'

const SOCKETS = [
  { transport: 'tcp', port: 80, fd: 4 },
  { transport: 'tcp', port: 443, fd: 5 },
  { transport: 'tcp', port: 53, fd: 6 },
  { transport: 'udp', port: 53, fd: 7 },
] as const

/** Ports at which somebody stands at every address. */
const PORTS = [22, 80, 81, 443, 2375, 8080]

/** Authorities that programs of this host would believe, in the order of `trusting`. */
const BUNDLES = [
  '/etc/ssl/certs/ca-certificates.crt',
  '/etc/pki/tls/certs/ca-bundle.crt',
  '/etc/ssl/ca-bundle.pem',
  '/etc/ssl/cert.pem',
]

const HAS_IPV6 = existsSync('/proc/net/if_inet6')

const directory = temporaryDirectory()
const authority = makeCertificate({ name: 'declared authority', isAuthority: true })
const hosts = makeCertificate({ name: 'authority of this host', isAuthority: true })

const connections: string[] = []
const asked: string[] = []
const streams = new Map<Socket, { origin: string; stream: string }>()
let old: RawStream[] = []
let taken = 0
let names: Names = {}

function run(command: string, ...args: readonly string[]): void {
  const ran = spawnSync(command, args, { encoding: 'utf8' })
  if (ran.status !== 0) throw new Error(`${command} ${args.join(' ')}: ${ran.stderr}`)
}

/** Makes every address one of this namespace's own, and this host's authorities and resolver what they are here. */
function makeNetwork(): void {
  run('ip', 'link', 'set', 'lo', 'up')
  const local = makeEveryAddressLocal()
  if (!local.ok) throw new Error(`${local.reason.call}: ${local.reason.errno}`)
  if (HAS_IPV6) run('ip', '-6', 'route', 'add', 'local', '::/0', 'dev', 'lo')
  const resolver = join(directory, 'resolv.conf')
  writeFileSync(resolver, 'nameserver 127.0.0.1\noptions timeout:1 attempts:1\n')
  run('mount', '--bind', resolver, '/etc/resolv.conf')
  const bundle = BUNDLES.find((path) => existsSync(path))
  if (bundle === undefined) throw new Error('this host has no bundle of authorities')
  const own = join(directory, 'bundle.pem')
  writeFileSync(own, readFileSync(bundle, 'utf8') + hosts.pem)
  run('mount', '--bind', own, bundle)
}

/** Keeps the bytes that come over a connection, under the address that it was made to. */
function keep(origin: string, socket: Socket): { stream: string } {
  const kept = { origin, stream: '' }
  streams.set(socket, kept)
  socket.on('error', () => undefined)
  socket.on('data', (bytes: Buffer) => {
    kept.stream += bytes.toString('latin1')
  })
  socket.once('close', () => {
    streams.delete(socket)
    if (kept.stream !== '') old.push(kept)
  })
  return kept
}

/** Keeps the bytes that came to an origin, and answers each request that is whole. */
function serve(origin: string, socket: Socket): void {
  const kept = keep(origin, socket)
  let answered = 0
  socket.on('data', () => {
    const { requests } = splitStrictly(kept.stream)
    for (const { target } of requests.slice(answered)) answer(origin, socket, target)
    answered = requests.length
  })
}

function answer(origin: string, socket: Socket, target: string): void {
  const started = STARTS[Number(/^\/feed\/(\d+)$/.exec(target)?.[1] ?? Number.NaN)]
  if (started !== undefined) {
    const key = /^sec-websocket-key: (.*)\r$/im.exec(streams.get(socket)?.stream ?? '')?.[1] ?? ''
    const accept = createHash('sha1').update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64')
    return void socket.write(started.bytes.replace('{accept}', accept), 'latin1')
  }
  const hostile = ANSWERS[Number(/^\/answer\/(\d+)$/.exec(target)?.[1] ?? Number.NaN)]
  if (hostile === undefined) {
    // Those that are told apart by their certificates are connected to anew each time.
    const ends = origin !== API && origin !== PLAIN && origin !== MODEL
    socket.write(`HTTP/1.1 200 OK\r\nContent-Length: 2\r\n${ends ? 'Connection: close\r\n' : ''}\r\nok`)
    return ends ? void socket.end() : undefined
  }
  socket.write(hostile.bytes, 'latin1')
  if (hostile.ends) socket.end()
}

const tls = new Map<string, ReturnType<typeof createTlsServer>>()

function secure(address: string, options: Parameters<typeof createTlsServer>[0]): void {
  // Whatever is weak about it, it speaks.
  const server = createTlsServer({ ALPNProtocols: ['http/1.1'], ciphers: 'DEFAULT:@SECLEVEL=0', ...options })
  server.on('secureConnection', (socket) => serve(address, socket))
  server.on('tlsClientError', () => undefined)
  tls.set(address, server)
}

/** Takes a connection, to whatever address it was made. */
function take(socket: Socket): void {
  taken++
  socket.on('error', () => undefined)
  const address = (socket.localAddress ?? '').replace(/^::ffff:/, '')
  const place = `${address}:${socket.localPort}`
  if (place === `${TUNNEL}:443`) return void keep(address, socket)
  const secured = socket.localPort === 443 ? tls.get(address) : undefined
  if (secured !== undefined) return void secured.emit('connection', socket)
  if (place === `${PLAIN}:80` || place === `${MODEL}:80`) return serve(address, socket)
  connections.push(place)
  socket.once('data', () => socket.end('HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nreached'))
}

/** Answers questions of names: type A and AAAA, by what was told. */
/** Times that each name was asked for since names were told. */
const turns = new Map<string, number>()

function startResolver(): void {
  const socket = createSocket('udp4')
  socket.on('message', (message, { port, address }) => {
    const labels: string[] = []
    let at = 12
    for (let length = message[at] ?? 0; length > 0; length = message[at] ?? 0) {
      labels.push(message.toString('latin1', at + 1, at + 1 + length))
      at += 1 + length
    }
    const name = labels.join('.').toLowerCase()
    const type = message.readUInt16BE(at + 1)
    const question = message.subarray(12, at + 5)
    const told = names[name]
    if (told === undefined) asked.push(name)
    if (type === 1) turns.set(name, (turns.get(name) ?? -1) + 1)
    const all = told?.[Math.min(turns.get(name) ?? 0, told.length - 1)] ?? []
    const found = all.filter((each) => each.includes(':') === (type === 28)).map(wireOf)
    const header = Buffer.from([
      ...message.subarray(0, 2),
      0x81,
      told === undefined ? 0x83 : 0x80,
      0,
      1,
      0,
      0,
      0,
      0,
      0,
      0,
    ])
    header.writeUInt16BE(type === 1 || type === 28 ? found.length : 0, 6)
    const records = found.map((bytes) => Buffer.from([0xc0, 12, 0, type, 0, 1, 0, 0, 0, 0, 0, bytes.length, ...bytes]))
    socket.send(Buffer.concat([header, question, ...(type === 1 || type === 28 ? records : [])]), port, address)
  })
  socket.bind(53, '0.0.0.0')
}

/** Returns an address in its bytes. */
function wireOf(address: string): readonly number[] {
  if (!address.includes(':')) return address.split('.').map(Number)
  const plain = new URL(`http://[${address}]`).hostname.slice(1, -1)
  const [before = '', after] = plain.split('::')
  const words = (text: string | undefined) =>
    (text ?? '').split(':').flatMap((each) => (each === '' ? [] : [Number.parseInt(each, 16)]))
  const [head, tail] = [words(before), words(after)]
  const gap = after === undefined ? 0 : 8 - head.length - tail.length
  return [...head, ...Array.from({ length: gap }, () => 0), ...tail].flatMap((word) => [word >> 8, word & 255])
}

/** Connections that this namespace has begun. RFC 4022, tcpActiveOpens */
function attempts(): number {
  const lines = readFileSync('/proc/net/snmp', 'utf8')
    .split('\n')
    .filter((line) => line.startsWith('Tcp:'))
  const [labels = [], values = []] = lines.map((line) => line.split(' '))
  return Number(values[labels.indexOf('ActiveOpens')])
}

let before = 0

/** Tells what has arrived once three looks in a row have found the same. */
async function arrived(): Promise<Arrived> {
  let last = ''
  for (let same = 0; same < 3; ) {
    await delay(60)
    const now = JSON.stringify([
      attempts(),
      asked.length,
      [...streams.values()].map((each) => each.stream.length),
      old.length,
    ])
    same = now === last ? same + 1 : 0
    last = now
  }
  const all = attempts()
  const told: Arrived = {
    connections: connections.splice(0),
    attempts: Math.max(0, all - before - taken),
    asked: asked.splice(0),
    streams: [...old, ...[...streams.values()].filter(({ stream }) => stream !== '').map((each) => ({ ...each }))],
    open: streams.size,
  }
  old = []
  for (const each of streams.values()) {
    // What is left is the beginning of a request that is not whole.
    each.stream = ''
  }
  taken = 0
  before = all
  return told
}

function say(word: FromOutside): void {
  process.send?.(word)
}

process.on('message', async (order: ToOutside) => {
  if (order.kind === 'end') process.exit(0)
  if (order.kind === 'names') {
    names = { ...FIXED, ...order.names }
    turns.clear()
  }
  if (order.kind === 'arrived') return say({ kind: 'arrived', arrived: await arrived() })
  if (order.kind === 'reach') {
    const socket = connect({ host: order.address, port: order.port }).on('error', () => undefined)
    await new Promise((resolve) => socket.once('close', resolve).once('connect', () => socket.destroy()))
  }
  say({ kind: 'done' })
})
process.on('disconnect', () => process.exit(0))

/** Names that stay. */
const FIXED: Names = {
  'api.far.example': [[API]],
  'plain.far.example': [[PLAIN]],
  'api.anthropic.com': [['203.0.114.99']],
  [TUNNEL_NAME]: [[TUNNEL]],
}

const OK = { 'GET /ok': 'read' } as const
const WIDE: UpstreamPlan['tools'] & object = {
  ...{ 'HEAD /ok': 'read', 'POST /ok': 'write', 'DELETE /ok': 'write' },
  ...{ 'GET /ok?q': 'read', 'PUT /up/{path*}': 'write', 'GET /answer/{number}': 'read' },
  'WEBSOCKET /feed/{number}': 'write',
}

async function start(): Promise<void> {
  makeNetwork()
  const host = HAS_IPV6 ? '::' : '0.0.0.0'
  for (const port of PORTS)
    await new Promise<void>((resolve) => createServer(take).listen({ port, host, ipv6Only: false }, resolve))
  startResolver()
  const api = makeCertificate({ name: 'api', by: authority, names: ['DNS:api.far.example'] })
  secure(API, { cert: api.pem, key: api.key })
  for (const [i, { options, believed }] of CERTIFIED.entries())
    secure(certifiedAddress(i), options(certifiedName(believed, i), { authority, hosts }))
  const ca = join(directory, 'ca.pem')
  writeFileSync(ca, authority.pem)
  names = FIXED
  const led = Array.from({ length: LED }, (_, i) => `led${i}`)
  const certified = Array.from({ length: CERTIFIED_NAMES }, (_, i) => i)
  const origin = (scheme: string, name: string, more: object = {}): readonly [string, UpstreamPlan] => [
    name,
    { http: { origin: `${scheme}://${name}.far.example`, ...more }, tools: OK },
  ]
  const gateway = await startGateway({
    upstreams: Object.fromEntries<UpstreamPlan>([
      ['api', { http: { origin: 'https://api.far.example', ca }, tools: WIDE }],
      ['plain', { http: { origin: 'http://plain.far.example' }, tools: WIDE }],
      ['claude', { model: { provider: 'anthropic', url: `http://${MODEL}`, models: ['claude-haiku-*'] } }],
      ['tunnel', { tunnel: { origin: `https://${TUNNEL_NAME}` }, tools: { connect: 'write' } }],
      ...led.map((name) => origin('http', name)),
      ...certified.flatMap((i) => [origin('https', `declared${i}`, { ca }), origin('https', `hosts${i}`)]),
    ]),
    agents: {
      alpha: {
        grants: [
          ...['api', 'plain'].map((upstream) => ({ upstream, tools: Object.keys(WIDE), expires: '1d' })),
          { upstream: 'claude', tools: ['generate', 'count'], budget: { spend: '1.00 USD per day' }, expires: '1d' },
          { upstream: 'tunnel', tools: ['connect'], expires: '1d' },
          ...[...led, ...certified.flatMap((i) => [`declared${i}`, `hosts${i}`])].map((upstream) => ({
            upstream,
            tools: Object.keys(OK),
            expires: '1d',
          })),
        ],
      },
    },
  })
  const issuer = makeIssuer(3_600_000, Date.now())
  await gateway.admit('alpha', {
    issuer: { certificate: issuer.certificate.toString('base64'), key: issuer.key.toString('base64') },
    web: SOCKETS,
  })
  say({ kind: 'ready' })
}

await start()
