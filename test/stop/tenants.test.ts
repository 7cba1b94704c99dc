/** An order about one tenant's agents leaves nothing in another's state, and stops nobody there. */
import assert from 'node:assert/strict'
import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { readFence } from '../../src/control/fence.ts'
import { firebreak, SKIP, startFirebreak } from '../kit/command-line.ts'
import { writeConfig } from '../kit/config-text.ts'
import { temporaryDirectory } from '../kit/temporary.ts'
import { until } from '../kit/until.ts'
import { BY_MARIA } from './kit.ts'

describe('S6, S8: a stop in one tenant', { skip: SKIP }, () => {
  it('is none in another, whose state keeps nothing of it', async () => {
    const directory = temporaryDirectory()
    const agent = (environment: string) => ({ environment, grants: [], command: ['/usr/bin/sleep', '100'] })
    const config = writeConfig(directory, {
      tenants: { shop: { environments: ['shop-live'] }, bank: { environments: ['bank-live'] } },
      environments: { 'shop-live': {}, 'bank-live': {} },
      upstreams: {},
      agents: { 'shop-desk': agent('shop-live'), 'bank-desk': agent('bank-live') },
    })
    const state = join(directory, 'state')
    const own = ['--config', config, '--state', state]
    const runs = ['shop-desk', 'bank-desk'].map((name) => startFirebreak(['run', '--agent', name, ...own]))
    const ps = async () =>
      JSON.parse((await firebreak(['ps', '--json', '--state', state])).stdout.trim().split('\n').at(-1) ?? '')
    await until('both run', async () => (await ps()).cells?.length === 2)

    const stopped = await firebreak(['contain', 'shop-desk', ...BY_MARIA, ...own])
    assert.equal(stopped.code, 0, stopped.stdout + stopped.stderr)
    const rungs = Object.fromEntries(
      (await ps()).cells.map((cell: { agent: string; rung: string }) => [cell.agent, cell.rung]),
    )
    assert.deepEqual(rungs, { 'shop-desk': 'frozen', 'bank-desk': 'normal' })
    const bank = join(state, 'tenants/bank')
    assert.deepEqual(readFence(bank), { ok: true, value: new Map() })
    assert.ok(!existsSync(join(bank, 'receipts')), 'nor a receipt')

    const all = await firebreak(['kill', 'all', ...BY_MARIA, ...own])
    assert.equal(all.code, 0, all.stdout + all.stderr)
    for (const [tenant, name] of [
      ['shop', 'shop-desk'],
      ['bank', 'bank-desk'],
    ] as const) {
      const fence = readFence(join(state, 'tenants', tenant))
      assert.deepEqual(fence.ok && [...fence.value.keys()], ['*', name], 'each has its own')
      assert.ok(readdirSync(join(state, 'tenants', tenant, 'receipts')).length > 0)
    }
    await Promise.all(runs.map(({ ended }) => ended))
    const released = await firebreak(['release', 'shop-desk', '--by', 'maria', '--reason', 'a test', ...own])
    assert.equal(released.code, 0, released.stderr)
    assert.deepEqual(Object.keys((await ps()).contained), ['bank-desk'])
  })
})
