import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import type { JsonObject } from '../../../../model/index.ts'
import { PACKAGE_AGE_MS_MIN, type PackagePolicy, PackageRules } from '../rules/package-policy.ts'
import { type MarkedList, releaseAt } from './marked-list.ts'
import { markList } from './package-work.ts'
import { markPackument } from './packument.ts'

const NOW = Date.parse('2026-11-30T10:00:00Z')
const DAY = 86_400_000
const real = (name: string) => readFileSync(join(import.meta.dirname, '..', 'fixtures', `${name}.packument`), 'utf8')

function rules(name: string, part: Partial<PackagePolicy> = {}) {
  const none = { youngAllowed: [], denied: [], pins: [], scripts: [], resembling: [] }
  return new PackageRules({ ecosystem: 'npm', ageMsMin: PACKAGE_AGE_MS_MIN, ...none, ...part }).about(name)
}

function marked(text: string, name: string, part: Partial<PackagePolicy> = {}, nowMs = NOW) {
  const read = markPackument(text, rules(name, part), nowMs)
  assert.ok(read.ok, read.ok ? '' : read.reason)
  return { list: read.value, text: Buffer.from(read.value.bytes).toString() }
}

function refusals({ releases }: MarkedList) {
  return releases.flatMap(({ refusal }) => refusal ?? [])
}

interface Packument {
  readonly 'dist-tags': JsonObject
  readonly versions: Readonly<Record<string, JsonObject>>
}
const parse = (text: string) => JSON.parse(text) as Packument

