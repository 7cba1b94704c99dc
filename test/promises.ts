/**
 * The promises of SPECIFICATION.md, and test/promises.json, which binds the text of each to the tests that hold it.
 *
 *     node test/promises.ts S7        after its tests were read anew: records the digest of its text, and names them
 *     node test/promises.ts --tests   writes down again which files have tests of which promise; no digest changes
 */
import { createHash } from 'node:crypto'
import { globSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import process from 'node:process'

const ROOT = join(import.meta.dirname, '..')
const BOOK = join(import.meta.dirname, 'promises.json')

/** A promise as it was when somebody last read its tests. */
export interface Bound {
  /** SHA-256 of its line in SPECIFICATION.md, in hexadecimal. */
  readonly digest: string
  /** Files whose tests carry its number. There may be more. */
  readonly tests: readonly string[]
}

/** Returns the line of each promise of a specification, by its number. */
export function promisesOf(specification: string): ReadonlyMap<string, string> {
  const lines = specification.matchAll(/^- \*\*(S\d+) [^\n]*/gm)
  return new Map([...lines].map(([line, number = '']) => [number, line]))
}

/** Returns the digest of a promise's line. */
export function digestOf(line: string): string {
  return createHash('sha256').update(line).digest('hex')
}

/** Returns what test/promises.json says. */
export function boundPromises(): ReadonlyMap<string, Bound> {
  // Our own file; the test that reads it finds what it lacks.
  return new Map(Object.entries(JSON.parse(readFileSync(BOOK, 'utf8')) as Record<string, Bound>))
}

/** Returns the titles of a test file that carry the number of a promise. */
export function titlesOf(number: string, file: string): readonly string[] {
  const titles = readFileSync(join(ROOT, file), 'utf8').matchAll(/\b(?:it|describe|test)\(\s*(['"`])(.*?)\1/g)
  return [...titles].map(([, , title = '']) => title).filter((title) => numbersOf(title).includes(number))
}

/** Returns the numbers that a title carries: `S8, S13: a process that has ended`. */
function numbersOf(title: string): readonly string[] {
  const colon = title.lastIndexOf(':')
  return colon === -1 ? [] : (title.slice(0, colon).match(/\bS\d+\b/g) ?? [])
}

if (process.argv[1] === import.meta.filename) record(process.argv.slice(2))

function record(asked: readonly string[]): void {
  const promises = promisesOf(readFileSync(join(ROOT, 'SPECIFICATION.md'), 'utf8'))
  const unknown = asked.filter((each) => each !== '--tests' && !promises.has(each))
  if (asked.length === 0 || unknown.length > 0) {
    console.error(`usage: node test/promises.ts <S1 … S${promises.size}> | --tests`)
    process.exitCode = 2
    return
  }
  const before = boundPromises()
  const files = globSync('{src,test,examples}/**/*.test.ts', { cwd: ROOT }).sort()
  const after = [...promises].map(([number, line]) => {
    const tests = files.filter((file) => titlesOf(number, file).length > 0)
    if (asked.includes(number))
      for (const file of tests) for (const title of titlesOf(number, file)) console.log(`${file}: ${title}`)
    const digest = asked.includes(number) ? digestOf(line) : (before.get(number)?.digest ?? '')
    return [number, { digest, tests }] as const
  })
  writeFileSync(BOOK, `${JSON.stringify(Object.fromEntries(after), undefined, 2)}\n`)
}
