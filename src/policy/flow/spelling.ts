/**
 * The spellings of a value: what it has in common with whatever is made of it by case, width, accents, letters that look
 * the same, spaces, punctuation, escapes, canonical forms of URLs, and the order and zeros of digits. Two values that share
 * a spelling are one word. It is used only to withhold trust: nothing is ever permitted because it is like something.
 */
import { domainToUnicode } from 'node:url'
import { normalForm } from '../../model/text/text.ts'
import { readUrl } from '../../model/text/web-address.ts'
import { skeleton } from './skeleton.ts'

/** The spellings of one value, each found when it is first asked for. Linear in its length; at most half a dozen texts. */
export class Spelled {
  readonly text: string
  #plain: string | undefined
  #skeletons: readonly string[] | undefined
  #keys: readonly string[] | undefined

  constructor(text: string) {
    this.text = text
  }

  /** The text as upstreams that trim and fold would repeat it. */
  get plain(): string {
    this.#plain ??= normalForm(this.text, 'NFKC').trim().toLowerCase()
    return this.#plain
  }

  /** Letters and digits alone: the value's own first, then those of what it decodes to. Never empty texts. */
  get skeletons(): readonly string[] {
    this.#skeletons ??= skeletonsOf(this.text)
    return this.#skeletons
  }

  /** Names for what is the same in another order or notation: a date, an amount. */
  get keys(): readonly string[] {
    this.#keys ??= keysOf(this.text)
    return this.#keys
  }
}

function skeletonsOf(text: string): readonly string[] {
  const skeletons = new Set([skeleton(text)])
  const plain = decoded(text)
  if (plain !== text) skeletons.add(skeleton(plain))
  const packed = unpacked(plain)
  if (packed !== undefined) skeletons.add(skeleton(decoded(packed)))
  for (const other of [urlParts(packed ?? plain), withoutPunycode(plain), phone(plain)]) {
    if (other !== undefined) skeletons.add(skeleton(other))
  }
  skeletons.delete('')
  return [...skeletons]
}

function keysOf(text: string): readonly string[] {
  if (text.length > 128) return []
  const plain = decoded(text)
  return [...parts(plain), ...amounts(plain)]
}

/** Rounds of escapes inside of escapes. */
const ROUNDS_MAX = 3

/**
 * Returns a text without the escapes of URLs, JSON, HTML, quoted-printable and shells, each also inside the others'.
 */
export function decoded(text: string): string {
  let plain = text
  for (let round = 0; round < ROUNDS_MAX && /[%&\\=]/.test(plain); round++) {
    const next = percentDecoded(htmlDecoded(unescaped(plain)))
    if (next === plain) break
    plain = next
  }
  return plain
}

function percentDecoded(text: string): string {
  return text.replaceAll(/(?:[%=][0-9a-f]{2})+/gi, (run) => {
    const bytes = Buffer.from(run.replaceAll(/[%=]/g, ''), 'hex')
    const read = bytes.toString('utf8')
    return read.includes('\ufffd') ? bytes.toString('latin1') : read
  })
}

function unescaped(text: string): string {
  if (!/\\|%u/i.test(text)) return text
  return text
    .replaceAll(/\\u\{([0-9a-f]{1,6})\}|[\\%]u([0-9a-f]{4})|\\x([0-9a-f]{2})/gi, (_, long, four, two) =>
      character(Number.parseInt(long ?? four ?? two, 16)),
    )
    .replaceAll(/\\[nrtbfv]/g, ' ')
    .replaceAll(/\\(.)/gs, '$1')
}

const ENTITIES: Readonly<Record<string, string>> = {
  ...{ amp: '&', lt: '<', gt: '>', quot: '"', apos: "'", nbsp: ' ', commat: '@', period: '.', colon: ':', sol: '/' },
  ...{ hyphen: '-', lowbar: '_', num: '#', plus: '+', equals: '=', quest: '?', comma: ',', percnt: '%', shy: '' },
}

function htmlDecoded(text: string): string {
  if (!text.includes('&')) return text
  return text.replaceAll(/&(?:#x([0-9a-f]{1,6})|#([0-9]{1,7})|([a-z]{2,8}));?/gi, (all, hex, decimal, name) => {
    if (name !== undefined) return ENTITIES[name.toLowerCase()] ?? all
    return character(Number.parseInt(hex ?? decimal, hex === undefined ? 10 : 16))
  })
}

function character(code: number): string {
  return code <= 0x10ffff ? String.fromCodePoint(code) : ''
}

/** Before base64: in an address of data, in a header of mail. */
const WRAPPING = /^(?:data:[^,]{0,128};base64,|=\?[\w-]{1,32}\?b\?)/i

/** Returns the text that base64, base64url or hexadecimal holds, in lines or not; undefined where it holds none. */
function unpacked(text: string): string | undefined {
  const bare = text.trim().replace(WRAPPING, '').replace(/\?=$/, '').replaceAll(/\s/g, '')
  if (bare.length < 6 || !/^[A-Za-z0-9+/_-]+={0,2}$/.test(bare)) return undefined
  const hex = /^(?:0x)?((?:[0-9a-f]{2})+)$/i.exec(bare)?.[1]
  for (const bytes of [hex === undefined ? undefined : Buffer.from(hex, 'hex'), Buffer.from(bare, 'base64')]) {
    const read = bytes?.toString('utf8') ?? ''
    if (read.length >= 4 && !/[\p{Cc}\ufffd]/u.test(read)) return read
  }
  return undefined
}

