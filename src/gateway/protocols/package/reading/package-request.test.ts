import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { readTarget } from '../../../web/request-target.ts'
import { normalName, pypiFile } from './package-name.ts'
import { readPackageRequest } from './package-request.ts'
import { compareReleases, type Ecosystem, isPrerelease, readRelease } from './release-version.ts'

function read(ecosystem: Ecosystem, target: string, method = 'GET') {
  const parsed = readTarget(target)
  if (!parsed.ok) return parsed.reason
  const asked = readPackageRequest(ecosystem, method, parsed.value)
  return asked.ok ? asked.value : asked.reason
}

describe('a request of npm', () => {
  it('for a list names a package, in whatever spelling', () => {
    const list = { kind: 'list', name: '@types/node', target: '/@types%2fnode' }
    for (const target of ['/@types%2fnode', '/@types%2Fnode', '/@types/node', '/%40types/n%6fde'])
      assert.deepEqual(read('npm', target), list)
    assert.deepEqual(read('npm', '/is-odd'), { kind: 'list', name: 'is-odd', target: '/is-odd' })
  })

  it('for a file names its version', () => {
    const file = { kind: 'file', of: 'file', name: '@types/node', version: '1.2.3-rc.1', file: 'node-1.2.3-rc.1.tgz' }
    for (const target of ['/@types/node/-/node-1.2.3-rc.1.tgz', '/@types%2fnode/-/node-1.2.3-rc.1.tgz'])
      assert.deepEqual(read('npm', target), { ...file, target: '/@types/node/-/node-1.2.3-rc.1.tgz' })
    assert.equal(read('npm', '/is-odd/-/is-even-1.0.0.tgz'), 'it names no file of is-odd')
    assert.equal(read('npm', '/is-odd/-/is-odd-1.0.tgz'), 'it names no file of is-odd')
    assert.equal(read('npm', '/is-odd/-/is-odd-1.0.0.tgz/more'), 'it names neither a version nor a file of is-odd')
  })

  it('for a version, its tags, the keys of the registry', () => {
    const version = { kind: 'version', name: 'is-odd', version: '1.0.0', target: '/is-odd/1.0.0' }
    assert.deepEqual(read('npm', '/is-odd/1.0.0'), version)
    const tags = { kind: 'tags', name: '@a/b', target: '/-/package/@a%2fb/dist-tags' }
    assert.deepEqual(read('npm', '/-/package/@a%2fb/dist-tags'), tags)
    assert.deepEqual(read('npm', '/-/npm/v1/keys'), { kind: 'keys', target: '/-/npm/v1/keys' })
  })

  it('that would change something, or carry text out, is none', () => {
    for (const method of ['PUT', 'POST', 'DELETE', 'get'])
      assert.match(String(read('npm', '/is-odd', method)), /is no way/)
    for (const target of ['/-/v1/search', '/-/npm/v1/security/advisories/bulk', '/-/whoami', '/', '/_private', '/.git'])
      assert.equal(typeof read('npm', target), 'string', target)
    assert.equal(read('npm', '/is-odd?write=true'), 'a request for a package has no query')
    for (const target of ['/@a/', '/@a', '/node_modules', '/a%2fb', '/@a%2fb%2fc', '/is-odd/', `/${'a'.repeat(215)}`])
      assert.equal(typeof read('npm', target), 'string', target)
  })
})

