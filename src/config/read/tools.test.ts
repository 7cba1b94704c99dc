import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import process from 'node:process'
import { describe, it } from 'node:test'
import { temporaryDirectory } from '../../../test/kit/temporary.ts'
import { loadConfig } from '../load.ts'

/** Returns the problems of a configuration with one origin that has these tools. */
async function problemsOf(tools: object): Promise<readonly string[]> {
  const file = join(temporaryDirectory(), 'firebreak.yaml')
  const shop = { environment: 'test', http: { origin: 'https://shop.example' }, tools }
  writeFileSync(file, JSON.stringify({ environments: { test: {} }, upstreams: { shop }, agents: {} }))
  const loaded = await loadConfig(file, { node: process.execPath })
  return loaded.ok ? [] : loaded.reason.map(({ message }) => message)
}

describe('the tools of an origin', () => {
  it('declare nothing of the answer of a WebSocket, which has none', async () => {
    const feed = 'WEBSOCKET /feed'
    assert.deepEqual(await problemsOf({ [feed]: { effect: 'read', returns: { $: ['untrusted'] } } }), [])
    for (const declared of [
      { mask: ['$.iban'] },
      { returns: { '$.id': [] } },
      { rows: '$.items', maxRows: 3 },
      { ids: ['$.id'] },
    ])
      assert.deepEqual(await problemsOf({ [feed]: { effect: 'read', ...declared } }), [
        `"${feed}" declares ${Object.keys(declared)
          .filter((key) => key !== 'maxRows')
          .map((key) => (key === 'returns' ? '$.id' : key))
          .join(', ')} of an answer that passes on as it comes`,
      ])
  })

  it('are undone and looked at by no WebSocket', async () => {
    const order = (more: object) => ({
      'POST /orders': { effect: 'write', ...more },
      'WEBSOCKET /cancel': { effect: 'write' },
      'WEBSOCKET /state': { effect: 'read' },
    })
    assert.deepEqual(await problemsOf(order({ undo: { tool: 'WEBSOCKET /cancel' } })), [
      '"WEBSOCKET /cancel" is a WebSocket: nobody else than a cell can open one',
    ])
    const check = { tool: 'WEBSOCKET /state', undone: { '$.state': ['gone'] } }
    assert.deepEqual(await problemsOf(order({ check })), [
      '"WEBSOCKET /state" is a WebSocket, and has no answer to look at',
    ])
  })
})
