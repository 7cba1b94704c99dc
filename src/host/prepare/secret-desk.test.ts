import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import process from 'node:process'
import { after, describe, it, type TestContext } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import { loadConfig } from '../../config/load.ts'
import type { WardenMessage } from '../../gateway/link/setup.ts'
import { environmentName, no, ok } from '../../model/index.ts'
import { SecretDesk } from './secret-desk.ts'

type Told = Extract<WardenMessage, { kind: 'secrets' }>

const directory = mkdtempSync(join(tmpdir(), 'firebreak-desk-'))
after(() => rmSync(directory, { recursive: true, force: true }))

/** A desk for an environment whose second upstream is sent the secret of a file; another environment has one of its own. */
async function desk(t: TestContext, every?: string, hears = true) {
  const file = join(directory, 'token')
  const write = (value: string) => writeFileSync(file, `${value}\n`)
  write('token-number-1')
  const sent = (name: string) => ({ url: 'https://a.example/mcp', headers: { authorization: `\${secret:${name}}` } })
  const config = {
    environments: { test: {}, production: {} },
    upstreams: {
      other: { environment: 'production', mcp: { ...sent('theirs'), url: 'https://b.example/mcp' } },
      plain: { environment: 'test', mcp: { url: 'https://a.example/plain' } },
      shop: { environment: 'test', mcp: sent('ours') },
    },
    agents: {},
    secrets: {
      ours: { file, ...(every && { every }) },
      theirs: { command: ['/bin/sh', '-c', 'echo never-read-by-anybody'] },
    },
  }
  const path = join(directory, 'firebreak.yaml')
  writeFileSync(path, JSON.stringify(config))
  const loaded = await loadConfig(path, { node: process.execPath })
  if (!loaded.ok) assert.fail(JSON.stringify(loaded.reason))
  const told: Told[] = []
  const clock = { ms: 5_000 }
  const desk = new SecretDesk({
    config: loaded.value,
    environment: environmentName('test'),
    values: [['ours', 'token-number-1']],
    tell: (message) => {
      if (!hears) return no('the channel is full')
      told.push(message)
      return ok(undefined)
    },
    nowMs: () => clock.ms,
  })
  t.after(() => desk.close())
  return { desk, told, clock, write }
}

describe('the secrets of an environment while its cells run', () => {
  it('SD1, SD3: a refused one is read again, by the place of its upstream, and the gateway is answered', async (t) => {
    const { desk: secrets, told, write } = await desk(t)
    write('token-number-2')
    await secrets.refused(1)
    const asked = { kind: 'secrets', upstream: 'shop', values: [] }
    assert.deepEqual(told, [{ kind: 'secrets', values: [['ours', 'token-number-2']] }, asked])
    assert.deepEqual([...secrets.values], [['ours', 'token-number-2']])
    assert.deepEqual(secrets.past, [['ours', 'token-number-1']])
    await secrets.refused(0)
    await secrets.refused(7)
    assert.deepEqual(told.slice(2), [{ ...asked, upstream: 'plain' }], 'of what there is not, nothing is read or said')
  })

  it('S17: SD1: it is not read more often than once a second, and ever less while nothing new is read', async (t) => {
    const { desk: secrets, clock, write } = await desk(t)
    const valueAfter = async (ms: number) => {
      clock.ms += ms
      await secrets.refused(1)
      return secrets.values.get('ours')
    }
    assert.equal(await valueAfter(0), 'token-number-1')
    write('token-number-2')
    assert.equal(await valueAfter(999), 'token-number-1')
    assert.equal(await valueAfter(1), 'token-number-2')
    for (const waitMs of [1_000, 1_000, 2_000, 4_000, 8_000, 16_000, 32_000]) await valueAfter(waitMs)
    write('token-number-3')
    assert.equal(await valueAfter(59_999), 'token-number-2')
    assert.equal(await valueAfter(1), 'token-number-3')
  })

  it('SD2: one that cannot be read, or is too short to be looked for, stays what it was', async (t) => {
    const { desk: secrets, told, clock, write } = await desk(t)
    rmSync(join(directory, 'token'))
    await secrets.refused(1)
    write('short')
    clock.ms += 10_000
    await secrets.refused(1)
    assert.deepEqual([...secrets.values], [['ours', 'token-number-1']])
    assert.ok(told.every(({ values }) => values.length === 0))
  })

  it('S10: SD4: one that the gateway was not told of is given to no server', async (t) => {
    const { desk: secrets, write } = await desk(t, undefined, false)
    write('token-number-2')
    await secrets.refused(1)
    assert.deepEqual([...secrets.values], [['ours', 'token-number-1']])
  })

  it('SD1: with every: it is read again when that has passed, and told where it is new', async (t) => {
    t.mock.timers.enable({ apis: ['setInterval'] })
    const { told, write } = await desk(t, '5min')
    t.mock.timers.tick(300_000)
    for (let turns = 0; turns < 20; turns++) await turn()
    assert.deepEqual(told, [])
    write('token-number-2')
    t.mock.timers.tick(300_000)
    for (let turns = 0; turns < 20; turns++) await turn()
    assert.deepEqual(told, [{ kind: 'secrets', values: [['ours', 'token-number-2']] }])
  })
})
