import { isIP } from 'node:net'
import { domainToASCII, domainToUnicode } from 'node:url'
import { no, ok, type Result } from '../../model/index.ts'
import { LOOKALIKES } from '../../model/text/lookalikes.ts'
import { isPlain, plainAddress } from './address.ts'

/**
 * An origin of HTTP that a person declared: scheme, host and port.
 *
 * - O1  A text has one reading: what a parser of URLs would have to repair is refused, with what to write instead.
 * - O2  `text` is the canonical form; it is read back to the same origin. Two origins are one exactly if their texts are.
 * - O3  A host is an address only where it is written as one, in its shortest form, and holds no other address.
 */
export interface Origin {
  readonly text: string
  readonly scheme: 'http' | 'https'
  /** A name in lower case, or an address without brackets. */
  readonly host: string
  readonly port: number
  /** Host and port as the `Host` header has them: the usual port of the scheme is left out. */
  readonly authority: string
  readonly isAddress: boolean
}

/** Reads a declared origin (`https://api.example`, `http://127.0.0.1:8080`), or returns what is wrong with it. */
export function readOrigin(text: string): Result<Origin, string> {
  if (text.length > ORIGIN_CHARACTERS_MAX) return no(`an origin has at most ${ORIGIN_CHARACTERS_MAX} characters`)
  const misread = misreadIn(text)
  if (misread !== undefined) return no(misread)
  const [, scheme, rest = ''] = /^(https?):\/\/(.*)$/.exec(text) ?? []
  if (scheme !== 'http' && scheme !== 'https') return no('an origin begins with https:// or http://, in lower case')
  if (rest.includes('@')) return no('an origin holds no user and no password')
  if (/[/?#]/.test(rest)) return no('an origin ends with its host or port: no path, no slash, no query')
  const read = readAuthority(rest, scheme)
  return read.ok ? ok({ ...read.value, scheme, text: `${scheme}://${read.value.authority}` }) : read
}

/** Reads `host` or `host:port` as strictly as `readOrigin` does; without a port it is the usual one of the scheme. */
export function readAuthority(
  text: string,
  scheme: Origin['scheme'],
): Result<Pick<Origin, 'host' | 'port' | 'authority' | 'isAddress'>, string> {
  if (text.length > ORIGIN_CHARACTERS_MAX) return no('it is too long for a host and a port')
  const misread = misreadIn(text)
  if (misread !== undefined) return no(misread)
  const [, inBrackets, name, digits] = /^(?:\[([^\]]*)\]|([^:[\]]*))(?::(.*))?$/.exec(text) ?? []
  const host = inBrackets === undefined ? readHost(name) : readAddress(inBrackets, 6)
  if (!host.ok) return host
  const usual = scheme === 'https' ? 443 : 80
  if (digits !== undefined && !/^[1-9]\d{0,4}$/.test(digits)) return no('a port is a number from 1 to 65535')
  const port = digits === undefined ? usual : Number(digits)
  if (port > 65_535) return no('a port is a number from 1 to 65535')
  const isAddress = isIP(host.value) !== 0
  const shown = inBrackets === undefined ? host.value : `[${host.value}]`
  return ok({ host: host.value, port, authority: port === usual ? shown : `${shown}:${port}`, isAddress })
}

/** Tells whether a text is the name of a host, and no address, in the one spelling that it has. */
export function isHostName(text: string): boolean {
  return isIP(text) === 0 && readHost(text).ok
}

/** Tells whether a name is one that nobody can register: those who run a network give it out themselves. */
export function isPrivateUseName(host: string): boolean {
  return !host.includes('.') || PRIVATE_USE.some((end) => host.endsWith(`.${end}`))
}

/** Ends of names that no registry gives out: RFC 6761, 6762 (also its appendix G), 8375, and ICANN’s `internal`. */
const PRIVATE_USE = [
  'localhost',
  'local',
  'internal',
  'home.arpa',
  'test',
  'intranet',
  'private',
  'corp',
  'home',
  'lan',
]

/** Characters of an origin: a name has at most 253. */
const ORIGIN_CHARACTERS_MAX = 300

/** Returns what a parser of URLs takes out, turns round or translates without a word; undefined where there is nothing. */
function misreadIn(text: string): string | undefined {
  if (/[\0-\x20\x7f]/.test(text)) return 'it holds a space, a tab, a line feed or another control character'
  if (text.includes('\\')) return 'it holds a backslash: write / or nothing'
  if (text.includes('%')) return 'a host holds no percent sign: neither encoded letters nor the zone of an address'
  const odd = [...text].find((character) => character > '\x7e')
  return odd === undefined ? undefined : `${codePoint(odd)} is not ASCII${inAscii(text)}`
}

function codePoint(character: string): string {
  return `U+${(character.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, '0')}`
}

/** Returns how a name of other letters is written, where it may be; a person decides whether it is the one that was meant. */
function inAscii(text: string): string {
  const name = text.replace(/^https?:\/\//, '').replace(/[:/?#].*$/s, '')
  const ascii = domainToASCII(name)
  if (!ascii.includes('xn--')) return ': write the host in letters from a to z, digits, - and .'
  const read = readHost(ascii)
  return read.ok ? `: a name of other letters is written as ${ascii}` : `: ${read.reason}`
}

/** Reads the name of a host, or an IPv4 address in four decimal numbers. */
function readHost(text = ''): Result<string, string> {
  if (text === '') return no('there is no host')
  if (text.endsWith('.')) return no('a host does not end with a dot')
  if (/[A-Z]/.test(text)) return no(`a host is written in lower case: ${text.toLowerCase()}`)
  const labels = text.split('.')
  if (/^(?:\d+|0x[\da-f]*)$/.test(labels.at(-1) ?? '')) {
    // Other parsers read octal, hexadecimal and short forms, each its own way.
    return isIP(text) === 4 ? readAddress(text, 4) : no('an IPv4 address is four decimal numbers without leading zeros')
  }
  if (text.length > 253) return no('a name has at most 253 characters')
  for (const label of labels) {
    const wrong = wrongLabel(label, labels.at(-1) ?? '')
    if (wrong !== undefined) return no(wrong)
  }
  return ok(text)
}

function readAddress(text: string, version: 4 | 6): Result<string, string> {
  if (isIP(text) !== version) return no(`this is no address of IPv${version}`)
  const plain = plainAddress(text)
  if (!isPlain(plain)) return no('this address holds another one: write that one')
  return plain === text ? ok(text) : no(`an address is written in its shortest form: ${plain}`)
}

function wrongLabel(label: string, last: string): string | undefined {
  if (!/^(?!-)[a-z\d_-]{1,63}(?<!-)$/.test(label))
    return `"${label}" is no part of a name: 1 to 63 letters from a to z, digits, - and _, no - at its ends`
  // Other labels with two hyphens in the third place are names of machines (`r3---sn-…`), and stand for no letters.
  if (!label.startsWith('xn--')) return undefined
  const unicode = domainToUnicode(label)
  if (unicode === label || unicode === '' || domainToASCII(unicode) !== label)
    return `"${label}" stands for no letters that a registry gives out`
  const scripts = SCRIPTS.filter(({ pattern }) => pattern.test(unicode)).map(({ name }) => name)
  const odd = [...unicode].find(
    (letter) => /\p{L}/u.test(letter) && !SCRIPTS.some(({ pattern }) => pattern.test(letter)),
  )
  if (odd !== undefined) scripts.push(`that of ${codePoint(odd)}`)
  if (scripts.length > 1 && !TOGETHER.some((together) => scripts.every((script) => together.includes(script))))
    return `"${label}" mixes letters of several scripts (${scripts.join(', ')}), which registries refuse`
  // A last part in the same script is a place where its readers expect it.
  const isAtHome =
    last.startsWith('xn--') &&
    SCRIPTS.some(({ name, pattern }) => scripts.includes(name) && pattern.test(domainToUnicode(last)))
  const read = [...unicode]
    .map((letter) => (OWN_LETTERS.has(letter) ? letter : (LOOKALIKES.get(letter) ?? letter)))
    .join('')
  if (!isAtHome && !/[^\0-\x7f]/.test(read)) return `"${label}" looks like "${read}" and is another name`
  return undefined
}

/** Letters that an alphabet has, and that look like another with a stroke. */
const OWN_LETTERS: ReadonlySet<string> = new Set('øłđħŧ')

const SCRIPTS = [
  ...[
    'Latin',
    'Cyrillic',
    'Greek',
    'Armenian',
    'Georgian',
    'Hebrew',
    'Arabic',
    'Thai',
    'Devanagari',
    'Bengali',
    'Tamil',
  ],
  ...['Telugu', 'Gujarati', 'Gurmukhi', 'Kannada', 'Malayalam', 'Sinhala', 'Khmer', 'Lao', 'Myanmar', 'Ethiopic'],
  ...['Han', 'Hiragana', 'Katakana', 'Hangul', 'Bopomofo', 'Cherokee', 'Mongolian', 'Tibetan'],
].map((name) => ({ name, pattern: new RegExp(`\\p{Script=${name}}`, 'u') }))

/** Scripts that one word is written in: UTS 39, 5.2, "highly restrictive". */
const TOGETHER: readonly (readonly string[])[] = [
  ['Latin', 'Han', 'Hiragana', 'Katakana'],
  ['Latin', 'Han', 'Hangul'],
  ['Latin', 'Han', 'Bopomofo'],
]
