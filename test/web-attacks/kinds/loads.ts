/** What takes memory or time instead of saying anything: bombs both ways, and peers that are slow. Counted, never timed. */

import { connect } from 'node:net'
import { brotliCompressSync, constants, gzipSync, zstdCompressSync } from 'node:zlib'
import { ANSWERS } from '../answers.ts'
import { type CellSide, request, statusOf } from '../cell-side.ts'
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

export const LOADS: readonly AttackKind[] = [bodies, answers, slow]
