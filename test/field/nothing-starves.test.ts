/** S17: what a cell says once is not written often, kept for ever or written in full each time it is tried. */
import assert from 'node:assert/strict'
import process from 'node:process'
import { before, describe, it } from 'node:test'
import { isJsonObject, LIMITS } from '../../src/model/index.ts'
import { type GatewayProcess, residentMiB, startGatewayProcess } from '../kit/gateway.ts'
import { stateOf } from '../kit/host.ts'
import { startUpstream, textResult, tool } from '../kit/scripted-upstream.ts'
import { until } from '../kit/until.ts'
import { call, errorOf, initialize, modern, post, rpc, textOf } from '../kit/wire.ts'

const TOOLS = [
  tool('list'),
  tool('pay', {
    inputSchema: {
      type: 'object',
      properties: { to: { type: 'string' }, note: { type: 'array', items: { type: 'string' } } },
    },
  }),
]

describe('S17: one cell', () => {
  let gateway: GatewayProcess

  before(async () => {
    const upstream = await startUpstream({ era: 'modern', tools: TOOLS, onCall: () => textResult('[]') })
    const effect = { effect: 'write', destinations: ['$.to'], content: ['$.note'] } as const
    gateway = await startGatewayProcess({
      upstreams: { bank: { mcp: { url: upstream.url }, tools: { list: 'read', pay: effect } } },
      agents: {
        alpha: { delegates: ['beta'], command: ['/usr/bin/true'] },
        beta: { command: ['/usr/bin/true'] },
        gamma: { grants: [{ upstream: 'bank', tools: ['list'], expires: '8h' }] },
      },
    })
  })

  it('a progress token and an id have a bound, in every revision', async () => {
    const url = (await gateway.admit()).url('bank')
    const longest = 'x'.repeat(LIMITS.idCharactersMax)
    const params = { name: 'list', arguments: {} }
    assert.equal(
      textOf(await modern(url, 'tools/call', params, { id: longest, meta: { progressToken: longest } })),
      '[]',
    )
    for (const options of [{ id: `${longest}x` }, { meta: { progressToken: `${longest}x` } }]) {
      const { status, text } = await modern(url, 'tools/call', params, options)
      assert.equal(status, 400)
      assert.ok(text.length < 1_000, text)
    }
    const headers = await initialize(url)
    const meta = { _meta: { progressToken: `${longest}x` } }
    assert.equal((await post(url, rpc('tools/call', { ...params, ...meta }), { headers })).status, 400)
    assert.equal((await post(url, rpc('tools/call', params, `${longest}x`), { headers })).status, 400)
    assert.equal(textOf(await post(url, rpc('tools/call', params, longest), { headers })), '[]')
  })

  it('further attempts at a held call are short, and past a number in a second share an entry', {
    timeout: 240_000,
  }, async () => {
    const cell = await gateway.admit()
    const args = { to: 'EVIL', note: Array.from({ length: 150 }, (_, i) => `${i}`.padEnd(200, 'x')) }
    const hold = (answer: Awaited<ReturnType<typeof call>>) => {
      const result = isJsonObject(answer.message.result) ? answer.message.result : {}
      return isJsonObject(result._meta) ? result._meta['dev.firebreak/hold'] : undefined
    }
    const first = hold(await call(cell.url('bank'), 'pay', args))
    assert.equal(typeof first, 'string')
    const many = LIMITS.refusalsBurst + 60
    const began = performance.now()
    let left = many
    await Promise.all(
      Array.from({ length: 30 }, async () => {
        while (left-- > 0) assert.equal(hold(await call(cell.url('bank'), 'pay', args)), first)
      }),
    )
    const seconds = (performance.now() - began) / 1_000
    const held = (await gateway.entries()).filter((entry) => entry.kind === 'action.held' && entry.cell === cell.id)
    const tried = held.reduce((sum, entry) => sum + 1 + ('more' in entry ? (entry.more ?? 0) : 0), 0)
    assert.equal(tried, many + 1)
    const bytes = held.slice(1).map((entry) => Buffer.byteLength(JSON.stringify(entry)))
    assert.ok(Math.max(...bytes) < 4_096, `${Math.max(...bytes)} bytes`)
    const most = 1 + LIMITS.refusalsBurst + seconds * (LIMITS.refusalsPerSecond + 1) + 2
    assert.ok(held.length <= most, `${held.length} entries in ${seconds} s`)
  })

  it('asking for one refused call again and again opens one hold, and writes it in full once', async () => {
    const cell = await gateway.admit('gamma')
    const args = { to: 'x', note: Array.from({ length: 100 }, () => 'y'.repeat(200)) }
    const refused = errorOf(await call(cell.url('bank'), 'pay', args))?.message ?? ''
    const reference = /reference (\S+)\)/.exec(refused)?.[1] ?? ''
    const ask = () => call(cell.url('firebreak'), 'request', { reference, why: 'x'.repeat(500) })
    for (const answer of await Promise.all(Array.from({ length: 20 }, ask))) assert.match(textOf(answer), /waiting/)
    const held = (await gateway.entries()).filter((entry) => entry.kind === 'action.held' && entry.cell === cell.id)
    assert.equal(new Set(held.map((entry) => 'hold' in entry && entry.hold)).size, 1)
    const sizes = held.map((entry) => Buffer.byteLength(JSON.stringify(entry)))
    assert.ok(Math.max(...sizes.slice(1)) < 4_096)
  })

  it('what it has delegated is forgotten when it has ended, but for a few', async () => {
    const cell = await gateway.admit()
    const own = async (name: string, args: object) =>
      JSON.parse(textOf(await call(cell.url('firebreak'), name, { ...args }))) as { readonly [key: string]: unknown }
    const oneOf = Array.from({ length: 15_000 }, (_, i) => `${i}`.padEnd(60, 'y'))
    const limits = [{ tool: 'bank/list', argument: '$.x', oneOf }]
    const before = residentMiB(gateway.gatewayPid)
    for (let i = 0; i < 100; i++) {
      const { delegation } = await own('delegate', { agent: 'beta', assignment: `${i} `.padEnd(16_000, 'z'), limits })
      await own('revoke', { delegation })
    }
    const { delegations } = await own('delegations', {})
    assert.ok(Array.isArray(delegations) && delegations.length <= LIMITS.delegationsEndedMax + 1)
    assert.ok(residentMiB(gateway.gatewayPid) - before < 100)
  })

  it('while it is watched, the gateway’s own tools keep its pace, too', async () => {
    const cell = await gateway.admit()
    assert.ok((await gateway.order([cell], 'watched')).ok)
    const began = performance.now()
    const many = LIMITS.watchedActionsBurst + LIMITS.watchedActionsPerSecond
    await Promise.all(Array.from({ length: many }, () => call(cell.url('firebreak'), 'authority')))
    assert.ok(performance.now() - began > 800)
  })

  it('S9: an order that comes while a release waits for the disk has the last word, also where it lowers nothing', async () => {
    const cells = [await gateway.admit('gamma'), await gateway.admit('gamma')] as const
    assert.ok((await gateway.order(cells, 'restricted')).ok)
    // Both wait for it when it goes on: the release is not on the disk when the order comes.
    process.kill(gateway.gatewayPid, 'SIGSTOP')
    await until('the gateway stands still', () => stateOf(gateway.gatewayPid) === 'T')
    const told = [gateway.release('gamma', 'normal'), gateway.order([cells[0]], 'restricted')]
    process.kill(gateway.gatewayPid, 'SIGCONT')
    for (const { ok } of await Promise.all(told)) assert.ok(ok)
    const ids = new Set<string>(cells.map(({ id }) => id))
    const last = new Map<string, string>()
    await gateway.entries((entries) => {
      for (const entry of entries)
        if (entry.kind === 'rung.changed' && entry.agent === 'gamma')
          for (const id of entry.cell === undefined ? ids : [entry.cell]) last.set(id, `${entry.from}>${entry.to}`)
      return last.size === 2 && [...last.values()].every((each) => each === 'normal>restricted')
    })
    assert.deepEqual([...last.values()], Array(2).fill('normal>restricted'), 'the ledger says of both that they stay')
    const heard = gateway.orders.filter(({ kind, number }) => kind === 'contain' && number === cells[0].number)
    assert.equal(heard.length, 1, 'and the warden hears of it')
  })
})
