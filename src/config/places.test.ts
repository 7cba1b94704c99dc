import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, it } from 'node:test'
import { knownHosts } from '../model/host/this-host.ts'
import { agentName, environmentName, grantedName, personName, upstreamName } from '../model/index.ts'
import type { Agent, OriginServer, UpstreamConfig } from './config.ts'
import { placeProblems, placesElsewhere } from './places.ts'

const directory = mkdtempSync(join(tmpdir(), 'firebreak-places-'))
after(() => rmSync(directory, { recursive: true }))
const file = join(directory, 'hosts')
writeFileSync(file, 'fd00:5::5 pay.internal\n10.77.0.5 pay.internal\n10.77.0.6 far.internal\n10.77.0.6 far.internal\n')
const hosts = knownHosts(file)
const TEST = environmentName('test')
const source = { file: 'firebreak.yaml', line: 1, column: 1 }

function configured(test: string, production: string) {
  const upstream = (name: string, environment: string, url: string): UpstreamConfig => ({
    name: upstreamName(name),
    environment: environmentName(environment),
    server: { kind: 'http', url: new URL(url), headers: new Map() },
    tools: new Map(),
    relay: false,
    source,
  })
  const upstreams = [upstream('a', 'test', test), upstream('b', 'production', production)]
  return { upstreams: new Map(upstreams.map((each) => [each.name, each])), environments: new Map(), agents: new Map() }
}

const REGISTRY = { ageMsMin: 0, young: new Map(), deny: new Map(), pins: new Map(), scripts: [], resembling: [] }
const MODEL = { provider: 'anthropic', models: ['claude-*'], prices: new Map(), kept: true } as const
const web = (url: string, more: Partial<OriginServer> = {}): OriginServer => ({
  kind: 'origin',
  url: new URL(url),
  headers: new Map(),
  ...more,
})
const provider = (url = 'https://api.anthropic.com') => web(url, { model: MODEL })
const registry = (url: string, files?: string) =>
  web(url, { packages: { registry: 'pypi', ...(files && { files: new URL(files) }), ...REGISTRY } })

/** Each upstream is granted to the agent of its environment. */
function declared(all: readonly (readonly [environment: string, server: OriginServer, tools?: readonly string[]])[]) {
  const upstreams = all.map(([environment, server], i): UpstreamConfig => {
    const name = upstreamName(`u${i}`)
    return { name, environment: environmentName(environment), server, tools: new Map(), relay: false, source }
  })
  const agents = [...new Set(all.map(([environment]) => environment))].map((environment): Agent => {
    const grants = all.flatMap(([home, , tools = []], i) => {
      const granted = new Set(tools.map((tool) => grantedName('model', tool)))
      return home === environment
        ? [{ upstream: upstreamName(`u${i}`), tools: granted, budgets: [], expiresMs: 1, source }]
        : []
    })
    const own = { name: agentName(`a-${environment}`), environment: environmentName(environment), grants }
    return { ...own, owner: personName('ana'), command: [], cell: {} as Agent['cell'], delegates: [], source } // no cell is looked at
  })
  return {
    upstreams: new Map(upstreams.map((each) => [each.name, each])),
    environments: new Map(),
    agents: new Map(agents.map((each) => [each.name, each])),
  }
}
const problemsOf = (...all: Parameters<typeof declared>[0]) =>
  placeProblems(declared(all), hosts).map(({ message }) => message)

it('S6: a name is each of the places that the hosts file has for it', () => {
  const meet = (test: string, production: string) => placeProblems(configured(test, production), hosts).length
  const name = 'http://pay.internal:8801/mcp'
  for (const address of ['10.77.0.5', '[fd00:5::5]', '[::ffff:10.77.0.5]']) {
    assert.equal(meet(`http://${address}:8801/mcp`, name), 1, address)
    assert.equal(meet(name, `http://${address}:8801/mcp`), 1, address)
    assert.equal(meet(`http://${address}:8802/mcp`, name), 0, address)
  }
  assert.equal(meet('http://10.77.0.6:8801/mcp', name), 0)
})

