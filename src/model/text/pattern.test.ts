import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { matchesAllBelow, matchesPath, mayMatchBelow, type PathPattern, pathPattern } from './pattern.ts'

function of(text: string): PathPattern {
  const pattern = pathPattern(text)
  assert.ok(pattern, text)
  return pattern
}

/** The same rule as a regular expression, which could not be used on hostile names. */
function expression(pattern: PathPattern): RegExp {
  const parts = pattern.map((part) =>
    part === '**'
      ? '**'
      : [...part].map((c) => (c === '*' ? '[^/]*' : c === '?' ? '[^/]' : c.replace('.', '\\.'))).join(''),
  )
  // Each part with the slash before it; `**` is any number of those.
  return new RegExp(`^${parts.map((part) => (part === '**' ? '(?:/[^/]+)*' : `/${part}`)).join('')}$`, 's')
}

const part = fc
  .string({ unit: fc.constantFrom('a', 'b', '.'), minLength: 1, maxLength: 4 })
  .filter((t) => !/^\.\.?$/.test(t))
const wanted = fc.oneof(
  fc.constant('**'),
  fc
    .string({ unit: fc.constantFrom('a', 'b', '.', '*', '?'), minLength: 1, maxLength: 4 })
    .filter((t) => !/^\.\.?$|\*\*/.test(t)),
)
const path = fc.array(part, { minLength: 1, maxLength: 5 }).map((parts) => parts.join('/'))
const pattern = fc.array(wanted, { minLength: 1, maxLength: 4 })

describe('patterns of paths', () => {
  it('means what a reader would say', () => {
    const means = (text: string, ...paths: readonly string[]) => paths.map((each) => matchesPath(of(text), each))
    assert.deepEqual(means('src/**', 'src', 'src/a', 'src/a/b', 'srca', 'a/src'), [true, true, true, false, false])
    assert.deepEqual(means('**/*.ts', 'a.ts', 'a/b.ts', 'a.tsx', 'a.ts/b'), [true, true, false, false])
    assert.deepEqual(means('src/*/x', 'src/a/x', 'src/x', 'src/a/b/x'), [true, false, false])
    assert.deepEqual(means('a?c', 'abc', 'ac', 'a/c'), [true, false, false])
  })

  it('refuses what could mean a place outside, or two things', () => {
    for (const text of ['', '/etc', 'a//b', '../a', 'a/./b', 'a/b/', 'a**', 'a/**b', 'a\\*', 'a\nb', 'x'.repeat(201)])
      assert.equal(pathPattern(text), undefined, text)
  })

  it('is the same as the regular expression that says it', () => {
    fc.assert(
      fc.property(pattern, path, (parts, each) => {
        assert.equal(matchesPath(parts, each), expression(parts).test(`/${each}`))
      }),
      { numRuns: 2_000 },
    )
  })

  it('says of a directory whether something in it can be meant, and whether all of it is', () => {
    fc.assert(
      fc.property(pattern, path, path, (parts, directory, below) => {
        const inside = `${directory}/${below}`
        if (matchesPath(parts, inside)) assert.ok(mayMatchBelow(parts, directory))
        if (matchesAllBelow(parts, directory)) assert.ok(matchesPath(parts, inside) && matchesPath(parts, directory))
      }),
      { numRuns: 2_000 },
    )
  })

  it('S17: takes steps for the length of both, and no more', () => {
    const hostile = 'a'.repeat(255)
    assert.equal(matchesPath(of('*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*b'), hostile), false)
    assert.equal(matchesPath(of(`${'**/a/'.repeat(15)}b`), `${'a/'.repeat(500)}c`), false)
  })
})