describe('a list of npm', () => {
  it('of which nothing is refused is the same bytes', () => {
    const { text, list } = marked(real('is-odd'), 'is-odd')
    assert.equal(text, real('is-odd'))
    assert.equal(list.latest, undefined)
    assert.equal(releaseAt(list.releases, '/is-odd/-/is-odd-3.0.1.tgz')?.version, '3.0.1')
    assert.equal(releaseAt(list.releases, '/is-odd/-/is-odd-9.0.0.tgz'), undefined)
  })

  it('marks a version that is refused, and moves latest back to the newest that is not', () => {
    const denied = [{ name: 'is-odd', version: '3.0.1', why: 'a "test"\n' }]
    const { text, list } = marked(real('is-odd'), 'is-odd', { denied })
    const said = 'refused by Firebreak: is-odd 3.0.1: this version is denied by its owner here: a "test"?'
    assert.deepEqual(refusals(list), [said])
    assert.deepEqual(list.latest, { was: '3.0.1', is: '3.0.0' })
    const [before, after] = [parse(real('is-odd')), parse(text)]
    assert.deepEqual(after['dist-tags'], { ...before['dist-tags'], latest: '3.0.0' })
    assert.deepEqual(after.versions, {
      ...before.versions,
      '3.0.1': { ...before.versions['3.0.1'], deprecated: said },
    })
  })

  it('of a time when its newest version was new has the one before', () => {
    // 3.0.0 has a later time than 3.0.1 in this list.
    const { list } = marked(real('is-odd'), 'is-odd', {}, Date.parse('2025-12-20T00:00:00Z'))
    assert.deepEqual(
      refusals(list).map((each) => each.split(':')[1]),
      [' is-odd 3.0.0'],
    )
    assert.equal(list.latest, undefined)
  })

  it('leaves one that is refused for its scripts alone as it was: its file says why', () => {
    const { list, text } = marked(real('esbuild'), 'esbuild')
    assert.equal(text, real('esbuild'))
    assert.deepEqual(refusals(list), [
      'refused by Firebreak: esbuild 0.28.1: it runs programs when it is installed (postinstall)',
      'refused by Firebreak: esbuild 0.28.2: it runs programs when it is installed (postinstall)',
    ])
    assert.equal(list.latest, undefined)
    assert.deepEqual(refusals(marked(real('esbuild'), 'esbuild', { scripts: ['esbuild'] }).list), [])
    const denied = [{ name: 'esbuild', version: '0.28.2', why: '' }]
    assert.deepEqual(marked(real('esbuild'), 'esbuild', { denied }).list.latest, { was: '0.28.2', is: '0.28.1' })
  })

  it('has as latest no prerelease, none that its publisher took back, none newer than that was, unless there is no other', () => {
    const entry = (version: string, more = '') => `"${version}":{"name":"a","version":"${version}"${more}}`
    const all = [
      entry('1.0.0'),
      entry('1.1.0', ',"deprecated":"gone"'),
      entry('1.2.0-rc.1'),
      entry('1.2.0'),
      entry('2.0.0'),
    ]
    const versions = ['1.0.0', '1.1.0', '1.2.0-rc.1', '1.2.0', '2.0.0']
    for (const [young, is] of [
      [[], undefined],
      [['1.2.0'], '1.0.0'],
      [['1.0.0', '1.2.0'], '1.1.0'],
      [['1.0.0', '1.1.0', '1.2.0'], '1.2.0-rc.1'],
      [['1.0.0', '1.1.0', '1.2.0-rc.1', '1.2.0'], '2.0.0'],
      [versions, undefined],
    ] as const) {
      const days = (version: string) => ((young as readonly string[]).includes(version) ? 1 : 8)
      const times = versions.map((each) => `"${each}":"${new Date(NOW - days(each) * DAY).toISOString()}"`)
      const text = `{"name":"a","dist-tags":{"latest":"1.2.0"},"versions":{${all}},"time":{${times}}}`
      assert.equal(marked(text, 'a').list.latest?.is, is, young.join(' '))
    }
  })

  it('may say false, nothing, or an own word where the mark comes', () => {
    const entry = (more: string) => `{"name":"a","version":"1.0.0"${more}}`
    for (const more of [',"deprecated":false', '', ',"deprecated":"gone"', ', "deprecated" : null ,"x":1e400']) {
      const { text } = marked(`{"name":"a","versions":{"1.0.0":${entry(more)}}}`, 'a')
      assert.match(String(parse(text).versions['1.0.0']?.deprecated), /^refused by Firebreak: a 1\.0\.0: when it was/)
      assert.equal(text.includes('1e400'), more.includes('1e400'))
    }
    const odd = marked('{"name":"a","versions":{"1.0.0":{ },"2.0.0":[1],"x":{"name":"a","version":"x"}}}', 'a')
    for (const version of Object.values(parse(odd.text).versions))
      assert.match(String(version.deprecated), /its entry is not that of this version$/)
  })

  it('that is of another package, or read in two ways, is not shown', () => {
    const none = (text: string) => {
      const read = markPackument(text, rules('a'), NOW)
      return read.ok ? 'shown' : read.reason
    }
    assert.equal(none('{"name":"b","versions":{}}'), 'it is not the list of a')
    assert.equal(none('{"name":"a"}'), 'it has no versions')
    assert.equal(none('[]'), 'it is not the list of a')
    assert.equal(none('{"name":"a","versions":{},"versions":{}}'), '"versions" stands in one object twice')
    for (const twice of [
      '{"1.0.0":{"dist":{},"dist":{}}}',
      '{"1.0.0":{"scripts":{"a":"","a":""}}}',
      '{"1.0.0":{},"1.0.0":{}}',
    ])
      assert.match(none(`{"name":"a","versions":${twice}}`), /twice$/)
    const bytes = new Uint8Array([0x7b, 0xff, 0x7d])
    const read = markList({ form: 'packument', bytes, rules: rules('a'), nowMs: NOW })
    assert.deepEqual(read, { ok: false, reason: 'it is no UTF-8' })
  })

  it('two versions of which have one file has neither', () => {
    const entry = (version: string) =>
      `"${version}":{"name":"a","version":"${version}","dist":{"tarball":"https://x/a/-/a-1.0.0.tgz"}}`
    const { list } = marked(`{"name":"a","versions":{${entry('1.0.0')},${entry('2.0.0')}}}`, 'a', { ageMsMin: 0 })
    assert.equal(releaseAt(list.releases, '/a/-/a-1.0.0.tgz'), undefined)
  })
})

