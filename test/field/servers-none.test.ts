/** A server that offers no tools, as one that has only begun does. */
import assert from 'node:assert/strict'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import process from 'node:process'
import { describe, it } from 'node:test'
import { firstConfig, NEVER } from '../../src/cli/init/first-config.ts'
import { loadConfig } from '../../src/config/load.ts'
import { temporaryDirectory } from '../kit/temporary.ts'

describe('a server that offers no tools', () => {
  it('makes a configuration that can be read', async () => {
    const directory = temporaryDirectory()
    const named = { name: 'shop', key: 'shop', disabled: false, notes: [] }
    const server = { ...named, kind: 'http', url: 'https://shop.example/mcp', headers: new Map(), carries: [] } as const
    const tools = { known: true, stubs: [] } as const
    const agent = { name: 'hello', owner: 'maria.silva@shop.example' }
    mkdirSync(join(directory, 'policies'))
    writeFileSync(join(directory, 'policies/never.cedar'), NEVER)
    const file = join(directory, 'firebreak.yaml')
    const first = { directory, user: false, upstreams: [{ server, tools }], leftOut: [], secrets: [], agent }
    writeFileSync(file, firstConfig(first))
    const loaded = await loadConfig(file, { node: process.execPath })
    assert.ok(loaded.ok, JSON.stringify(loaded))
  })
})
