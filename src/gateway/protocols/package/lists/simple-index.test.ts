import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { PACKAGE_AGE_MS_MIN, type PackagePolicy, PackageRules } from '../rules/package-policy.ts'
import { releaseAt } from './marked-list.ts'
import { markSimpleHtml, markSimpleJson } from './simple-index.ts'

const NOW = Date.parse('2026-11-30T10:00:00Z')
const DAY = 86_400_000
const real = (form: string) =>
  readFileSync(join(import.meta.dirname, '..', 'fixtures', `sampleproject.${form}`), 'utf8')

function rules(part: Partial<PackagePolicy> = {}, name = 'sampleproject') {
  const none = { youngAllowed: [], denied: [], pins: [], scripts: [], resembling: [] }
  return new PackageRules({ ecosystem: 'pypi', ageMsMin: PACKAGE_AGE_MS_MIN, ...none, ...part }).about(name)
}

function marked(
  mark: typeof markSimpleJson,
  text: string,
  part: Partial<PackagePolicy> = {},
  nowMs = NOW,
  name?: string,
) {
  const read = mark(text, rules(part, name), nowMs)
  assert.ok(read.ok, read.ok ? '' : read.reason)
  const refused = read.value.releases.flatMap(({ refusal }) => refusal ?? [])
  return { list: read.value, text: Buffer.from(read.value.bytes).toString(), refused }
}

interface Page {
  readonly files: readonly { readonly filename: string; readonly yanked?: boolean | string }[]
}

const BUILDS = 'it runs programs when it is installed (its build)'

describe('a page of the simple index in JSON', () => {
  const json = real('simple-json')

  it('of which nothing is refused is the same bytes', () => {
    const { text, list } = marked(markSimpleJson, json, { scripts: ['sampleproject'] })
    assert.equal(text, json)
    const place = '/packages/d7/73/c16e5f3f0d37c60947e70865c255a58dc408780a6474de0523afd0ec553a'
    const wheel = releaseAt(list.releases, `${place}/sampleproject-4.0.0-py3-none-any.whl`)
    assert.deepEqual([wheel?.version, wheel?.verdict.allowed], ['4', true])
  })

  it('yanks what is built where it is installed', () => {
    const { text, refused } = marked(markSimpleJson, json)
    assert.deepEqual(
      refused,
      ['2.0.0', '3.0.0', '4.0.0'].map((each) => `refused by Firebreak: sampleproject-${each}.tar.gz: ${BUILDS}`),
    )
    const [before, after] = [JSON.parse(json) as Page, JSON.parse(text) as Page]
    const want = before.files.map((file) =>
      file.filename.endsWith('.whl') ? file : { ...file, yanked: `refused by Firebreak: ${file.filename}: ${BUILDS}` },
    )
    assert.deepEqual(after, { ...before, files: want })
  })

  it('yanks a file by its own age, and one with another digest than is pinned', () => {
    const then = Date.parse('2024-11-08T00:00:00Z')
    const { refused } = marked(markSimpleJson, json, { scripts: ['sampleproject'] }, then)
    assert.equal(refused.length, 2)
    for (const each of refused)
      assert.match(each, /4\.0\.0.*younger than 7 days, and allowed from 2024-11-13 22:37 UTC/)
    const wheel = 'sha256=c23e447ea90d796d1e645c35c4b2de125040add12a845825546f91c93f391b6b'
    const pins = [{ name: 'SampleProject', version: '4.0', integrity: [wheel] }]
    assert.deepEqual(marked(markSimpleJson, json, { scripts: ['sampleproject'], pins }).refused, [
      'refused by Firebreak: sampleproject-4.0.0.tar.gz: its integrity is not the one that is pinned',
    ])
  })

  it('that is of another package, or read in two ways, is not shown', () => {
    const none = (text: string) => {
      const read = markSimpleJson(text, rules(), NOW)
      return read.ok ? 'shown' : read.reason
    }
    assert.equal(none('{"name":"other","files":[]}'), 'it is not the list of sampleproject')
    assert.equal(none('{"name":"SampleProject"}'), 'it has no files')
    assert.equal(none('{"name":"sampleproject","files":[{"url":"","url":""}]}'), '"url" stands in one object twice')
  })

  it('a file that is none of the package, or lies at another name, is refused', () => {
    const file = (name: string, url: string) => `{"filename":"${name}","url":"https://x/packages/a/${url}"}`
    const [wheel, other] = ['sampleproject-1.0-py3-none-any.whl', 'sampleproject-2.0-py3-none-any.whl']
    const files = [
      file(wheel, other),
      file('else-1.0-py3-none-any.whl', 'else-1.0-py3-none-any.whl'),
      file(wheel, wheel),
    ]
    const text = `{"name":"sampleproject","files":[${files.join(',')},{},[]]}`
    const { list } = marked(markSimpleJson, text, { ageMsMin: 0 })
    assert.deepEqual(
      list.releases.map(({ verdict }) => verdict.allowed),
      [false, false, true, false, false],
    )
  })

  it('an allowed file is the same bytes, and a refused one the same but for its mark', () => {
    const one = fc.record({
      version: fc.tuple(fc.nat(3), fc.nat(3)).map((parts) => parts.join('.')),
      wheel: fc.boolean(),
      days: fc.option(fc.nat(14), { nil: undefined }),
      more: fc.constantFrom('', '"yanked":false,', '"yanked":"old",', '"size":1e400,', '"ünknown":{"yanked":0},'),
      spaces: fc.constantFrom('', ' ', '\n'),
    })
    const seen = { allowed: 0, refused: 0 }
    fc.assert(
      fc.property(fc.array(one, { maxLength: 8 }), (files) => {
        const texts = files.map(({ version, wheel, days, more, spaces }) => {
          const name = `sampleproject-${version}${wheel ? '-py3-none-any.whl' : '.tar.gz'}`
          const time = days === undefined ? '' : `"upload-time":"${new Date(NOW - days * DAY).toISOString()}",`
          return `{${spaces}${more}${time}"filename":"${name}","url":"https://x/packages/a/${name}"${spaces}}`
        })
        const source = `{"files":[${texts.join(' ,')}],"name":"sampleproject","n":1.0}`
        const { text, list } = marked(markSimpleJson, source)
        const after = JSON.parse(text) as Page
        for (const [i, before] of texts.entries()) {
          const { wheel, days } = files[i] ?? assert.fail()
          const mayBe = wheel && days !== undefined && days >= 7
          assert.equal(list.releases[i]?.verdict.allowed, mayBe)
          seen[mayBe ? 'allowed' : 'refused']++
          if (mayBe) assert.ok(text.includes(before))
          else assert.deepEqual(after.files[i], { ...JSON.parse(before), yanked: list.releases[i]?.refusal })
        }
        assert.equal(marked(markSimpleJson, text).text, text)
      }),
      { numRuns: 2_000 },
    )
    assert.ok(Math.min(seen.allowed, seen.refused) > 50, JSON.stringify(seen))
  })
})

