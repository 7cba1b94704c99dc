/** What a configuration says of servers as they are: how long calls take, who signs, how often a secret is read. */
import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import process from 'node:process'
import { describe, it } from 'node:test'
import { loadConfig } from '../../src/config/load.ts'
import { gatewaySetup, judgeConfig } from '../../src/host/prepare/setup.ts'
import { environmentName, type ToolName, type UpstreamName } from '../../src/model/index.ts'
import { AUTHORITY } from '../kit/certificates.ts'
import { temporaryDirectory } from '../kit/temporary.ts'

const directory = temporaryDirectory()
writeFileSync(join(directory, 'ca.pem'), `comment\n${AUTHORITY}`)
writeFileSync(join(directory, 'key.pem'), 'no certificate')

async function load(shop: object, secret: object = { file: './token' }) {
  const headers = { authorization: 'Bearer ${secret:shop}' }
  const config = {
    environments: { test: {} },
    upstreams: {
      shop: {
        environment: 'test',
        mcp: { url: 'https://shop.example/mcp', headers },
        tools: { a: { effect: 'read' } },
        ...shop,
      },
      other: { environment: 'test', mcp: { url: 'https://other.example/mcp' } },
    },
    agents: {},
    secrets: { shop: secret },
  }
  const file = join(directory, 'firebreak.yaml')
  writeFileSync(file, JSON.stringify(config))
  return loadConfig(file, { node: process.execPath })
}

async function faultOf(shop: object, secret?: object): Promise<string> {
  const loaded = await load(shop, secret)
  return loaded.ok ? '' : loaded.reason.map(({ message, expected }) => `${message} ${expected}`).join('; ')
}

const withCa = (ca: string, url = 'https://shop.example/mcp') => ({ mcp: { url, ca } })

describe('timeout', () => {
  it('of a tool, and of an upstream for all of its tools that say nothing', async () => {
    const tools = { a: { effect: 'read' }, b: { effect: 'read', timeout: '10min' } }
    const loaded = await load({ timeout: '5min', tools, prompts: ['p'] })
    const shop = loaded.ok ? loaded.value.upstreams.get('shop' as UpstreamName) : undefined
    const of = (name: string) => shop?.tools.get(name as ToolName)?.timeoutMs
    assert.deepEqual([of('a'), of('b'), of('prompt:p')], [300_000, 600_000, 300_000])
  })

  it('of a registry or a provider of models, whose operations nobody writes down', async () => {
    const tools = { file: { effect: 'read', timeout: '1min' } }
    const loaded = await load({ mcp: undefined, packages: { registry: 'npm' }, timeout: '5min', tools })
    const shop = loaded.ok ? loaded.value.upstreams.get('shop' as UpstreamName) : assert.fail(JSON.stringify(loaded))
    const of = (name: string) => shop?.tools.get(name as ToolName)?.timeoutMs
    assert.deepEqual([of('package:list'), of('package:file')], [300_000, 60_000])
  })

  it('S17: is ten minutes at most', async () => {
    assert.match(await faultOf({ timeout: '11min' }), /at most 10min/)
  })
})

describe('maxBytes', () => {
  it('S17: of what passes as it comes is 1,024 GiB at most, and of a call to a tool 4 MiB', async () => {
    const of = async (maxBytes: string, upstream: object, name: string) => {
      const loaded = await load({ ...upstream, tools: { [name]: { effect: 'read', maxBytes } } })
      return loaded.ok
        ? loaded.value.upstreams.get('shop' as UpstreamName)?.tools.get(name as ToolName)?.maxBytes
        : loaded.reason.map(({ message }) => message).join('; ')
    }
    const origin = { mcp: undefined, http: { origin: 'https://shop.example' } }
    assert.equal(await of('5GiB', origin, 'GET /{file}'), 5 * 1024 ** 3)
    assert.match(String(await of('1025GiB', origin, 'GET /{file}')), /1025GiB/)
    assert.equal(await of('4MiB', {}, 'a'), 4 * 1024 ** 2)
    assert.match(String(await of('5MiB', {}, 'a')), /in one piece, which has at most 4MiB/)
  })
})

describe('ca', () => {
  it('is read at a start; one that is none leaves its upstream out, and no other', async () => {
    for (const [file, down] of [
      ['ca.pem', undefined],
      ['key.pem', /key\.pem holds no certificate in PEM/],
      ['none.pem', /none\.pem cannot be read: ENOENT/],
    ] as const) {
      const loaded = await load(withCa(file))
      const judged = loaded.ok ? await judgeConfig(loaded.value) : loaded
      const [shop, other] = judged.ok ? gatewaySetup(judged.value, environmentName('test')).upstreams : []
      assert.equal(other?.down, undefined)
      if (down !== undefined) assert.match(shop?.down ?? '', down)
      else assert.equal(shop?.server.kind === 'http' && shop.server.ca, AUTHORITY.trim())
    }
  })

  it('goes with https', async () => {
    assert.match(await faultOf(withCa('ca.pem', 'http://127.0.0.1:1/mcp')), /"ca" goes with an https url/)
    assert.match(await faultOf({ mcp: { command: ['a'], ca: 'ca.pem' } }), /go with "url"/)
  })
})

describe('every', () => {
  it('is of a file or a command, and a minute at least', async () => {
    assert.equal(await faultOf({}, { file: './token', every: '30min' }), '')
    assert.match(await faultOf({}, { file: './token', every: '30s' }), /at least 1min/)
    assert.match(await faultOf({}, { env: 'TOKEN', every: '30min' }), /an environment does not change/)
  })
})
