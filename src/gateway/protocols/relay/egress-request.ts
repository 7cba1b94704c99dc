import type { IncomingMessage } from 'node:http'
import { no, ok, type Result } from '../../../model/index.ts'

/** One request as it leaves: every byte of its framing is ours. */
export interface Outgoing {
  readonly method: string
  /** Names and values in turn. */
  readonly headers: string[]
  readonly hasBody: boolean
}

export interface Unfit {
  readonly status: number
  readonly problem: string
}

/**
 * Returns the request that leaves for what a relay asked, or why there is none. Nothing that says where a request ends is
 * taken over: a body has a length that we count or chunks that we write (RFC 9112, 6), and one that its method gives no
 * meaning to, or that an origin could read as a second request, is refused.
 */
export function outgoing(asked: IncomingMessage, host: string): Result<Outgoing, Unfit> {
  const { method = '', headers, rawHeaders, httpVersion } = asked
  const unfit = (status: number, problem: string) => no({ status, problem })
  if (httpVersion !== '1.1') return unfit(505, `HTTP/${httpVersion} is not spoken here`)
  if (headers.host === undefined) return unfit(400, 'it names no host')
  if (method === 'TRACE' || method === '') return unfit(405, `the method ${method} is not passed on`)
  if (rawHeaders.some((text) => /[\r\n\0]/.test(text))) return unfit(400, 'a header goes over a line')
  const length = headers['content-length']
  const coding = headers['transfer-encoding']
  if (coding !== undefined && (coding.trim().toLowerCase() !== 'chunked' || length !== undefined))
    return unfit(501, 'its transfer coding is not passed on')
  if (length !== undefined && !/^\d{1,15}$/.test(length)) return unfit(400, 'its length is no number')
  const hasBody = coding !== undefined || Number(length ?? 0) > 0
  if (hasBody && BODILESS.has(method)) return unfit(400, `a body of ${method} has no meaning`)
  if (coding !== undefined && !BODIED.has(method)) return unfit(411, `a body of ${method} needs a length`)
  const kept = [...endToEnd(asked, false), 'Host', host, 'Connection', 'close']
  if (coding !== undefined) kept.push('Transfer-Encoding', 'chunked')
  else if (hasBody || BODIED.has(method)) kept.push('Content-Length', String(Number(length ?? 0)))
  return ok({ method, headers: kept, hasBody })
}

/** Methods whose requests have no body: servers that leave one unread take it for the next request. */
const BODILESS: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS'])
/** Methods whose requests have a body, if an empty one. */
const BODIED: ReadonlySet<string> = new Set(['POST', 'PUT', 'PATCH'])

/** Headers that RFC 9110 (7.6.1) keeps between two hops, and those that the first line overrides. */
const HOP: ReadonlySet<string> = new Set(
  [
    ...['connection', 'keep-alive', 'te', 'trailer', 'trailers', 'transfer-encoding', 'upgrade', 'http2-settings'],
    ...['host', 'expect'],
  ].map(squeezed),
)

/**
 * Returns the headers of a message that are not between two hops, names and values in turn; its length only where it is
 * passed on as it came. Names are compared by their letters and digits: what takes `Content_Length` for `Content-Length`
 * stands behind many an origin. What only proxies read is left out, too.
 */
export function endToEnd({ rawHeaders, headers }: IncomingMessage, keepsLength: boolean): string[] {
  const named = new Set((headers.connection ?? '').split(/[\s,]+/).map(squeezed))
  const kept: string[] = []
  for (let i = 0; i + 1 < rawHeaders.length; i += 2) {
    const [name = '', value = ''] = [rawHeaders[i], rawHeaders[i + 1]]
    const plain = squeezed(name)
    const isLength = plain === 'contentlength' && !(keepsLength && name.toLowerCase() === 'content-length')
    if (plain === '' || isLength || HOP.has(plain) || plain.startsWith('proxy') || named.has(plain)) continue
    kept.push(name, value)
  }
  return kept
}

function squeezed(name: string): string {
  return name.toLowerCase().replaceAll(/[^a-z0-9]/g, '')
}