describe('a page of the simple index in HTML', () => {
  const html = real('simple-html')

  it('says no times, so that only what may be of any age is not yanked', () => {
    const { text, list } = marked(markSimpleHtml, html, { ageMsMin: 0, scripts: ['sampleproject'] })
    assert.equal(text, html)
    assert.deepEqual(
      list.releases.map(({ version }) => version),
      ['1.3', '1.3', '4', '4'],
    )
    assert.equal(marked(markSimpleHtml, html).refused.length, 4)
  })

  it('yanks a link, whatever stood there before', () => {
    const denied = [{ name: 'sampleproject', version: '4.0.0', why: '"<&>"' }]
    const policy = { ageMsMin: 0, scripts: ['sampleproject'], denied }
    const said = 'this version is denied by its owner here: &quot;&lt;&amp;&gt;&quot;'
    const file = 'sampleproject-4.0.0-py3-none-any.whl'
    const mark = ` data-yanked="refused by Firebreak: ${file}: ${said}"`
    const href = `href="https://x/packages/a/${file}#sha256=${'0'.repeat(64)}"`
    const needs = 'data-requires-python=" data-yanked"'
    for (const [before, after] of [
      [`<a ${href} ${needs}>x</a>`, `<a${mark} ${href} ${needs}>x</a>`],
      [`<a ${href} data-yanked ${needs}>x</a>`, `<a ${href}${mark} ${needs}>x</a>`],
      [`<A ${href} DATA-YANKED="old">x</a>`, `<A ${href}${mark}>x</a>`],
    ] as const)
      assert.equal(marked(markSimpleHtml, before, policy).text, after)
  })

  it('with more than links is not shown', () => {
    for (const text of [
      '<base href="https://x/">',
      "<a href='x'>x</a>",
      '<a href=x>x</a>',
      '<a href="x" href="y">x</a>',
      '<script>x</script>',
      '<a href="x"',
      '<!-- <a href="x"> -->',
      '<',
      '<svg/onload="x">',
    ])
      assert.equal(markSimpleHtml(text, rules(), NOW).ok, false, text)
  })
})