it('S6: of another environment’s names the hosts file’s addresses are kept from this one', () => {
  const elsewhere = (production: string) => placesElsewhere(configured('http://x.example', production), TEST, hosts)
  assert.deepEqual(elsewhere('http://pay.internal:8801'), ['fd00:5::5:8801', '10.77.0.5:8801'])
  assert.deepEqual(elsewhere('http://far.internal'), ['10.77.0.6:80'])
  assert.deepEqual(elsewhere('https://api.example'), [])
})

it('S6: a place has every home that it was found in, whichever came last', () => {
  const two = [
    ['a', provider()],
    ['b', provider()],
  ] as const
  assert.deepEqual(problemsOf(...two), [])
  const [found = '', ...more] = problemsOf(...two, ['b', web('https://api.anthropic.com')])
  assert.match(found, /"u2" belongs to environment "a" already \(upstream "u0"\)/)
  assert.match(more.join(), /agent "a-b" find both "u1" and "u2" at https:\/\/api.anthropic.com/)
})

it('S6: environments share a place as one kind of it, and no registry that is somebody’s own', () => {
  const meet = (one: OriginServer, other: OriginServer) => problemsOf(['a', one], ['b', other]).length
  assert.equal(meet(registry('https://pypi.org', 'https://files.pythonhosted.org'), registry('https://pypi.org')), 0)
  assert.equal(meet(registry('https://pypi.shop.example'), registry('https://pypi.shop.example')), 1)
  assert.equal(meet(registry('https://pypi.org', 'https://files.shop.example'), web('https://files.shop.example')), 1)
  assert.equal(meet(web('https://10.77.0.9:8443'), registry('https://pypi.org', 'https://10.77.0.9:8443')), 1)
  assert.equal(meet(provider('https://ai.shop.example'), registry('https://ai.shop.example')), 1)
})

it('S6: ways out of a provider that keep something are granted in one environment of those that ask it', () => {
  const keeping = (...tools: readonly string[]) => ['generate', ...tools]
  assert.deepEqual(problemsOf(['a', provider(), keeping('files')], ['b', provider(), keeping('web_search')]), [])
  for (const way of ['files', 'stored', 'batches', 'admin', 'code_execution'])
    assert.match(
      problemsOf(['a', provider(), keeping(way)], ['b', provider(), keeping('files')]).join(),
      /"u1" belongs to environment "a" already \(upstream "u0"\): both are granted what is kept there \(.*files\)/,
      way,
    )
})

it('an agent finds one upstream at each place, or both are named', () => {
  const found = (...servers: readonly OriginServer[]) => problemsOf(...servers.map((each) => ['a', each] as const))
  assert.deepEqual(found(provider(), web('https://api.github.com'), registry('https://pypi.org')), [])
  for (const [one, other, at] of [
    [provider(), provider('https://ai.shop.example'), 'https://api.anthropic.com'],
    [registry('https://pypi.org'), registry('https://pypi.shop.example'), 'https://pypi.org'],
    [registry('https://pypi.shop.example'), web('https://files.pythonhosted.org'), 'https://files.pythonhosted.org'],
    [web('https://git.example', { git: {} }), web('https://git.example'), 'https://git.example'],
  ] as const)
    assert.deepEqual(found(one, other), [`programs of agent "a-a" find both "u0" and "u1" at ${at}`])
})

it('S6: hosts of files are kept from other environments like any other place', () => {
  const config = declared([
    ['production', registry('https://pypi.shop.example', 'https://10.77.0.9:8443')],
    ['production', provider('http://10.77.0.7')],
    ['test', provider('http://10.77.0.7')],
  ])
  assert.deepEqual(placesElsewhere(config, TEST, hosts), ['10.77.0.9:8443'])
})
