import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { coversRef, coversRepository, fetchedRefs, patternFor, readRepositoryPattern } from './repository-pattern.ts'

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
    const may = (repository: string, kind: Parameters<typeof patternFor>[2]['kind'], ref: string) =>
      patternFor(patterns, repository, { kind, ref })?.text
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

  it('show the refs that may be fetched', () => {
    assert.deepEqual(
      ['shop/desk', 'shop', 'shop/a/b', 'shop/files', 'other/x'].map((each) => fetchedRefs(patterns, each)?.showsAll),
      [true, undefined, undefined, true, undefined],
    )
    const closed = fetchedRefs(patterns, 'closed/x')
    assert.deepEqual(
      [closed?.showsAll, closed?.shows('refs/heads/main'), closed?.shows('refs/heads/x')],
      [false, true, false],
    )
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
