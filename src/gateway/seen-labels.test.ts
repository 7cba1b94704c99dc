import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Entry } from '../model/entry.ts'
import { type AgentName, LIMITS, UNTRUSTED } from '../model/index.ts'
import { SeenLabels } from './seen-labels.ts'

const AGENT = 'alpha' as AgentName
const seenAt = (atMs: number) => ({ kind: 'label.seen', agent: AGENT, label: UNTRUSTED, atMs }) as Entry

describe('what an agent’s cells have seen, and when', () => {
  it('X1: counts for files that have lived one of the times, and for no others', () => {
    const seen = new SeenLabels()
    for (const atMs of [100, 200]) seen.take(seenAt(atMs))
    assert.deepEqual(seen.in(AGENT, [[0, 99]]), [])
    assert.deepEqual(seen.in(AGENT, [[101, 199]]), [])
    assert.deepEqual(seen.in(AGENT, [[150, null]]), [UNTRUSTED])
    assert.deepEqual(seen.in('beta' as AgentName, [[0, null]]), [])
  })

  it('S17: of one label so many times are kept, and then more counts than has to, never less', () => {
    const seen = new SeenLabels()
    for (let i = 0; i < LIMITS.seenLabelTimesMax + 10; i++) seen.take(seenAt(1_000 + i * 10))
    for (let i = 0; i < LIMITS.seenLabelTimesMax + 10; i++)
      assert.deepEqual(seen.in(AGENT, [[1_000 + i * 10, 1_000 + i * 10]]), [UNTRUSTED])
    assert.deepEqual(seen.in(AGENT, [[1_001, 1_009]]), [UNTRUSTED], 'the oldest are one stretch')
    assert.deepEqual(
      seen.in(AGENT, [[1_000 + 10 * LIMITS.seenLabelTimesMax + 1, 1_000 + 10 * LIMITS.seenLabelTimesMax + 9]]),
      [],
    )
    assert.deepEqual(seen.in(AGENT, [[0, 999]]), [])
  })
})
