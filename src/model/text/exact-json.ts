import type { Json } from '../json.ts'
import { doubleOf, isNumberText, WrittenNumber } from './number.ts'
import { endOfString, parseJson } from './parse-json.ts'

/** The findings of one pass over a text of JSON, before anything is made of it. */
export interface JsonScan {
  readonly depthMax: number
  /** At least the number of values: one more than the commas, and one for each bracket. */
  readonly nodes: number
  readonly colons: number
  /**
   * Offsets of the numbers that are to be kept as they are written: where each begins and ends, one pair after the
   * other.
   */
  readonly kept: readonly number[]
  /** True where one of those is too long to be kept. */
  readonly tooLong: boolean
  /** Offset of a `NaN` or `Infinity`, which some languages write and JSON does not have. */
  readonly noNumberAt: number | undefined
}

/** Tells whether a number, by its text, is to be kept as it is written. */
export type Keeps = (text: string) => boolean

/**
 * Keeps each number that a double only comes near: one that vanishes (`1e-400`), and one of more digits than any double
 * is written with. `0.10000000000000001` is how some languages write the double 0.1, and is that.
 */
export const KEEP_ROUNDED: Keeps = (text) => (Number(text) === 0 || text.length > ROUND_TRIP_DIGITS) && isRounded(text)

/** Seventeen digits tell any two doubles apart, and are written by languages that do not look for fewer. IEEE 754 */
const ROUND_TRIP_DIGITS = 17

function isRounded(text: string): boolean {
  if (!isNumberText(text)) return true
  const digits = text
    .replace(/[eE].*$/, '')
    .replaceAll(/\D/g, '')
    .replace(/^0+/, '')
  if (digits === '' || (digits.length <= ROUND_TRIP_DIGITS && Number(text) !== 0)) return false
  return doubleOf(new WrittenNumber(text)) === undefined
}

/**
 * Keeps each number that `JSON.stringify` would write in other characters, and each that is past what doubles tell
 * apart.
 */
export const KEEP_AS_WRITTEN: Keeps = (text) => {
  const double = Number(text)
  return String(double) !== text || isUnsafe(double)
}

/** Keeps numbers that no double is exactly: for what is our own, and is read as it was written. */
export const KEEP_INEXACT: Keeps = (text) => !isNumberText(text) || doubleOf(new WrittenNumber(text)) === undefined

export function isUnsafe(value: number): boolean {
  return !Number.isFinite(value) || (Math.abs(value) > Number.MAX_SAFE_INTEGER && Number.isInteger(value))
}

/**
 * Reads JSON as the platform does, with numbers as they are written where `keeps` says so. Throws a SyntaxError where it
 * is none, or has a number that would be kept and is too long for it. A string that begins with a lone surrogate is none
 * either beside such numbers: no UTF-8 has it.
 */
export function parseExactJson(text: string, keeps: Keeps = KEEP_AS_WRITTEN): Json {
  return read(text, keeps).value
}

function read(text: string, keeps: Keeps): { readonly value: Json; readonly scan: JsonScan } {
  const scan = scanJson(text, keeps)
  if (scan.tooLong) throw new SyntaxError('a number in it is longer, or its exponent, than any that is kept')
  const { value, mistaken } = parseScanned(text, scan)
  if (mistaken) throw new SyntaxError('a string in it cannot be told from a number')
  return { value, scan }
}

/**
 * Reads JSON as `parseExactJson` does, where every reader takes it for the same value. Throws a SyntaxError where an object
 * in it has two members of one name, of which some readers take the first, some the last, and a model both.
 */
export function parseUniqueJson(text: string): Json {
  const { value, scan } = read(text, KEEP_AS_WRITTEN)
  if (membersIn(value) !== scan.colons) throw new SyntaxError('a name in it stands there twice')
  return value
}

/** Returns how many members all objects of a value have together. */
function membersIn(value: Json): number {
  let members = 0
  const left: Json[] = [value]
  for (let next = left.pop(); next !== undefined; next = left.pop()) {
    if (typeof next !== 'object' || next === null || next instanceof WrittenNumber) continue
    const items = Object.values(next) as readonly Json[] // of an object or a list of JSON
    if (!Array.isArray(next)) members += items.length
    for (const item of items) left.push(item)
  }
  return members
}

const QUOTE = 0x22

