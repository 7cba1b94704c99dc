import { no, ok, type Result } from '../../../model/index.ts'

/** Headers that stand between two hops (RFC 9110, 7.6.1), or that say where a request ends: ours are our own. */
const HOP: ReadonlySet<string> = new Set(
  [
    ...['connection', 'keep-alive', 'te', 'trailer', 'trailers', 'transfer-encoding', 'content-length', 'upgrade'],
    ...['host', 'expect', 'http2-settings', 'accept-encoding', 'via', 'forwarded'],
  ].map(squeezed),
)

/** Headers by which a program says who it is: an origin is told that by its owner alone. */
const CREDENTIALS: ReadonlySet<string> = new Set(
  [
    ...['authorization', 'cookie', 'x-api-key', 'api-key', 'x-goog-api-key', 'x-auth-token', 'private-token'],
    ...['x-amz-security-token', 'x-csrf-token', 'x-xsrf-token', 'x-access-token', 'x-auth-key', 'x-vault-token'],
  ].map(squeezed),
)

/** Names of headers that are compared by their letters and digits: what takes `Content_Length` for `Content-Length` stands behind many an origin. */
function squeezed(name: string): string {
  return name.toLowerCase().replaceAll(/[^a-z0-9]/g, '')
}

/**
 * Returns the headers of a program's request that are its own business, names and values in turn. `injected`: names of those
 * that the owner puts in, which take the place of any of the same name.
 */
export function sentHeaders(
  asked: readonly (readonly [name: string, value: string])[],
  injected: Iterable<string>,
): Result<readonly string[], string> {
  const named = new Set<string>()
  for (const [name, value] of asked)
    if (name === 'connection') for (const each of value.split(/[\s,]+/)) named.add(squeezed(each))
  const taken = new Set([...injected].map(squeezed))
  const headers: string[] = []
  for (const [name, value] of asked) {
    const plain = squeezed(name)
    if (!/^[!#$%&'*+.^`|~a-z0-9-]+$/.test(name))
      return no(`the header ${JSON.stringify(name)} has no name that one may have`)
    if (!/^[\t\x20-\x7e\x80-\xff]*$/.test(value)) return no(`the header ${name} has characters that no header has`)
    if (HOP.has(plain) || CREDENTIALS.has(plain) || taken.has(plain) || named.has(plain)) continue
    if (plain.startsWith('proxy') || plain.startsWith('xforwarded') || plain.startsWith('xhttpmethod')) continue
    headers.push(name, value)
  }
  // What came encoded could not be searched for secrets.
  headers.push('accept-encoding', 'identity')
  return ok(headers)
}

/** Headers of an answer that do not travel: of one hop, or meant for whoever is between. */
const ANSWER_HOP: ReadonlySet<string> = new Set([
  ...[
    'connection',
    'keep-alive',
    'proxy-authenticate',
    'proxy-authentication-info',
    'te',
    'trailer',
    'transfer-encoding',
  ],
  ...['upgrade', 'alt-svc', 'set-cookie2'],
])

/** Returns the headers with which an answer goes on to a program. Cookies stay here: sessions are the owner's. */
export function answeredHeaders(
  headers: Readonly<Record<string, string | readonly string[] | undefined>>,
): readonly (readonly [name: string, value: string])[] {
  return Object.entries(headers).flatMap(([name, value]) => {
    if (value === undefined || ANSWER_HOP.has(name) || name === 'set-cookie') return []
    return (typeof value === 'string' ? [value] : value).map((each) => [name, each] as const)
  })
}
