import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { CODE_POINT } from '../../../../test/kit/texts.ts'
import { LIMITS } from '../../../model/index.ts'
import { SseReader, sseText } from './sse.ts'

const bytes = (text: string) => new TextEncoder().encode(text)
const read = (...chunks: readonly Uint8Array[]) => {
  const reader = new SseReader()
  return chunks.flatMap((chunk) => reader.push(chunk)).map((event) => event.data)
}

describe('SseReader', () => {
  it('reads events as the standard’s examples do', () => {
    assert.deepEqual(read(bytes(': comment\n\ndata: first\nid: 1\n\ndata:second\nid\n\ndata:  third\n\n')), [
      'first',
      'second',
      ' third',
    ])
    assert.deepEqual(read(bytes('data: YHOO\ndata: +2\ndata: 10\n\n')), ['YHOO\n+2\n10'])
    assert.deepEqual(read(bytes('data: no end')), [])
    assert.deepEqual(read(bytes('\ufeffdata: after a mark\n\n')), ['after a mark'])
  })

  it('gives the same events however the bytes are cut, with each kind of line end', () => {
    const event = fc.jsonValue({ stringUnit: CODE_POINT }).map((value) => JSON.stringify(value))
    const end = fc.constantFrom('\n', '\r\n', '\r')
    fc.assert(
      fc.property(
        fc.array(event, { maxLength: 5 }),
        end,
        fc.infiniteStream(fc.integer({ min: 1, max: 7 })),
        (events, eol, sizes) => {
          const all = bytes(events.map(sseText).join('').replaceAll('\n', eol))
          const chunks: Uint8Array[] = []
          for (let at = 0; at < all.length; ) {
            const size = sizes.next().value ?? 1
            chunks.push(all.subarray(at, at + size))
            at += size
          }
          assert.deepEqual(
            read(...chunks),
            events.map((text) => text.toWellFormed()),
          )
        },
      ),
    )
  })

  it('counts the bytes since its last event that belong to none', () => {
    const reader = new SseReader()
    const passed = (text: string) => {
      reader.push(bytes(text))
      return reader.passed
    }
    assert.deepEqual(
      ['\n'.repeat(1_000), '\r'.repeat(500), '\n', '\r\n', ': on\n\n', 'data:\n\n'].map(passed),
      [1_000, 1_500, 1_501, 1_503, 1_509, 1_516],
    )
    assert.deepEqual(['data: 1\n', '\n', 'id: 1\n', '\n'].map(passed), [1_516, 0, 0, 7])
  })

  it('S17: takes time by its bytes, whatever they are: looks for no line end twice, and makes no text of no data', (t) => {
    let looked = 0
    const lookIn = Uint8Array.prototype.indexOf
    t.mock.method(Uint8Array.prototype, 'indexOf', function (this: Uint8Array, byte: number, from = 0) {
      const at = lookIn.call(this, byte, from)
      looked += (at === -1 ? this.length : at + 1) - from
      return at
    })
    const decoded = t.mock.method(TextDecoder.prototype, 'decode')
    const made = t.mock.method(Buffer.prototype, 'toString')
    for (const ends of ['\r', '\n', '\r\n', ':\r', ':\n', 'id\n']) {
      looked = 0
      new SseReader().push(bytes(ends.repeat(65_536 / ends.length)))
      assert.ok(looked <= 3 * 65_536, `${JSON.stringify(ends)}: ${looked} bytes`)
      assert.equal(decoded.mock.callCount() + made.mock.callCount(), 0, JSON.stringify(ends))
    }
  })

  it('S17: refuses an event larger than an answer may be, and bytes that are not UTF-8', () => {
    const reader = new SseReader()
    const chunk = bytes(`data: ${'x'.repeat(65_536)}`)
    assert.throws(() => {
      for (let sent = 0; sent <= LIMITS.answerBytesMax; sent += chunk.length) reader.push(chunk)
    }, RangeError)
    assert.throws(() => read(Uint8Array.of(0x64, 0xc0, 0xaf, 0x0a)), TypeError)
  })
})
