import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { cpuMs } from '../../../../../test/kit/cpu.ts'
import { type Json, type JsonObject, jsonPath } from '../../../../model/index.ts'
import { masked } from './masked.ts'

const path = (text: string) => {
  const read = jsonPath(text)
  if (read === undefined) throw new Error(text)
  return read
}
const IBAN = [path('$.iban')]
const NUMBER = 'DE89370400440532013000'
const text = (value: Json) => ({ type: 'text', text: JSON.stringify(value) })

/** Each place of an answer that could repeat it, beside the declared one. */
const WAYS: Readonly<Record<string, JsonObject>> = {
  'its own _meta': { _meta: { seen: NUMBER } },
  'another member': { account: { number: NUMBER } },
  'a text that is none of JSON': { content: [{ type: 'text', text: `to ${NUMBER}` }] },
  'a text that is JSON of a text': { content: [text(`to ${NUMBER}`)] },
  annotations: { content: [{ ...text({ iban: NUMBER }), annotations: { title: NUMBER } }] },
  'the _meta of content': { content: [{ ...text({ iban: NUMBER }), _meta: { n: NUMBER } }] },
  'another member of content': { content: [{ ...text({ iban: NUMBER }), note: NUMBER }] },
  'an embedded resource': {
    content: [{ type: 'resource', resource: { uri: 'file:///a', text: `{"x":"${NUMBER}"}` } }],
  },
  'a text in a resource': { content: [{ type: 'resource', text: `{"x":"${NUMBER}"}`, resource: { uri: NUMBER } }] },
  'a blob': { content: [{ type: 'resource', resource: { uri: 'a:b', blob: Buffer.from(NUMBER).toString('base64') } }] },
  'a link': { content: [{ type: 'resource_link', uri: `https://x.example/${NUMBER}`, name: NUMBER }] },
  'an image': { content: [{ type: 'image', data: Buffer.from(NUMBER).toString('base64'), mimeType: NUMBER }] },
  'an unknown kind': { content: [{ type: 'table', rows: [NUMBER], text: JSON.stringify({ iban: NUMBER }) }] },
  'content that is no list': { content: NUMBER },
  'content that is a text': { content: [NUMBER] },
  'another field': { content: [text({ iban: NUMBER, note: `paid to ${NUMBER}` })] },
  'another spelling': { content: [text({ iban: NUMBER, note: 'de89 3704-0044 0532.0130 00' })] },
  'another block': { content: [text({ iban: NUMBER }), text({ number: NUMBER })] },
  'the name of a member': { content: [text({ iban: NUMBER, by: { [NUMBER]: 1 } })] },
  'the name of another block': { structuredContent: { iban: NUMBER }, content: [text({ [NUMBER]: true })] },
  'another depth': { content: [text({ data: { iban: NUMBER } })] },
  'another depth, with null in its place': { structuredContent: { iban: null, data: { iban: NUMBER } } },
  'another depth, with nothing in its place': { structuredContent: { iban: [{ of: '' }], data: { iban: NUMBER } } },
  'a list of them': { content: [text([{ iban: NUMBER }])] },
  'another case of its name': { content: [text({ IBAN: NUMBER })] },
  'structured content of another shape': { structuredContent: { result: [{ iban: NUMBER }] } },
  'structured content that is a text': { structuredContent: NUMBER as unknown as JsonObject },
  'messages of a prompt': { messages: [{ role: 'user', content: { type: 'text', text: NUMBER } }] },
  'contents of a resource': { contents: [{ uri: NUMBER, text: NUMBER }] },
  'a text of JSON in structured content': { structuredContent: { result: JSON.stringify({ iban: NUMBER }) } },
  'a sentence in structured content': {
    structuredContent: { result: `Ann, IBAN ${NUMBER}` },
    content: [{ type: 'text', text: `Ann, IBAN ${NUMBER}` }],
  },
  'structured content beside an empty content': { structuredContent: { result: `IBAN ${NUMBER}` }, content: [] },
  'a number in structured content': { structuredContent: { result: 370400440532013000 } },
  'a text of JSON in a list': {
    structuredContent: { iban: 'DE1' },
    content: [text([JSON.stringify({ iban: NUMBER })])],
  },
  'a text of JSON of a text of JSON': {
    structuredContent: { iban: 'DE1' },
    content: [text({ a: JSON.stringify(JSON.stringify({ iban: NUMBER })) })],
  },
  'a text that is nearly JSON': {
    structuredContent: { iban: 'DE1' },
    content: [text({ iban: 'DE1', rows: `{'iban': '${NUMBER}'}` })],
  },
  'a list with a number that is none of JSON': {
    structuredContent: { iban: 'DE1' },
    content: [text({ iban: 'DE1', rows: `[NaN, {"iban" : "${NUMBER}"}]` })],
  },
  'a list with a number that is too long to be kept': {
    structuredContent: { iban: 'DE1' },
    content: [text({ iban: 'DE1', rows: `[1e9999999,{"iban":"${NUMBER}"}]` })],
  },
  'JSON after JSON': {
    structuredContent: { iban: 'DE1' },
    content: [text({ iban: 'DE1', log: `{"iban":"DE1"}\n{"iban":"${NUMBER}"}` })],
  },
  'a member that is written twice': {
    structuredContent: { iban: 'DE1' },
    content: [text({ iban: 'DE1', x: `{"a":{"iban":"${NUMBER}"},"a":1}` })],
  },
  'JSON in the field itself': {
    structuredContent: { iban: JSON.stringify({ number: NUMBER }) },
    content: [text({ iban: JSON.stringify({ number: NUMBER }), note: `to ${NUMBER}` })],
  },
  'a depth that nobody reads': {
    content: [{ type: 'text', text: `${'['.repeat(3_000)}"${NUMBER}"${']'.repeat(3_000)}` }],
  },
}

