import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { type RequestTarget, readTarget } from '../../web/request-target.ts'
import { matchQuery, PatternTable, readPattern } from './pattern.ts'

function target(text: string): RequestTarget {
  const read = readTarget(text)
  if (!read.ok) throw new Error(read.reason)
  return read.value
}

function table(...texts: readonly string[]): PatternTable {
  return new PatternTable(
    texts.map((text) => {
      const read = readPattern(text)
      if (!read.ok) throw new Error(read.reason)
      return read.value
    }),
  )
}

const found = (patterns: PatternTable, method: string, text: string) => {
  const { pattern, path } = patterns.find(method, target(text)) ?? {}
  return pattern && [pattern.text, path]
}

describe('the target of a request', () => {
  it('is read once, into what is decided and what is sent', () => {
    assert.deepEqual(readTarget('/a%20b/c?x=1&x=%26+2&y'), {
      ok: true,
      value: {
        path: '/a%20b/c',
        segments: ['a b', 'c'],
        query: 'x=1&x=%26+2&y',
        parameters: [
          ['x', '1'],
          ['x', '& 2'],
          ['y', ''],
        ],
      },
    })
    assert.deepEqual(target('/').segments, [''])
    assert.deepEqual(target('/a/').segments, ['a', ''])
  })

  it('is refused where servers read it in different ways', () => {
    for (const text of [
      '',
      'a',
      '*',
      'http://other.example/',
      '/a b',
      '/ä',
      '/a\tb',
      '/a\\..\\b',
      '/../a',
      '/a/..',
      '/a/./b',
      '/a/%2e%2e/b',
      '/a/%2E./b',
      '/a/..;x=1/b',
      '/a/..%3Bx=1/b',
      '/mine;x/b',
      '/a/%252e%252e/b',
      '/a/b%252f..%252fc',
      '/a?b=1;c=2',
      '/a/b%2f..%2fc',
      '/a/b%5c..%5cc',
      '/a//b',
      '//other.example/a',
      '/a%',
      '/a%zz',
      '/a%00',
      '/a%0d%0ab',
      '/a%ff',
      '/a#b',
      '/a?b=%ff',
      `/${'a'.repeat(8_192)}`,
    ])
      assert.equal(readTarget(text).ok, false, text)
  })

  it('is read as a URL is, and is none that a URL had to repair', () => {
    fc.assert(
      fc.property(
        fc.array(fc.constantFrom('a', '/', '.', '%2e', '%2f', '\\', ';', '?', '&', '=', '%', ' ', 'é', '{', '@', ':'), {
          maxLength: 12,
        }),
        (parts) => {
          const text = `/${parts.join('')}`
          const read = readTarget(text)
          if (!read.ok) return
          const url = new URL(`http://h.example${text}`)
          assert.equal(url.host, 'h.example')
          assert.equal(url.pathname, read.value.path.replaceAll('{', '%7B'))
          assert.equal(url.search, read.value.query ? `?${read.value.query}` : '')
          assert.deepEqual(
            [...url.searchParams].filter(([name]) => name !== ''),
            read.value.parameters.filter(([name]) => name !== ''),
          )
        },
      ),
      { numRuns: 5_000 },
    )
  })
})

