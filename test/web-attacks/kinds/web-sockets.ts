import { request, statusOf } from '../cell-side.ts'
import type { AttackKind } from '../kind.ts'
import { STARTS } from '../web-socket-starts.ts'

const HOST = 'plain.far.example'
const SECOND = `GET /evil HTTP/1.1\r\nhost: ${HOST}\r\n\r\n`
const KEY = 'sec-websocket-key: AAAAAAAAAAAAAAAAAAAAAA=='
const HANDSHAKE = [`host: ${HOST}`, 'connection: Upgrade', 'upgrade: websocket', 'sec-websocket-version: 13', KEY]

const start = (i: number, line = 'HTTP/1.1') => request(`GET /feed/${i} ${line}`, HANDSHAKE)
const without = (name: string, ...more: readonly string[]) =>
  request('GET /feed/0 HTTP/1.1', [...HANDSHAKE.filter((each) => !each.startsWith(name)), ...more], SECOND)

/** Starts that are none, each followed by a request that a reader would find who took them for one. */
const BAD_STARTS: readonly string[] = [
  ...['12', '8', '0', '013', '13, 13', '', '13;a'].map((version) =>
    without('sec-websocket-version', `sec-websocket-version: ${version}`),
  ),
  without('sec-websocket-version'),
  ...['AAAA', '', 'AAAAAAAAAAAAAAAAAAAAAAAA', '!!!!!!!!!!!!!!!!!!!!!!=='].map((key) =>
    without('sec-websocket-key', `sec-websocket-key: ${key}`),
  ),
  without('sec-websocket-key'),
  ...['websocket, h2c', 'h2c, websocket', 'websockets', 'WebSocket/13', 'tls/1.0'].map((protocol) =>
    without('upgrade', `upgrade: ${protocol}`),
  ),
  without('zzz', 'content-length: 5'),
  without('zzz', 'transfer-encoding: chunked'),
  start(0, 'HTTP/1.0') + SECOND,
  start(0).replace('GET', 'POST') + SECOND,
  start(0).replace('/feed/0', '/evil') + SECOND,
  start(0).replace('/feed/0', '/feed/../evil') + SECOND,
  start(0).replace(`host: ${HOST}`, 'host: evil.far.example') + SECOND,
]

/** Returns a frame of a client; its mask is zero, so that its text stands as it is. */
function frame(first: number, text: string, masked = true, length = text.length): string {
  const size =
    length < 126 ? [length | (masked ? 0x80 : 0)] : [127 | (masked ? 0x80 : 0), 0x7f, 255, 255, 255, 255, 255, 255, 255]
  return String.fromCharCode(first, ...size) + (masked ? '\0\0\0\0' : '') + text
}

/** Bytes that a program sends once its WebSocket stands. */
const FRAMES: readonly string[] = [
  SECOND,
  frame(0x81, SECOND),
  frame(0x82, SECOND),
  frame(0x81, SECOND, false),
  ...[0xc1, 0xa1, 0x91, 0x83, 0x8b, 0x80, 0x09, 0x08].map((first) => frame(first, SECOND)),
  frame(0x81, SECOND, true, 1_000),
  frame(0x81, '\xff\xfe'),
  frame(0x88, '\x03\xed'),
  frame(0x88, '\x03'),
  frame(0x01, 'a') + frame(0x81, 'b'),
  frame(0x89, 'x'.repeat(125)) + SECOND,
  frame(0x88, '\x03\xe8') + SECOND,
]

/** WebSockets: starts that are none, frames that are none, answers that are none. */
export const WEB_SOCKETS: AttackKind = {
  name: 'WebSockets: requests behind a start that is none, frames that are none, answers that accept nothing',
  isQuick: true,
  stops: 'a start has one form, frames are ours on both sides, and what the origin accepts is checked (WS1, WS2)',
  run: async (cell) => {
    const to = await cell.at(HOST, 'http')
    const bad = await cell.each(BAD_STARTS, (bytes) => cell.send(to, bytes, 'answer'))
    const honest = await cell.send(to, [start(0), frame(0x81, 'hello')], 'answer')
    await cell.each(FRAMES, (bytes) => cell.send(to, [start(0), bytes], 'answer'))
    const answered = await cell.each(STARTS, (_, i) => cell.send(to, start(i), 'answer'))
    return {
      cases: BAD_STARTS.length + FRAMES.length + STARTS.length,
      reached: [
        ...(statusOf(honest) === 101 ? [] : [`control: an honest start has ${honest.slice(0, 80)}`]),
        ...bad.flatMap((text, i) =>
          statusOf(text) < 300 ? [`${JSON.stringify(BAD_STARTS[i])}: ${text.slice(0, 60)}`] : [],
        ),
        ...answered.flatMap((text, i) => {
          const passes = STARTS[i]?.isOne === true
          const isWrong = passes ? statusOf(text) !== 101 : statusOf(text) < 300 || text.includes('evil')
          return isWrong ? [`${STARTS[i]?.name}: ${JSON.stringify(text.slice(0, 90))}`] : []
        }),
      ],
    }
  },
}
