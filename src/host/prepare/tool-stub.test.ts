import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { parse } from 'yaml'
import { GRAPHEME } from '../../../test/kit/texts.ts'
import { stubLines, stubsOf, toolStub, yamlText } from './tool-stub.ts'

describe('what is written for a tool that nobody has judged', () => {
  it('is irreversible, unless the server says that it is harmless', () => {
    const effect = (annotations?: object) =>
      toolStub({ name: 't', ...(annotations && { annotations: { ...annotations } }) })?.effect
    assert.equal(effect(), 'irreversible')
    assert.equal(effect({ readOnlyHint: false, destructiveHint: true }), 'irreversible')
    assert.equal(effect({ readOnlyHint: 'true' }), 'irreversible')
    assert.equal(effect({ destructiveHint: false }), 'write')
    assert.equal(effect({ readOnlyHint: true }), 'read')
  })

  it('names the arguments that lead somewhere, of what has an effect', () => {
    const inputSchema = { properties: { to: { type: 'string' }, count: { type: 'number' }, 'x y': { type: 'string' } } }
    const stubs = [
      toolStub({ name: 'send', inputSchema }),
      toolStub({ name: 'list', inputSchema, annotations: { readOnlyHint: true } }),
    ]
    assert.deepEqual(
      stubLines(
        stubs.filter((stub) => stub !== undefined),
        '',
      ),
      [
        'list: { effect: read, returns: [untrusted] }',
        'send: { effect: irreversible, returns: [untrusted] }   # leads somewhere: $.to',
      ],
    )
  })

  it('is nothing for what could not be accepted, and why is told', () => {
    const inputSchema = { type: 'object', properties: {} }
    const ahead = { name: 'ahead', inputSchema: { type: 'object', properties: { q: { pattern: '^(?!x)' } } } }
    const lost = [{ name: 'broken', why: 'not JSON' }]
    const { stubs, unfit } = stubsOf({ tools: [{ name: 'stock', inputSchema }, ahead], lost })
    assert.deepEqual(
      stubs.map(({ name }) => name),
      ['stock'],
    )
    assert.deepEqual(unfit[0], { name: 'broken', why: 'it cannot be read: not JSON' })
    assert.match(unfit[1]?.why ?? '', /^its input schema cannot be checked: /)
  })

  it('is YAML of exactly that tool, whatever a server calls it', () => {
    fc.assert(
      fc.property(fc.string({ minLength: 1, maxLength: 200, unit: GRAPHEME }), (name) => {
        const stub = toolStub({ name })
        if (stub === undefined) return
        const read: unknown = parse(stubLines([stub], '').join('\n'), { version: '1.2' })
        assert.deepEqual(read, { [name]: { effect: 'irreversible', returns: ['untrusted'] } })
        assert.equal(parse(yamlText(name)), name)
        assert.doesNotMatch(yamlText(name), /[\p{Cc}\p{Cf}\u2028\u2029]/u)
      }),
    )
  })

  it('is text where a name looks like something else that YAML has', () => {
    const names = ['.inf', '-.Inf', '.NaN', '.5', '.1e5', '.', '..', '~', '0x1', 'null', 'True', 'y', 'e1', './x', '_1']
    for (const version of ['1.1', '1.2'] as const)
      assert.deepEqual(parse(`[${names.map(yamlText).join(', ')}]`, { version }), names)
    assert.equal(yamlText('./x'), './x')
  })

  it('shows what a name would hide', () => {
    assert.equal(yamlText('read\u202eeteled\u{e0041}'), '"read\\U0000202eeteled\\U000e0041"')
  })

  it('is nothing where a name would end a line', () => {
    assert.equal(toolStub({ name: 'a\nb' }), undefined)
    assert.equal(toolStub({ name: '' }), undefined)
  })
})