export function scanJson(text: string, keeps: Keeps): JsonScan {
  let [depth, depthMax, nodes, colons] = [0, 0, 1, 0]
  const kept: number[] = []
  let tooLong = false
  let noNumberAt: number | undefined
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i)
    switch (code) {
      case QUOTE:
        i = endOfString(text, i + 1)
        continue
      case 0x7b: // {
      case 0x5b: // [
        nodes++
        if (++depth > depthMax) depthMax = depth
        continue
      case 0x7d: // }
      case 0x5d: // ]
        depth--
        continue
      case 0x2c: // ,
        nodes++
        continue
      case 0x3a: // :
        colons++
        continue
      case 0x4e: // N
      case 0x49: // I
        noNumberAt ??= i
        continue
    }
    if (code !== 0x2d && (code < 0x30 || code > 0x39)) continue
    const end = endOfNumber(text, i + 1)
    if (!isPlain(text, i, end)) {
      const number = text.slice(i, end)
      if (keeps(number)) {
        if (isNumberText(number)) kept.push(i, end)
        else tooLong = true
      }
    }
    i = end - 1
  }
  return { depthMax, nodes, colons, kept, tooLong, noNumberAt }
}

function endOfNumber(text: string, from: number): number {
  for (let i = from; ; i++) {
    const code = text.charCodeAt(i)
    const goesOn = (code >= 0x30 && code <= 0x39) || code === 0x2e || code === 0x2b || code === 0x2d
    if (!goesOn && code !== 0x65 && code !== 0x45) return i
  }
}

/**
 * Tells whether a part of a text is at most fifteen digits and nothing else: most numbers, which need no second look.
 */
function isPlain(text: string, from: number, to: number): boolean {
  if (to - from > 15) return false
  for (let i = from; i < to; i++) {
    const code = text.charCodeAt(i)
    if (code < 0x30 || code > 0x39) return false
  }
  return true
}

/**
 * Mark that begins the text which stands for a kept number while the platform's parser reads the rest: a lone
 * surrogate, which no text that was decoded has. An escape can still say it: `mistaken` tells of those.
 */
const MARK = '\udfff'

export interface Scanned {
  readonly value: Json
  /**
   * True where a string or a key looks like a number that was kept, or one of those is gone (a key that is written
   * twice).
   */
  readonly mistaken: boolean
}

/** Parses a text that was scanned. Throws a SyntaxError where it is no JSON. */
export function parseScanned(text: string, { kept }: JsonScan): Scanned {
  if (kept.length === 0) return { value: parseJson(text), mistaken: false }
  const parts: string[] = []
  const numbers: WrittenNumber[] = []
  let from = 0
  for (let i = 0; i < kept.length; i += 2) {
    const [start = 0, end = 0] = [kept[i], kept[i + 1]]
    parts.push(text.slice(from, start), '"', MARK, String(numbers.length), '"')
    numbers.push(new WrittenNumber(text.slice(start, end)))
    from = end
  }
  parts.push(text.slice(from))
  const restoring: Restoring = { numbers, restored: 0, mistaken: false }
  const value = restored(parseJson(parts.join('')), restoring)
  return { value, mistaken: restoring.mistaken || restoring.restored !== numbers.length }
}

interface Restoring {
  readonly numbers: readonly WrittenNumber[]
  restored: number
  mistaken: boolean
}

/** Puts the numbers in their places; the value is the parser's own, and changed in place. */
function restored(value: Json, restoring: Restoring): Json {
  if (typeof value === 'string') {
    if (!value.startsWith(MARK)) return value
    const number = restoring.numbers[Number(value.slice(1))]
    if (number === undefined) restoring.mistaken = true
    else restoring.restored++
    return number ?? value
  }
  if (value === null || typeof value !== 'object') return value
  const members = value as Json[] & Record<string, Json> // just parsed, and nobody else's
  if (Array.isArray(value)) {
    for (let i = 0; i < members.length; i++) members[i] = restored(members[i] as Json, restoring)
    return value
  }
  for (const key of Object.keys(value)) {
    if (key.startsWith(MARK)) restoring.mistaken = true
    // A key of that name was parsed as a member, and assigning to it would be something else.
    if (key !== '__proto__') members[key] = restored(members[key] as Json, restoring)
  }
  return value
}
