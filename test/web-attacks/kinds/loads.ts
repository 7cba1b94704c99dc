/** Loads that take memory or time instead of saying anything: bombs both ways, and slow peers. They are counted, never timed. */

import { connect } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import { brotliCompressSync, constants, gzipSync, zstdCompressSync } from 'node:zlib'
import { ANSWERS } from '../answers.ts'
import { type CellSide, request, statusOf } from '../cell-side.ts'
import { frame, http2Bytes, PREFACE } from '../http2-bytes.ts'
import type { AttackKind } from '../kind.ts'

const HOST = 'plain.far.example'

/** Returns bytes that unpack to so many zeros. */
function bombs(bytes: number): Readonly<Record<string, Buffer>> {
  const zeros = Buffer.alloc(bytes)
  return {
    gzip: gzipSync(zeros, { level: 9 }),
    br: brotliCompressSync(zeros, { params: { [constants.BROTLI_PARAM_QUALITY]: 5 } }),
    zstd: zstdCompressSync(zeros),
  }
}

async function askModel(cell: CellSide, headers: readonly string[], body: Buffer): Promise<string> {
  const to = await cell.at('api.anthropic.com')
  const head = request('POST /v1/messages HTTP/1.1', [
    'host: api.anthropic.com',
    'content-type: application/json',
    'anthropic-version: 2023-06-01',
    `content-length: ${body.length}`,
    ...headers,
  ])
  return cell.send(to, [head, body])
}

const bodies: AttackKind = {
  name: 'bombs in requests: gzip, br, zstd, nested, cut, endless; JSON that is deep or wide',
  stops: 'decoded with a bound and a ratio, one after the other; judged bodies have a bound; nothing of them leaves',
  run: async (cell) => {
    const small = bombs(50_000_000)
    const nested = Object.fromEntries(
      Object.entries(small).map(([coding, bytes]) => [
        `${coding}, ${coding}`,
        coding === 'gzip' ? gzipSync(bytes) : bytes,
      ]),
    )
    const deep = Buffer.from(`{"model":"claude-haiku-4-5","max_tokens":1,"messages":${'['.repeat(100_000)}`)
    const wide = Buffer.from(`{"model":"claude-haiku-4-5","messages":[${'0,'.repeat(500_000)}0]}`)
    const cases: (readonly [name: string, headers: readonly string[], body: Buffer])[] = [
      ...Object.entries({ ...small, ...nested }).flatMap(([coding, body]) => [
        [coding, [`content-encoding: ${coding}`], body] as const,
        [`${coding}, cut`, [`content-encoding: ${coding}`], body.subarray(0, body.length >> 1)] as const,
        [`${coding}, and more`, [`content-encoding: ${coding}`], Buffer.concat([body, body])] as const,
      ]),
      ['gzip that says br', ['content-encoding: br'], small.gzip ?? deep],
      ['two codings', ['content-encoding: gzip', 'content-encoding: br'], small.gzip ?? deep],
      ['an unknown coding', ['content-encoding: compress'], small.gzip ?? deep],
      ['deep JSON', [], deep],
      ['wide JSON', [], wide],
      ['deep JSON in gzip', ['content-encoding: gzip'], gzipSync(deep)],
      ['wide JSON in zstd', ['content-encoding: zstd'], zstdCompressSync(wide)],
    ]
    const heard = await cell.each(cases, ([, headers, body]) => askModel(cell, headers, body), 4)
    const plain = await cell.at(HOST, 'http')
    const judged = Object.entries(small).map(([coding, body]) => ({ coding, body }))
    const others = await cell.each(judged, ({ coding, body }) =>
      cell.send(
        plain,
        [
          request('POST /ok HTTP/1.1', [
            `host: ${HOST}`,
            'content-type: application/json',
            `content-encoding: ${coding}`,
            `content-length: ${body.length}`,
          ]),
          body,
        ],
        'answer',
      ),
    )
    return {
      cases: cases.length + judged.length,
      kept: '/v1/messages',
      reached: [
        ...heard.flatMap((text, i) => (statusOf(text) === 200 ? [`${cases[i]?.[0]}: ${text.slice(0, 80)}`] : [])),
        ...others.flatMap((text, i) =>
          statusOf(text) === 400 ? [] : [`${judged[i]?.coding} to be judged: ${text.slice(0, 80)}`],
        ),
      ],
    }
  },
}

