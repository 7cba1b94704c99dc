import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import process from 'node:process'
import { it } from 'node:test'
import { parseHere } from '../../../test/kit/parse-policies.ts'
import { temporaryDirectory } from '../../../test/kit/temporary.ts'
import { loadConfig } from '../../config/load.ts'
import { foundAt, urlsOf } from '../../config/server-urls.ts'
import { readOrigin } from '../../gateway/origins/origin.ts'
import { OriginLine } from '../../gateway/protocols/http/origin-line.ts'
import type { DialOptions, LineOptions } from '../../gateway/protocols/protocol.ts'
import { dialler } from '../../gateway/protocols/registry.ts'
import { environmentName } from '../../model/index.ts'
import { gatewaySetup, judgeConfig } from './setup.ts'

const SERVERS = {
  claude: { model: { provider: 'anthropic', models: ['claude-*'], url: 'https://ai.shop.example' } },
  local: { model: { provider: 'compatible', models: ['llama'], url: 'http://127.0.0.1:11434' } },
  npm: { packages: { registry: 'npm', url: 'https://npm.shop.example:8443' } },
  pypi: { packages: { registry: 'pypi', files: 'https://files.shop.example' } },
  forge: { git: { origin: 'https://git.shop.example' } },
  files: { git: { origin: 'https://lfs.shop.example', lfs: ['https://store.shop.example'] } },
  shop: { http: { origin: 'https://shop.example' } },
  pinned: { tunnel: { origin: 'https://pinned.example' } },
}

it('S6: an upstream is found where the configuration says that it is, and nowhere else, whatever it speaks', async () => {
  const file = join(temporaryDirectory(), 'firebreak.yaml')
  const upstreams = Object.entries(SERVERS).map(([name, server]) => [name, { environment: 'test', ...server }])
  const config = { environments: { test: {} }, upstreams: Object.fromEntries(upstreams), agents: {} }
  writeFileSync(file, JSON.stringify(config))
  const loaded = await loadConfig(file, { node: process.execPath })
  assert.ok(loaded.ok, JSON.stringify(loaded))
  const judged = await judgeConfig(loaded.value, undefined, parseHere)
  assert.ok(judged.ok, JSON.stringify(judged))
  const servers = [...loaded.value.upstreams.values()].flatMap(({ name, server }) =>
    server.kind === 'origin' ? [[name as string, server] as const] : [],
  )
  const origins = [
    ...new Set(servers.flatMap(([, server]) => [...foundAt(server), ...urlsOf(server).map(({ origin }) => origin)])),
  ]
  assert.equal(origins.length, 13)
  // Nothing is dialled and nobody is told before a request comes.
  const dial = dialler({ elsewhere: [], turn: () => undefined } as unknown as DialOptions)
  const options = {
    environment: environmentName('test'),
    number: 1,
    onStand: () => undefined,
  } as unknown as LineOptions
  const lines = gatewaySetup(judged.value, environmentName('test')).upstreams.map((setup) => dial(setup, options))
  for (const [i, [name, server]] of servers.entries()) {
    const line = lines[i]
    assert.ok(line instanceof OriginLine)
    const found = origins.filter((text) => {
      const origin = readOrigin(text)
      assert.ok(origin.ok)
      return line.isAt(origin.value)
    })
    assert.deepEqual(found.toSorted(), [...foundAt(server)].toSorted(), name)
    line.close()
  }
})
