import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { cellId, type Entry } from '../../model/index.ts'
import { RunSummary, type RunTold } from './run-summary.ts'

const CELL = cellId('c_0000000000000001')
const STARTED = { kind: 'cell.started', cell: CELL }

function summary(...bodies: readonly object[]): RunTold {
  const run = new RunSummary(CELL)
  for (const [seq, body] of bodies.entries()) run.take({ v: 1, seq, atMs: seq, ...body } as unknown as Entry)
  return run.value
}

describe('the summary of a run', () => {
  it('counts refusals, and holds that still wait, from the start of its cell on', () => {
    const held = (hold: string) => ({ kind: 'action.held', hold })
    const { waits, refused } = summary(
      held('a'),
      { kind: 'action.refused' },
      STARTED,
      ...['b', 'c', 'd', 'e', 'b'].map(held),
      { kind: 'action.intent', hold: 'b' },
      { kind: 'hold.answered', hold: 'c', approved: false },
      { kind: 'hold.answered', hold: 'd', approved: true },
      { kind: 'action.refused', more: 3 },
      { kind: 'action.refused' },
    )
    assert.deepEqual([waits, refused], [2, 5])
  })

  it('names upstreams that were left out, also before the start, and whether they came later', () => {
    const seen = (upstream: string, problem?: string) => ({ kind: 'upstream.seen', upstream, problem })
    const { left } = summary(seen('old', 'gone'), { kind: 'gateway.started' }, seen('a', 'no'), STARTED, seen('b', 'x'))
    assert.deepEqual([...left.keys()], ['a', 'b'])
    const later = summary(STARTED, seen('a', 'no'), { kind: 'gateway.started', replaces: 'lost' }, seen('a'), seen('b'))
    assert.deepEqual([...later.left], [['a', { problem: 'no', later: true }]])
  })

  it('tells the lowest rung that Firebreak moved the cell to, and what it had seen', () => {
    const moved = (more: object) => ({
      kind: 'rung.changed',
      cell: CELL,
      by: 'firebreak',
      to: 'watched',
      why: 'x',
      ...more,
    })
    assert.equal(summary(STARTED, moved({ cell: 'c_0000000000000002' }), moved({ by: 'ana' })).lowered, undefined)
    const raised = { kind: 'signal.raised', what: 'a decoy file was opened' }
    assert.deepEqual(summary(STARTED, moved({}), raised, moved({ to: 'quarantined', signal: 2 })).lowered, {
      to: 'quarantined',
      what: 'a decoy file was opened',
    })
  })

  it('lists each part of a list that the cell could not be shown once', () => {
    const cut = { kind: 'list.cut', upstream: 'a', list: 'tools', what: ['one is too large'] }
    const changed = { kind: 'definition.seen', upstream: 'a', tool: 't', problem: 'not accepted' }
    const { cuts } = summary(cut, STARTED, cut, changed, cut, { ...changed, tool: 'u' })
    assert.deepEqual(
      cuts.map((each) => (each.kind === 'list.cut' ? each.list : each.tool)),
      ['tools', 't', 'u'],
    )
  })
})
