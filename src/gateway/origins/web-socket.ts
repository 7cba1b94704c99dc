import type { Socket } from 'node:net'
import type { WebSocket, WebSocketServer } from 'ws'
import { no, ok, type Result } from '../../model/index.ts'

export interface WebSocketOptions {
  /** Host and port as the `Host` header has them. */
  readonly authority: string
  /** Target in origin form. */
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
  /** Subprotocols that are offered (RFC 6455, 1.9). */
  readonly protocols: readonly string[]
  /** Bytes of one message. */
  readonly messageBytesMax: number
  /** Milliseconds for the answer to the handshake. */
  readonly msMax: number
}

/** An answer that is no WebSocket; without a status none came. */
export interface NoWebSocket {
  readonly status?: number
  readonly why: string
}

/**
 * Begins a WebSocket over a connection that was dialled (RFC 6455, 4). Nothing of its own is compressed, and a redirect is an
 * answer.
 */
export async function webSocketOver(
  socket: Socket,
  { authority, path, headers, protocols, messageBytesMax, msMax }: WebSocketOptions,
): Promise<Result<WebSocket, NoWebSocket>> {
  const { WebSocket } = await import('ws')
  const far = new WebSocket(`ws://${authority}${path}`, [...protocols], {
    createConnection: () => socket,
    headers,
    handshakeTimeout: msMax,
    maxPayload: messageBytesMax,
    perMessageDeflate: false,
    followRedirects: false,
  })
  return new Promise((resolve) => {
    far.once('open', () => resolve(ok(far)))
    far.once('unexpected-response', (_, response) => {
      response.destroy()
      socket.destroy()
      resolve(no({ status: response.statusCode ?? 0, why: `it answered with HTTP ${response.statusCode}` }))
    })
    far.once('error', (error) => resolve(no({ why: error.message })))
    far.once('close', () => resolve(no({ why: 'the connection was closed' })))
  })
}

/** Returns what answers one handshake, and listens nowhere. It stands here since what it is of can connect, too. */
export async function webSocketServer(protocol: string, messageBytesMax: number): Promise<WebSocketServer> {
  const { WebSocketServer } = await import('ws')
  return new WebSocketServer({
    noServer: true,
    clientTracking: false,
    perMessageDeflate: false,
    maxPayload: messageBytesMax,
    handleProtocols: () => (protocol === '' ? false : protocol),
  })
}
