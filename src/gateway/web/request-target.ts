import { no, ok, type Result } from '../../model/index.ts'

/** The target of a request in origin form (RFC 9112, 3.2.1), as it is decided, recorded and sent: one reading of it. */
export interface RequestTarget {
  /** Begins with a slash; percent-encoded as it came. */
  readonly path: string
  /** Segments of the path, decoded. */
  readonly segments: readonly string[]
  /** Query without the question mark, as it came; undefined where there is none. */
  readonly query: string | undefined
  /** CellNames and values of the query, decoded as a form is, in their order. */
  readonly parameters: readonly (readonly [name: string, value: string])[]
}

/** Characters of a target: servers stop at 8 KiB. */
export const TARGET_CHARACTERS_MAX = 8_192

/**
 * Reads a target strictly. What servers and proxies repair in different ways is refused: dot segments, also encoded ones,
 * backslashes, empty segments, broken percent signs, controls, a fragment, text that is no UTF-8, semicolons by which some
 * take off a part of a segment or begin another name of the query. The error says what.
 */
export function readTarget(text: string): Result<RequestTarget, string> {
  if (!text.startsWith('/')) return no('its target does not begin with a slash')
  if (text.length > TARGET_CHARACTERS_MAX) return no(`its target has more than ${TARGET_CHARACTERS_MAX} characters`)
  if (!/^[\x21-\x7e]*$/.test(text)) return no('its target has characters that a URL cannot have')
  if (text.includes('#')) return no('its target has a fragment, which no server is sent')
  if (/%(?![0-9a-fA-F]{2})/.test(text)) return no('its target has a percent sign that encodes nothing')
  const mark = text.indexOf('?')
  const path = mark < 0 ? text : text.slice(0, mark)
  const query = mark < 0 ? undefined : text.slice(mark + 1)
  if (path.includes('\\')) return no('its path has a backslash')
  const segments: string[] = []
  for (const raw of path.slice(1).split('/')) {
    const segment = decoded(raw)
    if (segment === undefined) return no('its path is no UTF-8')
    if (raw.includes(';')) return no('its path has a semicolon, which some servers cut a segment at: write %3B')
    // Some decode once more, on their way to another server.
    if (hasDots(segment) || hasDots(decoded(segment) ?? '')) return no('its path has dot segments')
    if (/[\p{Cc}]/u.test(segment)) return no('its path has control characters')
    segments.push(segment)
  }
  if (segments.slice(0, -1).includes('')) return no('its path has empty segments')
  if (/;[^&;=]*=/.test(query ?? '')) return no('its query has a semicolon before a name: write & or %3B')
  const parameters: (readonly [string, string])[] = []
  for (const part of query === undefined || query === '' ? [] : query.split('&')) {
    const [name = '', ...rest] = part.split('=')
    const pair = [decoded(name.replaceAll('+', ' ')), decoded(rest.join('=').replaceAll('+', ' '))] as const
    if (pair[0] === undefined || pair[1] === undefined) return no('its query is no UTF-8')
    parameters.push([pair[0], pair[1]])
  }
  return ok({ path, segments, query, parameters })
}

/**
 * Returns a segment in one spelling. What stands for itself in one is left so by most programs, and some servers look at it
 * before they decode (RFC 3986, 3.3); a plus and a semicolon mean something else there.
 */
export function segmentText(segment: string): string {
  return encodeURIComponent(segment).replaceAll(/%(?:24|26|2C|3A|3D|40)/g, decodeURIComponent)
}

/** Returns a query, with its question mark, in one spelling, its names in their order; nothing where it is empty. */
export function queryText(parameters: RequestTarget['parameters']): string {
  const sorted = [...parameters].sort(([one], [other]) => (one < other ? -1 : one > other ? 1 : 0))
  const pairs = sorted.map(([name, value]) => `${encodeURIComponent(name)}=${encodeURIComponent(value)}`)
  return pairs.length === 0 ? '' : `?${pairs.join('&')}`
}

/** Tells whether there are dot segments, also behind an encoded slash: that ends a segment for those who decode first. */
function hasDots(segment: string): boolean {
  return segment.split(/[/\\]/).some((part) => part.split(';')[0] === '.' || part.split(';')[0] === '..')
}

function decoded(text: string): string | undefined {
  try {
    return decodeURIComponent(text)
  } catch {
    return undefined
  }
}
