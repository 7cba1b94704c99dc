import { brotliCompressSync, gzipSync, zstdCompressSync } from 'node:zlib'

/** Answers of a hostile origin, each under a number: `GET /answer/{n}` of a cell, and these bytes. */

/** The bytes of an answer, and how its connection goes on. */
export interface HostileAnswer {
  readonly name: string
  readonly kind: 'smuggling' | 'redirect' | 'bomb' | 'slow'
  readonly bytes: string
  /** True where the connection ends after it. */
  readonly ends: boolean
}

/** A text that no cell may take for an answer of its own. */
export const EVIL = 'evil-second-answer'

const SECOND = `HTTP/1.1 200 OK\r\nContent-Length: ${EVIL.length}\r\n\r\n${EVIL}`

/** Heads whose end is read in two ways, by their names; each is followed by another answer. */
const HEADS: Readonly<Record<string, string>> = {
  'two lengths': 'Content-Length: 2\r\nContent-Length: 60',
  'two equal lengths': 'Content-Length: 2\r\nContent-Length: 2',
  'a list of lengths': 'Content-Length: 2, 2',
  'a list of other lengths': 'Content-Length: 2, 60',
  'a length with a sign': 'Content-Length: +2',
  'a negative length': 'Content-Length: -2',
  'a length with zeros': 'Content-Length: 0002',
  'a length in hex': 'Content-Length: 0x2',
  'a length with an underscore': 'Content-Length: 1_0',
  'a length with a tab': 'Content-Length:\t2\t',
  'a length with a vertical tab': 'Content-Length: \x0b2',
  'a length past 2^64': 'Content-Length: 18446744073709551618',
  'an empty length': 'Content-Length:',
  'a length and chunks': 'Content-Length: 2\r\nTransfer-Encoding: chunked',
  'chunks and a length': 'Transfer-Encoding: chunked\r\nContent-Length: 2',
  'chunks twice': 'Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked',
  'chunks of chunks': 'Transfer-Encoding: chunked, chunked',
  'gzip before chunks': 'Transfer-Encoding: gzip, chunked',
  'chunks before identity': 'Transfer-Encoding: chunked, identity',
  'an unknown coding': 'Transfer-Encoding: xchunked',
  'chunks in quotes': 'Transfer-Encoding: "chunked"',
  'chunks after a comma': 'Transfer-Encoding: ,chunked',
  'chunks with a control': 'Transfer-Encoding: \x0bchunked',
  'chunks with a space before the colon': 'Transfer-Encoding : chunked',
  'chunks with a space within': 'Transfer-Encoding: chun ked',
  'a folded coding': 'Transfer-Encoding:\r\n chunked',
  'a folded length': 'Content-Length:\r\n 2',
  'an underscore in a length': 'Content_Length: 2',
  'an underscore in a coding': 'Transfer_Encoding: chunked',
  'a length after a line feed': 'A: b\nContent-Length: 2',
  'a length after a carriage return': 'A: b\rContent-Length: 2',
  'a NUL in a header': 'A: b\0\r\nContent-Length: 2',
  'a colon alone': ': b\r\nContent-Length: 2',
  'a line without a colon': 'Content-Length\r\nContent-Length: 2',
  'a space before a header': ' A: b\r\nContent-Length: 2',
  'an upgrade': 'Connection: upgrade\r\nUpgrade: websocket\r\nContent-Length: 2',
  'a length that is named by its connection': 'Connection: content-length\r\nContent-Length: 2',
  'a trailer that is a length': 'Trailer: content-length\r\nTransfer-Encoding: chunked',
}

/** Lines of status that are none, or of no final answer. */
const LINES: readonly string[] = [
  ...['HTTP/1.1 100 Continue', 'HTTP/1.1 101 Switching Protocols', 'HTTP/1.1 102 Processing', 'HTTP/1.1 199 X'],
  ...['HTTP/1.1 204 No Content', 'HTTP/1.1 205 Reset', 'HTTP/1.1 304 Not Modified', 'HTTP/1.1 999 X', 'HTTP/1.1 99 X'],
  ...['HTTP/1.1 2000 OK', 'HTTP/1.1 20 OK', 'HTTP/1.1  200 OK', 'HTTP/1.1 200', 'HTTP/1.1\t200 OK', 'HTTP/1.0 200 OK'],
  ...['HTTP/0.9 200 OK', 'HTTP/2.0 200 OK', 'HTTP/1.2 200 OK', 'http/1.1 200 OK', 'ICY 200 OK', 'HTTP/1.1 -200 OK'],
  ...['HTTP/1.1 200 O\rK', 'HTTP/1.1 200 O\0K', ' HTTP/1.1 200 OK', '\r\nHTTP/1.1 200 OK', 'HTTP/1.1 2 00 OK', 'OK'],
]