describe('patterns of requests', () => {
  const patterns = table(
    'GET /',
    'GET /repos/{owner}/{repo}',
    'GET /repos/{owner}/latest',
    'GET /repos/mine/{repo}',
    'POST /repos/{owner}/{repo}',
    'GET /files/{path*}',
    'GET /files/index',
    'GET /search?q&page&tag*',
  )

  it('cover a method and a path, the one that says more before the others', () => {
    assert.deepEqual(found(patterns, 'GET', '/'), ['GET /', {}])
    assert.deepEqual(found(patterns, 'GET', '/repos/a/b'), ['GET /repos/{owner}/{repo}', { owner: 'a', repo: 'b' }])
    assert.deepEqual(found(patterns, 'POST', '/repos/a/b'), ['POST /repos/{owner}/{repo}', { owner: 'a', repo: 'b' }])
    assert.deepEqual(found(patterns, 'GET', '/repos/a/latest'), ['GET /repos/{owner}/latest', { owner: 'a' }])
    assert.deepEqual(found(patterns, 'GET', '/repos/mine/latest'), ['GET /repos/mine/{repo}', { repo: 'latest' }])
    assert.deepEqual(found(patterns, 'GET', '/files/a/b/c'), ['GET /files/{path*}', { path: 'a/b/c' }])
    assert.deepEqual(found(patterns, 'GET', '/files/index'), ['GET /files/index', {}])
    assert.deepEqual(found(patterns, 'GET', '/repos/a%2Fb/c'), [
      'GET /repos/{owner}/{repo}',
      { owner: 'a/b', repo: 'c' },
    ])
  })

  it('cover nothing else', () => {
    for (const [method, text] of [
      ['get', '/'],
      ['HEAD', '/'],
      ['GET', '/repos'],
      ['GET', '/repos/a'],
      ['GET', '/repos/a/'],
      ['GET', '/repos/a/b/'],
      ['GET', '/repos/a/b/c'],
      ['GET', '/Repos/a/b'],
      ['GET', '/files'],
      ['GET', '/files/'],
      ['DELETE', '/repos/a/b'],
    ] as const)
      assert.equal(found(patterns, method, text), undefined, `${method} ${text}`)
  })

  it('S11: are not taken for others that say more to servers which read the path in another way', () => {
    const own = table(
      'GET /users/{id}',
      'GET /users/export',
      'GET /users/{id}/keys',
      'GET /files/secret',
      'GET /files/{rest*}',
      'GET /Groups/all',
      'GET /groups/{id}',
      'GET /lists',
      'GET /lists/',
      'GET /{any*}',
    )
    const doubt = (text: string) => own.find('GET', target(text))?.doubt
    for (const text of [
      '/users/EXPORT',
      '/Users/export',
      '/users/export.json',
      '/users/Export.JSON',
      '/users/export/',
      '/users/export.json/',
      '/users/%2565xport',
      '/users/%252565xport',
      '/users/%EF%BD%85xport',
      '/users/export%20',
      '/users/export.',
      '/users/export%3Bv=1',
      '/users/export%3Bv=1.json',
      '/users/export.json%3Bv=1',
      '/users/7%2Fkeys',
      '/users/7%252Fkeys',
      '/users%2Fexport',
      '/users%5Cexport',
      '/files/secret/',
      '/files/SECRET',
      '/files/secret.txt',
      '/groups/all',
    ])
      assert.match(String(doubt(text)), /^its path is that of GET \/.* to servers that/, text)
    for (const text of [
      '/users/export',
      '/users/7',
      '/users/Ana',
      '/users/ana.maria',
      '/users/exports',
      '/users/a%2Fb',
      '/users/%2561na',
      '/files/secret',
      '/files/secrets.txt',
      '/files/a/secret',
      '/files/a/b/',
      '/Groups/all',
      '/else/where.json',
      '/lists',
      '/lists/',
    ])
      assert.equal(doubt(text), undefined, text)
  })

  it('S11: have no encoded slash in a rest, whose argument would be the same without it', () => {
    const own = table('GET /files/{rest*}', 'GET /one/{name}')
    const doubt = (text: string) => own.find('GET', target(text))?.doubt
    for (const text of ['/files/a%2Fb', '/files/a/b%2fc', '/files/%2F'])
      assert.match(String(doubt(text)), /encoded slash in \{rest\*\}/, text)
    for (const text of ['/files/a/b', '/files/a%252Fb', '/one/a%2Fb']) assert.equal(doubt(text), undefined, text)
  })

  it('S11: let no name stand twice whose values servers pair with others', () => {
    const read = readPattern('GET /a?b[][c]*&d[]*')
    assert.ok(read.ok)
    const query = (text: string) => matchQuery(read.value, target(text))
    assert.equal(query('/a?b[][c]=1&d[]=2&d[]=3').ok, true)
    assert.match(String(JSON.stringify(query('/a?b[][c]=1&b[][c]=2'))), /numbers between its brackets/)
  })

  it('let through the query that they name, each name once or as often as they say', () => {
    const { pattern } = patterns.find('GET', target('/search')) ?? {}
    if (pattern === undefined) throw new Error('no pattern')
    const query = (text: string) => matchQuery(pattern, target(text))
    assert.deepEqual(query('/search?q=a+b&tag=x&tag=y'), { ok: true, value: { q: 'a b', tag: ['x', 'y'] } })
    assert.deepEqual(query('/search'), { ok: true, value: {} })
    for (const text of ['/search?other=1', '/search?q=1&q=2', '/search?Q=1', '/search?&x', '/search?__proto__=1'])
      assert.equal(query(text).ok, false, text)
  })

  it('that cannot be told apart are refused, as what is no pattern is', () => {
    assert.throws(() => table('GET /a/{b}', 'GET /a/{c}?d'), /cover the same requests/)
    for (const text of [
      '/a',
      'GET a',
      'get /a',
      'TRACE /a',
      'CONNECT /a',
      'GET /a//b',
      'GET /a b',
      'GET /{a}/{a}',
      'GET /{a*}/b',
      'GET /{1}',
      'GET /..',
      'GET /{query}',
      'PUT /a/{body}',
      'GET /{headers}',
      'PUT /a/{stream*}',
      'GET /a%20b',
      'GET /a?b=1',
      'GET /a?b&b',
      'GET  /a',
    ])
      assert.equal(readPattern(text).ok, false, text)
  })
})
