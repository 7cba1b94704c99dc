import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { answeredHeaders, encodingOf, sentHeaders } from './headers.ts'

type Pairs = readonly (readonly [name: string, value: string])[]

function sent(asked: Pairs, injected: readonly string[] = [], isSearched = true): readonly string[] {
  const headers = sentHeaders(asked, injected, isSearched)
  assert.ok(headers.ok)
  return headers.value.slice(0, -2)
}

/** Names that hostile programs and origins write, beside any. */
const NAMES = fc.oneof(
  fc.constantFrom(
    'content-length',
    'Content_Length',
    'transfer-encoding',
    'connection',
    'set-cookie',
    'x',
    '__proto__',
  ),
  fc.string({ unit: 'binary', maxLength: 20 }),
)

describe('headers of a request that leaves', () => {
  it('say nothing of where it ends, of whom it is for, or of another request that is meant', () => {
    for (const name of [
      ...['transfer-encoding', 'content-length', 'content--length', 'host', 'te', 'upgrade', 'expect'],
      ...['x-original-url', 'x-rewrite-url', 'x--rewrite-url', 'x-http-method-override', 'x-method-override', 'x-host'],
      ...[
        'authorization',
        'cookie',
        'cookie2',
        'x-forwarded-for',
        'x-forwarded-host',
        'proxy-authorization',
        'forwarded',
      ],
    ])
      assert.deepEqual(sent([[name, 'a']]), [], name)
    const asked = [
      ['connection', 'close, X-Own'],
      ['x-own', 'a'],
      ['x--token', 'b'],
      ['x-other', 'c'],
    ] as const
    assert.deepEqual(sent(asked, ['x-token']), ['x-other', 'c'])
    assert.equal(sentHeaders([['transfer_encoding', 'a']], [], true).ok, false)
  })

  it('S10: ask for no part of what is searched for secrets', () => {
    const ranged = [
      ['range', 'bytes=0-6'],
      ['if-range', '"a"'],
    ] as const
    assert.deepEqual(sent(ranged), ['if-range', '"a"'])
    assert.deepEqual(sent(ranged, [], false), ['range', 'bytes=0-6', 'if-range', '"a"'])
  })

  it('are refused, or are names and values that a request may have, whatever comes', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(NAMES, fc.string({ unit: 'binary', maxLength: 20 }))), (asked) => {
        const headers = sentHeaders(asked, ['x-token'], true)
        if (!headers.ok) return
        assert.match(headers.value.join('|'), /^[\t\x20-\x7e\x80-\xff]*$/)
        for (let i = 0; i < headers.value.length; i += 2) assert.doesNotMatch(headers.value[i] ?? '', /length|^range/i)
      }),
      { numRuns: 2_000 },
    )
  })
})

describe('headers of an answer', () => {
  it('hold one length at most, and nothing of one hop, whatever comes', () => {
    const values = fc.oneof(
      fc.constantFrom('3', '03', '3, 3', 'chunked', 'gzip', 'close, x', ''),
      fc.string({ unit: 'binary', maxLength: 20 }),
    )
    fc.assert(
      fc.property(fc.array(fc.tuple(NAMES, fc.oneof(values, fc.array(values, { maxLength: 3 })))), (all) => {
        const came = Object.fromEntries(all)
        const lengths = answeredHeaders(came).filter(([name]) => /content[^a-z0-9]*length/i.test(name))
        assert.ok(lengths.length <= 1)
        for (const [, value] of lengths) assert.match(value, /^(?:0|[1-9]\d*)$/)
        const encoding = encodingOf('GET', 200, came)
        assert.match(encoding ?? '', /^[\x20-\x7e]{0,40}$/)
      }),
      { numRuns: 2_000 },
    )
  })

  it('say that a body is encoded, where there is one', () => {
    const gzip = { 'content-encoding': 'GZip' }
    assert.equal(encodingOf('GET', 200, gzip), 'gzip')
    assert.equal(encodingOf('GET', 200, { 'content-encoding': ['identity', 'br'] }), 'br')
    assert.equal(encodingOf('GET', 200, { 'transfer-encoding': 'gzip, chunked' }), 'gzip')
    for (const [method, status] of [
      ['HEAD', 200],
      ['GET', 304],
      ['GET', 204],
    ] as const)
      assert.equal(encodingOf(method, status, gzip), undefined)
    assert.equal(
      encodingOf('GET', 200, { 'content-encoding': ' , identity', 'transfer-encoding': 'Chunked' }),
      undefined,
    )
  })
})
