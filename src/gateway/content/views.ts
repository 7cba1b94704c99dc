/** What a text says once escapes and percents are taken off: the views in which secrets are looked for. */
import { Buffer } from 'node:buffer'
import { hash } from 'node:crypto'

/** Characters that stand for one: `\\u0041`, as JSON in JSON writes it. */
export const ESCAPED_CHARACTERS_MAX = 7

/** What a text says once some encodings are taken off. */
export interface View {
  readonly view: string
  /** The number of encodings that were taken off. */
  readonly depth: number
}

/**
 * Yields the text, and what it says once escapes and percents are taken off, in every order: an address in JSON may hold
 * JSON of its own, and that another address. Only what a text has is taken off.
 *
 * @param isCut true where the text goes on: an escape at its end, or in its end, may be cut, and is taken off as well.
 */
export function* viewsOf(
  text: string,
  isCut = false,
  depth = 0,
  escapesOnly = true,
  seen = new Set<string>(),
): Generator<View, void> {
  if (depth > 1) {
    // Most texts say the same in several orders.
    const digest = `${escapesOnly} ${depth} ${hash('sha1', text)}`
    if (seen.has(digest)) return
    seen.add(digest)
  }
  yield { view: text, depth }
  const whole = isCut ? withoutCut(text) : text
  if (whole !== text) yield { view: whole, depth }
  if (hasBrokenLine(whole)) yield { view: inOneLine(whole), depth }
  const deeper = depth < ENCODINGS_DEPTH_MAX
  if (whole.includes('%') && (deeper || escapesOnly)) {
    const plain = percentDecoded(whole)
    if (plain !== whole) yield* viewsOf(plain, isCut, depth + 1, false, seen)
  }
  if (deeper && whole.includes('\\')) {
    const plain = unescaped(whole)
    if (plain !== whole) yield* viewsOf(plain, isCut, depth + 1, escapesOnly, seen)
  }
}

/**
 * Encodings within each other that are taken off: of JSON in a text of JSON, in an answer that is JSON, and an address
 * in there besides. An answer that has all of them in every order is read sixteen times.
 */
const ENCODINGS_DEPTH_MAX = 3

/** Tells whether a line of base64 goes on in the next: MIME breaks at 76 characters, PEM at 64. */
function hasBrokenLine(text: string): boolean {
  for (let i = 0, run = 0; i < text.length; i++) {
    if (KINDS[text.charCodeAt(i)] === IN_BASE64) run++
    else if (run >= LONG_LINE && endsLine(text, i)) return true
    else run = 0
  }
  return false
}

function endsLine(text: string, at: number): boolean {
  const after = text[at] === '\r' ? at + 1 : text.startsWith('\\r', at) ? at + 2 : at
  return text[after] === '\n' || text.startsWith('\\n', after)
}

/** Returns a text without white space and without what JSON writes for the ends of lines. */
function inOneLine(text: string): string {
  const units = new Uint16Array(text.length)
  let length = 0
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i)
    if (unit === BACKSLASH && /[nr]/.test(text.charAt(i + 1))) i++
    else if (KINDS[unit] !== IS_WHITE) units[length++] = unit
  }
  return Buffer.from(units.buffer, 0, length * 2).toString('utf16le')
}

const LONG_LINE = 60
const [IN_BASE64, IS_WHITE] = [1, 2]
/** What a code unit is to a line of base64. */
const KINDS = Uint8Array.from({ length: 65_536 }, (_, unit) => {
  const character = String.fromCharCode(unit)
  return /[A-Za-z0-9+/_-]/.test(character) ? IN_BASE64 : /\s/.test(character) ? IS_WHITE : 0
})

const ESCAPED: Readonly<Record<string, number>> = { b: 8, f: 12, n: 10, r: 13, t: 9, '"': 34, '\\': 92, '/': 47 }
const BACKSLASH = 92
const PERCENT = 37

/** Character by character: an upstream can send millions of escapes, and a function called for each takes seconds. */
function unescaped(text: string): string {
  const units = new Uint16Array(text.length)
  let length = 0
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i)
    let said: number | undefined
    if (unit === BACKSLASH && i + 1 < text.length) {
      const code = text[i + 1] === 'u' ? hexAt(text, i + 2, 4) : -1
      if (code >= 0) {
        said = code
        i += 5
      } else {
        said = ESCAPED[text[i + 1] ?? '']
        if (said !== undefined) i++
      }
    }
    units[length++] = said ?? unit
  }
  return Buffer.from(units.buffer, 0, length * 2).toString('utf16le')
}

/** Runs of bytes in percent, as UTF-8. */
function percentDecoded(text: string): string {
  const bytes = Buffer.from(text, 'utf8')
  let length = 0
  for (let i = 0; i < bytes.length; i++) {
    const byte = bytes[i] === PERCENT ? hexByte(bytes[i + 1], bytes[i + 2]) : -1
    bytes[length++] = byte >= 0 ? byte : (bytes[i] ?? 0)
    if (byte >= 0) i += 2
  }
  return bytes.toString('utf8', 0, length)
}

function hexAt(text: string, at: number, digits: number): number {
  let value = 0
  for (let i = at; i < at + digits; i++) {
    const digit = HEX_DIGITS[text.charCodeAt(i)] ?? NO_DIGIT
    if (digit === NO_DIGIT) return -1
    value = value * 16 + digit
  }
  return value
}

function hexByte(high: number | undefined, low: number | undefined): number {
  const [first, second] = [HEX_DIGITS[high ?? 0] ?? NO_DIGIT, HEX_DIGITS[low ?? 0] ?? NO_DIGIT]
  return first === NO_DIGIT || second === NO_DIGIT ? -1 : first * 16 + second
}

const NO_DIGIT = 255
/** Values of hexadecimal digits by character code; `NO_DIGIT` for every other character. */
const HEX_DIGITS = Uint8Array.from({ length: 128 }, (_, code) => {
  const digit = Number.parseInt(String.fromCharCode(code), 16)
  return Number.isNaN(digit) ? NO_DIGIT : digit
})

/** An escape, or a percent, that is cut. */
const CUT_ESCAPE = /(?:%[0-9a-f]?|\\(?:u[0-9a-f]{0,3})?)$/i
/** As many as one character has where three encodings each write one or two. */
const CUT_ESCAPES_MAX = 8

/** Returns a text without the cut escapes at its end: one that is within others is cut as often. */
function withoutCut(text: string): string {
  let end = text.length
  for (let taken = 0; taken < CUT_ESCAPES_MAX; taken++) {
    const [cut] = CUT_ESCAPE.exec(text.slice(Math.max(0, end - ESCAPED_CHARACTERS_MAX), end)) ?? []
    if (cut === undefined) break
    end -= cut.length
  }
  return text.slice(0, end)
}
