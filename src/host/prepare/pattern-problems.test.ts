import assert from 'node:assert/strict'
import process from 'node:process'
import { it } from 'node:test'
import { writeConfig } from '../../../test/kit/config-text.ts'
import { temporaryDirectory } from '../../../test/kit/temporary.ts'
import { loadConfig } from '../../config/load.ts'
import type { Effect } from '../../model/index.ts'
import { patternProblems } from './pattern-problems.ts'

async function problemsOf(tools: Readonly<Record<string, Effect>>): Promise<readonly string[]> {
  const file = writeConfig(temporaryDirectory(), {
    upstreams: { api: { http: { origin: 'https://api.shop.example' }, tools } },
  })
  const loaded = await loadConfig(file, { node: process.execPath })
  assert.ok(loaded.ok, JSON.stringify(loaded))
  return patternProblems(loaded.value).map(({ message }) => message)
}

it('two patterns of an origin that cover the same requests are told before a cell starts', async () => {
  assert.deepEqual(await problemsOf({ 'GET /ok': 'read', 'GET /ok?q': 'read' }), [
    'tools of "api": GET /ok?q and GET /ok cover the same requests',
  ])
  assert.deepEqual(await problemsOf({ 'GET /{a}': 'read', 'GET /{b}': 'read' }), [
    'tools of "api": GET /{b} and GET /{a} cover the same requests',
  ])
  assert.deepEqual(await problemsOf({ 'GET /ok': 'read', 'GET /{a}': 'read', 'POST /ok': 'write' }), [])
})
