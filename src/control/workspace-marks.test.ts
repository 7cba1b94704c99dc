import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import { keptSinceMs, markCommitted, markDiscarded } from './workspace-marks.ts'

describe('S15: what people did with a workspace', () => {
  const state = mkdtempSync(join(tmpdir(), 'firebreak-test-'))
  after(() => rmSync(state, { recursive: true, force: true }))

  it('S15: labels fall when its changes are thrown away, and never again once some have landed', () => {
    assert.equal(keptSinceMs(state, 'desk'), 0)
    markDiscarded(state, 'desk', 5)
    assert.equal(keptSinceMs(state, 'desk'), 5)
    assert.equal(keptSinceMs(state, 'other'), 0)
    markCommitted(state, 'desk')
    assert.equal(keptSinceMs(state, 'desk'), 0)
    markDiscarded(state, 'desk', 9)
    assert.equal(keptSinceMs(state, 'desk'), 0)
  })

  it('S15: a file that cannot be read lets nothing fall', () => {
    markDiscarded(state, 'late', 7)
    writeFileSync(join(state, 'workspaces.json'), '{"late":')
    assert.equal(keptSinceMs(state, 'late'), 0)
  })
})
