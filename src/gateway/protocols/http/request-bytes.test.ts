import assert from 'node:assert/strict'
import { Buffer } from 'node:buffer'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import type { JsonObject } from '../../../model/index.ts'
import { patternNamed } from './contract.ts'
import { argumentsIn, asTexts, requestOf } from './request-bytes.ts'

const PATTERN = patternNamed('PUT /files/{owner}/{path*}?tag*&dry')

/** Makes a request and reads its arguments back, out of the bytes that the ledger would keep. */
function thereAndBack(args: JsonObject) {
  const made = requestOf(PATTERN, asTexts(PATTERN, args))
  if (!made.ok) return made.reason
  const { path, body } = made.value
  const head = Buffer.from(`PUT ${path} HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n\r\n`)
  return { path, args: argumentsIn(PATTERN, Buffer.concat([head, body ?? new Uint8Array()])) }
}

describe('a request that is made of its arguments', () => {
  it('says them, and they are read back', () => {
    const args = { owner: 'a b/c', path: 'x/ü.txt', query: { tag: ['1&2', 'z'], dry: '1' }, body: { n: 1, t: 'x' } }
    assert.deepEqual(thereAndBack(args), {
      path: '/files/a%20b%2Fc/x/%C3%BC.txt?tag=1%262&tag=z&dry=1',
      args,
    })
  })

  it('S11: has one spelling, whatever its arguments were read from', () => {
    assert.deepEqual(
      thereAndBack({ owner: "a:b@c;d+e,f$g&h=i'j%2F", path: 'x', query: { dry: "a:/@,$b+c;d='[", tag: ['', '+'] } }),
      {
        path: "/files/a:b@c%3Bd%2Be,f$g&h=i'j%252F/x?tag=&tag=%2B&dry=a:/@,$b%2Bc%3Bd%3D'%5B",
        args: { owner: "a:b@c;d+e,f$g&h=i'j%2F", path: 'x', query: { tag: ['', '+'], dry: "a:/@,$b+c;d='[" } },
      },
    )
    const texts = fc.string({ unit: 'grapheme', maxLength: 8 })
    fc.assert(
      fc.property(texts, texts, fc.array(texts, { minLength: 2, maxLength: 3 }), (owner, dry, tag) => {
        const args = { owner, path: 'x', query: { tag, dry } }
        const back = thereAndBack(args)
        if (typeof back !== 'string') assert.deepEqual(back.args, args)
      }),
    )
  })

  it('has numbers and truth values of an answer as texts where they stand in its path or query', () => {
    assert.deepEqual(thereAndBack({ owner: 7, path: 'x', query: { dry: true } }), {
      path: '/files/7/x?dry=true',
      args: { owner: '7', path: 'x', query: { dry: 'true' } },
    })
  })

  for (const [what, args, why] of [
    ['an empty name', { owner: '', path: 'x' }, /empty segments/],
    ['dots', { owner: '..', path: 'x' }, /dot segments/],
    ['dots behind a slash', { owner: 'a', path: 'x/../y' }, /dot segments/],
    ['a list in its path', { owner: ['a'], path: 'x' }, /owner is no text/],
    ['a name that is missing', { path: 'x' }, /owner is no text/],
    ['a query that its pattern does not have', { owner: 'a', path: 'x', query: { other: '1' } }, /other/],
    ['an object in its query', { owner: 'a', path: 'x', query: { dry: { a: '1' } } }, /query\.dry is no text/],
    ['a line end in a name', { owner: 'a\r\nx: y', path: 'x' }, /control characters/],
  ] as const)
    it(`is not made of ${what}`, () => {
      const made = thereAndBack(args)
      assert.equal(typeof made, 'string')
      assert.match(String(made), why)
    })
})
