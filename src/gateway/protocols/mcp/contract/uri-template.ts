import { LIMITS } from '../../../../model/index.ts'

/**
 * Matches URIs against a template (RFC 6570, level 1): `{name}` stands for one or more unreserved characters and escapes
 * of UTF-8, as an expansion makes them, and for nothing that could climb out of its place or add another parameter.
 *
 * - UT1  A URI that two readers could take for different things matches nothing: see `isPlain`.
 * - UT2  The time is linear in the URI, which a cell or an upstream wrote: no pattern is made of the template.
 */
export function templateMatcher(template: string): (uri: string) => boolean {
  const literals = literalsOf(template)
  return (uri) => isPlain(uri) && matches(literals, uri)
}

/**
 * Returns which of these templates says the most about a URI, its own name before all others; undefined where none
 * matches.
 */
export function closestTemplate(templates: readonly string[], uri: string): string | undefined {
  // Asked once, and not of each template: a list has 8 MiB of addresses.
  if (!isPlain(uri)) return undefined
  const matching = templates.filter((template) => matches(literalsOf(template), uri))
  return matching.sort((a, b) => literalsOf(b).join('').length - literalsOf(a).join('').length)[0]
}

function literalsOf(template: string): readonly string[] {
  const known = literals.get(template)
  if (known !== undefined) return known
  const split = template.split(/\{[A-Za-z0-9_.-]+\}/)
  literals.set(template, split)
  return split
}

/** Templates come from the configuration, so that there are as many as it names. */
const literals = new Map<string, readonly string[]>()

/**
 * RFC 3986 has visible ASCII and escapes alone. Refused beside all else: dot segments, a backslash, an escaped slash,
 * control characters, and a `%` that is escaped once more, since somebody behind us may decode twice.
 */
function isPlain(uri: string): boolean {
  if (uri.length > LIMITS.resourceUriBytesMax || !/^[\x21-\x7e]+$/.test(uri)) return false
  return !/(?:^|\/)(?:\.|%2e){1,2}(?:[/?#]|$)|\\|%(?:5c|2f|25|[01][0-9a-f]|7f|(?![0-9a-f]{2}))/i.test(uri)
}

/**
 * A variable ends where the literal behind it is found first: to end it later would only leave more of the same
 * characters to the next one, and no literal that holds a separator is found past one. So the first place that fits is
 * as good as any. One within an escape fits nowhere: then nothing matches.
 */
function matches([first = '', ...others]: readonly string[], uri: string): boolean {
  const last = others.pop()
  if (last === undefined) return uri === first
  if (!uri.startsWith(first) || !uri.endsWith(last)) return false
  const end = uri.length - last.length
  let from = first.length
  for (const literal of others) {
    const at = uri.indexOf(literal, from + 1)
    if (at === -1 || !isValue(uri, from, at)) return false
    from = at + literal.length
  }
  return isValue(uri, from, end)
}

function isValue(uri: string, from: number, to: number): boolean {
  if (to <= from) return false
  let isEscaped = false
  let isLarge = false
  for (let i = from; i < to; i++) {
    const code = uri.charCodeAt(i)
    if (RESERVED.has(code)) return false
    isEscaped ||= code === PERCENT
    isLarge ||= code >= 0x41 && code <= 0x5a
  }
  if (isLarge && HOST.test(uri.slice(0, to))) return false
  return !isEscaped || escapesPlainly(uri.slice(from, to))
}

/**
 * Tells whether a value's escapes are UTF-8 in its shortest form, and of nothing that ends a line or hides a climb. A
 * second spelling of the same (RFC 3986, 6.2.2) would pass for another value before a rule that names it: an escape of
 * what needs none, or in small letters.
 */
function escapesPlainly(value: string): boolean {
  if (/%(?:2[DE]|3[0-9]|[46][1-9A-F]|[57][0-9A]|5F|7E|.?[a-f])/.test(value)) return false
  try {
    return !SEPARATES.test(decodeURIComponent(value))
  } catch {
    return false
  }
}

/** A URI that ends within the name of a host, which is the same in large letters. RFC 3986, 3.2.2; WHATWG URL, 4.2 */
const HOST = /^(?:https?|wss?|ftp|file):\/\/[^/?#]*$/

/** A dot segment with a parameter is one to readers that take the parameter off first. */
const SEPARATES = /[\p{Cc}\p{Zl}\p{Zp}]|^\.{1,2};/u

const PERCENT = 37
/** Visible ASCII that a value has as escapes alone. RFC 3986, 2.2 and 2.3; RFC 6570, 3.2.2 */
const RESERVED: ReadonlySet<number> = new Set(
  Array.from({ length: 128 }, (_, code) => code).filter(
    (code) => code !== PERCENT && !/[A-Za-z0-9._~-]/.test(String.fromCharCode(code)),
  ),
)
