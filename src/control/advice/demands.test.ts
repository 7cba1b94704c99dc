import assert from 'node:assert/strict'
import { mkdirSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { parseHere } from '../../../test/kit/parse-policies.ts'
import { cleanUp, temporaryDirectory } from '../../../test/kit/temporary.ts'
import type { Ability, HostReport } from '../../cells/abilities.ts'
import { loadConfig } from '../../config/load.ts'
import { type Judged, judgeConfig } from '../../host/prepare/setup.ts'
import type { Json, JsonObject } from '../../model/index.ts'
import { type Demand, demandsOf } from './demands.ts'
import type { Survey } from './findings.ts'
import { surveyFor } from './survey.ts'

const ABILITIES: readonly Ability[] = [
  'root',
  'bubblewrap',
  'user-namespaces',
  'seccomp',
  'cgroup-freeze',
  'cgroup-memory',
  'cgroup-cpu',
  'cgroup-pids',
  'kernel-counts',
  'cgroup-io',
  'overlay',
  'owner-map',
  'disk-images',
  'util-linux',
  'any-address',
]

/** A host that has everything but these. */
function host(...lacking: readonly Ability[]): HostReport {
  const findings = ABILITIES.map((ability) =>
    lacking.includes(ability)
      ? { ability, holds: false, why: 'not here', fix: 'get it' }
      : { ability, holds: true, why: 'here' },
  )
  return { kernel: '6.0', findings, promises: [], profile: lacking.includes('root') ? 'user' : 'full' }
}

const NOTHING_AMISS: Survey = {
  report: host(),
  secrets: new Map(),
  places: new Map(),
  absent: new Set(),
  policyTests: 1,
  workspaces: new Map(),
  looked: new Map(),
}

const MARIA = 'maria.silva@shop.example'
const cell = { files: {} }
const agent = { owner: MARIA, environment: 'test', command: ['sh'], cell }
const base = { environments: { test: {} }, agents: { desk: agent }, policies: ['p.cedar'] }
const remote = { url: 'http://127.0.0.1:1/mcp' }

/** One state for all, in which policies that were judged before are not parsed again. */
const STATE = temporaryDirectory()

async function judged(config: { readonly [key: string]: Json }): Promise<Judged> {
  const directory = temporaryDirectory()
  for (const name of ['work', 'shown']) mkdirSync(join(directory, name))
  writeFileSync(join(directory, 'p.cedar'), 'forbid (principal, action in Action::"irreversible", resource);')
  writeFileSync(join(directory, 'firebreak.yaml'), JSON.stringify(config))
  const loaded = await loadConfig(join(directory, 'firebreak.yaml'), { node: process.execPath })
  assert.ok(loaded.ok, JSON.stringify(loaded))
  const result = await judgeConfig(loaded.value, STATE, parseHere)
  assert.ok(result.ok, JSON.stringify(result))
  return result.value
}

/** Lines of one verdict: what about, and why. */
async function said(
  verdict: Demand['verdict'],
  config: { readonly [key: string]: Json },
  survey: Partial<Survey> = {},
) {
  const demands = demandsOf(await judged(config), { ...NOTHING_AMISS, ...survey })
  for (const each of demands) assert.equal(each.fix === undefined, each.verdict === 'holds', each.why)
  return demands.filter((each) => each.verdict === verdict).map(({ about, why }) => `${about}: ${why}`)
}

function has(lines: readonly string[], pattern: RegExp): void {
  assert.ok(
    lines.some((line) => pattern.test(line)),
    `${pattern} in\n${lines.join('\n')}`,
  )
}

describe('what a configuration demands of its host', () => {
  it('is told what nothing undoes, and what nobody may undo', async () => {
    const tools = {
      pay: { effect: 'write', undo: { tool: 'cancel', args: { id: '$result.id' } } },
      cancel: { effect: 'write' },
      wipe: { effect: 'irreversible' },
    }
    const grants = [{ upstream: 'bank', tools: ['pay', 'wipe'], expires: '1h' }]
    const bank = { environment: 'test', mcp: remote, tools }
    const config = { ...base, upstreams: { bank }, agents: { desk: { ...agent, grants } } }
    const lines = await said('look', config)
    has(lines, /^upstream bank: nothing undoes wipe$/)
    has(lines, /^upstream bank: what undoes pay is granted to nobody/)
    has(lines, /^upstream bank: whether pay happened stays unknown/)
    const undo = { owner: MARIA, grants: [{ upstream: 'bank', tools: ['cancel'], expires: '1h' }] }
    const granted = await said('look', { ...config, environments: { test: { undo } } })
    assert.ok(!granted.some((line) => line.includes('granted to nobody')))
  })

  it('is roots that programs believe where they judge the far end of a tunnel themselves', async () => {
    const bank = { environment: 'test', tunnel: { origin: 'https://bank.example' } }
    const shop = {
      environment: 'test',
      http: { origin: 'https://shop.example' },
      tools: { 'GET /a': { effect: 'read' } },
    }
    const without = { files: { '/etc': temporaryDirectory() } }
    const asked = async (upstream: string, tool: string, own: Json) => {
      const grants = [{ upstream, tools: [tool], expires: '1h' }]
      return said('look', { ...base, upstreams: { bank, shop }, agents: { desk: { ...agent, cell: own, grants } } })
    }
    has(await asked('bank', 'connect', without), /^agent desk: its cell sees no roots .*the far end of bank$/)
    for (const lines of [await asked('shop', 'GET /a', without)])
      assert.ok(!lines.some((line) => line.includes('roots')), lines.join())
  })

  it('is nothing that is missing, where all is there', async () => {
    assert.deepEqual(await said('missing', base), [])
  })

  it('is a profile that the host gives, with every limit that a cell asks for', async () => {
    has(await said('missing', base, { report: host('root') }), /^profile full: it needs root/)
    has(
      await said('missing', base, { report: host('cgroup-memory') }),
      /^profile full: cgroup-memory: not here: no cell starts/,
    )
    assert.deepEqual(
      await said('missing', base, { report: host('cgroup-io', 'disk-images') }),
      [],
      'nobody asked for them',
    )
    const limited = { ...base, agents: { desk: { ...agent, cell: { workspace: './work', io: '5MiB/s' } } } }
    const lines = await said('missing', limited, { report: host('cgroup-io', 'disk-images') })
    has(lines, /cgroup-io/)
    has(lines, /disk-images/)
    const user = { ...base, profile: 'user' }
    assert.deepEqual(await said('missing', user, { report: host('root', 'cgroup-pids') }), [])
    has(await said('look', user, { report: host('root', 'cgroup-pids') }), /cgroup-pids: not here: cells start without/)
    has(await said('look', user, { report: host('root') }), /^witness: without root it shares a uid/)
  })

  it('is programs and files that its cells see', async () => {
    const with_ = (more: object) => ({ ...base, agents: { desk: { ...agent, ...more } } })
    has(
      await said('missing', with_({ command: ['no-such-agent'] })),
      /^agent desk: its cell does not see the program "no-such-agent"/,
    )
    has(
      await said('missing', with_({ command: ['sh', '/etc/hostname'] })),
      /is started with \/etc\/hostname, which its cell does not see/,
    )
    const shown = await judged(with_({ cell: { files: { '/srv/a': './shown', '/srv/b': './gone' } } }))
    const demands = demandsOf(shown, await surveyFor(shown.config, host(), join(shown.config.directory, '.firebreak')))
    const gone = demands.filter(({ verdict }) => verdict === 'missing').map(({ why }) => why)
    assert.deepEqual(gone, [`${join(shown.config.directory, 'gone')} is not there`])
  })

  it('is tools that a person accepted, and what nobody said of them', async () => {
    const config = {
      ...base,
      upstreams: {
        pay: {
          environment: 'test',
          mcp: remote,
          tools: { get: { effect: 'read' }, send: { effect: 'write' }, idle: { effect: 'write' } },
        },
      },
      agents: {
        desk: {
          ...agent,
          cell: { workspace: './work' },
          grants: [{ upstream: 'pay', tools: ['get', 'send'], expires: '1h' }],
        },
      },
    }
    has(await said('missing', config), /^upstream pay: nobody has accepted get, send, idle/)
    const looks = await said('look', config)
    has(looks, /nothing says who can write what get, send return/)
    has(looks, /every text argument of send leads somewhere/)
    has(looks, /1 of its 1 grants have no budget/)
    has(looks, /its workspace is untrusted/)
    assert.ok(!looks.some((line) => line.includes('idle')), 'nobody may use it')
  })

  it('is budgets that count what they are meant to', async () => {
    const spend = { effect: 'spend', amount: '$.amount', currency: '$.currency' }
    const config = (tool: object, budget: object) => ({
      ...base,
      upstreams: { pay: { environment: 'test', mcp: remote, tools: { send: { ...spend, ...tool } } } },
      agents: {
        desk: { ...agent, grants: [{ upstream: 'pay', tools: ['send'], expires: '1h', budget: { ...budget } }] },
      },
    })
    has(await said('look', config({}, { calls: '1/min' })), /send can spend without a budget of money/)
    has(await said('look', config({}, { spend: '5 EUR/day' })), /budgets count what send was asked for/)
    assert.ok(
      !(await said('look', config({ settles: '$.charged' }, { spend: '5 EUR/day' }))).some((line) =>
        /asked for/.test(line),
      ),
    )
    has(await said('look', config({}, { bytes: '50MiB/day' })), /sets 4194304 bytes of a budget aside/)
  })

  it('is, of a model, nothing that its configuration has no word for', async () => {
    const model = { provider: 'anthropic', models: ['claude-*', 'claude-opus-5', 'claude-99'] }
    const config = (budget: object) => ({
      ...base,
      upstreams: { anthropic: { environment: 'test', model } },
      agents: {
        desk: {
          ...agent,
          grants: [{ upstream: 'anthropic', tools: ['generate'], expires: '1h', budget: { ...budget } }],
        },
      },
    })
    const spending = (await said('look', config({ spend: '5 USD/day', tokens: '1000000/day' }))).join('\n')
    assert.doesNotMatch(spending, /asked for|undoes|without a budget of money|aside|opus/)
    assert.match(spending, /no price of claude-99 is known: it is not asked/)
    has(await said('look', config({ calls: '1/min' })), /generate can spend without a budget of money/)
    has(
      await said('look', config({ bytes: '50MiB/day' })),
      /sets 4194304 bytes of a budget aside for its answer, and no more of that passes/,
    )
  })

  it('is of an origin what can be read of its answers, and of its document what a person accepted', async () => {
    const spend = { effect: 'spend', amount: '$.body.amount', currency: '$.body.currency' }
    const http = (more: object) => ({ origin: 'https://shop.example', ...more })
    const config = (tools: { readonly [name: string]: Json }, more: object = {}) => ({
      ...base,
      upstreams: { shop: { environment: 'test', http: http(more), tools } },
      agents: {
        desk: {
          ...agent,
          grants: [
            {
              upstream: 'shop',
              tools: Object.keys(tools),
              expires: '1h',
              budget: { spend: '5 EUR/day', calls: '9/min' },
            },
          ],
        },
      },
    })
    const fixes = async (tools: { readonly [name: string]: Json }) =>
      demandsOf(await judged(config(tools)), NOTHING_AMISS).flatMap(({ why, fix }) =>
        /nothing undoes|who can write|was asked for/.test(why) ? [fix] : [],
      )
    assert.deepEqual([...(await fixes({ 'POST /pay': spend }))].sort(), [
      'returns: { $: [untrusted], $.id: [] } under the tool',
      'settles: the field of its answer that says it',
      'undo: { tool: …, args: { id: $result.id } } under the tool',
    ])
    assert.deepEqual(await fixes({ 'WEBSOCKET /feed': { effect: 'write' } }), [
      'returns: { $: [untrusted] } under the tool',
      'grant only what may stay done',
    ])
    const read = { 'GET /items': { effect: 'read' } }
    assert.ok(!(await said('missing', config(read))).some((line) => line.includes('accepted')))
    const documented = config(read, { openapi: './shop.json' })
    has(await said('missing', documented), /^upstream shop: nobody has accepted GET \/items/)
    const offer = { prompts: [], leaking: [], lost: [], notes: [], revision: 'openapi', asRequests: true } as const
    const offered = (tools: readonly JsonObject[]) => ({ offered: new Map([['shop', { ...offer, tools }]]) as never })
    has(await said('holds', documented, offered([{ name: 'GET /items', inputSchema: {} }])), /its document offers/)
    has(await said('missing', documented, offered([])), /its document does not offer GET \/items$/)
    const broken = { offered: new Map([['shop', { problem: 'shop.json: # it is no object', said: [] }]]) as never }
    has(await said('missing', documented, broken), /^upstream shop: its document cannot be read: shop\.json: #/)
  })

  it('is somewhere for relays to go, and relays for what may be reached', async () => {
    const fetcher = {
      environment: 'test',
      relay: true,
      mcp: { command: ['sh'] },
      tools: { fetch: { effect: 'write' } },
    }
    has(
      await said('look', { ...base, upstreams: { fetcher } }),
      /upstream fetcher: it is a relay, and its environment has no egress/,
    )
    const egress = { test: { egress: ['https://api.example'] } }
    has(await said('look', { ...base, environments: egress }), /it has egress, and no relay/)
    const both = { ...base, environments: egress, upstreams: { fetcher } }
    assert.ok(!(await said('look', both)).some((line) => /egress/.test(line)))
    has(
      await said('missing', both, { places: new Map([['https://api.example', 'its name leads nowhere from here']]) }),
      /egress: https:\/\/api.example: its name/,
    )
    const outside = { environment: 'test', relay: true, remote: 'accepted', mcp: remote }
    has(await said('look', { ...base, upstreams: { outside } }), /no wall of ours/)
  })

  it('is a second person where effects need one', async () => {
    const config = {
      ...base,
      environments: { test: { hardened: true } },
      upstreams: { pay: { environment: 'test', mcp: remote, tools: { send: { effect: 'write' } } } },
      agents: {
        desk: {
          ...agent,
          grants: [{ upstream: 'pay', tools: ['send'], expires: '1h', approver: 'joao.costa@shop.example' }],
        },
      },
    }
    has(await said('holds', config), /approved by joao.costa@shop.example; its holds are approved by anyone but maria/)
    has(await said('look', { ...config, profile: 'user' }), /answer in any name/)
    has(
      await said('look', {
        ...base,
        environments: { production: {} },
        agents: { desk: { ...agent, environment: 'production' } },
      }),
      /^environment production: effects in it need no second person/,
    )
  })

  it('is secrets that can be read, from wherever they are, and that somebody uses', async () => {
    const config = await judged({
      ...base,
      upstreams: {
        pay: {
          environment: 'test',
          mcp: { ...remote, headers: { a: '${secret:good} ${secret:unset} ${secret:short} ${secret:failing}' } },
        },
      },
      secrets: {
        good: { command: ['/bin/echo', 'long-enough-to-be-one'] },
        unset: { env: 'FIREBREAK_NO_SUCH_VARIABLE' },
        short: { command: ['/bin/echo', 'tiny'] },
        failing: { command: ['/bin/false'] },
        idle: { command: ['/bin/echo', 'long-enough-to-be-one'] },
      },
    })
    const demands = demandsOf(
      config,
      await surveyFor(config.config, host(), join(config.config.directory, '.firebreak')),
    )
    const about = (name: string) => demands.find((each) => each.about === `secret ${name}`)
    assert.equal(about('good')?.verdict, 'holds')
    assert.match(about('unset')?.why ?? '', /FIREBREAK_NO_SUCH_VARIABLE is not set/)
    assert.match(about('unset')?.fix ?? '', /^export FIREBREAK_NO_SUCH_VARIABLE=/)
    assert.match(about('short')?.why ?? '', /under 8/)
    assert.match(about('failing')?.why ?? '', /ended with 1/)
    assert.equal(about('idle')?.verdict, 'look')
    assert.doesNotMatch(JSON.stringify(demands), /long-enough-to-be-one|tiny/)
  })

  it('is upstreams that listen', async () => {
    const server = createServer((socket) => socket.destroy()).listen(0, '127.0.0.1')
    cleanUp(() => void server.close())
    await new Promise((resolve) => server.once('listening', resolve))
    const address = server.address()
    const port = typeof address === 'object' && address !== null ? address.port : 0
    const upstreams = {
      near: { environment: 'test', mcp: { url: `http://127.0.0.1:${port}/mcp` } },
      far: { environment: 'test', mcp: remote },
    }
    const config = await judged({ ...base, upstreams })
    const { places, absent } = await surveyFor(config.config, host(), join(config.config.directory, '.firebreak'))
    assert.deepEqual([...places.keys()], ['http://127.0.0.1:1'])
    assert.match([...places.values()].join(), /nobody listens there \(ECONNREFUSED\)/)
    assert.deepEqual([...absent], [])
  })
})