const answers: AttackKind = {
  name: 'bombs in answers: endless heads, interim answers, chunk sizes, trailers',
  stops: 'heads have a bound, interim answers a number; the exchange is cut, and the origin is left',
  isQuick: true,
  run: async (cell) => {
    const to = await cell.at(HOST, 'http')
    const all = ANSWERS.flatMap((each, i) => (each.kind === 'bomb' ? [{ ...each, i }] : []))
    const heard = await cell.each(all, ({ i }) =>
      cell.send(to, request(`GET /answer/${i} HTTP/1.1`, [`host: ${HOST}`, 'connection: close']), 'answer'),
    )
    return {
      cases: all.length,
      reached: heard.flatMap((text, i) => (text.length > 100_000 ? [`${all[i]?.name}: ${text.length} bytes`] : [])),
    }
  },
}

/** Returns how a connection ended that nothing whole was sent over. */
async function honest(cell: CellSide): Promise<number> {
  const to = await cell.at(HOST, 'http')
  return statusOf(await cell.send(to, request('GET /ok HTTP/1.1', [`host: ${HOST}`, 'connection: close']), 'answer'))
}

const slow: AttackKind = {
  name: 'slow peers: half heads, half bodies, half handshakes, readers of nothing; origins that stop',
  stops:
    'nothing of a head leaves before it is whole; connections, requests and exchanges have numbers, and end with their cell’s',
  run: async (cell) => {
    const address = await cell.addressOf(HOST)
    const beginnings = [
      ...[
        '',
        'G',
        'GET /ok HTT',
        'GET /ok HTTP/1.1\r\n',
        'GET /ok HTTP/1.1\r\nhost: plain',
        `GET /ok HTTP/1.1\r\nhost: ${HOST}\r\n`,
      ],
      ...[
        request('POST /ok HTTP/1.1', [`host: ${HOST}`, 'content-type: application/json', 'content-length: 9'], '{"a"'),
      ],
      ...[
        request(
          'POST /ok HTTP/1.1',
          [`host: ${HOST}`, 'content-type: application/json', 'transfer-encoding: chunked'],
          '9\r\n{',
        ),
      ],
      ...['\x16', '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03'],
    ]
    // As many as the door takes; each of them again and again.
    const held = Array.from({ length: 240 }, (_, i) => {
      const socket = connect({ host: address, port: 80 })
      socket.on('error', () => undefined)
      socket.write(Buffer.from(beginnings[i % beginnings.length] ?? '', 'latin1'))
      return socket
    })
    await Promise.all(
      held.map(
        (socket) =>
          new Promise((resolve) =>
            socket.connecting ? socket.once('connect', resolve).once('close', resolve) : resolve(0),
          ),
      ),
    )
    const beside = await honest(cell)
    for (const socket of held) socket.destroy()
    const to = await cell.at(HOST, 'http')
    const stops = ANSWERS.flatMap((each, i) => (each.kind === 'slow' ? [i, i, i, i, i, i] : []))
    await cell.each(stops, (i) => cell.send(to, request(`GET /answer/${i} HTTP/1.1`, [`host: ${HOST}`])))
    const after = await honest(cell)
    const { open } = await cell.arrived()
    return {
      cases: held.length + stops.length,
      reached: [
        ...(beside === 200 ? [] : [`control: beside slow ones an honest request has ${beside}`]),
        ...(after === 200 ? [] : [`control: after slow origins an honest request has ${after}`]),
        ...(open > 32 ? [`${open} connections to origins are open although nobody waits`] : []),
      ],
    }
  },
}

