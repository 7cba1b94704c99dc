/** Delegation between real cells: the warden makes the cell that the gateway asks for, and both end together. */
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { firebreak, ledgerOf, NODE_CELL, repository, SKIP } from '../kit/command-line.ts'
import { writeConfig } from '../kit/config-text.ts'
import { temporaryDirectory } from '../kit/temporary.ts'

const AGENTS = '/opt/lib/agents'
const cell = {
  files: { ...NODE_CELL.files, [AGENTS]: join(repository, 'test/e2e/agents') },
  env: {},
}
const script = (role: string) => ['/opt/node', `${AGENTS}/delegator.ts`, role]

describe('S5, S13: delegation between real cells', { skip: SKIP }, () => {
  it('the helper has its part and no more, reports, and is gone with its giver', async () => {
    const directory = temporaryDirectory()
    const grants = [{ upstream: 'memory', tools: ['read_graph', 'create_entities'], expires: '1h' }]
    const config = writeConfig(directory, {
      upstreams: {
        memory: {
          mcp: {
            command: ['/opt/node', '/opt/lib/node_modules/@modelcontextprotocol/server-memory/dist/index.js'],
            cell: NODE_CELL,
          },
          tools: { read_graph: 'read', create_entities: 'write' },
        },
      },
      agents: {
        giver: { cell, grants, delegates: ['helper'], command: script('giver') },
        helper: { cell, grants: [], command: script('helper') },
      },
    })
    const accepted = await firebreak(['accept', '--config', config, '--as', 'maria.silva@shop.example', '--yes'])
    assert.equal(accepted.code, 0, accepted.stderr)
    const state = join(directory, 'state')
    const ran = await firebreak(['run', '--config', config, '--agent', 'giver', '--state', state])
    assert.equal(ran.code, 0, ran.stderr)
    assert.match(ran.stdout, /look at the graph: seen; wider: refused by Firebreak/)
    const entries = await ledgerOf(state)
    const started = entries.filter(({ kind }) => kind === 'cell.started')
    const ended = entries.filter(({ kind }) => kind === 'cell.ended')
    assert.equal(started.length, 2)
    assert.equal(ended.length, 2)
    for (const entry of ended) assert.match(JSON.stringify(entry), /"gone":true/)
    assert.ok(entries.some((entry) => entry.kind === 'delegation.ended'))
  })
})
