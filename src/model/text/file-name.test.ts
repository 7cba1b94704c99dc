import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { CODE_POINT } from '../../../test/kit/texts.ts'
import { bytesOf, nameBytes, nameText, shownName } from './file-name.ts'

const read = (...bytes: readonly number[]) => nameText(Buffer.from(bytes).toString('latin1'))

describe('names of files as text', () => {
  it('any bytes are a text of their own, and come back', () => {
    const pieces = fc.oneof(
      fc.uint8Array({ maxLength: 6 }),
      fc.string({ unit: CODE_POINT, maxLength: 4 }).map((text) => Buffer.from(text)),
    )
    fc.assert(
      fc.property(fc.array(pieces, { maxLength: 6 }), (parts) => {
        const bytes = Buffer.concat(parts)
        const text = nameText(bytes.toString('latin1'))
        assert.deepEqual(bytesOf(text), bytes)
        assert.deepEqual(Buffer.from(nameBytes(text)), bytes)
        const plain = new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes)
        assert.equal(text.isWellFormed(), Buffer.from(plain).equals(bytes))
        if (text.isWellFormed()) assert.equal(text, plain)
      }),
    )
  })

  it('a byte that is no UTF-8 stands for itself beside text that is, and is shown as what it is', () => {
    assert.equal(read(0x63, 0xe9, 0x2f, 0xc3, 0xa9), 'c\udce9/é')
    assert.equal(shownName(read(0x63, 0xe9, 0x2f, 0xc3, 0xa9)), 'c\\xe9/é')
    // Surrogates and long forms in UTF-8 are none.
    assert.equal(shownName(read(0xed, 0xb2, 0x80)), '\\xed\\xb2\\x80')
    assert.equal(shownName(read(0xc0, 0xaf)), '\\xc0\\xaf')
    // The second half of a pair is no byte.
    assert.equal(shownName('\u{1f480}'), '\u{1f480}')
    assert.deepEqual(bytesOf('\u{1f480}\udc80'), Buffer.from([0xf0, 0x9f, 0x92, 0x80, 0x80]))
  })
})
