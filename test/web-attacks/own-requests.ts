/** Requests whose end, host or line servers read in different ways, each with the answer that is right. */
import { request } from './cell-side.ts'

/** A request and the status of its answer: 200 where one reading of it leaves, as a request of our own. */
export interface OwnRequest {
  readonly name: string
  readonly bytes: string
  readonly status: number
}

const HOST = 'host: plain.far.example'
const STREAM = 'content-type: application/octet-stream'
/** A beginning of a second request, which some reader finds. */
const SECOND = 'GET /evil HTTP/1.1\r\nhost: plain.far.example\r\n\r\n'

const post = (headers: readonly string[], body = '', line = 'POST /ok HTTP/1.1') =>
  request(line, [HOST, STREAM, ...headers], body)
const get = (headers: readonly string[] = [], line = 'GET /ok HTTP/1.1', body = '') =>
  request(line, [HOST, ...headers], body)

const REFUSED: Readonly<Record<string, string>> = {
  // Two ends.
  'CL.TE': post(['content-length: 4', 'transfer-encoding: chunked'], `0\r\n\r\n${SECOND}`),
  'TE.CL': post(['transfer-encoding: chunked', 'content-length: 4'], `2e\r\n${SECOND}\r\n0\r\n\r\n`),
  'TE.TE, the second unknown': post(['transfer-encoding: chunked', 'transfer-encoding: cow'], '0\r\n\r\n'),
  'TE.TE, equal': post(['transfer-encoding: chunked', 'transfer-encoding: chunked'], '0\r\n\r\n'),
  'CL.CL, other': post(['content-length: 0', 'content-length: 46'], SECOND),
  'CL.CL, equal': post(['content-length: 5', 'content-length: 5'], 'abcde'),
  'a list of lengths': post(['content-length: 5, 5'], 'abcde'),
  // Lengths that are no plain number.
  'a length with a plus': post(['content-length: +5'], 'abcde'),
  'a negative length': post(['content-length: -5'], 'abcde'),
  'a length with a zero before': post(['content-length: 05'], 'abcde'),
  'a length in hex': post(['content-length: 0x5'], 'abcde'),
  'a length with an underscore': post(['content-length: 0_5'], 'abcde'),
  'a length with a space within': post(['content-length: 5 5'], 'abcde'),
  'a length past 2^53': post(['content-length: 9007199254740993000'], 'abcde'),
  'a length past 2^64': post(['content-length: 18446744073709551621'], 'abcde'),
  'an empty length': post(['content-length:'], SECOND),
  // Codings that some take for chunks.
  'gzip before chunks': post(['transfer-encoding: gzip, chunked'], '0\r\n\r\n'),
  'chunks, and identity after': post(['transfer-encoding: chunked, identity'], '0\r\n\r\n'),
  'identity alone': post(['transfer-encoding: identity'], SECOND),
  'chunks with a comma before': post(['transfer-encoding: ,chunked'], '0\r\n\r\n'),
  'chunks with a parameter': post(['transfer-encoding: chunked;a=b'], '0\r\n\r\n'),
  'chunks in quotes': post(['transfer-encoding: "chunked"'], '0\r\n\r\n'),
  'chunks with a vertical tab': post(['transfer-encoding: \x0bchunked'], '0\r\n\r\n'),
  'chunks with a space that is none': post(['transfer-encoding: \xa0chunked'], '0\r\n\r\n'),
  'an unknown coding': post(['transfer-encoding: xchunked'], '0\r\n\r\n'),
  'chunks in HTTP/1.0': post(['transfer-encoding: chunked'], '0\r\n\r\n', 'POST /ok HTTP/1.0'),
  // Names of headers.
  'a space before the colon': post(['content-length : 5'], 'abcde'),
  'a tab before the colon': post(['transfer-encoding\t: chunked'], '0\r\n\r\n'),
  'an underscore in a length': post(['content_length: 5'], 'abcde'),
  'an underscore in a coding': post(['transfer_encoding: chunked'], '0\r\n\r\n'),
  'two hyphens': post(['content--length: 5'], 'abcde'),
  'a NUL in a name': post(['content-length\0: 5'], 'abcde'),
  'a byte past ASCII in a name': post(['cont\xe9nt-length: 5'], 'abcde'),
  'no name': get([': b']),
  'no colon': get(['content-length']),
  'a space before the first header': 'GET /ok HTTP/1.1\r\n host: plain.far.example\r\n\r\n',
  'a folded header': get(['a: b\r\n c']),
  'a folded coding': post(['transfer-encoding:\r\n chunked'], '0\r\n\r\n'),
  // Ends of lines.
  'line feeds alone': get().replaceAll('\r', ''),
  'carriage returns alone': get().replaceAll('\n', ''),
  'a line feed in a header': get(['a: b\nhost: evil.far.example']),
  'a carriage return in a header': get(['a: b\rhost: evil.far.example']),
  'a NUL in a header': get(['a: b\0c']),
  // Chunks.
  'a size with a plus': post(['transfer-encoding: chunked'], '+5\r\nabcde\r\n0\r\n\r\n'),
  'a size with an underscore': post(['transfer-encoding: chunked'], '0_5\r\nabcde\r\n0\r\n\r\n'),
  'a size in 0x': post(['transfer-encoding: chunked'], '0x5\r\nabcde\r\n0\r\n\r\n'),
  'a size past 2^64': post(['transfer-encoding: chunked'], '10000000000000005\r\nabcde\r\n0\r\n\r\n'),
  'a size with a line feed': post(['transfer-encoding: chunked'], '5\nabcde\n0\n\n'),
  'a chunk of more than its size': post(['transfer-encoding: chunked'], '5\r\nabcdef\r\n0\r\n\r\n'),
  // Lines.
  'no version': 'GET /ok\r\n\r\n',
  'HTTP/0.9': get([], 'GET /ok HTTP/0.9'),
  'HTTP/1.2': get([], 'GET /ok HTTP/1.2'),
  'HTTP/2.0': get([], 'GET /ok HTTP/2.0'),
  'HTTP/01.1': get([], 'GET /ok HTTP/01.1'),
  'a version with more after it': get([], 'GET /ok HTTP/1.1 HTTP/1.1'),
  'a tab for a space': get([], 'GET\t/ok\tHTTP/1.1'),
  'a space in a target': get([], 'GET /ok /evil HTTP/1.1'),
  'a method in lower case': get([], 'get /ok HTTP/1.1'),
  'a method that is none': get([], 'EVIL /ok HTTP/1.1'),
  'a method with quotes': get([], 'G="GET" /ok HTTP/1.1'),
  'a target in absolute form': get([], 'GET http://plain.far.example/ok HTTP/1.1'),
  'a target without a slash': get([], 'GET ok HTTP/1.1'),
  'two slashes': get([], 'GET //evil.far.example/ok HTTP/1.1'),
  'dot segments': get([], 'GET /up/../evil HTTP/1.1'),
  'encoded dot segments': get([], 'GET /up/%2e%2e/evil HTTP/1.1'),
  'a backslash': get([], 'GET /up\\..\\evil HTTP/1.1'),
  'a fragment': get([], 'GET /ok#/evil HTTP/1.1'),
  'bytes past ASCII in a target': get([], 'GET /ok\xff HTTP/1.1'),
  'a body of GET': get([STREAM, 'content-length: 5'], 'GET /ok HTTP/1.1', 'abcde'),
  'trailers that are framing': post(
    ['transfer-encoding: chunked'],
    '5\r\nabcde\r\n0\r\nhost: evil\r\ncontent-length: 46\r\n\r\n',
  ),
  // Hosts.
  'two hosts': get(['host: evil.far.example']),
  'two equal hosts': get([HOST]),
}

