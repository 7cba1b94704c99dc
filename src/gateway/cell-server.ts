import { createServer, type RequestListener, type Server } from 'node:http'
import type { Socket } from 'node:net'
import { LIMITS } from '../model/index.ts'

/** HTTP on a cell's own listener: what a sender can make of one connection is bounded before anything is read of it. */
export function cellServer(handle: RequestListener): Server {
  const server = createServer(
    {
      maxHeaderSize: LIMITS.headerBytesMax,
      // A header that stands there twice is one value that nothing matches, and not the first of the two.
      joinDuplicateHeaders: true,
      // The endpoint refuses a request without one, and ends connections on which several are sent at once.
      requireHostHeader: false,
      // A sender that dawdles holds one of its own connections, for no longer than this.
      headersTimeout: 10_000,
      requestTimeout: 30_000,
      connectionsCheckingInterval: 5_000,
      keepAliveTimeout: 60_000,
    },
    handle,
  )
  server.maxConnections = LIMITS.connectionsMax
  server.on('connection', parseInPieces)
  return server
}

/** A request takes at least 18 bytes, a chunk 6: of one piece at most 228 or 682 are parsed. */
const PIECE_BYTES = 4_096

/**
 * Node gives its parser all that one read of a socket has brought, up to 64 KiB: thousands of requests, or of chunks of
 * one byte, which nothing can stop although the first of them has ended the connection. Here it gets one piece in each
 * turn of the loop, and what the first one brings about is done before the next.
 */
function parseInPieces(socket: Socket): void {
  const [parse] = socket.listeners('data')
  if (parse === undefined) throw new Error('the parser of an HTTP connection is not where it was')
  socket.off('data', parse as (bytes: Buffer) => void) // it was added as one
  /** In the order of their arrival; a paused socket can still bring what was read before. */
  const waiting: Buffer[] = []
  const step = () => {
    const [bytes] = waiting
    if (bytes === undefined || socket.destroyed) return
    if (bytes.length > PIECE_BYTES) waiting[0] = bytes.subarray(PIECE_BYTES)
    else waiting.shift()
    parse.call(socket, bytes.subarray(0, PIECE_BYTES))
    if (waiting.length > 0) setImmediate(step)
    else socket.resume()
  }
  socket.on('data', (bytes: Buffer) => {
    if (waiting.length === 0 && bytes.length <= PIECE_BYTES) return void parse.call(socket, bytes)
    waiting.push(bytes)
    socket.pause()
    if (waiting.length === 1) step()
  })
}
