import type { IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'
import type { WebSocket } from 'ws'
import { ServerResponse } from '../../model/host/node-http.ts'
import { boundUnfinished, type ComingBounds, webSocketServer } from '../origins/web-socket.ts'

/** A request of a cell's program to make its connection a WebSocket, before anybody has answered it. */
export interface WebSocketStart {
  /** Subprotocols that it offers, as they were written. */
  readonly protocols: readonly string[]
  /**
   * Answers with a WebSocket. Resolves with it, paused; undefined where its handshake cannot be answered, or whoever asked has
   * gone.
   *
   * @param protocol the subprotocol that was agreed upon; none where it is empty.
   */
  accept(protocol: string, bounds: ComingBounds): Promise<WebSocket | undefined>
}

/** Tells whether a request asks for a WebSocket, in the one way that RFC 6455 (4.1) has. */
export function asksForWebSocket({ method, httpVersion, headers }: IncomingMessage): boolean {
  return (
    method === 'GET' &&
    httpVersion === '1.1' &&
    headers.upgrade?.toLowerCase() === 'websocket' &&
    headers['sec-websocket-version'] === '13' &&
    /^[A-Za-z0-9+/]{22}==$/.test(headers['sec-websocket-key'] ?? '') &&
    headers['content-length'] === undefined &&
    headers['transfer-encoding'] === undefined
  )
}

/** Returns the start of a WebSocket on a connection whose parser has been taken off. `detach`: it is HTTP no more. */
function webSocketStart(request: IncomingMessage, socket: Duplex, rest: Buffer, detach: () => void): WebSocketStart {
  const offered = request.headers['sec-websocket-protocol'] ?? ''
  return {
    protocols: offered === '' ? [] : offered.split(',').map((each) => each.trim()),
    async accept(protocol, { messageBytesMax, unfinished }) {
      const server = await webSocketServer(protocol, messageBytesMax)
      if (socket.destroyed) return undefined
      detach()
      return new Promise((resolve) => {
        server.once('wsClientError', () => resolve(undefined))
        socket.once('close', () => resolve(undefined))
        server.handleUpgrade(request, socket, rest, (near) => {
          // Frames can have come with the handshake, and nobody listens yet.
          near.pause()
          boundUnfinished(near, socket, unfinished, true)
          resolve(near)
        })
      })
    },
  }
}

/** The start of a WebSocket, and the answer of HTTP by which it is refused. */
export interface AnsweredStart {
  readonly start: WebSocketStart
  readonly response: InstanceType<typeof ServerResponse>
}

/** Takes a request off the parser of its connection: a refusal ends the connection, and its answer lasts as long as that. */
export function takeStart(request: IncomingMessage, socket: Duplex, rest: Buffer): AnsweredStart {
  socket.on('error', () => socket.destroy())
  const response = new ServerResponse(request)
  response.shouldKeepAlive = false
  response.assignSocket(request.socket)
  response.once('finish', () => socket.end(() => socket.destroy()))
  const start = webSocketStart(request, socket, rest, () => {
    response.detachSocket(request.socket)
    // What the connection said at its end is read before.
    socket.once('close', () => void setImmediate(() => response.emit('close')))
  })
  return { start, response }
}