describe('a request of PyPI', () => {
  it('for a list names a package as PEP 503 compares it', () => {
    const list = { kind: 'list', name: 'python-dateutil', target: '/simple/python-dateutil/' }
    for (const name of ['python-dateutil', 'Python_DateUtil', 'python..dateutil', 'python-_.dateutil'])
      for (const end of ['', '/']) assert.deepEqual(read('pypi', `/simple/${name}${end}`), list)
    assert.match(String(read('pypi', '/simple/')), /list of all packages is not served/)
  })

  it('for a file, or the metadata of one, names its version', () => {
    const place = '/packages/30/52/547eb3719d0e872bdd6fe3ab60cef92596f95262e925e1943f68f840df88'
    const wheel = 'sampleproject-4.0.0-py3-none-any.whl'
    const file = { kind: 'file', name: 'sampleproject', version: '4', file: wheel }
    assert.deepEqual(read('pypi', `${place}/${wheel}`), { ...file, of: 'file', target: `${place}/${wheel}` })
    const metadata = { ...file, of: 'metadata', target: `${place}/${wheel}.metadata` }
    assert.deepEqual(read('pypi', `${place}/${wheel}.metadata`), metadata)
    assert.equal(read('pypi', `${place}/sampleproject.html`), 'it names no file of a package of PyPI')
    assert.equal(typeof read('pypi', `/packages/${wheel}`), 'string')
    const old = read('pypi', '/packages/source/z/zope.interface/zope.interface-3.8.0.tar.gz')
    assert.equal(typeof old === 'object' && old.kind === 'file' && `${old.name} ${old.version}`, 'zope-interface 3.8')
  })

  it('for a file is read with the name of its project, where that is known', () => {
    assert.deepEqual(pypiFile('foo-1-2.0.tar.gz'), { name: 'foo-1', version: '2', builds: true })
    assert.equal(pypiFile('foo-1-2.tar.gz', 'foo')?.version, '1.post2')
    assert.equal(pypiFile('foo-1-2.tar.gz', 'bar'), undefined)
    assert.equal(pypiFile('foo-1.0-py2.7-linux-x86_64.egg', 'foo')?.builds, true)
    assert.equal(pypiFile('foo-1.0-1-py3-none-any.whl', 'foo')?.version, '1')
  })
})

describe('versions', () => {
  it('of PyPI that are the same are one text (PEP 440)', () => {
    const same = [
      ['1.0', 'v1', '1.0.0', '01.0'],
      ['1a1', '1.0-alpha.1', '1.0_ALPHA1'],
      ['1rc0', '1.0c', '1.0.preview'],
      ['1.post2', '1.0-2', '1.0.r2', '1.0rev2'],
      ['2!1.dev0+a.b', '2!1.0.dev+A-b'],
    ]
    for (const forms of same)
      assert.equal(new Set(forms.map((each) => readRelease('pypi', each))).size, 1, forms.join(' '))
    for (const none of ['', 'latest', '1.0-', '1..0', '1.0+', '1.0 '])
      assert.equal(readRelease('pypi', none), undefined)
  })

  it('of npm are in the order of Semantic Versioning 11', () => {
    const order = [
      '1.0.0-1',
      '1.0.0-alpha',
      '1.0.0-alpha.1',
      '1.0.0-beta.2',
      '1.0.0-beta.11',
      '1.0.0rc1',
      '1.0.0',
      '1.10.0',
    ]
    for (const [i, one] of order.entries())
      for (const [j, other] of order.entries())
        assert.equal(Math.sign(compareReleases(one, other)), Math.sign(i - j), `${one} ${other}`)
    assert.ok(isPrerelease('3.0.0rc4') && !isPrerelease('3.0.0+rc4'))
    for (const none of ['1.0', '01.0.0', '1.0.0-', '1.0.0 ', 'v1.0.0', '1.0.0.1'])
      assert.equal(readRelease('npm', none), undefined)
  })
})

it('whatever a target is, it has one reading: what leaves is read as the same', () => {
  const part = fc.oneof(
    fc.constantFrom(
      '@a',
      '-',
      'b',
      'b-1.0.0.tgz',
      'simple',
      'packages',
      '%2f',
      '@a%2fb',
      'b-1.0-py3-none-any.whl',
      '1.0.0',
    ),
    fc.constantFrom(
      'package',
      'dist-tags',
      'npm',
      'v1',
      'keys',
      'pypi',
      'json',
      'B__c',
      'b-1.0.tar.gz.metadata',
      '',
      '..',
    ),
    fc.string({ unit: 'grapheme', maxLength: 12 }),
  )
  const start = fc.constantFrom('', '', 'simple/', 'packages/a/b/', '@a/', 'b/-/', '-/package/')
  const seen = { npm: 0, pypi: 0 }
  fc.assert(
    fc.property(
      start,
      fc.array(part, { maxLength: 3 }),
      fc.constantFrom<Ecosystem>('npm', 'pypi'),
      (from, parts, ecosystem) => {
        const asked = read(ecosystem, `/${from}${parts.join('/')}`)
        if (typeof asked === 'string') return
        seen[ecosystem]++
        assert.deepEqual(read(ecosystem, asked.target), asked)
        if ('name' in asked) assert.equal(normalName(ecosystem, asked.name), asked.name)
      },
    ),
    { numRuns: 2_000 },
  )
  assert.ok(seen.npm > 20 && seen.pypi > 5, 'control: some are read')
})