describe('fields that no cell sees', () => {
  for (const [way, result] of Object.entries(WAYS))
    it(`S10: are not shown by way of ${way}`, () => {
      const shown = JSON.stringify(masked({ structuredContent: { iban: NUMBER }, ...result }, IBAN))
      assert.doesNotMatch(shown.toLowerCase().replaceAll(/[^a-z0-9]/g, ''), /370400440532013000/)
      assert.ok(!shown.includes(Buffer.from(NUMBER).toString('base64')))
    })

  it('all else of what can be told apart is as it was', () => {
    const value = { name: 'Ana', iban: NUMBER, rows: [{ n: 1, ok: true, none: null }], amount: 12.5 }
    const result = { structuredContent: value, content: [text(value)], isError: false }
    const instead = { ...value, iban: '[masked]' }
    assert.deepEqual(masked(result, IBAN), { structuredContent: instead, content: [text(instead)], isError: false })
  })

  it('a number and an object are masked whole, and found again', () => {
    const value = { card: { number: 4111111111111111, cvv: '123' }, note: '4111 1111 1111 1111', qty: 123, n: 7 }
    assert.deepEqual(masked({ structuredContent: value }, [path('$.card')]).structuredContent, {
      card: '[masked]',
      note: '[masked]',
      qty: '[masked]',
      n: 7,
    })
  })

  it('short values and truths are masked in their places, also in a text of JSON', () => {
    const body = JSON.stringify({ name: 'Ann', cvv: '123', hiv: true })
    const instead = JSON.stringify({ name: 'Ann', cvv: '[masked]', hiv: '[masked]' })
    const paths = [path('$.cvv'), path('$.hiv')]
    const result = { content: [{ type: 'text', text: body }], structuredContent: { result: body } }
    assert.deepEqual(masked(result, paths), {
      content: [{ type: 'text', text: instead }],
      structuredContent: { result: instead },
    })
    assert.deepEqual(masked({ structuredContent: { cvv: '123', note: 'it is 123.', n: 'x1234' } }, paths), {
      structuredContent: { cvv: '[masked]', note: '[masked]', n: 'x1234' },
    })
  })

  it('where nothing is a declared field, no text and no longer number is passed on', () => {
    const value = { rows: [], note: 'none', total: 0, code: 404, more: false, next: null }
    assert.deepEqual(masked({ structuredContent: value }, [path('$.rows[*].iban')]).structuredContent, {
      ...value,
      note: '[masked]',
      code: '[masked]',
    })
  })

  it('of rows, those of each', () => {
    const rows = [{ iban: 'DE1000', name: 'a' }, { name: 'b' }, { iban: 'DE2000', name: 'see DE1000' }]
    assert.deepEqual(masked({ content: [text({ rows })] }, [path('$.rows[*].iban')]).content, [
      text({ rows: [{ iban: '[masked]', name: 'a' }, { name: 'b' }, { iban: '[masked]', name: '[masked]' }] }),
    ])
  })

  it('of a row that has another shape, those of that name', () => {
    const ways: readonly Json[] = [
      { payment: { iban: 'DE2000' } },
      { IBAN: 'DE2000' },
      { iban: null, of: { iban: 'DE2000' } },
    ]
    for (const way of ways) {
      const rows = [{ iban: 'DE1000', to: { iban: 'AT1' } }, way, [{ iban: 'DE2000' }]]
      const shown = JSON.stringify(masked({ structuredContent: { rows } }, [path('$.rows[*].iban')]))
      assert.doesNotMatch(shown, /DE/)
      assert.match(shown, /"to":\{"iban":"AT1"\}/)
    }
  })

  it('a large answer with many of them takes no longer than a call may', () => {
    const rows = Array.from({ length: 5_000 }, (_, i) => ({
      iban: `DE${i}`.padEnd(8 + (i % 24), '7'),
      note: 'x'.repeat(400),
    }))
    const begun = cpuMs()
    const shown = JSON.stringify(masked({ structuredContent: { rows } }, [path('$.rows[*].iban')]))
    assert.doesNotMatch(shown, /DE\d/)
    assert.ok(cpuMs() - begun < 10_000)
  })

  it('wherever it is put in any answer, it is not shown', () => {
    const place = fc.letrec<{ value: Json }>((tie) => ({
      value: fc.oneof(
        { maxDepth: 4 },
        fc.constantFrom<Json>(NUMBER, `to ${NUMBER}.`, 1, 'x', null),
        fc.array(tie('value'), { maxLength: 3 }),
        fc.dictionary(fc.constantFrom('iban', 'a', 'type', 'text', 'content', NUMBER), tie('value'), { maxKeys: 3 }),
      ),
    })).value
    fc.assert(
      fc.property(fc.array(place), place, (content, other) => {
        const blocks = content.map((value) => ({ type: 'text', text: JSON.stringify(value) }))
        const result = { structuredContent: { iban: NUMBER, other }, content: [...content, ...blocks], other }
        assert.ok(!JSON.stringify(masked(result, IBAN)).includes(NUMBER))
      }),
      { numRuns: 200 },
    )
  })
})
