import type { IncomingMessage } from 'node:http'
import type { Http2ServerRequest } from 'node:http2'

/** A reason why a request is not taken, and the status by which its program learns of it. */
export interface RequestFault {
  readonly status: 400 | 417 | 426
  readonly problem: string
}

/**
 * Returns what of a request servers read in different ways, which Node lets pass; undefined where there is nothing. It leaves
 * with framing of the gateway's own in any case: this is for what stands behind an origin, and for whoever reads the ledger.
 * `isStart`: of one that asks to go on as a WebSocket.
 */
export function framingFault(request: IncomingMessage | Http2ServerRequest, isStart = false): RequestFault | undefined {
  const counts = new Map<string, number>()
  for (const [i, name] of request.rawHeaders.entries()) {
    if (i % 2 === 1) continue
    const plain = name.toLowerCase()
    const meant = FRAMING.get(plain.replaceAll(/[^a-z0-9]/g, ''))
    if (meant === undefined) continue
    if (plain !== meant) return unfit(`it has a header that looks like ${meant} and is another one`)
    counts.set(meant, (counts.get(meant) ?? 0) + 1)
  }
  for (const [name, count] of counts) if (count > 1) return unfit(`it has ${name} ${count} times`)
  const { headers } = request
  if (headers.expect !== undefined && headers.expect.toLowerCase() !== '100-continue')
    return { status: 417, problem: 'it expects what no server does here' }
  const length = headers['content-length']
  if (length !== undefined && !/^(?:0|[1-9]\d{0,15})$/.test(length)) return unfit('its length is no plain number')
  return 'stream' in request ? undefined : plainFault(request, isStart)
}

/** Returns the fault of what only HTTP/1 has. */
function plainFault({ httpVersion, headers }: IncomingMessage, isStart: boolean): RequestFault | undefined {
  if (httpVersion !== '1.1' && httpVersion !== '1.0') return unfit('it is of another version of HTTP')
  const coding = headers['transfer-encoding']
  if (coding !== undefined && httpVersion === '1.0') return unfit('HTTP/1.0 has no transfer encoding')
  if (coding !== undefined && coding.toLowerCase() !== 'chunked')
    return unfit('its transfer encoding is not plain chunks')
  const { upgrade } = headers
  // Java's client offers HTTP/2 with its first request, and goes on without.
  if (upgrade !== undefined && upgrade.toLowerCase() !== 'h2c' && !isStart)
    return { status: 426, problem: 'it asks for another protocol on its connection (Upgrade), and there is none' }
  return undefined
}

/** Headers that say where a request ends and whom it is for, by their letters. */
const FRAMING: ReadonlyMap<string, string> = new Map(
  ['content-length', 'transfer-encoding', 'host'].map((name) => [name.replaceAll('-', ''), name]),
)

function unfit(problem: string): RequestFault {
  return { status: 400, problem }
}
