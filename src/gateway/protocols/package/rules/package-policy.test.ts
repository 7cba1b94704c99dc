import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import type { Ecosystem } from '../reading/release-version.ts'
import { readDenyList } from './deny-list.ts'
import {
  decideRelease,
  type ListedRelease,
  PACKAGE_AGE_MS_MIN,
  type PackagePolicy,
  PackageRules,
  readIntegrity,
} from './package-policy.ts'
import { POPULAR } from './popular.ts'
import { resembledName } from './resembling.ts'

const NOW = Date.parse('2026-11-30T10:00:00Z')
const DAY = 86_400_000
const SHA = `sha512-${Buffer.alloc(64, 1).toString('base64')}`
const OTHER = `sha512-${Buffer.alloc(64, 2).toString('base64')}`
const old: ListedRelease = { version: '1.0.0', publishedMs: NOW - 8 * DAY, integrity: [SHA], scripts: [] }

function rules(part: Partial<PackagePolicy>, name = 'left-padding') {
  const none = { youngAllowed: [], denied: [], pins: [], scripts: [], resembling: [] }
  return new PackageRules({ ecosystem: 'npm', ageMsMin: PACKAGE_AGE_MS_MIN, ...none, ...part }).about(name)
}

function why(release: Partial<ListedRelease>, part: Partial<PackagePolicy> = {}, name?: string) {
  const verdict = decideRelease({ ...old, ...release }, rules(part, name), NOW)
  return verdict.allowed ? 'allowed' : verdict.why
}

