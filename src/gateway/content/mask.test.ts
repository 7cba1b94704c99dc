import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { normalized } from '../../../test/kit/normalized.ts'
import type { Json } from '../../model/index.ts'
import { Hidden, MASKED } from './mask.ts'

function hiddenOf(...values: readonly Json[]): Hidden {
  const hidden = new Hidden()
  for (const value of values) hidden.take(value)
  return hidden
}

/** Returns how many characters `work` cuts out of texts, all of which are then compared. */
function charactersCut(work: () => unknown): number {
  const before = String.prototype.slice
  let characters = 0
  String.prototype.slice = function (...range) {
    const cut = before.apply(this, range)
    characters += cut.length
    return cut
  }
  try {
    work()
  } finally {
    String.prototype.slice = before
  }
  return characters
}

/** Returns a text of `a` and `b` that has the same hash as the one with the two exchanged, in arithmetic of 32 bits. */
function ofOneHash(letters: readonly [string, string]): string {
  let text: readonly [string, string] = letters
  for (let i = 0; i < 8; i++) text = [text[0] + text[1], text[1] + text[0]]
  return text[0]
}

describe('S17: looking for what was masked in an answer', () => {
  const value = 'xyz'.repeat(400)

  it('S10: compares a long value only where it may stand', () => {
    const text = 'xyz'.repeat(399).padEnd(30_000, 'q')
    const hidden = hiddenOf(value)
    assert.ok(charactersCut(() => assert.equal(hidden.repeatedIn(text), text)) < 100_000)
  })

  it('S10: finds it at the beginning, in the middle and at the end', () => {
    const hidden = hiddenOf(value, 'short')
    for (const text of [`${value}q`, `q${value}q`, `q${value}`, 'qshort', 'shortq', 'aSh-Ort'])
      assert.equal(hidden.repeatedIn(text), MASKED, text)
    for (const text of [value.slice(1), 'hort', 'sho rx t', 'q']) assert.equal(hidden.repeatedIn(text), text)
  })

  it('S10: finds all that a comparison of each place finds, and nothing else', () => {
    const text = (minLength: number) => fc.string({ unit: fc.constantFrom('a', 'b'), minLength, maxLength: 40 })
    const values = fc.array(fc.string({ unit: fc.constantFrom('a', 'b'), minLength: 4, maxLength: 9 }), {
      maxLength: 4,
    })
    fc.assert(
      fc.property(values, text(0), (values, text) => {
        const found = values.some((each) => text.includes(each))
        assert.equal(hiddenOf(...values).repeatedIn(text), found ? MASKED : text)
      }),
    )
  })

  it('S10: what has the hash of a value is compared, and hidden where that takes too long', () => {
    const hidden = hiddenOf(ofOneHash(['a', 'b']))
    const other = ofOneHash(['b', 'a'])
    assert.equal(hidden.repeatedIn(other), other)
    assert.equal(hidden.repeatedIn('q'.repeat(1_300_000)), 'q'.repeat(1_300_000), 'one look at each character')
    assert.equal(hidden.repeatedIn(`${other}q`.repeat(2_000)), MASKED)
  })

  it('S17: shorter texts than any value are looked at once, whatever the lengths of the values', () => {
    const hidden = hiddenOf(...Array.from({ length: 2_000 }, (_, i) => 'w'.repeat(i + 4)))
    const texts = Array.from({ length: 1_000 }, (_, i) => `${i % 10}`)
    assert.deepEqual(hidden.repeatedIn(texts), texts)
    assert.equal(hidden.repeatedIn('1www2www'), '1www2www')
    assert.equal(hidden.repeatedIn('1wwww'), MASKED)
  })

  it('S17: reads each word of a text once, and as many as there is time for', () => {
    const text = 'б 1 '.repeat(20_000)
    const hidden = hiddenOf('дом')
    assert.ok(normalized(() => assert.equal(hidden.repeatedIn(text), text)) < 10)
    assert.equal(hidden.repeatedIn('это дом.'), MASKED)
    hidden.take('это')
    assert.equal(hidden.repeatedIn('это'), MASKED)
    const words = Array.from({ length: 150_000 }, (_, i) =>
      String.fromCharCode(0x4e00 + (i % 20_000), 0x4e00 + i / 20_000),
    )
    assert.ok(normalized(() => assert.equal(hidden.repeatedIn(words.join(' ')), MASKED)) < 130_000)
  })

  it('S10: a word that becomes a masked one later is found', () => {
    const hidden = hiddenOf('abc')
    assert.equal(hidden.repeatedIn('to xyz now'), 'to xyz now')
    hidden.take('xyz')
    assert.equal(hidden.repeatedIn('to xyz now'), MASKED)
  })
})
