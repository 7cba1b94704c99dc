import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { action, authority, CATALOGUE, grant, NOW_MS } from '../../test/policy/fixture.ts'
import { connectionsOf } from '../gateway/protocols/relay/contract.ts'
import { agentName, type CatalogueTool, environmentName, personName, toolName, upstreamName } from '../model/index.ts'
import { compilePolicies, decide, findSmallestChange, parsePolicies, reach } from '../policy/index.ts'

const PAYMENTS = upstreamName('payments')

/** The shop of the fixture, whose upstream is a relay with these origins. */
async function shop(origins: readonly string[], policy = '') {
  const upstream = CATALOGUE.upstreams.get(PAYMENTS) ?? assert.fail()
  const tools = new Map<ReturnType<typeof toolName>, CatalogueTool>([...upstream.tools, ...connectionsOf(origins, [])])
  const catalogue = { upstreams: new Map([...CATALOGUE.upstreams, [PAYMENTS, { ...upstream, tools }]]) }
  const sources = policy === '' ? [] : [{ file: 'shop.cedar', text: policy }]
  const when = { text: 'context.args has amount', source: { file: 'firebreak.yaml', line: 9, column: 1 } }
  const own = grant({ tools: new Set([toolName('refund')]) })
  const bundle = await parsePolicies(sources, [{ grant: own, when }], catalogue)
  assert.ok(bundle.ok, JSON.stringify(bundle))
  const input = {
    agent: agentName('desk'),
    owner: personName('maria@shop.example'),
    environment: environmentName('test'),
    grants: [own],
    catalogue,
    policies: bundle.value,
    labels: [],
  }
  return { bundle: bundle.value, reached: reach(input), own }
}

describe('the connections of a relay in reach and why', () => {
  it('RE1: are what an agent may set going, whatever the condition of its grant; one that is forbidden is not', async () => {
    const origins = ['https://api.example', 'http://plain.example']
    const { reached } = await shop(origins)
    assert.deepEqual(
      reached.connections.map(({ id }) => id),
      [
        'payments/tls.connect:api.example:443',
        'payments/tls.connect:plain.example:80',
        'payments/http.connect:plain.example:80',
      ],
    )
    const forbid = 'forbid(principal, action == Action::"payments/tls.connect:api.example:443", resource);'
    const fewer = await shop(origins, forbid)
    assert.equal(fewer.reached.connections.length, 2)
    assert.ok(fewer.reached.idle.some(({ id, why }) => id.endsWith('api.example:443') && why.includes('forbidden')))
  })

  it('TU1: a place that no configuration declares is told as the origin that is missing', async () => {
    const { bundle, own } = await shop(['https://api.example'])
    const policies = compilePolicies(bundle)
    const asked = { args: { place: 'x.example:443' }, effect: 'write', operation: 'tls.connect' } as const
    const { spend: _, ...plain } = action({ ...asked, tool: toolName('x.example:443') })
    const who = { ...authority(bundle), policies, grants: [own] }
    assert.equal(decide(plain, who, NOW_MS).verdict, 'deny')
    const found = findSmallestChange({
      action: plain,
      authority: who,
      bundle,
      nowMs: NOW_MS,
      tool: undefined,
      issues: new Set(),
    })
    assert.deepEqual(found.changes, [])
    assert.match(found.inTheWay[0] ?? '', /x\.example:443 is no origin under environments\.test\.egress/)
  })
})