const PING = 6
const DATA = 0
const CONTINUATION = 9

/** Floods of HTTP/2, each in one connection. */
function floods(): Readonly<Record<string, Buffer>> {
  const many = (count: number, each: (i: number) => Uint8Array) => Array.from({ length: count }, (_, i) => each(i))
  const begun = [PREFACE, frame(4, 0, 0, Buffer.alloc(0))]
  const all = (...frames: readonly Uint8Array[]) => Buffer.concat([...begun, ...frames])
  const headers = http2Bytes(
    [
      [':method', 'GET'],
      [':scheme', 'https'],
      [':authority', 'api.far.example'],
      [':path', '/evil'],
    ],
    '',
  ).subarray(PREFACE.length + 9)
  const stream = (i: number, more = 0) => {
    const own = Buffer.from(headers)
    own.writeUInt32BE(2 * i + 1, 5)
    own[4] = (own[4] ?? 0) & ~more
    return own
  }
  // A table with one long entry, and a block that names it again and again.
  const long = Buffer.concat([Buffer.from([0x40, 1, 0x61, 0x7f, 0x81, 0x1e]), Buffer.alloc(4_000, 0x62)])
  return {
    'streams that are reset': all(
      ...many(2_000, (i) => Buffer.concat([stream(i), frame(3, 0, 2 * i + 1, Buffer.from([0, 0, 0, 8]))])),
    ),
    'more streams than there may be': all(...many(2_000, (i) => stream(i))),
    'continuations without an end': all(
      stream(0, 4),
      ...many(5_000, () => frame(CONTINUATION, 0, 1, Buffer.alloc(100))),
    ),
    settings: all(...many(10_000, () => frame(4, 0, 0, Buffer.from([0, 3, 0, 0, 0, 100])))),
    pings: all(...many(10_000, () => frame(PING, 0, 0, Buffer.alloc(8)))),
    'empty data': all(stream(0, 1), ...many(10_000, () => frame(DATA, 0, 1, Buffer.alloc(0)))),
    'windows of nothing': all(stream(0), ...many(1_000, () => frame(8, 0, 1, Buffer.alloc(4)))),
    'windows past the end': all(stream(0), ...many(10, () => frame(8, 0, 0, Buffer.from([0x7f, 0xff, 0xff, 0xff])))),
    priorities: all(...many(10_000, (i) => frame(2, 0, 2 * i + 1, Buffer.from([0, 0, 0, 0, 1])))),
    'a bomb of headers': all(frame(1, 5, 1, Buffer.concat([headers.subarray(9), long, Buffer.alloc(12_000, 0xbe)]))),
    'a frame past its bound': all(frame(DATA, 0, 1, Buffer.alloc(100_000))),
    'frames of no kind': all(...many(10_000, () => frame(0xbb, 0xff, 0, Buffer.alloc(16)))),
  }
}

const http2Floods: AttackKind = {
  name: 'floods of HTTP/2: resets, continuations, settings, pings, empty data, windows, header tables',
  stops: 'streams, headers and memory of a connection have bounds; it is closed, and the others go on',
  run: async (cell) => {
    const to = await cell.at('api.far.example')
    const all = Object.entries(floods()).flatMap((each) => [each, each, each])
    await cell.each(all, ([, bytes]) =>
      cell.send({ ...to, tls: { servername: 'api.far.example', protocol: 'h2' } }, [bytes]),
    )
    // Node’s own sessions may not hear that their client has gone: their answers are held for a while (`IdleConnections`).
    let after = await honest(cell)
    for (let tries = 0; tries < 150 && after === 429; tries++) {
      await delay(1_000)
      after = await honest(cell)
    }
    return { cases: all.length, reached: after === 200 ? [] : [`control: after floods an honest request has ${after}`] }
  },
}

export const LOADS: readonly AttackKind[] = [bodies, answers, slow, http2Floods]
