import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { edited, JsonWalk } from './json-walk.ts'

/** Returns the members of a text's root by the walk. */
function members(text: string) {
  return JsonWalk.reading(text, (walk, root) =>
    walk.members(root).map(({ key, from, to }) => [key, text.slice(from, to)] as const),
  )
}

function parsed(text: string): unknown {
  try {
    return { value: JSON.parse(text) }
  } catch {
    return undefined
  }
}

describe('a text of JSON', () => {
  it('has its members where they stand', () => {
    const text = ' { "a" : [1, {"b":"}]\\""}] ,"\\u0062":-1.5e3,"c":null , "d":"x\\\\" } '
    assert.deepEqual(members(text), {
      ok: true,
      value: [
        ['a', '[1, {"b":"}]\\""}]'],
        ['b', '-1.5e3'],
        ['c', 'null'],
        ['d', '"x\\\\"'],
      ],
    })
  })

  it('in which a name stands twice has no members', () => {
    const read = members('{"a":1,"\\u0061":2}')
    assert.deepEqual(read, { ok: false, reason: '"a" stands in one object twice' })
  })

  it('has so many levels', () => {
    const deep = (levels: number) => '['.repeat(levels) + ']'.repeat(levels)
    assert.equal(members(deep(200)).ok, true)
    assert.equal(members(deep(202)).ok, false)
    assert.equal(members('['.repeat(1_000_000)).ok, false)
  })

  it('is one exactly where JSON.parse says so, and each member is what that reads', () => {
    const pieces = fc.constantFrom(
      ...[
        '{',
        '}',
        '[',
        ']',
        ',',
        ':',
        '"a"',
        '"b"',
        '"',
        '\\',
        '\\u00e9',
        '1',
        '-0',
        '01',
        '1.',
        '1e5',
        'true',
        'nul',
        ' ',
      ],
      ...['\n', '\u0000', '\u00a0', '{"a":', '{"b":[', '"\\n"', 'é', '\ud800', '\ufeff'],
    )
    const written = fc
      .tuple(fc.jsonValue({ maxDepth: 3 }), fc.constantFrom(0, 1))
      .map(([value, indent]) => JSON.stringify(value, null, indent))
    const cut = fc.tuple(written, fc.nat(40), pieces).map(([text, at, put]) => text.slice(0, at) + put + text.slice(at))
    const text = fc.oneof(
      fc.array(pieces, { maxLength: 8 }).map((all) => all.join('')),
      written,
      cut,
    )
    const seen = { taken: 0, refused: 0 }
    fc.assert(
      fc.property(text, (each) => {
        const read = members(each)
        const want = parsed(each) as { readonly value: unknown } | undefined
        if (!read.ok && read.reason.includes('twice')) return
        assert.equal(read.ok, want !== undefined, each)
        seen[read.ok ? 'taken' : 'refused']++
        if (!read.ok || want === undefined) return
        const isObject = typeof want.value === 'object' && want.value !== null && !Array.isArray(want.value)
        const found = Object.fromEntries(read.value.map(([key, value]) => [key, JSON.parse(value)]))
        assert.equal(JSON.stringify(found), JSON.stringify(isObject ? want.value : {}))
      }),
      { numRuns: 2_000 },
    )
    assert.ok(seen.taken > 100 && seen.refused > 100, 'control: some of both')
  })

  it('that is edited is as it was everywhere else', () => {
    const edits = [
      { from: 1, to: 1, text: 'x' },
      { from: 2, to: 4, text: '' },
    ]
    assert.equal(edited('abcdef', edits), 'axbef')
    assert.equal(edited('abc', []), 'abc')
  })
})
