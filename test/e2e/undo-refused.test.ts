/** Undo of calls that their upstream turned away by a status of HTTP, without an answer to the call. */

import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import process from 'node:process'
import { describe, it } from 'node:test'
import { loadConfig } from '../../src/config/load.ts'
import { declaredFor, storyOf } from '../../src/host/people/undo.ts'
import { fileLog } from '../../src/ledger/files/file-logs.ts'
import { environmentName, newCellId, personName } from '../../src/model/index.ts'
import { type Plan, planOf, todo } from '../../src/recovery/plan.ts'
import { startGateway, type TestGateway } from '../kit/gateway.ts'
import { type Script, startUpstream, textResult, tool } from '../kit/scripted-upstream.ts'
import { until } from '../kit/until.ts'
import { call } from '../kit/wire.ts'

const BY_ID = { inputSchema: { type: 'object', properties: { id: { type: 'string' } }, required: ['id'] } }
const KEYED = {
  inputSchema: {
    type: 'object',
    properties: { id: { type: 'string' }, key: { type: 'string' } },
    required: ['id', 'key'],
  },
}

const SECRET = 'FIREBREAK_TEST_TURNED_AWAY'

interface Bank {
  readonly gateway: TestGateway
  /** What was asked of it, oldest first, with what it turned away. */
  readonly asked: readonly string[]
  /** Payments that stand: at most one for an id, and below zero where more was paid back than paid. */
  readonly paid: ReadonlyMap<string, number>
}

interface Options {
  readonly era?: Script['era']
  readonly check?: boolean
  readonly key?: boolean
  /** Says how the n-th call of a tool is turned away, from 1, and whether it is carried out before. */
  readonly turnsAway: (
    name: string,
    n: number,
  ) => { readonly status: number; readonly body?: string; readonly does?: true } | undefined
}

async function bank({ era = 'modern', check = false, key = false, turnsAway }: Options): Promise<Bank> {
  const asked: string[] = []
  const paid = new Map<string, number>()
  const keys = new Set<string>()
  const upstream = await startUpstream({
    era,
    tools: [tool('pay', BY_ID), tool('payback', key ? KEYED : BY_ID), tool('find', BY_ID)],
    onCall: ({ name, args, response }) => {
      const id = String(args.id)
      asked.push(name)
      const away = turnsAway(name, asked.filter((each) => each === name).length)
      const known = typeof args.key === 'string' && keys.has(args.key)
      if (typeof args.key === 'string' && (away === undefined || away.does)) keys.add(args.key)
      if ((away === undefined || away.does) && name !== 'find' && !known)
        paid.set(id, (paid.get(id) ?? 0) + (name === 'pay' ? 1 : -1))
      if (away === undefined) return textResult(JSON.stringify({ stands: (paid.get(id) ?? 0) > 0 }))
      response.writeHead(away.status).end(away.body ?? 'no')
      return undefined
    },
  })
  const undo = { tool: 'payback', args: { id: '$args.id', ...(key && { key: '$undo' }) } }
  const looks = { tool: 'find', args: { id: '$args.id' }, undone: { '$.stands': false } }
  const pay = {
    effect: 'write',
    content: ['$.id'],
    accepts: ['untrusted'],
    undo,
    ...(check && { check: looks }),
  } as const
  const tools = { pay, payback: { effect: 'write' }, find: { effect: 'read', returns: { $: [] } } } as const
  const back = [{ upstream: 'bank', tools: ['payback', ...(check ? ['find'] : [])], expires: '1h' }]
  process.env[SECRET] = 'first-token-of-the-bank'
  const gateway = await startGateway({
    upstreams: { bank: { mcp: { url: upstream.url, headers: { authorization: 'Bearer ${secret:bank}' } }, tools } },
    secrets: { bank: { env: SECRET } },
    agents: { alpha: { grants: [{ upstream: 'bank', tools: ['pay'], expires: '8h' }] } },
    environments: { test: { undo: { owner: 'joao.costa@shop.example', grants: back } } },
  })
  const cell = await gateway.admit('alpha')
  const answered = call(cell.url('bank'), 'pay', { id: 'r1' })
  if (turnsAway('pay', 1)?.status === 401) await renew(gateway)
  await answered
  return { gateway, asked, paid }
}

/** Answers as a warden that is asked for another credential and has one. */
async function renew(gateway: TestGateway): Promise<void> {
  await until('the warden is asked', () => gateway.orders.some(({ kind }) => kind === 'credential'))
  gateway.renew('bank', [['bank', `token-${randomBytes(16).toString('hex')}`]])
}

async function plan(gateway: TestGateway): Promise<Plan> {
  const config = await loadConfig(gateway.configFile, { node: process.execPath })
  const story = await storyOf(fileLog(gateway.ledgerDirectory))
  if (!config.ok || !story.ok) throw new Error('unreadable')
  const planned = planOf(story.value, {}, declaredFor(config.value))
  if (!planned.ok) throw new Error(planned.reason)
  return planned.value
}

