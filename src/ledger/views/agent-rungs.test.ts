import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { agentName, type CellId, type Entry, newCellId, type Rung } from '../../model/index.ts'
import { AgentRungs } from './agent-rungs.ts'

const [agent, cell] = [agentName('bot'), newCellId(new Uint8Array(16).fill(1))]
const other = newCellId(new Uint8Array(16).fill(2))

describe('S9: where a ledger leaves an agent', () => {
  it('is the lowest that was said of any of its cells since a person’s last word about it', () => {
    assert.equal(left([]), 'normal')
    assert.equal(left([moved('quarantined'), moved('restricted', other)]), 'quarantined')
    assert.equal(left([moved('frozen'), released('restricted')]), 'restricted')
    assert.equal(left([moved('frozen'), released('normal'), moved('restricted', other)]), 'restricted')
    assert.equal(left([signalled('enforce')]), 'quarantined')
    assert.equal(left([signalled('observe')]), 'normal')
  })

  it('is changed by a person alone while a gateway serves: what lowers it then its warden holds', () => {
    const agents = new AgentRungs()
    agents.take(moved('frozen'))
    agents.takeNew(released('watched'))
    agents.takeNew(moved('killed'))
    agents.takeNew(signalled('enforce'))
    assert.equal(agents.rungOf(agent), 'watched')
  })

  it('may be asked of some cells alone', () => {
    const agents = new AgentRungs((each) => each === other)
    for (const entry of [moved('frozen'), moved('restricted', other), signalled('enforce')]) agents.take(entry)
    assert.deepEqual([...agents.rungs], [[agent, 'restricted']])
  })
})

function left(entries: readonly Entry[]): Rung {
  const agents = new AgentRungs()
  for (const entry of entries) agents.take(entry)
  return agents.rungOf(agent)
}

function moved(to: Rung, of: CellId = cell): Entry {
  return {
    kind: 'rung.changed',
    v: 1,
    seq: 1,
    atMs: 1,
    cell: of,
    agent,
    from: 'normal',
    to,
    by: 'firebreak',
    why: 'a test',
  }
}

function released(to: Rung): Entry {
  return { kind: 'rung.changed', v: 1, seq: 1, atMs: 1, agent, from: 'frozen', to, by: 'firebreak', why: 'a test' }
}

function signalled(mode: 'observe' | 'enforce'): Entry {
  const about = { cell, agent, detector: 'decoy', what: 'it did', evidence: [1], rung: 'quarantined' } as const
  return { kind: 'signal.raised', v: 1, seq: 1, atMs: 1, mode, ...about }
}
