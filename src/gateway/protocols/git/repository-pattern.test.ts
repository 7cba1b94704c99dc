import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import {
  coversRef,
  coversRepository,
  fetchedRefs,
  isIn,
  mayCover,
  patternsFor,
  readRepositoryPattern,
  unitedText,
  writtenAs,
} from './repository-pattern.ts'

const pattern = (text: string) => {
  const read = readRepositoryPattern(text)
  if (!read.ok) throw new Error(read.reason)
  return read.value
}

describe('patterns of repositories and refs', () => {
  const patterns = [
    'shop/*: fetch',
    'shop/desk refs/heads/agent/*: push, delete',
    'shop/desk refs/heads/main: force',
    'shop/desk refs/tags/v*: tag',
    'closed/x refs/heads/main: fetch',
    'shop/files: lfs',
  ]
    .filter((each) => !each.includes('v*'))
    .map(pattern)

  it('let be done what they name, and nothing else', () => {
    const may = (repository: string, kind: Parameters<typeof patternsFor>[2]['kind'], ref: string) =>
      patternsFor(patterns, repository, { kind, ref })[0]?.text
    const agents = 'shop/desk refs/heads/agent/*: push, delete'
    assert.equal(may('shop/desk', 'create', 'refs/heads/agent/a'), agents)
    assert.equal(may('shop/desk', 'fast-forward', 'refs/heads/agent/a/b'), agents)
    assert.equal(may('shop/desk', 'delete', 'refs/heads/agent/a'), agents)
    assert.equal(may('shop/desk', 'force', 'refs/heads/agent/a'), undefined)
    assert.equal(may('shop/desk', 'create', 'refs/heads/agent'), undefined)
    assert.equal(may('shop/desk', 'create', 'refs/heads/agent/'), undefined)
    assert.equal(may('shop/desk', 'create', 'refs/heads/Agent/a'), undefined)
    assert.equal(may('shop/desks', 'create', 'refs/heads/agent/a'), undefined)
    assert.equal(may('shop/desk', 'fast-forward', 'refs/heads/main'), undefined)
    assert.equal(may('shop/desk', 'force', 'refs/heads/main'), 'shop/desk refs/heads/main: force')
    assert.equal(may('shop/desk', 'tag', 'refs/tags/v1'), undefined)
  })

  it('say how a repository is written that they have in other letters', () => {
    for (const [repository, written, ...texts] of [
      ['shop/Payroll', 'shop/payroll', 'shop/*', 'shop/payroll'],
      ['SHOP/desk', 'shop/desk', '*/*', 'shop/*'],
      ['shop/payroll', 'shop/Payroll', 'shop/*', 'shop/Payroll'],
      ['shop/payroll', undefined, 'shop/*', 'shop/payroll'],
      ['shop/Desk', undefined, 'shop/*', 'shop/payroll'],
      // Whoever names both means two repositories.
      ['shop/Payroll', undefined, 'shop/Payroll', 'shop/payroll'],
      ['shop/x', undefined, 'Shop/*', 'shop/*'],
      ['shop/Payroll', 'shop/payroll', 'shop/*', '*/payroll'],
      ['Shop/a/b', undefined, '*/*/*', 'shop/*'],
    ] as const) {
      const all = texts.map((each) => pattern(`${each}: fetch`))
      assert.equal(writtenAs(all, repository), written, `${repository} of ${texts.join(', ')}`)
    }
    // Where all are in small letters, so is whatever one of them names of a repository that it covers.
    const names = (part: string) => fc.tuple(fc.constantFrom('a', 'b', part), fc.constantFrom('c', part))
    fc.assert(
      fc.property(fc.array(names('*')), names('C'), ([...texts], asked) => {
        const small = asked.join('/').toLowerCase()
        const covering = texts.filter((parts) => coversRepository(pattern(`${parts.join('/')}: fetch`), small))
        const named = [0, 1].filter((i) => covering.some((parts) => parts[i] !== '*'))
        const all = texts.map((parts) => pattern(`${parts.join('/')}: fetch`))
        const isSmall = named.every((i) => asked[i] === asked[i]?.toLowerCase())
        assert.equal(writtenAs(all, asked.join('/')) === undefined, isSmall)
      }),
    )
  })

  it('show the refs that may be fetched, and say which does', () => {
    const main = pattern('closed/x refs/heads/main: fetch')
    const branches = pattern('closed/x refs/heads/*: fetch')
    const closed = fetchedRefs([main, branches])
    assert.deepEqual(
      [closed.showsAll, closed.shows('refs/heads/main'), closed.shows('refs/heads/x'), closed.shows('refs/tags/x')],
      [false, true, true, false],
    )
    assert.deepEqual(
      ['refs/heads/main', 'refs/heads/x', 'refs/tags/x'].map((each) => closed.by(each)),
      [`${main.text}\n${branches.text}`, branches.text, ''],
    )
    // What shows everything needs no list to have shown something before.
    const all = fetchedRefs([pattern('closed/*: fetch'), main])
    assert.deepEqual([all.showsAll, all.by('refs/heads/main'), all.by('refs/heads/x')], [true, main.text, ''])
    assert.deepEqual([fetchedRefs([]).showsAll, fetchedRefs([]).shows('refs/heads/main')], [false, false])
    const both = unitedText(main.text, `${branches.text}\n${main.text}`)
    assert.deepEqual(
      [isIn(both, main), isIn(both, branches), isIn(main.text, branches), isIn('', main)],
      [true, true, false, false],
    )
  })

  it('are asked about where a name begins like one of theirs: what is HEAD is some branch', () => {
    const all = ['a/b: fetch', 'a/b refs/heads/main: fetch', 'a/b refs/heads/agent/*: fetch', 'a/b refs/tags/*: fetch']
    const asked = (beginning: string) => all.map((each) => (mayCover(pattern(each), beginning) ? 1 : 0)).join('')
    assert.deepEqual(['', 'refs/', 'refs/heads/', 'refs/heads/m', 'refs/heads/main', 'refs/heads/main/x'].map(asked), [
      '1111',
      '1111',
      '1110',
      '1100',
      '1100',
      '1000',
    ])
    assert.deepEqual(['refs/heads/agent', 'refs/heads/agent/x', 'refs/tags/v1', 'HEAD', 'H', 'HEADS'].map(asked), [
      '1010',
      '1010',
      '1001',
      '1110',
      '1110',
      '1000',
    ])
  })

  it('are read strictly', () => {
    for (const text of [
      '',
      'shop/desk',
      'shop/desk:fetch',
      'shop/desk: ',
      'shop/desk: fetch,lfs',
      'shop/desk: fetch, fetch',
      'shop/desk: read',
      'shop/desk: Fetch',
      'shop/desk: push',
      'shop/desk refs/heads/a: lfs',
      'shop/desk refs/heads/a: tag',
      'shop/desk  refs/heads/a: push',
      'shop/desk refs/heads/a push',
      'shop/desk refs/*: push',
      'shop/desk refs/heads/a*: push',
      'shop/desk refs/heads/*/a: push',
      'shop/desk heads/a: push',
      'shop/desk refs/heads/a..b: push',
      'shop/desk.git: fetch',
      'shop/de*: fetch',
      'shop/**: fetch',
      '/shop/desk: fetch',
      'shop/: fetch',
      'shop/../desk: fetch',
      'shop/info: fetch',
      'https://h.example/shop/desk: fetch',
    ])
      assert.equal(readRepositoryPattern(text).ok, false, text)
  })

  it('cover what they say when they are written as an expression', () => {
    const segment = fc.constantFrom('a', 'b', 'ab', '*')
    const ref = fc.constantFrom('refs/heads/a', 'refs/heads/*', 'refs/heads/a/*', 'refs/tags/a')
    const other = fc.constantFrom('refs/heads/a', 'refs/heads/a/b', 'refs/heads/ab', 'refs/tags/a', 'refs/heads/')
    fc.assert(
      fc.property(
        fc.array(segment, { minLength: 1, maxLength: 3 }),
        fc.array(
          segment.filter((each) => each !== '*'),
          { minLength: 1, maxLength: 3 },
        ),
        ref,
        other,
        (path, repository, written, name) => {
          const read = pattern(`${path.join('/')} ${written}: push`)
          const expression = (text: string, any: string) => new RegExp(`^${text.replaceAll('*', any)}$`)
          assert.equal(
            coversRepository(read, repository.join('/')),
            expression(path.join('/'), '[^/]+').test(repository.join('/')),
          )
          assert.equal(coversRef(read, name), expression(written, '.+').test(name))
        },
      ),
      { numRuns: 2_000 },
    )
  })
})
