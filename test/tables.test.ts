/**
 * The tables of SECURITY.md and SPECIFICATION.md (S14, S17) name tests that are there, by a part of their titles; figures
 * of the limits are those of the code; the text of each promise is the one that its tests were last read for.
 */
import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { LEDGER_LIMITS } from '../src/ledger/log/limits.ts'
import { LIMITS } from '../src/model/limits.ts'
import { boundPromises, digestOf, promisesOf, titlesOf } from './promises.ts'

const ROOT = join(import.meta.dirname, '..')
const read = (file: string) => readFileSync(join(ROOT, file), 'utf8')

/** The cells of each line of the table below a heading; its first two lines are its head. */
function table(file: string, heading: string): readonly (readonly string[])[] {
  const section = read(file).split(`\n## ${heading}\n`)[1]?.split('\n## ')[0] ?? ''
  const lines = section.split('\n').filter((line) => line.startsWith('|'))
  return lines.slice(2).map((line) =>
    line
      .split('|')
      .slice(1, -1)
      .map((cell) => cell.trim()),
  )
}

/** Titles of tests as they stand in the code, so that one that is made of parts is found by its constant ones. */
function missing(cells: readonly (readonly string[])[]): readonly string[] {
  return cells.flatMap((line) => {
    const named = [...(line.at(-1) ?? '').matchAll(/`([^`]+)` “([^”]+)”/g)]
    if (named.length === 0 && line.at(-1) !== '—') return [`${line.join(' | ')}: no test`]
    return named.flatMap(([, file = '', part = '']) => {
      const titles = existsSync(join(ROOT, file))
        ? [...read(file).matchAll(/\b(?:it|describe)\(\s*(['"`])(.*?)\1/g)]
        : []
      return titles.some(([, , title = '']) => title.includes(part)) ? [] : [`${file}: “${part}”`]
    })
  })
}

describe('the tables in the documents', () => {
  it('S14: every cell of the failure matrix has its test', () => {
    const lines = table('SECURITY.md', 'The failure matrix (S14)')
    const parts = lines.map(([part]) => part).filter((part) => part !== '')
    assert.equal(lines.length, 3 * parts.length)
    assert.deepEqual(
      lines.map(([, what]) => what),
      parts.flatMap(() => ['dies', 'hangs', 'lies']),
    )
    assert.deepEqual(missing(lines), [])
    const untested = lines.filter((line) => line.at(-1) === '—').map(([, what, then]) => `${what}: ${then}`)
    assert.deepEqual(untested, ['lies: not defended against: it is root'])
  })

  it('S17: every limit has its test', () => {
    const lines = table('SPECIFICATION.md', 'Limits (S17)')
    assert.ok(lines.length > 20)
    assert.deepEqual(missing(lines), [])
    assert.ok(lines.every((line) => line.at(-1) !== '—'))
  })

  it('S17: every figure of a limit is the code’s, in its unit', () => {
    const wrong = table('SPECIFICATION.md', 'Limits (S17)').flatMap(([what = '', limit = '', where = '']) => {
      const said = figuresIn(limit)
      const held = heldIn(where)
      if (where === '') return [`${what}: not said where`]
      const differs = said.length !== held.length || said.some((each, i) => !isSame(each, held[i]?.figure))
      const named = held.map(({ name, figure }) => `${name} = ${text(figure)}`)
      return differs ? [`${what}: ${limit}, and in the code ${named.join(', ')}`] : []
    })
    assert.deepEqual(wrong, [])
  })

  it('S17: every key of LIMITS has a line', () => {
    const named = new Set(
      table('SPECIFICATION.md', 'Limits (S17)').flatMap(([, , where = '']) =>
        [...where.matchAll(/`LIMITS\.(\w+)`/g)].map(([, key]) => key),
      ),
    )
    assert.deepEqual(
      Object.keys(LIMITS).filter((key) => !named.has(key)),
      [],
    )
  })
})

describe('promises', () => {
  const promises = promisesOf(read('SPECIFICATION.md'))
  const bound = boundPromises()

  it('each has its text and its tests in promises.json, and nothing else has', () => {
    assert.deepEqual([...bound.keys()], [...promises.keys()])
    const untested = [...bound].filter(([, { tests }]) => tests.length === 0).map(([number]) => number)
    assert.deepEqual(untested, [])
  })

  it('each says what it said when its tests were last read', () => {
    const changed = [...promises].filter(([number, line]) => bound.get(number)?.digest !== digestOf(line))
    const next = 'read the tests of these anew, make them say it, and record them (node test/promises.ts <number>)'
    assert.deepEqual(
      changed.map(([number]) => number),
      [],
      next,
    )
  })

  it('each test file that holds one is there and carries its number', () => {
    const lost = [...bound].flatMap(([number, { tests }]) =>
      tests
        .filter((file) => !existsSync(join(ROOT, file)) || titlesOf(number, file).length === 0)
        .map((file) => `${number}: ${file}`),
    )
    assert.deepEqual(lost, [], 'moved? node test/promises.ts --tests')
  })
})

