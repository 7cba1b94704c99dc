import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { LineReader } from './lines.ts'

/** Returns the lines that a reader tells of chunks: each as it is, the beginning of one that is too long after `>`, and the end of all. */
function told(chunks: readonly string[], bytesMax = 4, passedMax = 100): readonly string[] {
  const reader = new LineReader(bytesMax, passedMax)
  return chunks.flatMap((chunk) => {
    const lines = reader.push(Buffer.from(chunk))
    if (lines === undefined) return ['ended']
    return lines.map((line) => ('begins' in line ? `>${Buffer.from(line.begins)}` : Buffer.from(line).toString()))
  })
}

describe('lines of a server', () => {
  it('come without their ends, however they are cut', () => {
    assert.deepEqual(told(['ab\nc', 'd\n', '\n', 'e']), ['ab', 'cd'])
    assert.deepEqual(told(['\n\n', '\nab\n\n\ncd', '\n', '\n\n']), ['ab', 'cd'], 'an empty one is none')
    assert.deepEqual(told(['abcd\n']), ['abcd'])
  })

  it('S17: one that is longer than it may be is told by its beginning, once, and those after it come', () => {
    assert.deepEqual(told(['abcde\nfg\n']), ['>abcde', 'fg'])
    assert.deepEqual(told(['abc', 'def', 'ghi', 'j\nk\n']), ['>abc', 'k'])
    assert.deepEqual(told(['abcde\nfghij\nk\n']), ['>abcde', '>fghij', 'k'])
  })

  it('S17: one that does not end is the end', () => {
    assert.deepEqual(told(['abcde', ...Array<string>(12).fill('0123456789')]).slice(-2), ['ended', 'ended'])
  })
})
