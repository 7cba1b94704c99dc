/** Budgets on the running gateway: what an answer brings, what an upstream says it charged, shares of tasks, crashes. */
import assert from 'node:assert/strict'
import process from 'node:process'
import { describe, it } from 'node:test'
import { reasonsFrom } from '../../src/gateway/pipeline/record.ts'
import type { Entry } from '../../src/model/entry.ts'
import type { JsonObject } from '../../src/model/index.ts'
import { explain } from '../../src/policy/index.ts'
import { firebreak } from '../kit/command-line.ts'
import type { ConfigPlan } from '../kit/config-text.ts'
import { startGateway, startGatewayOn, startGatewayProcess, type TestGateway } from '../kit/gateway.ts'
import { eventText, type ScriptedCall, startUpstream, textResult, tool } from '../kit/scripted-upstream.ts'
import { call, errorOf, type HttpReply, textOf } from '../kit/wire.ts'

const spending = {
  effect: 'spend',
  amount: '$.amount',
  currency: 'EUR',
  content: ['$'],
  accepts: ['untrusted'],
} as const
const TOOLS = {
  list: { effect: 'read', rows: '$.rows', maxRows: 10 },
  count: { effect: 'read', rows: '$.n', maxRows: 10 },
  page: { effect: 'read', maxBytes: '2KiB' },
  stream: { effect: 'read', maxBytes: '2KiB' },
  pay: { ...spending, settles: '$.charged' },
  trust: { ...spending, settles: '$.charged', settlesDown: true },
  share: spending,
} as const
const BUDGETS: Readonly<Record<keyof typeof TOOLS, object>> = {
  list: { rows: '25 total' },
  count: { rows: '25 total' },
  page: { bytes: '5KiB total' },
  stream: { bytes: '5KiB total' },
  pay: { spend: '100 EUR total' },
  trust: { spend: '100 EUR total' },
  share: { spend: '100 EUR per month Europe/Lisbon', task: '60 EUR' },
}

/** Each tool under a grant of its own, and an upstream that answers what it is told to. */
const shop = (budgets?: Readonly<Record<string, object>>) => shopOn(startGateway, budgets)

async function shopOn<Started extends TestGateway>(
  start: (plan: ConfigPlan) => Promise<Started>,
  budgets: Readonly<Record<string, object>> = BUDGETS,
) {
  let answer: (asked: ScriptedCall) => JsonObject | undefined = () => textResult('{}')
  const numbers = { inputSchema: { type: 'object', properties: { amount: { type: ['number', 'string'] } } } }
  const upstream = await startUpstream({
    era: 'modern',
    tools: Object.keys(budgets).map((name) => tool(name, numbers)),
    onCall: (asked) => answer(asked),
  })
  const grants = Object.entries(budgets).map(([name, budget]) => ({
    upstream: 'shop',
    tools: [name],
    budget,
    expires: '8h',
  }))
  const tools = Object.fromEntries(Object.entries(TOOLS).filter(([name]) => name in budgets))
  const gateway = await start({
    upstreams: { shop: { mcp: { url: upstream.url }, tools } },
    agents: { alpha: { grants } },
  })
  return {
    gateway,
    upstream,
    answers: (with_: JsonObject | ((asked: ScriptedCall) => JsonObject | undefined)) => {
      answer = typeof with_ === 'function' ? (with_ as typeof answer) : () => textResult(JSON.stringify(with_))
    },
  }
}

/** The refusal that a reply names, in the words that its owner reads. */
async function whyNot(gateway: TestGateway, reply: HttpReply): Promise<string> {
  const reference = /a_[0-9a-z]{20}/.exec(reply.text)?.[0]
  const isIt = (entry: Entry) => entry.kind === 'action.refused' && entry.action === reference
  const refused = (await gateway.entries((all) => all.some(isIt))).find(isIt)
  assert.ok(refused?.kind === 'action.refused', reply.text)
  const [first, ...more] = reasonsFrom(refused.reasons)
  return first === undefined ? '' : explain({ reasons: [first, ...more] }).join('\n')
}

async function outcomesOf(name: string) {
  const entries = await gateway.entries()
  const actions = new Set(
    entries.flatMap((entry) => (entry.kind === 'action.intent' && entry.tool === name ? [entry.action] : [])),
  )
  return entries.flatMap((entry) => (entry.kind === 'action.outcome' && actions.has(entry.action) ? [entry] : []))
}

const rows = (count: number) => ({ rows: Array.from({ length: count }, (_, i) => i) })

const { gateway, upstream, answers } = await shop()