/** Made lists: ages in days, scripts, words of publishers, numbers that no double is, members that nobody knows. */
const made = fc
  .uniqueArray(
    fc.record({
      version: fc
        .tuple(fc.nat(3), fc.nat(3), fc.constantFrom('', '', '-rc.1'))
        .map(([a, b, pre]) => `${a}.${b}.0${pre}`),
      days: fc.option(fc.nat(14), { nil: undefined }),
      scripts: fc.constantFrom('', '"scripts":{"test":"x"},', '"scripts":{"install":"x"},', '"hasInstallScript":true,'),
      more: fc.constantFrom('', '"deprecated":"old",', '"n":12345678901234567890.0,', '"é\\u00e9":[{"deprecated":1}],'),
      spaces: fc.constantFrom('', ' ', '\n\t'),
    }),
    { minLength: 1, maxLength: 8, selector: ({ version }) => version },
  )
  .chain((versions) => fc.tuple(fc.constant(versions), fc.nat(versions.length - 1)))

it('an allowed version is the same bytes, and a refused one the same but for its mark', () => {
  const seen = { allowed: 0, refused: 0, moved: 0 }
  fc.assert(
    fc.property(made, ([versions, latest]) => {
      const entries = versions.map(({ version, scripts, more, spaces }) => {
        const dist = `"dist":{"tarball":"https://npm.example/a/-/a-${version}.tgz"}`
        return [version, `{${spaces}${scripts}${more}"name":"a","version":"${version}",${dist}${spaces}}`] as const
      })
      const times = versions.flatMap(({ version, days }) =>
        days === undefined ? [] : [`"${version}":"${new Date(NOW - days * DAY).toISOString()}"`],
      )
      const was = versions[latest]?.version ?? ''
      const all = entries.map(([version, entry]) => `"${version}":${entry}`).join(' , ')
      const source = `{"x":1e999,"name":"a","dist-tags":{"next":"9.0.0","latest":"${was}"},"versions":{${all}},"time":{${times.join(',')}}}`
      const { text, list } = marked(source, 'a')
      for (const [i, [version, entry]] of entries.entries()) {
        const release = list.releases[i]
        const { days, scripts } = versions[i] ?? assert.fail()
        // The rule once more, as a reader would say it.
        const mayBe = days !== undefined && days >= 7 && !/nstall/.test(scripts)
        assert.equal(release?.verdict.allowed, mayBe, version)
        seen[mayBe ? 'allowed' : 'refused']++
        const isMarked = days === undefined || days < 7
        if (!isMarked) assert.ok(text.includes(`"${version}":${entry}`), version)
        else {
          const { deprecated, ...others } = parse(text).versions[version] ?? {}
          const { deprecated: _, ...before } = parse(source).versions[version] ?? {}
          assert.deepEqual(others, before)
          assert.equal(deprecated, release?.refusal)
        }
      }
      const tags = parse(text)['dist-tags']
      assert.equal(tags.next, '9.0.0')
      if (tags.latest !== was) {
        seen.moved++
        const { days } = versions.find(({ version }) => version === tags.latest) ?? {}
        assert.ok(days !== undefined && days >= 7, 'it is moved to one that is old enough')
      }
      // What is marked already is marked the same.
      assert.equal(marked(text, 'a').text, text)
    }),
    { numRuns: 2_000 },
  )
  assert.ok(Math.min(seen.allowed, seen.refused, seen.moved) > 50, JSON.stringify(seen))
})

it('whatever a list is, it is marked or refused, and never thrown about', () => {
  const bytes = fc.oneof(
    fc.uint8Array({ maxLength: 60 }),
    fc.json().map((text) => new TextEncoder().encode(text)),
    fc.tuple(fc.nat(1_700), fc.string({ maxLength: 6 })).map(([at, put]) => {
      const text = real('is-odd')
      return new TextEncoder().encode(text.slice(0, at) + put + text.slice(at + put.length))
    }),
  )
  const form = fc.constantFrom('packument', 'simple-json', 'simple-html')
  fc.assert(
    fc.property(bytes, form, (each, of) => {
      const read = markList({ form: of, bytes: each, rules: rules('is-odd'), nowMs: NOW })
      if (read.ok && of !== 'simple-html') JSON.parse(Buffer.from(read.value.bytes).toString())
    }),
    { numRuns: 2_000 },
  )
})
