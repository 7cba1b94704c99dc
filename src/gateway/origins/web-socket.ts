import { Buffer } from 'node:buffer'
import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import type { WebSocket, WebSocketServer } from 'ws'
import { no, ok, type Result } from '../../model/index.ts'
import type { Room } from '../fairness/room.ts'

/** Bounds on what comes over one WebSocket. */
export interface ComingBounds {
  /** Bytes of one message. */
  readonly messageBytesMax: number
  /** Room of its cell, this way, for messages that have not come whole. */
  readonly unfinished: Room
}

export interface WebSocketOptions extends ComingBounds {
  /** Host and port as the `Host` header has them. */
  readonly authority: string
  /** Target in origin form. */
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
  /** Subprotocols that are offered (RFC 6455, 1.9): different ones, each a token. */
  readonly protocols: readonly string[]
  /** Milliseconds for the answer to the handshake. */
  readonly msMax: number
  /** Asked in the tick that writes the handshake: a reason not to. */
  readonly lastCheck: () => string | undefined
  /** Ends the handshake, while no WebSocket stands. */
  readonly signal: AbortSignal
}

/** A handshake that no WebSocket came of. `isSent`: bytes of it may have left. `status`: of an answer that is none. */
export interface NoWebSocket {
  readonly why: string
  readonly isSent: boolean
  readonly status?: number
}

/**
 * Begins a WebSocket over a connection that was dialled (RFC 6455, 4), and hands it out paused. Whatever it does not come
 * of closes the connection. Nothing of its own is compressed, and a redirect is an answer.
 */
export function webSocketOver(
  socket: Socket,
  { authority, path, headers, protocols, msMax, lastCheck, signal, ...bounds }: WebSocketOptions,
): Promise<Result<WebSocket, NoWebSocket>> {
  return new Promise((resolve) => {
    let [isSent, isOver] = [false, false]
    const over = (outcome: Result<WebSocket, NoWebSocket>) => {
      if (isOver) return
      isOver = true
      clearTimeout(timer)
      signal.removeEventListener('abort', onAbort)
      if (!outcome.ok) socket.destroy()
      resolve(outcome)
    }
    const fail = (why: string, status?: number) => over(no({ why, isSent, ...(status !== undefined && { status }) }))
    const onAbort = () => fail('it was called off')
    // The client's own one is of a connection that the client has made.
    const timer = setTimeout(() => fail(`no answer to its handshake came within ${msMax / 1_000} seconds`), msMax)
    signal.addEventListener('abort', onAbort, { once: true })
    if (signal.aborted) onAbort()
    const begin = (WebSocketClient: typeof WebSocket) => {
      if (isOver) return
      if (socket.destroyed) return fail('the connection was closed')
      const far = new WebSocketClient(`ws://${authority}${path}`, [...protocols], {
        ...FRAMES,
        createConnection: () => socket,
        headers: { ...headers },
        maxPayload: bounds.messageBytesMax,
        followRedirects: false,
        finishRequest: (request) =>
          void request.once('socket', () => {
            const withdrawn = lastCheck()
            if (withdrawn !== undefined) return fail(withdrawn)
            isSent = true
            request.end()
          }),
      })
      far.on('error', (error) => fail(error.message))
      far.once('close', () => fail('the connection was closed'))
      far.once('unexpected-response', (_, response) => {
        response.destroy()
        fail(`it answered with HTTP ${response.statusCode}`, response.statusCode)
      })
      far.once('open', () => {
        // Messages can come with the answer, and nobody listens yet.
        far.pause()
        boundUnfinished(far, socket, bounds.unfinished, false)
        over(ok(far))
      })
    }
    import('ws').then(({ WebSocket }) => begin(WebSocket)).catch((error: unknown) => fail(String(error)))
  })
}

/** Returns what answers one handshake, and listens nowhere. It stands here since what it is of can connect, too. */
export async function webSocketServer(protocol: string, messageBytesMax: number): Promise<WebSocketServer> {
  const { WebSocketServer } = await import('ws')
  return new WebSocketServer({
    ...FRAMES,
    noServer: true,
    clientTracking: false,
    maxPayload: messageBytesMax,
    handleProtocols: () => (protocol === '' ? false : protocol),
  })
}

/**
 * Bounds what a WebSocket that stands holds of messages that have not come whole: one that there is no room for ends it. What
 * its connection brings comes in pieces with memory of their own, since a fragment of one byte keeps all of the piece that it
 * came in, and one read brings 64 KiB. `isMasked`: frames come from a client (RFC 6455, 5.1).
 */
export function boundUnfinished(socket: WebSocket, connection: Duplex, room: Room, isMasked: boolean): void {
  const headerBytes = isMasked ? 6 : 2
  let bytes = 0
  const give = (some: number) => {
    const given = Math.min(bytes, some)
    bytes -= given
    room.give(given)
  }
  const push = connection.push.bind(connection)
  connection.push = (chunk: unknown, encoding?: BufferEncoding) => {
    if (!(chunk instanceof Uint8Array)) return push(chunk, encoding)
    if (!room.take(chunk.length)) {
      socket.emit('error', new Error('there is no more room for messages that have not come whole'))
      socket.terminate()
      return false
    }
    bytes += chunk.length
    let hasRoom = true
    for (let i = 0; i < chunk.length; i += PIECE_BYTES) {
      const piece = chunk.subarray(i, i + PIECE_BYTES)
      const own = Buffer.allocUnsafeSlow(piece.length)
      own.set(piece)
      hasRoom = push(own)
    }
    return hasRoom
  }
  // What has come behind a message, by its end, is at most one read.
  socket.on('message', () => give(bytes))
  socket.on('ping', (data) => give(data.length + headerBytes))
  socket.on('pong', (data) => give(data.length + headerBytes))
  socket.once('close', () => give(bytes))
  // Whoever listens for it hears why; where nobody does yet, it ends nothing else.
  socket.on('error', () => undefined)
}

/**
 * Fragments of one message: clients in Go cut by 4 KiB, so that the largest message has as many. All together they keep at
 * most as many pieces, however small they are.
 */
const FRAGMENTS_MAX = 1_024
const PIECE_BYTES = 1_024

/** Rules for frames, on both sides: of what one read has brought, each turn of the loop hears one message. */
const FRAMES = { perMessageDeflate: false, allowSynchronousEvents: false, maxFragments: FRAGMENTS_MAX } as const
