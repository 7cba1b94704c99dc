import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { cpuMs } from '../../../../../test/kit/cpu.ts'
import { LIMITS } from '../../../../model/index.ts'
import { closestTemplate, templateMatcher } from './uri-template.ts'

describe('templates of resources', () => {
  const MATCHING: readonly (readonly [template: string, uri: string])[] = [
    ['file:///docs/{name}', 'file:///docs/plan.txt'],
    ['file:///docs/{name}', 'file:///docs/a%20b'],
    ['doc://{year}-{name}', 'doc://2026-plan'],
    ['doc://{year}-{name}', 'doc://2026-a-plan-for-2027'],
    ['doc://{a}--{b}', 'doc://----x'],
    ['doc://{a}{b}', 'doc://xy'],
    ['doc://{a}/x/{b}', 'doc://1/x/2'],
    ['doc://all', 'doc://all'],
    ['orders://list?customer={id}', 'orders://list?customer=7'],
    ['orders://list?customer={id}&all=false', 'orders://list?customer=7&all=false'],
    ['orders://list?customer={id}', 'orders://list?customer=a%26b%C3%A9~_.-'],
  ]
  for (const [template, uri] of MATCHING)
    it(`S11: ${template} matches ${uri}`, () => assert.ok(templateMatcher(template)(uri)))

  const OTHERS: readonly (readonly [template: string, uri: string])[] = [
    ['file:///docs/{name}', 'file:///docs/'],
    ['file:///docs/{name}', 'file:///docs/a/b'],
    ['file:///docs/{name}', 'file:///docs/a?b'],
    ['file:///docs/{name}', 'file:///docs/..'],
    ['file:///docs/{name}', 'file:///docs/%2e%2E'],
    // One thing has one spelling: an escape stands for nothing that goes without one, and has large letters.
    ...['%73alaries', 'salarie%73', '%4Can', 'a%2Db', 'a%5Fb', 'a%7Eb', 'a%2Eb', '%30', 'a%c3%a9', 'a%3a'].map(
      (name) => ['file:///docs/{name}', `file:///docs/${name}`] as const,
    ),
    ['https://{host}/a', 'https://Shop.example/a'],
    ['file:///docs/{name}', 'file:///docs/%252e%252e%252fetc'],
    ['file:///docs/{name}', 'file:///docs/a%2fb'],
    ['file:///docs/{name}', 'file:///docs/a\\b'],
    ['file:///docs/{name}', 'file:///docs/a%zz'],
    ['file:///docs/{name}', 'file:///docs/a%'],
    ['file:///docs/{name}', 'file:///docs/a%0a'],
    ['file:///docs/{name}.txt', 'file:///docs/secret.key\u0000.txt'],
    ['file:///docs/{name}', 'file:///docs/a\u0007'],
    ['file:///docs/{name}', 'file:///docs/Köln'],
    ['file:///docs/{name}', 'file:///docs/a\u2025'],
    ['file:///docs/{name}', 'file:///docs/a b'],
    ['doc://{year}-{name}', 'doc://2026-'],
    ['doc://{year}-{name}', 'doc://-2026'],
    ['doc://{a}--{b}', 'doc://a-b'],
    ['doc://{a}{b}', 'doc://x'],
    ['doc://{a}/x/{b}', 'doc://1/2/x/3'],
    ['doc://all', 'doc://all2'],
    ['doc://a.c', 'doc://abc'],
    // Of a template with a query, nothing more is asked than it says.
    ...[
      '7&customer=8',
      '7&fields=card&all=true',
      '7;all=true',
      '7+8',
      '7,8',
      '7=8',
      '*',
      "7'--",
      '7:8',
      '7@x',
      '[7]',
    ].map((id) => ['orders://list?customer={id}', `orders://list?customer=${id}`] as const),
    // Escapes that are no UTF-8: overlong, cut, surrogates, beyond Unicode; controls and ends of lines; climbs.
    ...[
      '%c0%af..',
      '%e0%80%af',
      '%c3',
      '%a9',
      '%ed%a0%80',
      '%f4%90%80%80',
      '%c2%85',
      '%e2%80%a8',
      '..%3b',
      '.%3Bx',
    ].map((name) => ['file:///docs/{name}', `file:///docs/${name}`] as const),
  ]
  for (const [template, uri] of OTHERS)
    it(`S11: ${template} does not match ${JSON.stringify(uri)}`, () => assert.ok(!templateMatcher(template)(uri)))

  it('S11: the template that says the most about a URI is the one it is judged by, in whatever order', () => {
    const templates = ['docs://{page}', 'docs://salaries', 'docs://hr-{page}', 'docs://{a}-{b}']
    for (const order of [templates, [...templates].reverse()]) {
      assert.equal(closestTemplate(order, 'docs://salaries'), 'docs://salaries')
      assert.equal(closestTemplate(order, 'docs://intro'), 'docs://{page}')
      assert.equal(closestTemplate(order, 'docs://hr-plan'), 'docs://hr-{page}')
      assert.equal(closestTemplate(order, 'docs://other-plan'), 'docs://{a}-{b}')
      assert.equal(closestTemplate(order, 'docs://%73alaries'), undefined)
    }
  })

  it('agrees with the pattern that the template stands for', () => {
    const part = fc.string({ unit: fc.constantFrom('a', '-', '/', '?', '.x'), maxLength: 5 })
    fc.assert(
      fc.property(fc.array(part, { minLength: 1, maxLength: 4 }), part, part, part, (literals, ...values) => {
        const escaped = literals.map((literal) => literal.replaceAll(/[.?]/g, '\\$&'))
        const whole = new RegExp(`^${escaped.join('([^/?#]+)')}$`)
        const template = literals.join('{v}')
        const near = literals.map((literal, i) => literal + (i < literals.length - 1 ? values[i] : '')).join('')
        for (const uri of [near, values.join('')]) {
          const dots = /(?:^|\/)\.{1,2}(?:[/?#]|$)/.test(uri)
          assert.equal(templateMatcher(template)(uri), uri !== '' && !dots && whole.test(uri), `${template} ${uri}`)
        }
      }),
      { numRuns: 5_000 },
    )
  })

  it('S17: a URI of 8 KiB is matched, a longer one is not', () => {
    const matcher = templateMatcher('doc://{name}')
    const longest = `doc://${'x'.repeat(LIMITS.resourceUriBytesMax - 6)}`
    assert.equal(LIMITS.resourceUriBytesMax, 8_192)
    assert.ok(matcher(longest))
    assert.ok(!matcher(`${longest}x`))
  })

  it('S14: two variables in one segment, and a URI of nothing but what lies between them: a thousand in a moment', () => {
    const matcher = templateMatcher('doc://{a}-{b}-{c}-{d}')
    const uri = `doc://${'-'.repeat(8_000)}/`
    const begun = cpuMs()
    for (let i = 0; i < 1_000; i++) assert.ok(!matcher(uri))
    assert.ok(cpuMs() - begun < 2_000)
  })
})
