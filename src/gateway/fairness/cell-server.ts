import type { RequestListener, Server } from 'node:http'
import { createServer } from '../../model/host/node-http.ts'
import { LIMITS } from '../../model/index.ts'
import { parseInPieces } from './http-pieces.ts'

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