/** A figure in its smallest unit: bytes, milliseconds, or one of what is counted. */
interface Figure {
  readonly value: number
  readonly unit: 'bytes' | 'ms' | 'characters' | 'percent' | undefined
  /** `true` of so many a second. */
  readonly rate: boolean
}

const UNITS = {
  bytes: ['bytes', 1],
  KiB: ['bytes', 1_024],
  MiB: ['bytes', 1_024 ** 2],
  GiB: ['bytes', 1_024 ** 3],
  ms: ['ms', 1],
  s: ['ms', 1_000],
  min: ['ms', 60_000],
  h: ['ms', 3_600_000],
  characters: ['characters', 1],
  '%': ['percent', 1],
} as const

/** Returns the figures of a table's cell, in their order: `32, 50,000; 10 s` has three. */
function figuresIn(cell: string): readonly Figure[] {
  const unit = `(?: (${Object.keys(UNITS).join('|')})(?![A-Za-z]))?`
  const found = cell.matchAll(new RegExp(`(?<![\\w.])(\\d{1,3}(?:,\\d{3})+|\\d+(?:\\.\\d+)?)${unit}( a second)?`, 'g'))
  return [...found].map(([, digits = '', name, rate]) => {
    const value = Number(digits.replaceAll(',', ''))
    if (name === undefined) return { value, unit: undefined, rate: rate !== undefined }
    const [is, factor] = UNITS[name as keyof typeof UNITS] // the expression lets no other name in
    return { value: value * factor, unit: is, rate: rate !== undefined }
  })
}

/** Returns what the code says for each name in a cell, in their order: `LIMITS.key`, or a file and names in it. */
function heldIn(cell: string): readonly { readonly name: string; readonly figure: Figure }[] {
  let file = ''
  return [...cell.matchAll(/`([^`]+)`/g)].flatMap(([, name = '']) => {
    if (name.includes('/')) {
      file = name
      assert.ok(existsSync(join(ROOT, file)), `${file} of the limits is not there`)
      return []
    }
    const value = name.includes('.') ? limitOf(name) : constantIn(file, name)
    return [
      {
        name,
        figure: {
          value: unitOf(name) === 'percent' ? value * 100 : value,
          unit: unitOf(name),
          rate: /PerSecond/.test(name),
        },
      },
    ]
  })
}

function limitOf(name: string): number {
  const [book = '', key = ''] = name.split('.')
  const books: Readonly<Record<string, Readonly<Record<string, number>>>> = { LIMITS, LEDGER_LIMITS }
  const value = books[book]?.[key]
  assert.ok(value !== undefined, `there is no ${name}`)
  return value
}

/** Returns a number by its name in a file's text: `const NAME = 64 * 1024`, `name: given ?? 64`, `name(64, …`. */
function constantIn(file: string, name: string): number {
  const number = '((?:LIMITS\\.\\w+|[A-Z][A-Z_]+|[\\d_.]+)(?: (?:\\*\\*?|\\+) (?:LIMITS\\.\\w+|[\\d_.]+))*)'
  const forms = [
    `\\bconst ${name}(?:: number)? = ${number}$`,
    `\\b${name}: (?:[\\w?.]+ \\?\\? )?${number}[,} ]`,
    `\\b${name}\\(\\s*${number},`,
  ]
  const source = read(file)
  const found = forms.flatMap((form) => [...source.matchAll(new RegExp(form, 'gm'))].map(([, each = '']) => each))
  assert.equal(new Set(found).size, 1, `${file}: ${name} is there once, not as ${JSON.stringify(found)}`)
  const [expression = ''] = found
  return /^[A-Z]/.test(expression) && !expression.startsWith('LIMITS')
    ? constantIn(file, expression)
    : numberIn(expression)
}

/** Returns the value of a sum of products, as constants are written. */
function numberIn(expression: string): number {
  const atom = (each: string) => (each.startsWith('LIMITS.') ? limitOf(each) : Number(each.replaceAll('_', '')))
  const power = (each: string) =>
    each
      .split(' ** ')
      .map(atom)
      .reduce((base, exponent) => base ** exponent)
  const product = (each: string) =>
    each
      .split(' * ')
      .map(power)
      .reduce((a, b) => a * b)
  return expression
    .split(' + ')
    .map(product)
    .reduce((a, b) => a + b)
}

/** Returns the unit that a name ends with, or has before `Max`, `Min` or what it is a rate of. */
function unitOf(name: string): Figure['unit'] {
  if (/bytes/i.test(name)) return 'bytes'
  if (/(?:Ms(?:Max|Min)?|_MS(?:_MAX|_MIN)?|Timeout)$/.test(name)) return 'ms'
  if (/characters/i.test(name)) return 'characters'
  if (/_PART$/.test(name)) return 'percent'
  return undefined
}

/** Tells whether a table says what the code holds; a count in the code may be one of characters in the table. */
function isSame(said: Figure, held: Figure | undefined): boolean {
  if (said.value !== held?.value || said.rate !== held.rate) return false
  return said.unit === held.unit || (said.unit === 'characters' && held.unit === undefined)
}

function text({ value, unit, rate }: Figure): string {
  return `${value}${unit === undefined ? '' : ` ${unit}`}${rate ? ' a second' : ''}`
}
