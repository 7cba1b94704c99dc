/** Bytes that say two things: requests and answers whose ends are read in two ways, tunnels, other protocols. */
import { Random } from '../../policy/differential/random.ts'
import { ANSWERS, EVIL } from '../answers.ts'
import { request, statusOf } from '../cell-side.ts'
import type { AttackKind } from '../kind.ts'
import { OWN_REQUESTS } from '../own-requests.ts'

const HOST = 'plain.far.example'

/** The second request, which is none. */
const SMUGGLED = 'GET /evil HTTP/1.1\r\nhost: plain.far.example\r\n\r\n'

const ownList: AttackKind = {
  name: 'requests that are read in two ways: our own list',
  stops: 'refused at the door with the status that is right, or sent on in framing of our own (WD4)',
  isQuick: true,
  run: async (cell) => {
    const to = await cell.at(HOST, 'http')
    const heard = await cell.each(OWN_REQUESTS, ({ bytes }) => cell.send(to, bytes, 'answer'))
    return {
      cases: OWN_REQUESTS.length,
      reached: OWN_REQUESTS.flatMap(({ name, status }, i) => {
        const found = statusOf(heard[i] ?? '')
        return found === status ? [] : [`${name}: ${status} is right, and ${found} came`]
      }),
    }
  },
}

const NAMES = ['Content-Length', 'Transfer-Encoding']
const VALUES: Readonly<Record<string, readonly string[]>> = {
  'Content-Length': [
    '0',
    '5',
    '48',
    '+5',
    '-1',
    '05',
    '5,5',
    '5, 48',
    '0x5',
    '5_0',
    ' ',
    '5 5',
    '5;a',
    '1e1',
    '18446744073709551621',
    '٥',
  ],
  'Transfer-Encoding': [
    ...[
      'chunked',
      'Chunked',
      ' chunked',
      'chunked ',
      'chunked,',
      ',chunked',
      'chunked, chunked',
      'identity',
      'identity, chunked',
    ],
    ...[
      'gzip, chunked',
      'xchunked',
      'chunkedx',
      '"chunked"',
      'chunked;a=b',
      '\x0bchunked',
      'chunked\x0b',
      '\xa0chunked',
    ],
    ...['chun\0ked', 'chunked\r\n x', '\tchunked', 'chunked, identity', 'trailers', 'cow', 'chu\u212aed'],
  ],
}
/** Ways in which a header’s name or line is written. */
const WRITTEN: readonly ((name: string, value: string) => string)[] = [
  (name, value) => `${name}: ${value}`,
  (name, value) => `${name}:${value}`,
  (name, value) => `${name} : ${value}`,
  (name, value) => `${name}\t: ${value}`,
  (name, value) => `${name}:\r\n ${value}`,
  (name, value) => `${name}:\n${value}`,
  (name, value) => ` ${name}: ${value}`,
  (name, value) => `${name.replace('-', '_')}: ${value}`,
  (name, value) => `${name.replace('-', '--')}: ${value}`,
  (name, value) => `${name}\0: ${value}`,
  (name, value) => `\0${name}: ${value}`,
  (name, value) => `a: b\n${name}: ${value}`,
  (name, value) => `a: b\r${name}: ${value}`,
  (name, value) => `a: b\r\r\n${name}: ${value}`,
  (name, value) => `a: b\0\r\n${name}: ${value}`,
  (name, value) => `${name.toLowerCase()}: ${value}\r\n${name.toUpperCase()}: ${value}`,
  (name, value) => `connection: ${name}\r\n${name}: ${value}`,
  (name, value) => `${name.replace('e', '\xe9')}: ${value}`,
]
const BODIES: readonly string[] = [
  SMUGGLED,
  `0\r\n\r\n${SMUGGLED}`,
  `5\r\nabcde\r\n0\r\n\r\n${SMUGGLED}`,
  `5;a=b\r\nabcde\r\n0\r\na: b\r\n\r\n${SMUGGLED}`,
  `5\nabcde\n0\n\n${SMUGGLED}`,
  `0x5\r\nabcde\r\n0\r\n\r\n${SMUGGLED}`,
  `00000000000000005\r\nabcde\r\n00\r\n\r\n${SMUGGLED}`,
  `5\r\nabcdeXX0\r\n\r\n${SMUGGLED}`,
  `abcde${SMUGGLED}`,
  `-1\r\n${SMUGGLED}`,
  `2\r\nab\r\n0\r\nContent-Length: 48\r\n\r\n${SMUGGLED}`,
]
const LINES: readonly string[] = [
  ...['POST /ok HTTP/1.1', 'PUT /up/a HTTP/1.1', 'GET /ok HTTP/1.1', 'HEAD /ok HTTP/1.1', 'DELETE /ok HTTP/1.1'],
  ...[
    'POST /ok HTTP/1.0',
    'POST  /ok HTTP/1.1',
    'POST /ok HTTP/1.1 HTTP/1.1',
    'POST /ok',
    'post /ok HTTP/1.1',
    'POST /ok\tHTTP/1.1',
  ],
]