describe('a version of a package', () => {
  it('is seven days old, or waits, and its list says until when', () => {
    assert.equal(why({}), 'allowed')
    assert.equal(why({ publishedMs: NOW - 7 * DAY }), 'allowed')
    const young = decideRelease({ ...old, publishedMs: NOW - 7 * DAY + 1 }, rules({}), NOW)
    assert.deepEqual(young, {
      allowed: false,
      why: 'it is younger than 7 days, and allowed from 2026-11-30 10:00 UTC',
      because: ['age'],
      fromMs: NOW + 1,
    })
    assert.equal(why({ publishedMs: undefined }), 'when it was published is not known')
    assert.match(why({ publishedMs: NOW + 400 * DAY }), /younger than 7 days/)
    assert.match(why({ publishedMs: 8.64e15 }), /allowed from \+275760/)
  })

  it('may be younger by its name, or as one named fix', () => {
    const young = { publishedMs: NOW }
    assert.equal(why(young, { youngAllowed: [{ name: 'left-padding', why: 'ours' }] }), 'allowed')
    assert.equal(why(young, { youngAllowed: [{ name: '@us/*', why: 'ours' }] }, '@us/tools'), 'allowed')
    const fix = { youngAllowed: [{ name: 'left-padding', version: '1.0.0', why: 'CVE-2026-1' }] }
    assert.equal(why(young, fix), 'allowed')
    assert.match(why({ ...young, version: '1.0.1' }, fix), /younger/)
    assert.equal(why(young, { ageMsMin: 0 }), 'allowed')
  })

  it('is denied by its name, its scope or itself, whatever allows it', () => {
    const ways = { only: ['left-padding'], youngAllowed: [{ name: 'left-padding', why: '' }] }
    const denied = { ...ways, denied: [{ name: 'left-padding', why: 'stole wallets' }] }
    assert.equal(why({}, denied), 'left-padding is denied by its owner here: stole wallets')
    const one = { ...ways, denied: [{ name: 'left-padding', version: '1.0.0', why: '' }] }
    assert.equal(why({}, one), 'this version is denied by its owner here')
    assert.equal(why({ version: '1.0.1' }, one), 'allowed')
    assert.match(why({}, { denied: [{ name: '@evil/*', why: '' }] }, '@evil/a'), /denied/)
  })

  it('is of a package that is allowed, where only some are', () => {
    assert.equal(why({}, { only: ['other'] }), 'left-padding is none of the packages that are allowed here')
    assert.equal(why({}, { only: [] }), 'left-padding is none of the packages that are allowed here')
    assert.equal(why({}, { only: ['@us/*'] }, '@us/tools'), 'allowed')
    assert.notEqual(why({}, { only: ['@us/*'] }, '@use/tools'), 'allowed')
  })

  it('has the integrity that is pinned, and no other of that kind', () => {
    const pins = [{ name: 'left-padding', version: '1.0.0', integrity: [SHA] }]
    const again = { name: 'left-padding', version: '1.0.0', integrity: [OTHER] }
    assert.throws(() => why({}, { pins: [...pins, again] }), /is pinned twice/)
    assert.equal(why({}, { pins }), 'allowed')
    for (const integrity of [[OTHER], [], [SHA, OTHER], ['sha1-x'], [SHA, `${OTHER}?x`], [SHA, 'md5=1']])
      assert.equal(why({ integrity }, { pins }), 'its integrity is not the one that is pinned')
    assert.equal(why({ version: '1.0.1', integrity: [OTHER] }, { pins }), 'allowed')
    // Clients check the strongest digest that a list says.
    const weaker = `sha256=${'a'.repeat(64)}`
    const weak = [{ name: 'left-padding', version: '1.0.0', integrity: [weaker] }]
    assert.equal(why({ integrity: [weaker] }, { pins: weak }), 'allowed')
    assert.match(why({ integrity: [weaker, OTHER] }, { pins: weak }), /not the one that is pinned/)
    assert.equal(why({ integrity: [weaker, SHA] }, { pins }), 'allowed')
    assert.equal(readIntegrity(`sha512:${'01'.repeat(64)}`), readIntegrity(SHA))
    for (const none of [
      '',
      'sha512-AAAA',
      `sha256=${'0'.repeat(63)}`,
      `sha256=${'0'.repeat(128)}`,
      `md5=${'0'.repeat(64)}`,
    ])
      assert.equal(readIntegrity(none), undefined)
  })

  it('runs nothing when it is installed, unless its package may', () => {
    const scripts = ['postinstall']
    assert.equal(why({ scripts }), 'it runs programs when it is installed (postinstall)')
    assert.equal(why({ scripts }, { scripts: ['left-padding'] }), 'allowed')
  })

  it('is told every reason against it', () => {
    const verdict = decideRelease(
      { ...old, publishedMs: NOW, scripts: ['install'], integrity: [] },
      rules({ only: [], pins: [{ name: 'left-padding', version: '1.0.0', integrity: [SHA] }] }),
      NOW,
    )
    assert.deepEqual(!verdict.allowed && verdict.because, ['package', 'integrity', 'scripts', 'age'])
    assert.equal(!verdict.allowed && verdict.fromMs, undefined)
  })
})

describe('a policy', () => {
  it('that names what is no package, no version, no digest is none', () => {
    const why = ''
    assert.throws(() => rules({ only: ['a b'] }), /a b is no name of a package/)
    assert.throws(() => rules({ denied: [{ name: 'a', version: '^1.0.0', why }] }), /\^1\.0\.0 is no version/)
    assert.throws(() => rules({ pins: [{ name: 'a', version: '1.0.0', integrity: ['sha512-x'] }] }), /is no digest/)
    assert.throws(() => rules({ pins: [{ name: 'a', version: '1.0.0', integrity: [] }] }), /is no digest/)
    assert.throws(() => rules({ ageMsMin: Number.NaN }), /age/)
  })

  it('compares names and versions of PyPI in every spelling', () => {
    const policy = { ecosystem: 'pypi', denied: [{ name: 'Left_Padding', version: '1.0.0', why: '' }] } as const
    assert.match(why({ version: '1' }, policy), /denied/)
  })
})

