import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Agent, CellConfig, Config } from '../../config/config.ts'
import { agentName, type Label, NO_DECOYS } from '../../model/index.ts'
import { nextStartOf } from './next-start.ts'

const ALPHA = agentName('alpha')

/** Returns a configuration of one agent, with nothing but what is compared. */
function configOf(cell: Partial<CellConfig> = {}, files: readonly string[] = []): Config {
  const whole = { labels: [], labelled: false, files: new Map(), env: new Map(), cpu: 1, ...cell }
  const agent = { name: ALPHA, cell: whole, command: ['true'] } as unknown as Agent // as above
  const containment = { decoys: { ...NO_DECOYS, files } }
  return { agents: new Map([[ALPHA, agent]]), containment } as unknown as Config // as above
}

describe('what a cell that runs does not follow', () => {
  it('is told member by member, decoys in files among it; what is followed is not', () => {
    const label = 'confidential' as Label
    const before = configOf({ labels: [label] })
    const told = (after: Config) => nextStartOf(before, after).flatMap(({ agent, what }) => [agent, ...what])
    assert.deepEqual(told(configOf({ labels: [label, 'internal' as Label], labelled: true })), [])
    assert.deepEqual(told(configOf({ labels: [label], files: new Map([['/a', '/b']]), cpu: 2, pids: 9 })), [
      'alpha',
      'files',
      'limits',
    ])
    assert.deepEqual(told(configOf({ labels: [] })), ['alpha', 'fewer labels'])
    assert.deepEqual(told(configOf({ labels: [label] }, ['/workspace/.aws'])), ['alpha', 'decoy files'])
    assert.deepEqual(told({ ...before, agents: new Map() }), [], 'nothing starts of one that is gone')
  })
})
