import { type JsonObject, no, ok, type Result } from '../../../model/index.ts'
import { REFERENCE_HEADER } from '../../web/web-reply.ts'

/** Headers that stand between two hops (RFC 9110, 7.6.1), or that say where a request ends: ours are our own. */
const HOP: ReadonlySet<string> = new Set(
  [
    ...['connection', 'keep-alive', 'te', 'trailer', 'trailers', 'transfer-encoding', 'content-length', 'upgrade'],
    ...['host', 'expect', 'http2-settings', 'accept-encoding', 'via', 'forwarded'],
    // By these, servers take a request for another one than its line says.
    ...['x-original-url', 'x-rewrite-url', 'x-original-uri', 'x-original-host', 'x-host', 'x-method-override'],
  ].map(squeezed),
)

/** Headers by which a program says who it is: an origin is told that by its owner alone. */
const CREDENTIALS: ReadonlySet<string> = new Set(
  [
    ...[
      'authorization',
      'cookie',
      'cookie2',
      'x-api-key',
      'api-key',
      'x-goog-api-key',
      'x-auth-token',
      'private-token',
    ],
    ...['x-amz-security-token', 'x-csrf-token', 'x-xsrf-token', 'x-access-token', 'x-auth-key', 'x-vault-token'],
    ...['signature', 'signature-input'],
  ].map(squeezed),
)

/** Headers that ask for a part of an answer, or for what has changed of one (RFC 9110, 14; RFC 3229, 10.5.3). */
const RANGES: readonly string[] = ['range', 'if-range', 'request-range', 'x-ms-range', 'a-im']

/**
 * Headers that ask for an answer only where there is another one, or the same (RFC 9110, 13). With GET and HEAD alone: with
 * other methods they say which state a program means to change.
 */
const CONDITIONS: readonly string[] = ['if-match', 'if-none-match', 'if-modified-since', 'if-unmodified-since']

/** Headers that say how the bytes of a body are to be read, or vouch for them: those of a body that was judged are ours. */
const OF_BYTES: ReadonlySet<string> = new Set(
  [
    ...['content-type', 'content-encoding', 'content-transfer-encoding'],
    ...['content-md5', 'digest', 'content-digest', 'repr-digest'],
  ].map(squeezed),
)

/** Returns the letters and digits of a header's name: what takes `Content_Length` for `Content-Length` stands behind many an origin. */
export function squeezed(name: string): string {
  return name.toLowerCase().replaceAll(/[^a-z0-9]/g, '')
}

/** A request whose headers are to leave, as far as it decides which. */
export interface HeadersAsked {
  readonly method: string
  /** Names of the headers that the owner puts in, which take the place of any of the same name. */
  readonly injected: Iterable<string>
  /** True where the answer is searched for secrets: one that comes range by range would never be seen whole. */
  readonly isSearched: boolean
  /** True where the answer is read whole: a part is none, and whoever is asked for no part answers with everything. */
  readonly isWhole: boolean
}

/** Returns the headers of a program's request that are its own business, names and values in turn. */
export function sentHeaders(
  asked: readonly (readonly [name: string, value: string])[],
  { method, injected, isSearched, isWhole }: HeadersAsked,
): Result<readonly string[], string> {
  const named = new Set<string>()
  for (const [name, value] of asked)
    if (name === 'connection') for (const each of value.split(/[\s,]+/)) named.add(squeezed(each))
  const ranges = isSearched || isWhole ? RANGES : []
  const conditions = isWhole && (method === 'GET' || method === 'HEAD') ? CONDITIONS : []
  const taken = new Set([...injected, ...ranges, ...conditions].map(squeezed))
  const headers: string[] = []
  for (const [name, value] of asked) {
    const plain = squeezed(name)
    // Servers that hand headers on as variables take any other character for a hyphen.
    if (!/^[a-z0-9-]+$/.test(name)) return no(`the header ${JSON.stringify(name)} has no name that one may have`)
    if (!/^[\t\x20-\x7e\x80-\xff]*$/.test(value)) return no(`the header ${name} has characters that no header has`)
    if (HOP.has(plain) || CREDENTIALS.has(plain) || taken.has(plain) || named.has(plain)) continue
    if (plain.startsWith('proxy') || plain.startsWith('xforwarded') || plain.startsWith('xhttpmethod')) continue
    headers.push(name, value)
  }
  // What came encoded could not be searched for secrets.
  headers.push('accept-encoding', 'identity')
  return ok(headers)
}

/**
 * Returns the headers that are arguments of a request, each with its values as one text. The error names one that servers
 * take for one of them, and that would leave unjudged beside it.
 *
 * @param headers names and values in turn.
 */
export function namedHeaders(names: readonly string[], headers: readonly string[]): Result<JsonObject, string> {
  const plain = new Map(names.map((name) => [squeezed(name), name]))
  const found = new Map<string, string>()
  for (let i = 0; i + 1 < headers.length; i += 2) {
    const [name = '', value = ''] = headers.slice(i, i + 2)
    const meant = names.includes(name) ? name : plain.get(squeezed(name))
    if (meant === undefined) continue
    if (meant !== name) return no(`its header ${name} is ${meant} to some servers, which its document declares`)
    const before = found.get(name)
    found.set(name, before === undefined ? value : `${before}, ${value}`)
  }
  return ok(Object.fromEntries(found))
}

