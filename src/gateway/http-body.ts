import type { IncomingMessage } from 'node:http'
import { LIMITS, no, ok, type Result } from '../model/index.ts'

/**
 * Reads a request's body, at most `LIMITS.frameBytesMax`. A larger one is refused on its declared length, or as soon as
 * it passes the limit; what is under way ends with the connection.
 */
export async function readBody(request: IncomingMessage): Promise<Result<Uint8Array, 'too-large' | 'broken-off'>> {
  const declared = Number(request.headers['content-length'] ?? 0)
  if (declared > LIMITS.frameBytesMax) return no('too-large')
  const chunks: Uint8Array[] = []
  let length = 0
  try {
    for await (const chunk of request) {
      // No encoding is set on the request, so that every chunk is bytes.
      const bytes = chunk as Uint8Array
      length += bytes.length
      if (length > LIMITS.frameBytesMax) return no('too-large')
      chunks.push(bytes)
    }
  } catch {
    return no('broken-off')
  }
  return ok(chunks.length === 1 && chunks[0] !== undefined ? chunks[0] : Buffer.concat(chunks))
}
