import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { ALWAYS, inSpans, putBack, SPANS_MAX, type Spans } from './span.ts'

describe('stretches of time', () => {
  it('what was between a checkpoint and its restoration has not been lived', () => {
    const spans = putBack(ALWAYS, 100, 200)
    assert.deepEqual(spans, [
      [0, 100],
      [200, null],
    ])
    assert.deepEqual(
      [0, 100, 101, 199, 200, 10_000].map((atMs) => inSpans(spans, atMs)),
      [true, true, false, false, true, true],
    )
  })

  it('a state that was itself left behind has lived what led to it', () => {
    // Saved at 100, saved at 150, put back to 100 at 200, put back to 150 at 300: the branch that was left lives again.
    const at150: Spans = ALWAYS
    const now = putBack(at150, 150, 300)
    assert.deepEqual(
      [120, 160, 250, 300].map((atMs) => inSpans(now, atMs)),
      [true, false, false, true],
    )
    // Saved in the second life, after a gap: the gap stays one.
    const later = putBack(putBack(ALWAYS, 100, 200), 250, 400)
    assert.deepEqual(later, [
      [0, 100],
      [200, 250],
      [400, null],
    ])
  })

  it('S17: the oldest gap is closed when there are too many, and nothing that was lived is forgotten', () => {
    let spans: Spans = ALWAYS
    const lived: number[] = [0]
    for (let i = 1; i <= 2 * SPANS_MAX; i++) {
      spans = putBack(spans, i * 100, i * 100 + 50)
      lived.push(i * 100, i * 100 + 50)
    }
    assert.equal(spans.length, SPANS_MAX)
    assert.deepEqual(
      lived.filter((atMs) => !inSpans(spans, atMs)),
      [],
    )
    assert.equal(inSpans(spans, 2 * SPANS_MAX * 100 + 25), false, 'control: the newest gap is still one')
  })
})
