/** In a hardened environment nobody answers for their own agent: the gateway holds to it, and says who has to. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { firebreak } from '../kit/command-line.ts'
import { startGateway, startGatewayOn, type TestCell } from '../kit/gateway.ts'
import { startUpstream, textResult, tool } from '../kit/scripted-upstream.ts'
import { until } from '../kit/until.ts'
import { call, textOf } from '../kit/wire.ts'

const MARIA = 'maria.silva@shop.example'
const JOAO = 'joao.costa@shop.example'
const PAY = { inputSchema: { type: 'object', properties: { to: { type: 'string' } } } }

describe('S15: a hardened environment', () => {
  it('a hold is approved by another person than the agent’s owner, or by nobody; the ledger names who', async () => {
    const upstream = await startUpstream({ era: 'modern', tools: [tool('pay', PAY)], onCall: () => textResult('paid') })
    const grants = [{ upstream: 'bank', tools: ['pay'], expires: '8h', approver: JOAO }]
    const gateway = await startGateway({
      environments: { test: { hardened: true } },
      upstreams: {
        bank: { mcp: { url: upstream.url }, tools: { pay: { effect: 'write', destinations: ['$.to'] } } },
      },
      agents: { alpha: { grants } },
    })
    const pay = async (cell: TestCell) => textOf(await call(cell.url('bank'), 'pay', { to: 'ACME-1' }))
    const hold = /reference (a_\w+)/.exec(await pay(await gateway.admit()))?.[1] ?? ''
    for (const name of [MARIA, MARIA.toUpperCase(), ` ${MARIA}`])
      assert.equal((await gateway.answer(hold, true, 60_000, name)).ok, false, name)

    const said = await firebreak(['approve', hold, '--as', MARIA, '--state', gateway.state.directory])
    assert.equal(said.code, 3)
    assert.match(
      said.stderr,
      /"test" is hardened: maria\S+ owns the agent that asks, and another person has to approve/,
    )

    await gateway.stop()
    const again = await startGatewayOn(gateway.configFile, { stateDirectory: gateway.state.directory })
    const cell = await again.admit()
    assert.equal((await again.answer(hold, true, 60_000, MARIA)).ok, false)
    assert.equal((await again.answer(hold, true, 60_000, JOAO)).ok, true)
    assert.equal(await pay(cell), 'paid')
    assert.equal(upstream.calls.length, 1)
    const entries = await again.entries()
    assert.deepEqual(
      entries.flatMap((entry) => (entry.kind === 'hold.answered' ? [entry.by] : [])),
      [JOAO],
    )
    const started = entries.find((entry) => entry.kind === 'cell.started')
    assert.deepEqual(started?.approvers, { 'g_alpha-bank': JOAO })
  })

  it('its owner may deny it, which narrows: nobody approves it then, and the next attempt asks anew', async () => {
    const upstream = await startUpstream({ era: 'modern', tools: [tool('pay', PAY)], onCall: () => textResult('paid') })
    const gateway = await startGateway({
      environments: { test: { hardened: true } },
      upstreams: {
        bank: { mcp: { url: upstream.url }, tools: { pay: { effect: 'write', destinations: ['$.to'] } } },
      },
      agents: { alpha: { grants: [{ upstream: 'bank', tools: ['pay'], expires: '8h', approver: JOAO }] } },
    })
    const cell = await gateway.admit()
    const pay = async () => textOf(await call(cell.url('bank'), 'pay', { to: 'ACME-1' }))
    const held = async () =>
      /holds this call.*reference (a_\w+)/.exec((await pay()) ?? '')?.[1] ?? assert.fail('not held')
    const hold = await held()
    assert.equal((await gateway.answer(hold, false, 60_000, MARIA)).ok, true)
    assert.equal((await gateway.answer(hold, true, 60_000, JOAO)).ok, false)
    const next = await held()
    assert.notEqual(next, hold)
    assert.equal((await gateway.answer(next, true, 60_000, MARIA)).ok, false)
    const said = await firebreak(['deny', next, '--as', MARIA, '--state', gateway.state.directory])
    assert.equal(said.code, 0, said.stderr)
    assert.equal(upstream.calls.length, 0)
    const answers = (await gateway.entries()).flatMap((entry) => (entry.kind === 'hold.answered' ? [entry] : []))
    assert.deepEqual(
      answers.map(({ by, approved }) => [by, approved]),
      [[MARIA, false]],
    )
  })

  it('two who delegate to one agent share no hold: neither approves what their own asks for', async () => {
    const upstream = await startUpstream({ era: 'modern', tools: [tool('pay', PAY)], onCall: () => textResult('paid') })
    const grants = [{ upstream: 'bank', tools: ['pay'], expires: '8h', approver: 'eva.lima@shop.example' }]
    const gateway = await startGateway({
      environments: { test: { hardened: true } },
      upstreams: {
        bank: { mcp: { url: upstream.url }, tools: { pay: { effect: 'write', destinations: ['$.to'] } } },
      },
      agents: {
        alpha: { grants, delegates: ['helper'] },
        bravo: { owner: JOAO, grants, delegates: ['helper'] },
        helper: { owner: 'ana.costa@shop.example', grants: [], command: ['/usr/bin/true'] },
      },
    })
    const held = async (giver: string) => {
      const above = await gateway.admit(giver)
      const orders = gateway.orders.length
      await call(above.url('firebreak'), 'delegate', { agent: 'helper', assignment: 'pay ACME' })
      await until('it is ordered', () => gateway.orders.length > orders)
      const cell = await gateway.admit('helper', { parent: above })
      const said = textOf(await call(cell.url('bank'), 'pay', { to: 'ACME-1' }))
      return /reference (a_\w+)/.exec(said ?? '')?.[1] ?? assert.fail(said)
    }
    const holds = [await held('alpha'), await held('bravo')] as const
    assert.notEqual(holds[0], holds[1])
    assert.equal((await gateway.answer(holds[1], true, 60_000, JOAO)).ok, false)
    assert.equal((await gateway.answer(holds[1], true, 60_000, MARIA)).ok, true)
    assert.equal((await gateway.answer(holds[0], true, 60_000, MARIA)).ok, false)
  })
})
