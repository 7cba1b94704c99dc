import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import { ALWAYS } from '../../model/index.ts'
import { livedSpans, markCommitted, markDiscarded, markRestored } from './workspace-marks.ts'

describe('S15: what people did with a workspace', () => {
  const state = mkdtempSync(join(tmpdir(), 'firebreak-test-'))
  after(() => rmSync(state, { recursive: true, force: true }))

  it('S15: labels fall when its changes are thrown away, and never again once some have landed', () => {
    assert.deepEqual(livedSpans(state, 'desk'), ALWAYS)
    markDiscarded(state, 'desk', 5)
    assert.deepEqual(livedSpans(state, 'desk'), [[5, null]])
    assert.deepEqual(livedSpans(state, 'other'), ALWAYS)
    markCommitted(state, 'desk')
    assert.deepEqual(livedSpans(state, 'desk'), ALWAYS)
    markDiscarded(state, 'desk', 9)
    assert.deepEqual(livedSpans(state, 'desk'), ALWAYS)
  })

  it('S15: restored files have the labels of the checkpoint’s time, and what came after it is not forgotten once some landed', () => {
    markRestored(state, 'back', ALWAYS, 100, 200)
    assert.deepEqual(livedSpans(state, 'back'), [
      [0, 100],
      [200, null],
    ])
    markCommitted(state, 'back')
    assert.deepEqual(livedSpans(state, 'back'), ALWAYS)
  })

  it('S15: a file that cannot be read lets nothing fall', () => {
    markDiscarded(state, 'late', 7)
    writeFileSync(join(state, 'workspaces.json'), '{"late":')
    assert.deepEqual(livedSpans(state, 'late'), ALWAYS)
  })
})
