import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import process from 'node:process'
import { it } from 'node:test'
import { temporaryDirectory } from '../../test/kit/temporary.ts'
import { type AgentName, agentName } from '../model/index.ts'
import { loadConfig } from './load.ts'

const read = { effect: 'read' }
const CONFIG = {
  environments: { test: { observe: true }, live: {} },
  upstreams: {
    shop: {
      environment: 'test',
      http: { origin: 'https://shop.example' },
      tools: { 'GET /items': read, 'GET /secret': read, 'POST /items': { effect: 'write' } },
    },
    desk: {
      environment: 'test',
      mcp: { url: 'https://desk.example/mcp' },
      tools: { look: read },
      resources: ['a://b'],
    },
    fetcher: { environment: 'test', relay: true, mcp: { command: ['fetch'] }, tools: { get: read } },
    claude: { environment: 'test', model: { provider: 'anthropic', models: ['claude-*'] } },
    npm: { environment: 'test', packages: { registry: 'npm' } },
    pinned: { environment: 'test', tunnel: { origin: 'https://pinned.example' }, tools: { connect: read } },
    bank: { environment: 'live', mcp: { url: 'https://bank.example/mcp' }, tools: { balance: read } },
  },
  agents: {
    alpha: {
      owner: 'ana@shop.example',
      environment: 'test',
      grants: [{ upstream: 'shop', tools: ['GET /secret'], when: 'context.args.all == true', expires: '1h' }],
    },
    beta: { owner: 'ana@shop.example', environment: 'test' },
    omega: { owner: 'ana@shop.example', environment: 'live' },
  },
}

async function grantsOf(agent: string, observed: AgentName | undefined, environments: object = CONFIG.environments) {
  const file = join(temporaryDirectory(), 'firebreak.yaml')
  writeFileSync(file, JSON.stringify({ ...CONFIG, environments }))
  const loaded = await loadConfig(file, { node: process.execPath }, undefined, observed)
  assert.ok(loaded.ok, JSON.stringify(loaded))
  const { grants = [] } = loaded.value.agents.get(agentName(agent)) ?? {}
  return Object.fromEntries(
    grants.filter((grant) => grant.observed).map(({ upstream, tools }) => [upstream, [...tools]]),
  )
}

it('OB1, OB2: who is observed may use what is declared around it and only reads, and nothing by which more is reached', async () => {
  const alpha = agentName('alpha')
  assert.deepEqual(await grantsOf('alpha', alpha), {
    // What a person has granted under a condition stays under it.
    shop: ['GET /items'],
    desk: ['look', 'resource:a://b'],
    claude: ['model:count', 'model:models'],
    npm: ['package:list', 'package:file'],
  })
  for (const [name, observed] of [
    ['alpha', undefined],
    ['beta', alpha],
    ['omega', agentName('omega')],
  ] as const)
    assert.deepEqual(await grantsOf(name, observed), {}, name)
  assert.deepEqual(await grantsOf('alpha', alpha, { test: {}, live: {} }), {}, 'its environment does not say so')
})

it('a hardened environment is not observed', async () => {
  const file = join(temporaryDirectory(), 'firebreak.yaml')
  writeFileSync(file, JSON.stringify({ environments: { test: { hardened: true, observe: true } }, agents: {} }))
  const loaded = await loadConfig(file, { node: process.execPath })
  assert.match(loaded.ok ? '' : (loaded.reason[0]?.message ?? ''), /exclude each other/)
})