describe('a deny list', () => {
  it('names packages and versions of both registries, a line each', () => {
    const text = '# bad ones\n\nnpm:event-stream@3.3.6  stole wallets\r\npypi:colourama\nnpm:@evil/*\nnpm:@a/b@1.0.0'
    assert.deepEqual(readDenyList(text, 'npm'), {
      ok: true,
      value: [
        { name: 'event-stream', version: '3.3.6', why: 'stole wallets' },
        { name: '@evil/*', why: '' },
        { name: '@a/b', version: '1.0.0', why: '' },
      ],
    })
    assert.deepEqual(readDenyList(text, 'pypi'), { ok: true, value: [{ name: 'colourama', why: '' }] })
  })

  it('with a line that is not understood is none, and says which', () => {
    for (const [line, said] of [
      ['event-stream', 'it begins with npm: or pypi:'],
      ['npm:a b', undefined],
      ['npm:_a', '"_a" is no name of a package'],
      ['npm:a@^1', '"^1" is no version'],
      ['pypi:a@', '"" is no version'],
      ['npm:@a/*@1.0.0', '"@a/*" is no name of a package'],
    ] as const) {
      const read = readDenyList(`npm:ok\n${line}`, 'npm')
      assert.deepEqual(read.ok ? undefined : read.reason, said === undefined ? undefined : `line 2: ${said}`)
    }
  })

  it('has so many lines', () => {
    assert.equal(readDenyList('\n'.repeat(249_999), 'npm').ok, true)
    assert.equal(readDenyList('\n'.repeat(250_000), 'npm').ok, false)
  })

  it('whatever it is, a policy takes what was read of it', () => {
    const line = fc.oneof(
      fc.string(),
      fc.string().map((text) => `npm:${text}`),
      fc.constantFrom('pypi:A.b@1.0 x', 'npm:@x/*'),
    )
    fc.assert(
      fc.property(fc.array(line, { maxLength: 4 }), fc.constantFrom<Ecosystem>('npm', 'pypi'), (lines, ecosystem) => {
        const read = readDenyList(lines.join('\n'), ecosystem)
        if (read.ok) rules({ ecosystem, denied: read.value })
      }),
      { numRuns: 2_000 },
    )
  })
})

describe('a name that looks like a popular one', () => {
  it('is told, of both registries', () => {
    for (const [name, popular] of [
      ['expres', 'express'],
      ['lodahs', 'lodash'],
      ['1odash', 'lodash'],
      ['crossenv', 'cross-env'],
      ['@type/node', '@types/node'],
      ['types-node', '@types/node'],
      ['Express', 'express'],
    ] as const)
      assert.equal(resembledName('npm', name), popular)
    for (const name of ['reqeusts', 'requestss', 'request5']) assert.equal(resembledName('pypi', name), 'requests')
    assert.equal(resembledName('npm', 'left-padding'), undefined)
    // Short ones differ in a letter by chance.
    assert.equal(resembledName('npm', 'mz'), undefined)
  })

  it('is refused, unless its owner names it', () => {
    assert.equal(why({}, {}, 'expres'), 'expres looks like express, and is another package')
    assert.equal(why({}, { resembling: ['expres'] }, 'expres'), 'allowed')
    assert.equal(why({}, { only: ['expres'] }, 'expres'), 'allowed')
  })

  it('is none of the popular ones, and any of them with a letter swapped, left out or put in', () => {
    for (const ecosystem of ['npm', 'pypi'] as const) {
      const names = [...POPULAR[ecosystem]]
      assert.ok(names.length > 1_000)
      for (const name of names) assert.equal(resembledName(ecosystem, name), undefined)
      const long = names.filter((name) => /^[a-z]{7,}$/.test(name))
      fc.assert(
        fc.property(fc.constantFrom(...long), fc.nat(5), fc.constantFrom('swap', 'drop', 'add'), (name, at, how) => {
          const [a = '', b = ''] = [name[at], name[at + 1]]
          const put = how === 'swap' ? b + a : how === 'drop' ? b : `${a}x${b}`
          const made = name.slice(0, at) + put + name.slice(at + 2)
          if (!POPULAR[ecosystem].has(made)) assert.notEqual(resembledName(ecosystem, made), undefined, made)
        }),
        { numRuns: 2_000 },
      )
    }
  })
})