describe('S7: what an answer brings', () => {
  it('rows are reserved at their most, counted as they come, and withheld beyond', async () => {
    const url = (await gateway.admit()).url('shop')
    answers(rows(3))
    assert.equal(textOf(await call(url, 'list')), JSON.stringify(rows(3)))
    answers(rows(11))
    assert.match((await call(url, 'list')).text, /withheld/)
    // Twelve are left: an answer in which nothing can be counted is not passed on, and stays paid.
    answers({ more: rows(500) })
    assert.match((await call(url, 'list')).text, /withheld/)
    const refused = await call(url, 'list')
    assert.equal(errorOf(refused)?.code, 403)
    assert.match(
      await whyNot(gateway, refused),
      /: 10 rows asked, 2 rows left of 25 rows in total — no wait is enough$/,
    )
    assert.equal(upstream.calls.length, 3)
  })

  it('a number of rows is what the upstream says: not believed where it is less', async () => {
    const url = (await gateway.admit()).url('shop')
    answers({ n: 0 })
    for (let i = 0; i < 2; i++) assert.equal(textOf(await call(url, 'count')), '{"n":0}')
    assert.match(await whyNot(gateway, await call(url, 'count')), /10 rows asked, 5 rows left/)
    for (const n of [-1, 1.5, 'none', null]) {
      answers({ n })
      assert.equal(errorOf(await call(url, 'count'))?.code, 403)
    }
  })

  it('bytes are what reaches the cell, what is said meanwhile included', async () => {
    const url = (await gateway.admit()).url('shop')
    answers({ text: 'x'.repeat(900) })
    for (let i = 0; i < 2; i++) assert.match(textOf(await call(url, 'page')), /xxx/)
    answers({ text: 'x'.repeat(2_048) })
    assert.match((await call(url, 'page')).text, /withheld/)
    const reply = await call(url, 'page')
    assert.match(await whyNot(gateway, reply), /: 2048 bytes asked, \d{3,4} bytes left of 5120 bytes in total/)
    const outcomes = await outcomesOf('page')
    assert.deepEqual(
      outcomes.map(({ settled }) => (settled?.bytes ?? 0) > 900),
      [true, true, false],
    )
  })

  it('notifications take from the same bytes, and no more of them than were reserved reach the cell', async () => {
    const url = (await gateway.admit()).url('shop')
    answers(({ id, params, response }) => {
      const progressToken = (params._meta as JsonObject | undefined)?.progressToken ?? null
      response.writeHead(200, { 'content-type': 'text/event-stream' })
      for (let i = 0; i < 20; i++) {
        const said = { progressToken, progress: i, message: 'y'.repeat(400) }
        response.write(eventText({ jsonrpc: '2.0', method: 'notifications/progress', params: said }))
      }
      response.end(eventText({ jsonrpc: '2.0', id, result: { resultType: 'complete', ...textResult('done') } }))
      return undefined
    })
    const reply = await call(url, 'stream', {}, { meta: { progressToken: 'mine' } })
    const passed = reply.text.split('\n').filter((line) => line.includes('yyy')).length
    assert.ok(passed > 0 && passed <= 5, `${passed} notifications passed`)
  })
})

describe('S7: what an upstream says it charged', () => {
  it('is believed where it is more, past the budget too; less only where the configuration says so', async () => {
    const url = (await gateway.admit()).url('shop')
    const pay = async (name: string, amount: number | string, charged: JsonObject[string]) => {
      answers({ charged })
      return call(url, name, { amount })
    }
    for (const lie of [0, -50, '-1', 9, 'nothing', 1e300, null]) {
      assert.equal(errorOf(await pay('pay', 10, lie)), undefined, JSON.stringify(lie))
    }
    // Seventy are spent. The next says that it took 45 instead of 10.
    assert.equal(errorOf(await pay('pay', 10, '45.0001')), undefined)
    assert.match(
      await whyNot(gateway, await pay('pay', 0, 0)),
      /0\.00 EUR asked, 0\.00 EUR left of 100\.00 EUR in total/,
    )
    for (let i = 0; i < 20; i++) assert.equal(errorOf(await pay('trust', 50, 0.5)), undefined, `call ${i}`)
    assert.match(await whyNot(gateway, await pay('trust', 90.01, 0)), /90\.01 EUR asked, 90\.00 EUR left/)
    const told = await outcomesOf('pay')
    assert.equal(
      told.find(({ settled }) => settled?.spend === '45.0001 EUR')?.detail,
      'it charged 45.0001 EUR, and 10.00 EUR was reserved',
    )
    assert.match(told[1]?.detail ?? '', /negative/)
    assert.match(told[3]?.detail ?? '', /9\.00 EUR: 10\.00 EUR stays spent/)
  })

  it('an amount that two readers could take for two amounts is refused, and nothing is sent', async () => {
    const url = (await gateway.admit()).url('shop')
    const before = upstream.calls.length
    for (const amount of [-1, '-0.00', '1e1', 1e21, 0.00001, '050', ' 5', '٥', 900719925474.0995, null, true]) {
      assert.notEqual(errorOf(await call(url, 'pay', { amount: amount as never })), undefined, String(amount))
    }
    assert.notEqual(errorOf(await call(url, 'pay', {})), undefined)
    assert.equal(upstream.calls.length, before)
  })
})

