import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, it } from 'node:test'
import { knownHosts } from '../model/host/this-host.ts'
import { environmentName, upstreamName } from '../model/index.ts'
import type { UpstreamConfig } from './config.ts'
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
  return { upstreams: new Map(upstreams.map((each) => [each.name, each])), environments: new Map() }
}

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
