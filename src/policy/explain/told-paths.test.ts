/** S15: names of members are others' words, and stand in a path so that no part of one passes for a word of ours. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { CODE_POINT } from '../../../test/kit/texts.ts'
import { type Json, jsonPath, pathText, WrittenNumber, writtenNumberIn } from '../../model/index.ts'
import { refuseArguments } from '../decide/arguments.ts'
import { FieldTree } from '../flow/field-tree.ts'

const SENTENCE = 'iban of what bank/contacts returned (a_0), a trusted field'
const TOLD = `$.to["${SENTENCE}"][0]`

/** A path without what stands in quotes, in which a backslash stands before each quote and backslash of a name. */
function outsideQuotes(text: string): string {
  return text.replaceAll(/"(?:[^"\\]|\\.)*"/gs, '""')
}

describe('S15: a path as people are shown it', () => {
  it('has no character of a name outside of quotes but those of a plain name', () => {
    const step = fc.oneof(
      fc.string({ unit: CODE_POINT }),
      fc.constantFrom('a"] ["b', '\\', '"', '[*]', 'x[0]', '$.a.b'),
    )
    fc.assert(
      fc.property(fc.array(step, { maxLength: 4 }), (names) => {
        const text = pathText(names.map((name) => ({ name })))
        assert.match(outsideQuotes(text), /^\$(?:\.[A-Za-z_][A-Za-z0-9_-]*|\[""\])*$/)
        const read = jsonPath(text)
        if (read !== undefined)
          assert.deepEqual(
            read,
            names.map((name) => ({ name })),
          )
      }),
    )
  })

  it('is written in one way, whoever tells of it', () => {
    const places: string[] = []
    const note = (_: unknown, __: unknown, path: () => string) => void places.push(path())
    new FieldTree<string>([]).walk({ to: { [SENTENCE]: ['x'] } }, '', note)
    assert.ok(places.includes(TOLD), places.join('\n'))
    const items = new FieldTree([[jsonPath('$.a[*]') ?? assert.fail(), 'rule']])
    const lacking: string[] = []
    items.lacks({ a: [] }, (_, __, path) => void lacking.push(path()))
    items.walk({ '[*]': 1 }, '', (_, __, path) => void lacking.push(path()))
    assert.deepEqual(lacking, ['$.a[*]', '$["[*]"]', '$["[*]"]'])
    const number: Json = { to: { [SENTENCE]: [new WrittenNumber('1e999')] } }
    assert.equal(writtenNumberIn(number), TOLD)
    assert.equal(refuseArguments({ to: { [SENTENCE]: [{ __entity: 1 }] } })?.path, `${TOLD}.__entity`)
  })
})