/**
 * Returns the headers with which a request leaves: its arguments as they were judged, each once; of a body that was judged
 * the type by which it was read, and nothing else that speaks of its bytes.
 *
 * @param headers names and values in turn.
 * @param type type of a body that was judged, as `typeSent` writes it.
 */
export function judgedHeaders(headers: readonly string[], named: JsonObject, type?: string): readonly string[] {
  const own = new Map(Object.entries(named).map(([name, value]) => [name, String(value)]))
  const leaving: string[] = []
  for (let i = 0; i + 1 < headers.length; i += 2) {
    const [name = '', value = ''] = headers.slice(i, i + 2)
    if (!own.has(name) && !(type !== undefined && OF_BYTES.has(squeezed(name)))) leaving.push(name, value)
  }
  if (type !== undefined && !own.has('content-type')) leaving.push('content-type', type)
  return [...leaving, ...[...own].flat()]
}

/** Returns the content type that a body which was judged says, by its own without parameters: some read a form in other characters unless they are told. */
export function typeSent(type: string): string {
  return type === FORM_TYPE ? `${type}; charset=utf-8` : type
}

export const FORM_TYPE = 'application/x-www-form-urlencoded'

/** Headers of an answer that do not travel: of one hop, meant for whoever is between, or ours. */
const ANSWER_HOP: ReadonlySet<string> = new Set(
  [
    ...['connection', 'keep-alive', 'proxy-authenticate', 'proxy-authentication-info', 'te', 'trailer', 'trailers'],
    ...['transfer-encoding', 'upgrade', 'alt-svc', 'set-cookie', 'set-cookie2', REFERENCE_HEADER],
  ].map(squeezed),
)

type AnsweredHeaders = Readonly<Record<string, string | readonly string[] | undefined>>

/** Returns the headers with which an answer goes on to a program. Cookies stay here: sessions are the owner's. */
export function answeredHeaders(headers: AnsweredHeaders): readonly (readonly [name: string, value: string])[] {
  const named = new Set(valuesOf(headers, 'connection').map(squeezed))
  return Object.entries(headers).flatMap(([name, value]) => {
    const plain = squeezed(name)
    if (value === undefined || ANSWER_HOP.has(plain) || named.has(plain)) return []
    // One length in one spelling, or none: then its end is shown by other means.
    if (plain === 'contentlength' && !(name === 'content-length' && /^(?:0|[1-9]\d{0,15})$/.test(String(value))))
      return []
    return (typeof value === 'string' ? [value] : value).map((each) => [name, each] as const)
  })
}

/** Returns how the body of an answer is encoded, in a few characters; undefined where it is not, or there is none. */
export function encodingOf(method: string, status: number, headers: AnsweredHeaders): string | undefined {
  if (method === 'HEAD' || status === 204 || status === 304) return undefined
  const encodings = [
    ...valuesOf(headers, 'content-encoding').filter((each) => each !== 'identity'),
    ...valuesOf(headers, 'transfer-encoding').filter((each) => each !== 'chunked'),
  ]
  return encodings.length === 0
    ? undefined
    : encodings
        .join(', ')
        .replaceAll(/[^\x20-\x7e]/g, '?')
        .slice(0, 40)
}

/** Returns the members of a list that a header has (RFC 9110, 5.6.1), in lower case. */
function valuesOf(headers: AnsweredHeaders, name: string): readonly string[] {
  return [headers[name] ?? []]
    .flat()
    .flatMap((each) => each.split(','))
    .map((each) => each.trim().toLowerCase())
    .filter((each) => each !== '')
}

/** Content types by which a body that was read can be read again; one of them says nothing that its cell chose. */
const READ_TYPES: ReadonlySet<string> = new Set([
  ...['application/json', FORM_TYPE, 'application/merge-patch+json'],
  ...['application/json-patch+json', 'application/vnd.api+json'],
])

/**
 * Returns the headers that go with a request which a person has let through: those that are arguments, which they were shown,
 * and the type of its body. Whatever else its cell chose stays behind.
 *
 * @param headers names and values in turn.
 * @param named names of those that are arguments.
 */
export function approvedHeaders(headers: readonly string[], named: ReadonlySet<string>): readonly string[] {
  const pairs: string[] = ['accept', '*/*']
  for (let i = 0; i + 1 < headers.length; i += 2) {
    const [name = '', value = ''] = headers.slice(i, i + 2)
    const type = (value.split(';', 1)[0] ?? '').trim().toLowerCase()
    if (named.has(name)) pairs.push(name, value)
    else if (name === 'content-type') pairs.push(name, READ_TYPES.has(type) ? typeSent(type) : 'application/json')
  }
  return pairs
}
