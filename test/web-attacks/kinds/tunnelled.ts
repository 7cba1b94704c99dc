import { holding, INNER_V4 } from '../../kit/address-spellings.ts'
import { request } from '../cell-side.ts'
import { clientHello } from '../hello.ts'
import type { AttackKind } from '../kind.ts'
import { TUNNEL, TUNNEL_NAME } from '../outside.ts'

const hello = (names: readonly string[], more: Omit<Parameters<typeof clientHello>[0], 'names'> = {}) =>
  clientHello({ names, ...more }).toString('latin1')

/** Beginnings of a connection to a tunnelled origin that may not be. */
const BEGINNINGS: readonly string[] = [
  ...[
    'evil.far.example',
    'api.far.example',
    'far.example',
    `www.${TUNNEL_NAME}`,
    `${TUNNEL_NAME}.`,
    `${TUNNEL_NAME}.evil`,
  ].map((name) => hello([name])),
  ...[
    `${TUNNEL_NAME}\0`,
    `\0${TUNNEL_NAME}`,
    ` ${TUNNEL_NAME}`,
    `${TUNNEL_NAME}:443`,
    `*.far.example`,
    TUNNEL,
    '127.0.0.1',
    '',
  ].map((name) => hello([name])),
  hello([]),
  hello([TUNNEL_NAME, 'evil.far.example']),
  hello(['evil.far.example', TUNNEL_NAME]),
  hello([TUNNEL_NAME], { lists: 2 }),
  hello([TUNNEL_NAME], { kind: 1 }),
  ...[1, 2, 4, 5, 20, 50, 100, 150].map((recordBytes) => hello([TUNNEL_NAME], { recordBytes })),
  hello([TUNNEL_NAME], { more: '\x01\0\0\0' }),
  hello([TUNNEL_NAME]).slice(0, 40),
  hello([TUNNEL_NAME]).slice(0, -1),
  `\x14\x03\x03\0\x01\x01${hello([TUNNEL_NAME])}`,
  `\x80\x2e\x01\x03\x01\0\x15\0\0\0\x10`,
  `\x16\x03\x01\xff\xff`,
  `\x16\x02\0\0\x05\x01\0\0\x01\0`,
  `SSH-2.0-a\r\n`,
  request('GET /evil HTTP/1.1', [`host: ${TUNNEL_NAME}`]),
  request(`CONNECT ${TUNNEL_NAME}:443 HTTP/1.1`, [`host: ${TUNNEL_NAME}`]) + hello([TUNNEL_NAME]),
  `PROXY TCP4 10.0.0.1 10.0.0.2 1 443\r\n${hello([TUNNEL_NAME])}`,
]

/** Connections to an origin whose TLS the gateway does not end. */
export const TUNNELLED: AttackKind = {
  name: 'tunnels: other names in the first message, cut messages, no TLS, names that lead inside',
  stops: 'the first message is whole and names what was dialled (WD6); addresses are judged and pinned (TU1)',
  run: async (cell) => {
    const address = await cell.addressOf(TUNNEL_NAME)
    const at = { address, port: 443 }
    const honest = hello([TUNNEL_NAME])
    await cell.send(at, honest)
    const { streams } = await cell.arrived()
    const control = streams.some(({ origin, stream }) => origin === TUNNEL && stream === honest)
    await cell.each(BEGINNINGS, (bytes) => cell.send(at, bytes))
    await cell.each(BEGINNINGS, (bytes) => cell.send({ address, port: 80 }, bytes))
    const inner = INNER_V4.slice(0, 23).flatMap((each) => [each, holding(each)[1] ?? each])
    for (const each of inner) {
      await cell.names({ [TUNNEL_NAME]: [[each]] })
      await cell.each([1, 2], () => cell.send(at, honest))
    }
    return {
      cases: 2 * BEGINNINGS.length + 2 * inner.length,
      reached: control ? [] : ['control: an honest tunnel was not made'],
    }
  },
}
