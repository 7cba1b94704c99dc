import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { type Json, withDoubles, writtenNumberIn } from '../json.ts'
import { KEEP_INEXACT, parseExactJson } from './exact-json.ts'
import { compareNumbers, doubleOf, isWhole, numberText, WrittenNumber } from './number.ts'

const written = (text: string) => new WrittenNumber(text)

/** Any number of JSON, with how many tens of it are one. */
const digits = fc.stringMatching(/^[1-9][0-9]{0,24}$/)
const number = fc
  .tuple(fc.boolean(), digits, fc.integer({ min: -30, max: 30 }))
  .map(([negative, whole, power]) => ({ text: `${negative ? '-' : ''}${whole}e${power}`, negative, whole, power }))

describe('a number that is kept as it was written', () => {
  it('is sent on in the same characters', () => {
    for (const text of [
      '9223372036854775807',
      '-9007199254740993',
      '1.0',
      '19.90',
      '1e5',
      '1E+400',
      '-0',
      '0.1234567890123456789',
    ]) {
      assert.equal(JSON.stringify(parseExactJson(text)), text)
      const inside = `{"a":[${text},{"b":${text}}],"c":"${text}"}`
      assert.equal(JSON.stringify(parseExactJson(inside)), inside)
    }
  })

  it('has one text, however it was written, and it is that of the double where that is exactly it', () => {
    for (const [text, one] of [
      ['1.0', '1'],
      ['-0.00', '0'],
      ['19.90', '19.9'],
      ['1e5', '100000'],
      ['12345678901234567890', '12345678901234567000'],
      ['1234567890123456789.0', '1234567890123456789'],
      ['0.12345678901234567890', '0.1234567890123456789'],
      ['-123456789012345678.90', '-123456789012345678.9'],
      ['1e400', `1${'0'.repeat(400)}`],
      ['1e9999', '1e9999'],
    ] as const)
      assert.equal(numberText(written(text)), one === '12345678901234567000' ? '12345678901234567890' : one, text)
    assert.equal(doubleOf(written('2500000000000000000')), 2_500_000_000_000_000_000)
    assert.equal(doubleOf(written('9007199254740993')), undefined)
    assert.equal(doubleOf('1'), undefined)
  })

  it('is not taken for another where it is too long to be kept', () => {
    for (const text of ['1e10000000', '[1e-10000000]', `{"a":1.${'0'.repeat(1_100)}1}`])
      for (const keeps of [undefined, KEEP_INEXACT]) assert.throws(() => parseExactJson(text, keeps), SyntaxError)
  })

  it('is compared by all of its digits', () => {
    const scaled = ({ negative, whole, power }: { negative: boolean; whole: string; power: number }) =>
      BigInt(whole) * 10n ** BigInt(power + 30) * (negative ? -1n : 1n)
    fc.assert(
      fc.property(number, number, (a, b) => {
        const [x, y] = [scaled(a), scaled(b)]
        const wanted = x < y ? -1 : x > y ? 1 : 0
        assert.equal(Math.sign(compareNumbers(written(a.text), written(b.text))), wanted)
        assert.equal(isWhole(written(a.text)), x % 10n ** 30n === 0n)
        assert.equal(numberText(written(a.text)) === numberText(written(b.text)), wanted === 0)
      }),
    )
  })

  it('is as good as a double where one is exactly it, and then only', () => {
    fc.assert(
      fc.property(fc.double({ noNaN: true, noDefaultInfinity: true }), fc.nat(3), (double, zeros) => {
        const text = `${double}${/[.]\d+$/.test(`${double}`) ? '0'.repeat(zeros) : ''}`
        assert.equal(doubleOf(written(text)), double === 0 ? Number(text) : double)
        assert.equal(numberText(written(text)), String(double))
      }),
    )
  })

  it('costs time that grows with its text alone', () => {
    for (const text of [
      `1e${'9'.repeat(6)}`,
      `0.${'0'.repeat(1_000)}1`,
      `${'9'.repeat(1_000)}.5`,
      `1${'0'.repeat(1_000)}`,
    ]) {
      assert.equal(compareNumbers(written(text), written(text)), 0)
      assert.ok(numberText(written(text)).length <= 1_100)
    }
  })
})

describe('JSON that is read with such numbers', () => {
  it('is the value that was written, in all but them', () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 6 }), fc.nat(2), (value, indent) => {
        const text = JSON.stringify(value, null, indent)
        // Not what the platform's parser says: it mistakes keys (`parseJson`).
        assert.equal(JSON.stringify(withDoubles(parseExactJson(text))), JSON.stringify(value))
        assert.equal(JSON.stringify(parseExactJson(text)), JSON.stringify(value))
      }),
    )
  })

  it('keeps those that are asked for', () => {
    const text = '[1.0,9007199254740993,1e300,0.5,9007199254740993.5,12]'
    const kept = (value: Json) => (value as readonly Json[]).map((each) => each instanceof WrittenNumber)
    assert.deepEqual(kept(parseExactJson(text)), [true, true, true, false, true, false])
    assert.deepEqual(kept(parseExactJson(text, KEEP_INEXACT)), [false, true, false, false, true, false])
    assert.equal(writtenNumberIn(parseExactJson('{"a":[1,{"b":9007199254740993}]}')), '$.a[1].b')
  })

  it('is refused where a number is none, is a key, or where a string looks like one that was kept', () => {
    for (const text of [
      '[01.0]',
      '[1.]',
      '[.5]',
      '[1e]',
      '[-]',
      '[+1.0]',
      '{1.0:2}',
      '[1.0',
      '[1.0-2]',
      '["\\udfff0",1.0]',
      '{"\\udfff0":1.0}',
    ])
      assert.throws(() => parseExactJson(text), SyntaxError, text)
    assert.deepEqual(parseExactJson('["\\udfff0"]'), ['\udfff0'])
  })
})