/** Chunks that readers size in different ways. */
const CHUNKS: Readonly<Record<string, string>> = {
  'an extension': '2;a=b\r\nok\r\n0\r\n\r\n',
  'an extension with a line feed': '2;a\nok\r\n0\r\n\r\n',
  'an extension that is long': `2;${'a'.repeat(20_000)}\r\nok\r\n0\r\n\r\n`,
  'a size with a sign': '+2\r\nok\r\n0\r\n\r\n',
  'a negative size': '-2\r\nok\r\n0\r\n\r\n',
  'a size in 0x': '0x2\r\nok\r\n0\r\n\r\n',
  'a size with an underscore': '0_2\r\nok\r\n0\r\n\r\n',
  'a size past 2^64': '10000000000000002\r\nok\r\n0\r\n\r\n',
  'a size with a space': '2 \r\nok\r\n0\r\n\r\n',
  'no size': '\r\nok\r\n0\r\n\r\n',
  'a line feed alone': '2\nok\n0\n\n',
  'a carriage return alone': '2\rok\r0\r\r',
  'more than its size': '2\r\nokok\r\n0\r\n\r\n',
  'no end': '2\r\nok\r\n',
  'an end without its line': '2\r\nok\r\n0\r\n',
  trailers: '2\r\nok\r\n0\r\nContent-Length: 60\r\nSet-Cookie: a=b\r\n\r\n',
  'a trailer that is an answer': `2\r\nok\r\n0\r\nHTTP/1.1 200 OK\r\n\r\n`,
}

const SMUGGLING: readonly HostileAnswer[] = [
  ...Object.entries(HEADS).flatMap(([name, head]) => {
    const body = /chunked/.test(head) ? '2\r\nok\r\n0\r\n\r\n' : 'ok'
    const bytes = `HTTP/1.1 200 OK\r\n${head}\r\n\r\n${body}${SECOND}`
    return [true, false].map((ends) => ({ name: `${name}, ${ends ? 'ended' : 'open'}`, bytes, ends }))
  }),
  ...LINES.map((line) => ({
    name: JSON.stringify(line),
    bytes: `${line}\r\nContent-Length: 2\r\n\r\nok${SECOND}`,
    ends: true,
  })),
  ...Object.entries(CHUNKS).map(([name, chunks]) => ({
    name: `chunks with ${name}`,
    bytes: `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n${chunks}${SECOND}`,
    ends: true,
  })),
].map((each) => ({ ...each, kind: 'smuggling' as const }))

const PLACES: readonly string[] = [
  ...['http://169.254.169.254/latest/meta-data/', 'http://127.0.0.1/', 'https://127.0.0.1/', 'http://[::1]/'],
  ...['http://10.0.0.1/', 'http://localhost/', '//169.254.169.254/', 'http:169.254.169.254/', 'http://2852039166/'],
  ...['http://0xa9fea9fe/', 'http://0/', 'http://[::ffff:169.254.169.254]/', 'http://plain.far.example:81/'],
  ...['ftp://10.0.0.1/', 'gopher://10.0.0.1:70/_', 'file:///etc/passwd', 'http://evil.far.example/', '/ok\r\nX: y'],
]

const REDIRECTS: readonly HostileAnswer[] = PLACES.flatMap((place) => [
  ...[300, 301, 302, 303, 305, 307, 308, 201].map((status) => [
    `${status}`,
    `HTTP/1.1 ${status} X\r\nLocation: ${place}`,
  ]),
  ['refresh', `HTTP/1.1 200 OK\r\nRefresh: 0;url=${place}`],
  ['link', `HTTP/1.1 200 OK\r\nLink: <${place}>; rel=preload`],
  ['alternative', `HTTP/1.1 200 OK\r\nAlt-Svc: h2="${place.replace(/^\w+:\/\/|\/.*$/g, '')}:443"`],
]).map(([name, head]) => ({
  name: `${name} to ${head?.split('\r\n')[1] ?? ''}`,
  kind: 'redirect' as const,
  bytes: `${head}\r\nContent-Length: 0\r\n\r\n`,
  ends: true,
}))

/** Bytes that unpack to a thousand times as many. */
const PACKED: Readonly<Record<string, Buffer>> = {
  gzip: gzipSync(Buffer.alloc(20_000_000), { level: 9 }),
  br: brotliCompressSync(Buffer.alloc(20_000_000)),
  zstd: zstdCompressSync(Buffer.alloc(20_000_000)),
}

const BOMBS: readonly HostileAnswer[] = [
  ...Object.entries(PACKED).map(([coding, bytes]) => [
    coding,
    `HTTP/1.1 200 OK\r\nContent-Encoding: ${coding}\r\nContent-Length: ${bytes.length}\r\n\r\n${bytes.toString('latin1')}`,
  ]),
  ['endless headers', `HTTP/1.1 200 OK\r\n${'A: b\r\n'.repeat(40_000)}`],
  ['one endless header', `HTTP/1.1 200 OK\r\nA: ${'b'.repeat(4_000_000)}`],
  ['interim answers', 'HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n'.repeat(10_000)],
  ['an endless line of status', `HTTP/1.1 200 ${'O'.repeat(1_000_000)}`],
  ['an endless size of a chunk', `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n${'0'.repeat(1_000_000)}`],
  ['endless trailers', `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n${'A: b\r\n'.repeat(200_000)}`],
].map(([name = '', bytes = '']) => ({ name, kind: 'bomb' as const, bytes, ends: true }))

const SLOW: readonly HostileAnswer[] = [
  ['no answer', ''],
  ['half a line of status', 'HTTP/1.1 20'],
  ['half a head', 'HTTP/1.1 200 OK\r\nContent-Le'],
  ['half a body', 'HTTP/1.1 200 OK\r\nContent-Length: 60\r\n\r\nok'],
  ['half a chunk', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\nok'],
].map(([name = '', bytes = '']) => ({ name, kind: 'slow' as const, bytes, ends: false }))

/** Every answer, by its number. */
export const ANSWERS: readonly HostileAnswer[] = [...SMUGGLING, ...REDIRECTS, ...BOMBS, ...SLOW]