/** Requests whose right answer is another one than 400. */
const OTHERS: readonly OwnRequest[] = [
  { name: 'no host', bytes: 'GET /ok HTTP/1.1\r\n\r\n', status: 421 },
  { name: 'an empty host', bytes: 'GET /ok HTTP/1.1\r\nhost:\r\n\r\n', status: 421 },
  { name: 'another host', bytes: 'GET /ok HTTP/1.1\r\nhost: evil.far.example\r\n\r\n', status: 421 },
  { name: 'a host with a user', bytes: 'GET /ok HTTP/1.1\r\nhost: a@plain.far.example\r\n\r\n', status: 421 },
  { name: 'a host with a dot at its end', bytes: 'GET /ok HTTP/1.1\r\nhost: plain.far.example.\r\n\r\n', status: 421 },
  { name: 'a tunnel', bytes: get([], 'CONNECT plain.far.example:80 HTTP/1.1'), status: 405 },
  { name: 'another protocol', bytes: get(['connection: upgrade', 'upgrade: websocket']), status: 426 },
  { name: 'another expectation', bytes: get(['expect: evil']), status: 417 },
  { name: 'an undeclared path', bytes: get([], 'GET /evil HTTP/1.1'), status: 403 },
  { name: 'an undeclared method', bytes: get([], 'OPTIONS /ok HTTP/1.1'), status: 403 },
  { name: 'an undeclared query', bytes: get([], 'GET /ok?evil=1 HTTP/1.1'), status: 400 },
  // One reading, sent on.
  { name: 'an honest request', bytes: get(), status: 200 },
  { name: 'an honest request of HTTP/1.0', bytes: get([], 'GET /ok HTTP/1.0'), status: 200 },
  { name: 'a host in upper case', bytes: 'GET /ok HTTP/1.1\r\nhost: PLAIN.far.example\r\n\r\n', status: 200 },
  { name: 'a host with its usual port', bytes: 'GET /ok HTTP/1.1\r\nhost: plain.far.example:80\r\n\r\n', status: 200 },
  { name: 'a body with a length', bytes: post(['content-length: 5'], 'abcde'), status: 200 },
  { name: 'a body that is a request', bytes: post([`content-length: ${SECOND.length}`], SECOND), status: 200 },
  { name: 'a body in chunks', bytes: post(['transfer-encoding: chunked'], '5\r\nabcde\r\n0\r\n\r\n'), status: 200 },
  {
    name: 'a size with zeros',
    bytes: post(['transfer-encoding: chunked'], '0005\r\nabcde\r\n00\r\n\r\n'),
    status: 200,
  },
  {
    name: 'an extension of a chunk',
    bytes: post(['transfer-encoding: chunked'], '5;a=b\r\nabcde\r\n0\r\n\r\n'),
    status: 200,
  },
  {
    name: 'trailers, which stay here',
    bytes: post(['transfer-encoding: chunked'], '5\r\nabcde\r\n0\r\nx: evil\r\n\r\n'),
    status: 200,
  },
  {
    name: 'a coding in upper case',
    bytes: post(['transfer-encoding: CHUNKED'], '5\r\nabcde\r\n0\r\n\r\n'),
    status: 200,
  },
  { name: 'bytes past ASCII in a header', bytes: get(['a: \xe9\xff']), status: 200 },
  { name: 'a header that its connection names', bytes: get(['connection: x-evil', 'x-evil: 1']), status: 200 },
  {
    name: 'an offer of HTTP/2',
    bytes: get(['connection: upgrade, http2-settings', 'upgrade: h2c', 'http2-settings: AAA']),
    status: 200,
  },
  { name: 'two spaces', bytes: get([], 'GET  /ok HTTP/1.1'), status: 200 },
]

export const OWN_REQUESTS: readonly OwnRequest[] = [
  ...Object.entries(REFUSED).map(([name, bytes]) => ({ name, bytes, status: 400 })),
  ...OTHERS,
]
