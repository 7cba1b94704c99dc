import assert from 'node:assert/strict'
import { chownSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { it } from 'node:test'
import { STATE_PARTS } from './state.ts'
import { surveyWorkspace } from './workspace-survey.ts'

it('S10: what belongs to a state in a workspace is given to nobody by the advice', {
  skip: process.getuid?.() !== 0,
}, () => {
  const base = mkdtempSync(join(tmpdir(), 'firebreak-survey-'))
  try {
    for (const part of STATE_PARTS) mkdirSync(join(base, 'other/.firebreak', part), { recursive: true })
    mkdirSync(join(base, 'other/data'))
    const given = () => surveyWorkspace(base, 'full').map(({ what }) => what)
    for (const part of ['', ...STATE_PARTS])
      chownSync(join(base, 'other/.firebreak', part), 1_900_000_001, 1_900_000_001)
    assert.deepEqual(given(), [])
    chownSync(join(base, 'other/data'), 1_900_000_001, 1_900_000_001)
    assert.match(given().join('\n'), /it cannot change other\/data$/)
  } finally {
    rmSync(base, { recursive: true, force: true })
  }
})
