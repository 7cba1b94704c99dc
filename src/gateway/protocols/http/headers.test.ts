import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { answeredHeaders, encodingOf, type HeadersAsked, namedHeaders, sentHeaders } from './headers.ts'

type Pairs = readonly (readonly [name: string, value: string])[]

const LEAVING: HeadersAsked = { method: 'GET', injected: [], isSearched: true, isWhole: false }

function sent(asked: Pairs, leaving: Partial<HeadersAsked> = {}): readonly string[] {
  const headers = sentHeaders(asked, { ...LEAVING, ...leaving })
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
    assert.deepEqual(sent(asked, { injected: ['x-token'] }), ['x-other', 'c'])
  })

  it('S11: have names of letters, digits and hyphens, which no server takes for others', () => {
    for (const name of ['transfer_encoding', 'x.account', "x'account", 'x!account', 'x account', ''])
      assert.equal(sentHeaders([[name, 'a']], LEAVING).ok, false, name)
  })

  it('S11: that are arguments have no twin beside them or in their place', () => {
    const names = ['x-account', 'x-trace']
    const named = (...headers: readonly string[]) => namedHeaders(names, headers)
    assert.deepEqual(named('x-account', 'mine', 'accept', '*/*', 'x-account', 'yours'), {
      ok: true,
      value: { 'x-account': 'mine, yours' },
    })
    for (const twin of ['xaccount', 'x--account', 'x-ac-count'])
      for (const headers of [
        [twin, 'victim'],
        ['x-account', 'mine', twin, 'victim'],
      ])
        assert.equal(named(...headers).ok, false, twin)
    const refused = named('x-account', 'mine', 'x--account', 'victim')
    assert.match(refused.ok ? '' : refused.reason, /x--account is x-account to some servers/)
  })

  it('S10: ask for no part of what is searched for secrets', () => {
    const ranged = ['range', 'if-range', 'request-range', 'x-ms-range', 'a-im'].map((name) => [name, 'a'] as const)
    assert.deepEqual(sent(ranged), [])
    assert.deepEqual(sent(ranged, { isSearched: false }), ranged.flat())
  })

  it('S11: ask for no part of what is read whole, nor for it only where it has changed', () => {
    const conditions = ['if-match', 'if-none-match', 'if-modified-since', 'if-unmodified-since']
    const asked = [...conditions, 'range', 'if-range', 'a-im', 'prefer'].map((name) => [name, 'a'] as const)
    const whole = { isSearched: false, isWhole: true }
    for (const method of ['GET', 'HEAD']) assert.deepEqual(sent(asked, { ...whole, method }), ['prefer', 'a'])
    const changes = sent(asked, { ...whole, method: 'PUT' }).filter((_, i) => i % 2 === 0)
    assert.deepEqual(changes, [...conditions, 'prefer'])
  })

  it('are refused, or are names and values that a request may have, whatever comes', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(NAMES, fc.string({ unit: 'binary', maxLength: 20 }))), (asked) => {
        const headers = sentHeaders(asked, { ...LEAVING, injected: ['x-token'] })
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