async function undo(gateway: TestGateway): Promise<Plan> {
  const who = { cell: newCellId(randomBytes(16)), by: personName('maria.silva@shop.example'), why: 'a test', what: {} }
  const effects = todo(await plan(gateway))
  const done = await gateway.undo({ ...who, environment: environmentName('test'), effects })
  if (!done.ok) throw new Error(done.reason)
  return plan(gateway)
}

function standings({ effects }: Plan): readonly string[] {
  return effects.map(({ standing: { kind } }) => kind)
}

async function outcomes(gateway: TestGateway): Promise<readonly string[]> {
  const all = await gateway.entries()
  return all.flatMap((entry) =>
    entry.kind === 'action.outcome' ? `${entry.outcome} ${entry.happened ?? ''}`.trim() : [],
  )
}

describe('undo of a call that was turned away by a status', () => {
  for (const status of [400, 403, 429]) {
    it(`S16: HTTP ${status} leaves it unknown, and nothing is paid back`, async () => {
      const { gateway, asked } = await bank({ turnsAway: (name) => (name === 'pay' ? { status } : undefined) })
      const table = await undo(gateway)
      assert.deepEqual(asked, ['pay'])
      assert.deepEqual(standings(table), ['unknown'])
      assert.deepEqual(await outcomes(gateway), ['withheld unknown'])
      const [first] = table.effects
      assert.ok(first?.standing.kind === 'unknown')
      assert.match(first.standing.why, new RegExp(`what came is no answer to it \\(it answered with HTTP ${status}\\)`))
      await gateway.stop()
    })
  }

  for (const does of [undefined, true] as const) {
    it(`S16: its check is asked first, where it was ${does ? '' : 'not '}carried out`, async () => {
      const { gateway, asked, paid } = await bank({
        check: true,
        turnsAway: (name) => (name === 'pay' ? { status: 429, ...(does && { does }) } : undefined),
      })
      const table = await undo(gateway)
      assert.deepEqual(asked.slice(0, 2), ['pay', 'find'])
      assert.equal(asked.filter((name) => name === 'payback').length, does ? 1 : 0)
      assert.equal(paid.get('r1') ?? 0, 0)
      assert.deepEqual(standings(table), ['undone'])
      await gateway.stop()
    })
  }

  for (const [status, body] of [
    [401, 'no'],
    [404, 'Session not found'],
  ] as const) {
    it(`S16: a call that was sent again, after HTTP ${status}, is paid back once`, async () => {
      const { gateway, asked, paid } = await bank({
        era: 'legacy',
        turnsAway: (name, n) => (name === 'pay' && n === 1 ? { status, body } : undefined),
      })
      const table = await undo(gateway)
      assert.deepEqual(asked, ['pay', 'pay', 'payback'])
      assert.equal(paid.get('r1'), 0)
      assert.deepEqual([table.notSent, standings(table)], [1, ['undone']])
      assert.deepEqual(await outcomes(gateway), ['withheld no', 'done', 'done'])
      await gateway.stop()
    })
  }
})

describe('a compensation of which its upstream says that it did not look at it', () => {
  const lies = (status: number) => (name: string, n: number) =>
    name === 'payback' && n === 1 ? ({ status, body: 'Session not found', does: true } as const) : undefined

  for (const status of [401, 404]) {
    it(`S16: is not sent again on that word alone (HTTP ${status})`, async () => {
      const { gateway, asked, paid } = await bank({ era: 'legacy', turnsAway: lies(status) })
      const [table] = await Promise.all([undo(gateway), ...(status === 401 ? [renew(gateway)] : [])])
      await undo(gateway)
      assert.deepEqual(asked, ['pay', 'payback'])
      assert.equal(paid.get('r1'), 0)
      assert.deepEqual(standings(table), ['unknown'])
      await gateway.stop()
    })
  }

  it('S16: is sent again only where its check says that the effect stands', async () => {
    const { gateway, asked, paid } = await bank({ era: 'legacy', check: true, turnsAway: lies(404) })
    const table = await undo(gateway)
    assert.deepEqual(asked, ['pay', 'payback', 'find'])
    assert.equal(paid.get('r1'), 0)
    assert.deepEqual(standings(table), ['undone'])
    await gateway.stop()
  })

  it('S16: is sent again under a key, which its upstream takes once', async () => {
    const { gateway, asked, paid } = await bank({ era: 'legacy', key: true, turnsAway: lies(404) })
    const table = await undo(gateway)
    assert.deepEqual(asked, ['pay', 'payback', 'payback'])
    assert.equal(paid.get('r1'), 0)
    assert.deepEqual(standings(table), ['undone'])
    await gateway.stop()
  })
})
