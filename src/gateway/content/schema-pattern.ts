import { RE2JS } from 're2js'

/** A `pattern` of a schema. */
export interface Pattern {
  /** Returns the steps of one try on a text of this many characters. */
  readonly stepsFor: (characters: number) => number
  readonly test: (text: string) => boolean
}

/**
 * Most patterns that long text is held against (`^[A-Za-z0-9+/]+={0,2}$`) leave no choice to whoever matches them: those
 * run on the platform's own engine, in one pass. All others run on one without backtracking (RE2), which is ten times
 * slower. Throws what a person should read for what neither can do in linear time: look-around, back-references.
 * `spend` is asked before anything is compiled.
 */
export function compilePattern(source: string, spend: (size: number) => void): Pattern {
  spend(patternSize(source))
  if (leavesNoChoice(source)) {
    const native = new RegExp(source, 'u')
    return { stepsFor: (characters) => characters / 64, test: (text) => native.test(text) }
  }
  const compiled = RE2JS.compile(source)
  // Each character costs what sixteen instructions do, however small the pattern.
  const perCharacter = Math.max(16, compiled.programSize())
  return { stepsFor: (characters) => characters * perCharacter, test: (text) => compiled.matcher(text).find() }
}

/**
 * About the number of instructions that a pattern becomes, told before they are made: `a{1000}` is seven characters and
 * a thousand of them. A Unicode class is a table of ranges.
 */
export function patternSize(source: string): number {
  const open: number[] = []
  let sum = 0
  let last = 0
  const took = (cost: number) => {
    sum += cost
    last = cost
  }
  for (let i = 0; i < source.length; ) {
    const [token = ''] = TOKEN.exec(source.slice(i, i + TOKEN_CHARACTERS)) ?? []
    const counts = /^\{(\d+)(,?)(\d*)\}$/.exec(token)
    if (counts !== null) {
      const [, least = '', more = '', most = ''] = counts
      const times = Math.max(Number(least) + (more === '' ? 0 : 1), Number(most || 0), 1)
      sum += last * (times - 1)
      last *= times
    } else if (token === '(') open.push(sum)
    else if (token === ')') last = sum - (open.pop() ?? 0)
    else if (/^\\p/i.test(token)) took(UNICODE_CLASS_SIZE)
    else took(1)
    i += Math.max(1, token.length)
  }
  return sum
}

const UNICODE_CLASS_SIZE = 100
const TOKEN = /^(?:\{\d+,?\d*\}|\\[pP](?:\{[^}]*\}|.)|\\.|.)/s
const TOKEN_CHARACTERS = 64

/** The characters that an atom takes: of ASCII exactly, of all others only whether it may. */
interface Atom {
  readonly takes: ReadonlySet<number>
  readonly others: boolean
  readonly least: number
  readonly most: number
}

/**
 * Tells whether a pattern is anchored at its start, a mere sequence, and says at each character which of its parts
 * takes it: whatever a part may take or leave, the parts that can follow it take nothing of. Then nothing is tried
 * twice.
 */
export function leavesNoChoice(source: string): boolean {
  const atoms = source.startsWith('^')
    ? atomsOf(source.slice(1).replace(/(?<=(?:^|[^\\])(?:\\\\)*)\$$/, ''))
    : undefined
  if (atoms === undefined) return false
  return atoms.every((atom, i) => {
    if (atom.least === atom.most) return true
    for (const follower of atoms.slice(i + 1)) {
      if (meets(atom, follower)) return false
      if (follower.least > 0) break
    }
    return true
  })
}

function meets(one: Atom, other: Atom): boolean {
  return (one.others && other.others) || [...one.takes].some((code) => other.takes.has(code))
}

/** Undefined for whatever is not a plain sequence of characters and classes. */
function atomsOf(source: string): readonly Atom[] | undefined {
  const atoms: Atom[] = []
  const atom =
    /(?:\[(\^?)((?:[^[\]\\]|\\[\s\S])+)\]|\\([\s\S])|([^\\^$.*+?()[\]{}|]|\.))([*+?]|\{(\d{1,4})(,?)(\d{0,4})\})?/uy
  while (atom.lastIndex < source.length) {
    if (atoms.length >= ATOMS_MAX) return undefined
    const found = atom.exec(source)
    if (found === null) return undefined
    const [, negated, inClass, escaped, plain, times] = found
    const set = inClass === undefined ? characterSet(escaped, plain) : classSet(inClass, negated === '^')
    const range = timesOf(times, found[6], found[7], found[8])
    if (set === undefined || range === undefined) return undefined
    atoms.push({ ...set, ...range })
  }
  return atoms
}

const ATOMS_MAX = 64

type Taken = Pick<Atom, 'takes' | 'others'>

function characterSet(escaped: string | undefined, plain: string | undefined): Taken | undefined {
  if (escaped !== undefined) return escapeSet(escaped)
  if (plain === '.') return { takes: inverted(new Set([10, 13])), others: true }
  return plain === undefined ? undefined : single(plain)
}

function single(character: string): Taken {
  const code = character.codePointAt(0) ?? 0
  return code < 128 ? { takes: new Set([code]), others: false } : { takes: new Set(), others: true }
}

function escapeSet(letter: string): Taken | undefined {
  if (letter === 'd') return { takes: DIGITS, others: false }
  if (letter === 'w') return { takes: WORD, others: false }
  if (letter === 's') return { takes: SPACE, others: true }
  return /^[\^$\\.*+?()[\]{}|/]$/.test(letter) ? single(letter) : undefined
}

const codes = (text: string) => new Set([...text].map((character) => character.charCodeAt(0)))
const DIGITS = codes('0123456789')
const WORD = codes('0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz')
const SPACE = codes('\t\n\v\f\r ')

function inverted(taken: ReadonlySet<number>): ReadonlySet<number> {
  return new Set(Array.from({ length: 128 }, (_, code) => code).filter((code) => !taken.has(code)))
}

function classSet(body: string, negated: boolean): Taken | undefined {
  const takes = new Set<number>()
  let others = false
  const member = /(?:\\([\s\S])|([^\\]))(?:-(?:\\([\s\S])|([^\\])))?/uy
  while (member.lastIndex < body.length) {
    const found = member.exec(body)
    if (found === null) return undefined
    const [, escaped, plain, toEscape, to] = found
    const from = escaped === undefined ? single(plain ?? '') : escaped === '-' ? single('-') : escapeSet(escaped)
    if (from === undefined || toEscape !== undefined) return undefined
    if (to === undefined) {
      for (const code of from.takes) takes.add(code)
      others ||= from.others
      continue
    }
    const [first, last] = [plain?.codePointAt(0) ?? 0, to.codePointAt(0) ?? 0]
    if (plain === undefined || last < first) return undefined
    for (let code = first; code <= Math.min(last, 127); code++) takes.add(code)
    others ||= last > 127
  }
  return negated ? { takes: inverted(takes), others: true } : { takes, others }
}

function timesOf(
  times: string | undefined,
  least: string | undefined,
  more: string | undefined,
  most: string | undefined,
): Pick<Atom, 'least' | 'most'> | undefined {
  if (times === undefined) return { least: 1, most: 1 }
  if (times === '*') return { least: 0, most: Number.POSITIVE_INFINITY }
  if (times === '+') return { least: 1, most: Number.POSITIVE_INFINITY }
  if (times === '?') return { least: 0, most: 1 }
  const from = Number(least)
  if (more === '') return { least: from, most: from }
  const to = most === '' ? Number.POSITIVE_INFINITY : Number(most)
  return to < from ? undefined : { least: from, most: to }
}
