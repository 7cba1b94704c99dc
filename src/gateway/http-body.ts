import type { IncomingMessage } from 'node:http'
import { LIMITS, no, ok, type Result } from '../model/index.ts'

/**
 * Reads a request's body, at most `LIMITS.frameBytesMax`. A larger one is refused on its declared length, or as soon as
 * it passes the limit; what is under way ends with the connection.
 */
export function readBody(request: IncomingMessage): Promise<Result<Uint8Array, 'too-large' | 'broken-off'>> {
  const declared = Number(request.headers['content-length'] ?? 0)
  if (declared > LIMITS.frameBytesMax) return Promise.resolve(no('too-large'))
  return new Promise((resolve) => {
    const chunks: Uint8Array[] = []
    let length = 0
    request.on('data', (chunk: Uint8Array) => {
      length += chunk.length
      if (length > LIMITS.frameBytesMax) {
        // Nothing more of it is kept; the answer closes the connection.
        request.pause()
        chunks.length = 0
        resolve(no('too-large'))
      } else chunks.push(chunk)
    })
    request.once('end', () =>
      resolve(ok(chunks.length === 1 && chunks[0] !== undefined ? chunks[0] : Buffer.concat(chunks))),
    )
    // After `end` this changes nothing: a promise is settled once.
    request.once('close', () => resolve(no('broken-off')))
    request.once('error', () => resolve(no('broken-off')))
  })
}
