/** Answers of an origin to the start of a WebSocket, `GET /feed/{n}`, each under a number. */

/** An answer; `{accept}` in it stands for what the key of the start asks for. */
export interface StartAnswer {
  readonly name: string
  /** True where a WebSocket stands after it. */
  readonly isOne?: boolean
  readonly bytes: string
}

const ONE =
  'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: {accept}\r\n'
const SECOND = 'HTTP/1.1 200 OK\r\nContent-Length: 18\r\n\r\nevil-second-answer'

export const STARTS: readonly StartAnswer[] = [
  { name: 'an honest one', isOne: true, bytes: `${ONE}\r\n` },
  { name: 'another accept', bytes: `${ONE.replace('{accept}', 'AAAAAAAAAAAAAAAAAAAAAAAAAAA=')}\r\n${SECOND}` },
  { name: 'no accept', bytes: `${ONE.replace(/Sec-.*\r\n/, '')}\r\n${SECOND}` },
  { name: 'no upgrade', bytes: `${ONE.replace(/Upgrade: .*\r\n/, '')}\r\n${SECOND}` },
  { name: 'another protocol', bytes: `${ONE.replace(': websocket', ': h2c')}\r\n${SECOND}` },
  {
    name: 'an extension that nobody offered',
    bytes: `${ONE}Sec-WebSocket-Extensions: permessage-deflate\r\n\r\n${SECOND}`,
  },
  { name: 'a subprotocol that nobody offered', bytes: `${ONE}Sec-WebSocket-Protocol: evil\r\n\r\n${SECOND}` },
  { name: 'an answer of its own', bytes: 'HTTP/1.1 200 OK\r\nContent-Length: 18\r\n\r\nevil-second-answer' },
  {
    name: 'a refusal, and another answer',
    bytes: `HTTP/1.1 426 Upgrade Required\r\nContent-Length: 0\r\n\r\n${SECOND}`,
  },
  { name: 'a redirect', bytes: 'HTTP/1.1 302 Found\r\nLocation: ws://10.0.0.1/evil\r\nContent-Length: 0\r\n\r\n' },
  // Nothing but its version is wrong, and nobody reads it in another way.
  { name: 'one of HTTP/1.0', isOne: true, bytes: `${ONE.replace('HTTP/1.1', 'HTTP/1.0')}\r\n` },
  { name: 'no head', bytes: '\x81\x04evil' },
  { name: 'two accepts', bytes: `${ONE}Sec-WebSocket-Accept: AAAAAAAAAAAAAAAAAAAAAAAAAAA=\r\n\r\n${SECOND}` },
]
