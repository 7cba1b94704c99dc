import { connectionOf, http2Bytes } from '../http2-bytes.ts'
import type { AttackKind } from '../kind.ts'

/** Requests of HTTP/2 whose header blocks hold what becomes a line, a name or an end in HTTP/1.1. */
export const HTTP2: AttackKind = {
  name: 'HTTP/2 that becomes another HTTP/1.1',
  stops: 'pseudo-headers and names are read strictly; lengths and chunks of HTTP/1.1 are ours',
  run: async (cell) => {
    const to = await cell.at('api.far.example')
    const all = http2Attacks()
    const heard = await cell.each(all, ({ headers, body }) =>
      cell.send({ ...to, tls: { servername: 'api.far.example', protocol: 'h2' } }, [http2Bytes(headers, body)]),
    )
    const honest = [':method GET', ':scheme https', ':authority api.far.example', ':path /ok']
    const bytes = http2Bytes(
      honest.map((each) => each.split(' ') as [string, string]), // of two words each
      '',
    )
    // Its settings come before its answer, which a busy machine may take its time for.
    const isAnswered = async () => {
      const heard = await cell.send(
        { ...to, tls: { servername: 'api.far.example', protocol: 'h2' } },
        [bytes],
        'answer',
      )
      return connectionOf(heard).statuses.includes('200')
    }
    let passes = false
    for (let tries = 0; tries < 100 && !passes; tries++) passes = await isAnswered()
    return {
      cases: all.length,
      reached: [
        ...(passes ? [] : ['control: an honest request of HTTP/2 was refused']),
        ...heard.flatMap((text, i) => {
          const wanted = all[i]?.mayPass === true
          return !wanted && connectionOf(text).statuses.includes('200') ? [`${all[i]?.name} was let through`] : []
        }),
      ],
    }
  },
}

interface Http2Attack {
  readonly name: string
  readonly headers: readonly (readonly [name: string, value: string])[]
  readonly body: string
  /** True where it may go on, as one request of ours. */
  readonly mayPass?: boolean
}

function http2Attacks(): readonly Http2Attack[] {
  const base = (changes: Readonly<Record<string, string>> = {}, more: readonly (readonly [string, string])[] = []) =>
    [
      ...Object.entries({
        ':method': 'POST',
        ':scheme': 'https',
        ':authority': 'api.far.example',
        ':path': '/ok',
        ...changes,
      }),
      ...more,
    ] as const
  const evil = 'GET /evil HTTP/1.1\r\nhost: api.far.example\r\n\r\n'
  const paths = [
    ...[
      '/ok HTTP/1.1\r\nx: y',
      '/ok\r\n\r\nGET /evil HTTP/1.1',
      '/ok /evil',
      '/ok\t',
      '/ok#/evil',
      '//evil',
      'http://10.0.0.1/',
      '*',
      '',
    ],
    ...[
      '/../evil',
      '/ok/..%2fevil',
      '/ok?q=a b',
      '\\evil',
      '/ok\0',
      '/ok%0d%0aevil',
      '/%2e%2e/evil',
      '/ok;/../evil',
      '@10.0.0.1/',
    ],
  ]
  const methods = [
    'GET /evil HTTP/1.1\r\nx:',
    'POST\r\n',
    'CONNECT',
    'TRACE',
    'PRI',
    'post',
    'POST ',
    '',
    'G@T',
    'OPTIONS',
    'TRACK',
  ]
  const authorities = [
    'evil.far.example',
    'api.far.example\r\nx: y',
    'api.far.example@10.0.0.1',
    '10.0.0.1',
    '',
    'api.far.example/evil',
    'api.far.example:80',
    'api.far.example evil',
  ]
  const schemes = ['http', 'file', 'https://evil/', 'HTTPS', '', 'ws', 'https\r\nx: y']
  const fields: readonly (readonly [string, string])[] = [
    ...([
      ['transfer-encoding', 'chunked'],
      ['content-length', '0'],
      ['content-length', '1'],
      ['content-length', '500'],
      ['content-length', '+5'],
      ['content-length', '5, 5'],
      ['connection', 'transfer-encoding'],
      ['connection', 'content-length'],
      ['upgrade', 'websocket'],
      ['keep-alive', 'a'],
      ['proxy-connection', 'keep-alive'],
      ['te', 'chunked'],
      ['host', 'evil.far.example'],
      ['host', '10.0.0.1'],
      ['Content-Length', '1'],
      ['content-length ', '1'],
      [' content-length', '1'],
      ['content-length:', '1'],
      ['content_length', '1'],
      ['transfer_encoding', 'chunked'],
      ['transfer-encoding\r\nx', 'chunked'],
      ['a', `b\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n${evil}`],
      ['a', `b\nhost: evil`],
      ['a', 'b\rhost: evil'],
      ['a', 'b\0c'],
      [`a: b\r\nhost`, 'evil'],
      ['a b', 'c'],
      ['a:b', 'c'],
      ['', 'c'],
      [':path', '/evil'],
      [':method', 'GET'],
      [':authority', 'evil.far.example'],
      [':scheme', 'http'],
      [':status', '200'],
      [':protocol', 'websocket'],
      [':evil', 'a'],
      ['expect', 'evil'],
      ['x-http-method-override', 'DELETE'],
      ['x-original-url', '/evil'],
    ] as const),
  ]
  // Headers that are taken out on the way, or mean nothing where they stand.
  const harmless = new Set(['content-length=5', 'x-http-method-override', 'x-original-url'])
  return [
    ...paths.map((path) => ({
      name: `a path ${JSON.stringify(path)}`,
      headers: base({ ':path': path }),
      body: 'abcde',
    })),
    ...methods.map((method) => ({
      name: `a method ${JSON.stringify(method)}`,
      headers: base({ ':method': method }),
      body: '',
    })),
    ...authorities.map((authority) => ({
      name: `an authority ${JSON.stringify(authority)}`,
      headers: base({ ':authority': authority }),
      body: '',
    })),
    ...schemes.map((scheme) => ({
      name: `a scheme ${JSON.stringify(scheme)}`,
      headers: base({ ':scheme': scheme }),
      body: '',
      // The place is what was dialled, whatever its request calls it.
      mayPass: true,
    })),
    ...fields.flatMap(([name, value]) =>
      ['', 'abcde', `0\r\n\r\n${evil}`].map((body) => ({
        name: `${JSON.stringify(name)}: ${JSON.stringify(value)} with ${body.length} bytes`,
        headers: base({}, [
          ['content-type', 'application/octet-stream'],
          [name, value],
        ]),
        body,
        mayPass:
          harmless.has(name) ||
          // Left out by whoever parses it.
          !/^:?[a-z0-9-]+$/.test(name) ||
          /[^\t\x20-\x7e]/.test(value) ||
          (name === 'content-length' && Number(value) === body.length) ||
          name === 'te' ||
          name === 'expect',
      })),
    ),
  ]
}