function generated(count: number): readonly string[] {
  const random = new Random(13)
  return Array.from({ length: count }, () => {
    const headers = Array.from({ length: 1 + random.below(2) }, () => {
      const name = random.pick(NAMES)
      return random.pick(WRITTEN)(name, random.pick(VALUES[name] ?? []))
    })
    const type = random.chance(0.5) ? ['content-type: application/octet-stream'] : []
    return request(
      random.chance(0.7) ? (LINES[random.below(2)] ?? '') : random.pick(LINES),
      [`host: ${HOST}`, ...type, ...headers],
      random.pick(BODIES),
    )
  })
}

const generatedRequests: AttackKind = {
  name: 'requests that are read in two ways: put together by chance',
  stops: 'refused at the door, or sent on in framing of our own (WD4)',
  run: async (cell) => {
    const plain = await cell.at(HOST, 'http')
    const secure = await cell.at('api.far.example')
    const all = generated(500)
    await cell.each(all, (text, i) =>
      i % 3 > 0 ? cell.send(plain, text) : cell.send(secure, text.replaceAll(HOST, 'api.far.example')),
    )
    return { cases: all.length }
  },
}

const splitAnswers: AttackKind = {
  name: 'answers that are read in two ways',
  stops: 'parsed strictly, shown in framing of our own; what comes after an answer is nobody’s (HX3)',
  run: async (cell) => {
    const to = await cell.at(HOST, 'http')
    const all = ANSWERS.flatMap((each, i) => (each.kind === 'smuggling' ? [{ ...each, i }] : []))
    const second = request('GET /ok HTTP/1.1', [`host: ${HOST}`, 'connection: close'])
    const heard = await cell.each(
      all,
      ({ i }) => cell.send(to, [request(`GET /answer/${i} HTTP/1.1`, [`host: ${HOST}`, 'connection: close'])]),
      8,
    )
    const after = await cell.each(all.slice(0, 64), () => cell.send(to, second))
    return {
      cases: all.length,
      reached: [
        ...heard.flatMap((text, i) =>
          isTwoAnswers(text) ? [`${all[i]?.name}: ${JSON.stringify(text.slice(0, 400))}`] : [],
        ),
        ...after.flatMap((text) => (text.includes(EVIL) ? ['an answer came to another request'] : [])),
      ],
    }
  },
}

/** Tells whether an answer ends before what was heard does, by its length or its chunks. */
function isTwoAnswers(heard: string): boolean {
  const end = heard.indexOf('\r\n\r\n')
  if (end < 0) return false
  const head = heard.slice(0, end)
  const body = heard.slice(end + 4)
  const lengths = head.match(/^content-length:.*$/gim) ?? []
  const isChunked = /^transfer-encoding: chunked$/im.test(head)
  if (lengths.length > 1 || (lengths.length > 0 && isChunked)) return true
  const [length] = lengths
  if (length !== undefined) return !/^content-length: \d+$/i.test(length) || body.length > Number(length.slice(15))
  if (!isChunked) return false
  // An answer that ends with its connection may hold anything; it is one.
  for (let at = 0; at < body.length; ) {
    const size = Number.parseInt(body.slice(at), 16)
    const next = body.indexOf('\r\n', at) + 2
    if (Number.isNaN(size) || next < 2) return true
    if (size === 0) return body.slice(next) !== '\r\n'
    at = next + size + 2
  }
  return false
}

