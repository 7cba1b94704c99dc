import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Agent, Config } from '../../config/config.ts'
import { agentName, environmentName, type Label, UNTRUSTED } from '../../model/index.ts'
import { type FollowingCell, followConfig } from './follow-config.ts'

const ALPHA = agentName('alpha')
const SECRET = 'confidential' as Label

function declared(labels: readonly Label[] | undefined, more: object = {}): Agent {
  const cell = { labels: labels ?? [UNTRUSTED], labelled: labels !== undefined, files: new Map(), workspace: '/work' }
  const agent = { name: ALPHA, environment: environmentName('test'), grants: ['one'], delegates: [ALPHA], cell }
  return { ...agent, ...more } as unknown as Agent // what is looked at
}

const configOf = (...agents: readonly Agent[]) =>
  ({ agents: new Map(agents.map((agent) => [agent.name, agent])) }) as unknown as Config // as above

describe('a cell that follows a configuration', () => {
  it('keeps its labels and gets those that its surroundings have anew, by what it was shown', () => {
    const cell: FollowingCell = { agent: declared([]), command: ['/bin/sh'] }
    assert.deepEqual(followConfig(cell, configOf(declared([SECRET]))), [SECRET])
    assert.deepEqual(followConfig(cell, configOf(declared([]))), [SECRET], 'labels only rise')
    const other = declared([], { cell: { ...declared([]).cell, workspace: '/other' } })
    followConfig(cell, configOf(other))
    assert.equal(cell.agent.cell.workspace, '/work')
    assert.deepEqual(followConfig(cell, configOf(declared(undefined))), [SECRET, UNTRUSTED])
  })

  it('has nothing any more once its agent was declared no more, or elsewhere, whatever is declared later', () => {
    for (const gone of [configOf(), configOf(declared([], { environment: environmentName('live') }))]) {
      const cell: FollowingCell = { agent: declared([]), command: ['/bin/sh'] }
      assert.deepEqual(followConfig(cell, gone), [])
      followConfig(cell, configOf(declared([SECRET])))
      const { grants, delegates, environment } = cell.agent
      assert.deepEqual([grants, delegates, environment, cell.undeclared], [[], [], 'test', true])
    }
  })
})
