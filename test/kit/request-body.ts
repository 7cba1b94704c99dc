import type { IncomingMessage } from 'node:http'

/** Returns the whole body of a request; undefined where it was cut while it came, since a cell or its gateway ended. */
export async function bodyOf(request: IncomingMessage): Promise<string | undefined> {
  let text = ''
  try {
    for await (const chunk of request.setEncoding('utf8')) text += chunk
    return text
  } catch (error) {
    if (request.destroyed) return undefined
    throw error
  }
}