const tunnels: AttackKind = {
  name: 'tunnels and other protocols: CONNECT, Upgrade, SOCKS, PROXY, what is no HTTP',
  stops: 'the door knows requests for resources alone (WD4): 405, 426, 400',
  isQuick: true,
  run: async (cell) => {
    const plain = await cell.at(HOST, 'http')
    const secure = await cell.at('api.far.example')
    const places = [
      '10.0.0.1:80',
      '169.254.169.254:80',
      '127.0.0.1:2375',
      'evil.far.example:443',
      'plain.far.example:80',
      '[::1]:80',
      '/evil',
      '*',
    ]
    const after = 'GET /evil HTTP/1.1\r\nhost: 10.0.0.1\r\n\r\n'
    const upgrades = [
      'websocket',
      'h2c',
      'HTTP/2.0',
      'TLS/1.0',
      'connect-udp',
      'websocket, h2c',
      'h2c, websocket',
      'WebSocket',
      'h2c ',
      'evil',
    ]
    const texts = [
      ...places.flatMap((place) => [
        request(`CONNECT ${place} HTTP/1.1`, [`host: ${place}`], after),
        request(`CONNECT ${place} HTTP/1.0`, [], after),
        request(`CONNECT ${place} HTTP/1.1`, [`host: ${HOST}`, 'content-length: 5'], after),
        request(`GET http://${place}/ HTTP/1.1`, [`host: ${place}`], after),
        request(`TRACE ${place} HTTP/1.1`, [`host: ${HOST}`, 'max-forwards: 1']),
        request(
          'GET /ok HTTP/1.1',
          [`host: ${HOST}`, 'connection: upgrade', 'upgrade: connect-tcp', `x: ${place}`],
          after,
        ),
      ]),
      ...upgrades.flatMap((protocol) => [
        request(
          'GET /ok HTTP/1.1',
          [
            `host: ${HOST}`,
            'connection: Upgrade',
            `upgrade: ${protocol}`,
            'sec-websocket-key: AAAAAAAAAAAAAAAAAAAAAA==',
            'sec-websocket-version: 13',
          ],
          after,
        ),
        request(
          'GET /ok HTTP/1.1',
          [
            `host: ${HOST}`,
            'connection: Upgrade, HTTP2-Settings',
            `upgrade: ${protocol}`,
            'http2-settings: AAMAAABkAAQCAAAAAAIAAAAA',
          ],
          `PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n${after}`,
        ),
        request(
          'POST /ok HTTP/1.1',
          [`host: ${HOST}`, 'connection: Upgrade', `upgrade: ${protocol}`, 'content-length: 5'],
          `abcde${after}`,
        ),
      ]),
      'PROXY TCP4 10.0.0.1 10.0.0.2 1 80\r\nGET /evil HTTP/1.1\r\nhost: plain.far.example\r\n\r\n',
      '\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c\x0a\0\0\x01\x0a\0\0\x02\0\x01\0\x50',
      '\x05\x01\0\x05\x01\0\x01\x0a\0\0\x01\0\x50',
      '\x04\x01\0\x50\x0a\0\0\x01\0',
      'EHLO evil\r\nMAIL FROM:<a@evil>\r\n',
      'SSH-2.0-OpenSSH_9\r\n',
      'USER anonymous\r\nPASS a\r\n',
      '*1\r\n$4\r\nINFO\r\n',
      'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0',
      '\x16\x03\x01\0\x05\x01\0\0\x01\0',
      '\x80\x2e\x01\x03\x01',
      '{"jsonrpc":"2.0","method":"evil"}\n',
      'OPTIONS * HTTP/1.1\r\nhost: plain.far.example\r\n\r\n',
      'RTSP/1.0 OPTIONS rtsp://10.0.0.1/ RTSP/1.0\r\n\r\n',
      'M-SEARCH * HTTP/1.1\r\nhost: 239.255.255.250:1900\r\n\r\n',
    ]
    const heard = await cell.each([...texts, ...texts], (text, i) =>
      i < texts.length ? cell.send(plain, text) : cell.send(secure, text.replaceAll(HOST, 'api.far.example')),
    )
    return {
      cases: heard.length,
      reached: heard.flatMap((text, i) =>
        /^HTTP\/1\.1 101|^HTTP\/1\.1 200 C/m.test(text) ||
        (statusOf(text) === 200 && !/^GET \/ok|^POST \/ok/.test(texts[i % texts.length] ?? ''))
          ? [`${JSON.stringify(texts[i % texts.length]?.slice(0, 60))}: ${text.slice(0, 60)}`]
          : [],
      ),
    }
  },
}

export const STREAMS: readonly AttackKind[] = [ownList, generatedRequests, splitAnswers, tunnels]
