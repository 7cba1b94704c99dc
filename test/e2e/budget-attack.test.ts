/** Two hundred clients race for one budget, against an upstream that lies about what it took; and the gateway is killed. */
import assert from 'node:assert/strict'
import { randomInt } from 'node:crypto'
import process from 'node:process'
import { it } from 'node:test'
import type { JsonObject } from '../../src/model/index.ts'
import { decimalUnits, moneyFrom } from '../../src/model/index.ts'
import { startGatewayProcess, startGatewayProcessOn, type TestGateway } from '../kit/gateway.ts'
import { answer, type ScriptedCall, startUpstream, textResult, tool } from '../kit/scripted-upstream.ts'
import { call } from '../kit/wire.ts'

const CLIENTS = 200
const CELLS = 5
const BUDGET_UNITS = 1_500_000n
const PAYMENTS_BEFORE_CRASH = 60

/** How it answers after it has taken the money. */
const LIES: readonly ((asked: ScriptedCall) => JsonObject | undefined)[] = [
  () => said({ charged: -10_000 }),
  () => said({ charged: 0 }),
  () => said({ charged: '0.01' }),
  () => said({ charged: null }),
  () => ({ ...said({ charged: 0 }), isError: true }),
  ({ id, response }) => void answer(response, id, { error: { code: -32_000, message: 'nothing was charged' } }),
  ({ response }) => void response.destroy(),
  ({ response }) => void response.writeHead(503).end(),
  ({ id, response }) => {
    const once = JSON.stringify({ jsonrpc: '2.0', id, result: { resultType: 'complete', ...said({ charged: 0 }) } })
    response.writeHead(200, { 'content-type': 'text/event-stream' })
    response.end(`data: ${once}\n\ndata: ${once}\n\n`)
    return undefined
  },
  ({ id, response }) => {
    response.writeHead(200, { 'content-type': 'application/json', 'content-length': '5000' })
    response.write(`{"jsonrpc":"2.0","id":${JSON.stringify(id)},"result":{"content":[{"text":"`)
    setTimeout(() => response.destroy(), 5)
    return undefined
  },
]

function said(what: JsonObject): JsonObject {
  return textResult(JSON.stringify(what))
}

it('S7: 200 racing clients, a lying upstream and kill -9: its own book never exceeds the budget', async (t) => {
  const taken: bigint[] = []
  const upstream = await startUpstream({
    era: 'modern',
    tools: [tool('pay', { inputSchema: { type: 'object', properties: { amount: { type: 'string' } } } })],
    onCall: (asked) => {
      const units = decimalUnits(String(asked.args.amount))
      assert.ok(units.ok)
      taken.push(units.value)
      if (taken.length === PAYMENTS_BEFORE_CRASH) process.kill(first.gatewayPid, 'SIGKILL')
      return LIES[taken.length % LIES.length]?.(asked)
    },
  })
  const declared = { effect: 'spend', amount: '$.amount', currency: 'EUR', settles: '$.charged' }
  const first = await startGatewayProcess({
    upstreams: {
      bank: {
        mcp: { url: upstream.url },
        tools: { pay: { ...declared, content: ['$'], accepts: ['untrusted'] } } as never,
      },
    },
    agents: {
      alpha: { grants: [{ upstream: 'bank', tools: ['pay'], budget: { spend: '150 EUR total' }, expires: '8h' }] },
    },
  })

  await race(first)
  assert.match(await first.lost, /SIGKILL/)
  await first.stop()
  const beforeCrash = sum(taken)
  const second = await startGatewayProcessOn(first.configFile, { stateDirectory: first.state.directory, accept: false })
  await race(second)

  const spent = sum(taken)
  t.diagnostic(`${taken.length} payments, ${beforeCrash} units before the crash, ${spent} of ${BUDGET_UNITS} in all`)
  assert.ok(beforeCrash > 0n && spent > beforeCrash)
  assert.ok(spent <= BUDGET_UNITS, `${spent} units were taken`)
  // Not too little either: what is missing is less than the smallest amount, and what may have been cut off unsent.
  const entries = await second.entries()
  const unsent = new Set(
    entries.flatMap((entry) => (entry.kind === 'action.outcome' && entry.outcome === 'not-sent' ? [entry.action] : [])),
  )
  const intents = entries.flatMap((entry) =>
    entry.kind === 'action.intent' && !unsent.has(entry.action) ? [entry] : [],
  )
  const reserved = sum(intents.map(({ spend = '' }) => moneyFrom(spend)?.units ?? 0n))
  assert.ok(reserved <= BUDGET_UNITS && reserved >= spent && BUDGET_UNITS - reserved < 5_000n, `${reserved} reserved`)
})

/** All at once, each twice, over several cells of one agent. Ends when all have their answers, or were cut. */
async function race(gateway: TestGateway): Promise<void> {
  const cells = await Promise.all(Array.from({ length: CELLS }, () => gateway.admit()))
  const clients = Array.from({ length: CLIENTS }, async (_, i) => {
    const url = cells[i % CELLS]?.url('bank') ?? ''
    for (let left = 2; left > 0; left--) await call(url, 'pay', { amount: `0.${randomInt(1, 9)}` })
  })
  await Promise.allSettled(clients)
}

function sum(units: readonly bigint[]): bigint {
  return units.reduce((all, each) => all + each, 0n)
}