/**
 * Returns host, path and query as every client would ask for them: without scheme, user, usual port and dot segments.
 */
function urlParts(text: string): string | undefined {
  if (text.length > URL_CHARACTERS_MAX || !/[.:]/.test(text)) return undefined
  const bare = text.trim()
  const url = /^[a-z][a-z0-9+.-]{0,20}:\/\//i.test(bare) ? bare : `http://${bare}`
  const [host = ''] = bare.split(/[/?#]/, 1)
  if (url !== bare && (!host.includes('.') || /[\s@]/.test(host))) return undefined
  const read = readUrl(url)
  if (read === undefined) return undefined
  const { hostname, port, pathname, search } = read
  return decoded(`${domainToUnicode(hostname) || hostname} ${port} ${pathname} ${search}`).replace(/^www\./, '')
}

function withoutPunycode(text: string): string | undefined {
  if (!/xn--/i.test(text)) return undefined
  // Label by label: an expression for `xn--` alone would be tried from each letter before it.
  return text.replaceAll(/[a-z0-9-]+/gi, (label) => {
    return label.length <= LABEL_CHARACTERS_MAX && /xn--/i.test(label) ? domainToUnicode(label) || label : label
  })
}

/** Characters of a domain's name at most: longer ones lead nowhere. */
const LABEL_CHARACTERS_MAX = 63

const URL_CHARACTERS_MAX = 4_096

/** Returns the digits of a phone number without the prefixes of countries and of cities. */
function phone(text: string): string | undefined {
  if (!/^\s*\+?[\d\s()./-]{7,40}$/.test(text)) return undefined
  return text.replace('(0)', '').replaceAll(/\D/g, '').replace(/^0+/, '')
}

const MONTHS: ReadonlyMap<string, string> = new Map(
  ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec'].flatMap((month, i) => {
    const long = 'uary ruary ch il  e y ust tember ober ember ember'.split(' ')[i] ?? ''
    return [month, `${month}${long}`].map((name) => [name, String(i + 1)] as const)
  }),
)
const DAY = /^(?:mon|tues?|wed(?:nes)?|thu(?:rs?)?|fri|sat(?:ur)?|sun)(?:day)?$/
/** Parts that a value may have: what has more is a text. */
const PARTS_MAX = 8
const PARTS_CHARACTERS_MIN = 5

/**
 * Returns the words and numbers of a text in no order, without zeros before them: a date, a name that is turned round.
 */
function parts(text: string): readonly string[] {
  const spread = text
    .normalize('NFKC')
    .toLowerCase()
    .replace(/^(\d{4})(\d\d)(\d\d)(?=t|$)/, '$1 $2 $3')
  const found = (spread.match(/\d+|\p{L}+/gu) ?? [])
    .map((part) => MONTHS.get(part) ?? part.replace(/^0+/, ''))
    .filter((part) => part !== '' && part !== 't' && part !== 'z' && !DAY.test(part))
  if (found.length < 2 || found.length > PARTS_MAX) return []
  const key = found
    .map((part) => skeleton(part))
    .sort()
    .join(' ')
  return key.length < PARTS_CHARACTERS_MIN ? [] : [`parts ${key}`]
}

const MONEY =
  /^\s*(?:[a-z]{2,3}|\p{Sc})?\s*[-+]?(\d{1,3}(?:[ '’_]\d{3})+(?:[.,]\d+)?|(?:\d[\d.,]*|\.\d+)(?:e[+-]?\d{1,4})?)\s*(?:[a-z]{2,3}|\p{Sc}|%)?\s*$/iu

/** Returns a number as each convention would read its separators; of three digits at least. */
function amounts(text: string): readonly string[] {
  const number = text.length > 64 ? undefined : MONEY.exec(text.normalize('NFKC'))?.[1]
  if (number === undefined) return []
  if (/e/i.test(number)) return named(String(Number(number)))
  const whole = number.replaceAll(/\D/g, '')
  const at = Math.max(number.lastIndexOf('.'), number.lastIndexOf(','))
  if (at < 0) return named(whole)
  const [before, mark, after] = [number.slice(0, at), number.charAt(at), number.slice(at + 1).replaceAll(/\D/g, '')]
  if (before.includes(mark)) return named(whole)
  const decimal = named(`${before.replaceAll(/\D/g, '')}.${after}`)
  return after.length === 3 && !/[.,]/.test(before) ? [...named(whole), ...decimal] : decimal
}

function named(number: string): readonly string[] {
  const canonical = number
    .replace(/^0+(?=\d)/, '')
    .replace(/(\.\d*?)0+$/, '$1')
    .replace(/\.$/, '')
  return canonical.replace('.', '').length < 3 ? [] : [`number ${canonical}`]
}

export const WORD_CHARACTERS_MIN = 3
/** Digits of a number that counts inside of a longer one: a page size or an amount stands in many by chance. */
const DIGITS_MIN = 6

/** Tells whether finding a word, letters and digits alone, inside a longer text says that it comes from there. */
export function counts(word: string): boolean {
  return word.length >= (/^\d+$/.test(word) ? DIGITS_MIN : WORD_CHARACTERS_MIN)
}

/**
 * Tells whether a text is the name of a member as schemas choose them: that stands in many a value that nobody made of
 * it.
 */
export function namesMember(text: string, what: 'text' | 'number' | 'name'): boolean {
  return what === 'name' && /^[\w-]{1,64}$/.test(text)
}