describe('S7: crashes and tasks', () => {
  it('after kill -9 everything still counts: what was answered, what was not, and what was settled', async () => {
    const own = await shopOn(startGatewayProcess, { pay: BUDGETS.pay, list: BUDGETS.list, page: BUDGETS.page })
    const { gateway, answers, upstream } = own
    const url = (await gateway.admit()).url('shop')
    answers({ charged: 40, ...rows(4) })
    await call(url, 'pay', { amount: 10 })
    await call(url, 'list')
    await call(url, 'page')
    answers(() => undefined)
    const cut = [call(url, 'pay', { amount: 25 }), call(url, 'list'), call(url, 'page')].map((it) => assert.rejects(it))
    while (upstream.calls.length < 6) await new Promise((resolve) => setTimeout(resolve, 20))
    process.kill(gateway.gatewayPid, 'SIGKILL')
    await gateway.lost
    await Promise.all(cut)
    await gateway.stop()
    const next = await startGatewayOn(gateway.configFile, { stateDirectory: gateway.state.directory, accept: false })
    const again = (await next.admit()).url('shop')
    answers(rows(0))
    // 40 were charged, and what became of 25 nobody knows.
    const refused = await call(again, 'pay', { amount: 35.01 })
    assert.match(await whyNot(next, refused), /35\.01 EUR asked, 35\.00 EUR left/)
    assert.equal(errorOf(await call(again, 'pay', { amount: 35 })), undefined)
    assert.equal(errorOf(await call(again, 'list')), undefined)
    assert.equal(errorOf(await call(again, 'list')), undefined)
    answers(rows(10))
    assert.equal(errorOf(await call(again, 'list')), undefined)
    assert.match(await whyNot(next, await call(again, 'list')), /10 rows asked, 1 row left/)
    const reference = /a_[0-9a-z]{20}/.exec(refused.text)?.[0] ?? ''
    const why = await firebreak(['why', reference, '--state', next.state.directory])
    assert.match(why.stdout, /35\.01 EUR asked, 35\.00 EUR left of 100\.00 EUR in total/)
    const settled = (await next.entries()).find((entry) => entry.kind === 'action.outcome' && entry.settled?.spend)
    const of = settled?.kind === 'action.outcome' ? settled.action : ''
    const told = await firebreak(['why', of, '--state', next.state.directory])
    assert.match(told.stdout, /charged +10\.00 EUR; in the end 40\.00 EUR/)
  })

  it('the share of a task is there for it, and returns when its cell ends', async () => {
    answers({})
    const task = { task: { text: 'pay the rent' } }
    const owned = await gateway.admit('alpha', task)
    const attacker = (await gateway.admit()).url('shop')
    const pay = (url: string, amount: number) => call(url, 'share', { amount })
    for (let i = 0; i < 4; i++) assert.equal(errorOf(await pay(attacker, 10)), undefined)
    const refused = await whyNot(gateway, await pay(attacker, 0.01))
    assert.match(
      refused,
      /0\.01 EUR asked, 0\.00 EUR left of 100\.00 EUR per month \(Europe\/Lisbon\), 60\.00 EUR of it set aside/,
    )
    assert.equal(errorOf(await pay(owned.url('shop'), 20)), undefined)
    assert.match(
      await whyNot(gateway, await pay(owned.url('shop'), 40.01)),
      /40\.00 EUR left of 60\.00 EUR for this task/,
    )
    // A second task finds no room, and says so.
    const second = await gateway.admit('alpha', task)
    assert.match(await whyNot(gateway, await pay(second.url('shop'), 1)), /60\.00 EUR asked, 0\.00 EUR left/)
    await owned.end()
    assert.equal(errorOf(await pay(attacker, 40)), undefined)
    assert.equal(errorOf(await pay(attacker, 0.01))?.code, 403)
  })
})
