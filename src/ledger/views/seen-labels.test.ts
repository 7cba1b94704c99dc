import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Entry } from '../../model/entry.ts'
import { type AgentName, type Label, LIMITS, UNTRUSTED } from '../../model/index.ts'
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

  it('X1: what a cell began with counts like what it saw, but for one that was delegated to', () => {
    const seen = new SeenLabels()
    const started = { kind: 'cell.started', agent: AGENT, labels: [UNTRUSTED] }
    seen.take({ ...started, atMs: 90, delegation: 'd_1' } as unknown as Entry)
    assert.deepEqual(seen.in(AGENT, [[0, null]]), [])
    seen.take({ ...started, atMs: 100 } as unknown as Entry)
    assert.deepEqual(seen.in(AGENT, [[0, null]]), [UNTRUSTED])
    assert.deepEqual(seen.in(AGENT, [[101, null]]), [], 'its changes were thrown away')
  })

  it('X1: landed work holds what its agent’s cells had begun with and seen until then, or could have seen elsewhere', () => {
    const [begun, seenIn, other] = ['confidential:files', 'confidential:hr', 'confidential:x'] as Label[]
    const seen = new SeenLabels()
    seen.take({ kind: 'cell.started', agent: AGENT, labels: [begun], atMs: 90 } as unknown as Entry)
    seen.take({ kind: 'label.seen', agent: AGENT, label: seenIn, atMs: 100 } as Entry)
    const work = (untilMs: number, more: object = {}) =>
      seen.landed({ agent: AGENT, untilMs, elsewhere: false, otherwise: [other as Label], ...more })
    assert.deepEqual(work(100), [begun, seenIn])
    assert.deepEqual(work(95), [begun])
    assert.deepEqual(work(100, { elsewhere: true }), [other])
    assert.deepEqual(work(100, { agent: 'beta' }), [other], 'of whom the ledger says nothing')
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
