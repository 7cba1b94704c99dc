/** The tables of SECURITY.md and SPECIFICATION.md (S14, S17) name tests that are there, by a part of their titles. */
import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'

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
})
