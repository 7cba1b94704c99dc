/**
 * A number of a JSON text that is kept as it was written, since a double would be another number (`9223372036854775807`)
 * or would be written in other characters (`1.0`). `JSON.stringify` writes it as it was.
 */
export class WrittenNumber {
  /** A number of JSON (RFC 8259, section 6) of at most `NUMBER_CHARACTERS_MAX` characters. */
  readonly text: string

  constructor(text: string) {
    this.text = text
  }

  toJSON(): object {
    return (JSON as RawJson).rawJSON(this.text)
  }

  toString(): string {
    return this.text
  }
}

/** ECMAScript 2026, "JSON.rawJSON", which TypeScript's libraries do not declare. */
type RawJson = JSON & { readonly rawJSON: (text: string) => object }

/** The longest number that is kept: an RSA modulus of 2,048 bits in decimals has 617 digits. */
export const NUMBER_CHARACTERS_MAX = 1_024

/** The digits that an exponent may have: `1e9999999` and beyond are no numbers of anybody. */
const EXPONENT_DIGITS_MAX = 6

/** Tells whether a text is a number of JSON that is short enough to be kept. */
export function isNumberText(text: string): boolean {
  const match = /^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?(\d+))?$/.exec(text)
  return match !== null && text.length <= NUMBER_CHARACTERS_MAX && (match[1] ?? '').length <= EXPONENT_DIGITS_MAX
}

export function isNumber(value: unknown): value is number | WrittenNumber {
  return typeof value === 'number' || value instanceof WrittenNumber
}

/**
 * Returns the double that is exactly this number; undefined for all other values. A double means its shortest decimal
 * text.
 */
export function doubleOf(value: unknown): number | undefined {
  if (typeof value === 'number') return value
  if (!(value instanceof WrittenNumber)) return undefined
  const double = Number(value.text)
  // Fifteen digits have one double, and it no shorter text (`1.50` is told at once, as most are).
  if (value.text.length <= EXACT_DIGITS && !/[eE]/.test(value.text)) return double
  return Number.isFinite(double) && compareDecimals(decimalOf(value), decimalOf(double)) === 0 ? double : undefined
}

const EXACT_DIGITS = 15

/**
 * Returns one text for one number, however it was written: ECMAScript's where a double is exactly it, else all of its
 * digits.
 */
export function numberText(value: number | WrittenNumber): string {
  const double = doubleOf(value)
  if (double !== undefined) return String(double)
  const { negative, digits, exponent } = decimalOf(value)
  const sign = negative ? '-' : ''
  if (exponent >= 0 && digits.length + exponent <= NUMBER_CHARACTERS_MAX) return sign + digits + '0'.repeat(exponent)
  const places = -exponent
  if (places > 0 && places <= NUMBER_CHARACTERS_MAX) {
    const padded = digits.padStart(places + 1, '0')
    return `${sign}${padded.slice(0, -places)}.${padded.slice(-places)}`
  }
  return `${sign}${digits}e${exponent}`
}

/** Compares two numbers: below zero where the first is less, above where it is more. Exact, whatever their sizes. */
export function compareNumbers(a: number | WrittenNumber, b: number | WrittenNumber): number {
  if (typeof a === 'number' && typeof b === 'number') return a - b
  return compareDecimals(decimalOf(a), decimalOf(b))
}

export function isWhole(value: number | WrittenNumber): boolean {
  return typeof value === 'number' ? Number.isInteger(value) : decimalOf(value).exponent >= 0
}

/**
 * Tells whether one number is a whole multiple of another that is above zero, as decimals: 19.99 is one of 0.01, though
 * 19.99 / 0.01 is not whole in doubles. False where the two are too far apart in size to be told.
 */
export function isMultiple(value: number | WrittenNumber, of: number | WrittenNumber): boolean {
  const [one, other] = [decimalOf(value), decimalOf(of)]
  if (one.digits === '') return true
  const shift = one.exponent - other.exponent
  if (Math.abs(shift) > SHIFT_MAX) return false
  const [up, down] = [10n ** BigInt(Math.max(shift, 0)), 10n ** BigInt(Math.max(-shift, 0))]
  return (BigInt(one.digits) * up) % (BigInt(other.digits) * down) === 0n
}

/**
 * Powers of ten that two numbers may lie apart: between the smallest and the largest double lie 10^632, and as many
 * digits again are in neither.
 */
const SHIFT_MAX = 1_264

/** `digits` × 10^`exponent`, without zeros at either end of the digits; zero has none, and exponent 0. */
interface Decimal {
  readonly negative: boolean
  readonly digits: string
  readonly exponent: number
}

function decimalOf(value: number | WrittenNumber): Decimal {
  const text = String(value)
  const [mantissa = '', exponent = '0'] = text.toLowerCase().split('e')
  const [whole = '', fraction = ''] = mantissa.replace('-', '').split('.')
  const all = `${whole}${fraction}`.replace(/^0+/, '')
  const digits = withoutZerosAtEnd(all)
  if (digits === '') return { negative: false, digits, exponent: 0 }
  const places = Number(exponent) - fraction.length + (all.length - digits.length)
  return { negative: text.startsWith('-'), digits, exponent: places }
}

/** Drops the zeros at the end, in time that grows with the text alone: an upstream chose it. */
function withoutZerosAtEnd(digits: string): string {
  let end = digits.length
  while (end > 0 && digits[end - 1] === '0') end--
  return digits.slice(0, end)
}

function compareDecimals(a: Decimal, b: Decimal): number {
  if (a.digits === '' || b.digits === '') return signOf(a) - signOf(b)
  if (a.negative !== b.negative) return a.negative ? -1 : 1
  const sign = a.negative ? -1 : 1
  const [sizeOfA, sizeOfB] = [a.digits.length + a.exponent, b.digits.length + b.exponent]
  if (sizeOfA !== sizeOfB) return sizeOfA < sizeOfB ? -sign : sign
  const length = Math.max(a.digits.length, b.digits.length)
  const [x, y] = [a.digits.padEnd(length, '0'), b.digits.padEnd(length, '0')]
  return x === y ? 0 : x < y ? -sign : sign
}

function signOf({ negative, digits }: Decimal): number {
  return digits === '' ? 0 : negative ? -1 : 1
}
