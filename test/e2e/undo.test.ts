import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import process from 'node:process'
import { describe, it } from 'node:test'
import { loadConfig } from '../../src/config/load.ts'
import { declaredFor, storyOf } from '../../src/host/people/undo.ts'
import type { UndoOrder } from '../../src/host/people/undo-order.ts'
import { fileLog } from '../../src/ledger/files/file-logs.ts'
import { agentName, environmentName, LIMITS, newActionId, newCellId, personName } from '../../src/model/index.ts'
import { type Plan, planOf, type Selection, todo } from '../../src/recovery/plan.ts'
import type { ConfigPlan, DeclaredPlan } from '../kit/config-text.ts'
import { startGateway, startGatewayOn, startGatewayProcess, type TestCell, type TestGateway } from '../kit/gateway.ts'
import { type Behaviour, FIND, REFUND_CREATE, REFUND_TOOLS, type RefundBook, refundBook } from '../kit/refund-book.ts'
import { until } from '../kit/until.ts'
import { call, textOf } from '../kit/wire.ts'

const OWN = { upstream: 'bank', tools: ['refunds.create', 'payouts.approve'], expires: '8h' }

interface Options {
  readonly check?: boolean
  readonly key?: boolean
  /** Its undo names the request that the effect was asked with, and nothing of its answer. */
  readonly byRequest?: boolean
  readonly grants?: readonly object[]
}

const desk = (book: RefundBook, options?: Options, budget?: Readonly<Record<string, string>>) =>
  deskOn(startGateway, book, options, budget)

async function deskOn<Started extends TestGateway>(
  start: (plan: ConfigPlan) => Promise<Started>,
  book: RefundBook,
  { check = false, key = false, byRequest = false, grants }: Options = {},
  budget: Readonly<Record<string, string>> = {},
) {
  const tools = ['refunds.cancel', ...(check ? ['refunds.find'] : [])]
  const granted = grants ?? [{ upstream: 'bank', tools, expires: '1h' }]
  const create: DeclaredPlan = {
    ...REFUND_CREATE,
    undo: {
      tool: 'refunds.cancel',
      args: { ...(byRequest ? { request: '$args.request' } : { id: '$result.id' }), ...(key && { key: '$undo' }) },
    },
    ...(check && { check: FIND }),
  }
  return start({
    upstreams: {
      bank: { mcp: { url: book.upstream.url }, tools: { ...REFUND_TOOLS, 'refunds.create': create } },
    },
    agents: Object.fromEntries(['alpha', 'beta'].map((name) => [name, { grants: [{ ...OWN, budget }] }])),
    environments: {
      test: { ...(granted.length > 0 && { undo: { owner: 'joao.costa@shop.example', grants: granted } }) },
    },
  })
}

async function refund(cell: TestCell, request: string): Promise<string> {
  const reply = await call(cell.url('bank'), 'refunds.create', { request, amount: 10, currency: 'EUR' })
  return textOf(reply)
}

async function refunds(cell: TestCell, count: number): Promise<readonly string[]> {
  const requests = Array.from({ length: count }, (_, i) => `r${i + 1}`)
  for (const request of requests) await refund(cell, request)
  return requests
}

async function plan(gateway: TestGateway, selection: Selection = {}): Promise<Plan> {
  const config = await loadConfig(gateway.configFile, { node: process.execPath })
  const story = await storyOf(fileLog(gateway.ledgerDirectory))
  if (!config.ok || !story.ok) throw new Error('unreadable')
  const planned = planOf(story.value, selection, declaredFor(config.value))
  if (!planned.ok) throw new Error(planned.reason)
  return planned.value
}

function order(): Omit<UndoOrder, 'effects'> {
  return {
    cell: newCellId(randomBytes(16)),
    environment: environmentName('test'),
    by: personName('maria.silva@shop.example'),
    why: 'a test',
    what: {},
  }
}

/** Orders it as the command does, and returns the table afterwards. */
async function undo(gateway: TestGateway, selection: Selection = {}): Promise<Plan> {
  const done = await gateway.undo({ ...order(), effects: todo(await plan(gateway, selection)) })
  if (!done.ok) throw new Error(done.reason)
  return plan(gateway, selection)
}

function request(effect: Plan['effects'][number]['effect']): string {
  return String((effect.args as { request?: string }).request)
}

function standing(table: Plan): Readonly<Record<string, string>> {
  return Object.fromEntries(table.effects.map(({ effect, standing: { kind } }) => [request(effect), kind]))
}

describe('undo: what is compensated, by the book and not by our record', () => {
  it('S16: every refund is cancelled once, newest first', async () => {
    const book = await refundBook()
    const gateway = await desk(book)
    const cell = await gateway.admit()
    await refunds(cell, 5)
    const table = await undo(gateway)
    assert.deepEqual(book.standing(), [])
    assert.deepEqual(book.cancelled(), [5, 4, 3, 2, 1])
    assert.deepEqual(table.totals, { effects: 5, undone: 5, undoable: 0, irreversible: 0, failed: 0, unknown: 0 })
    const intents = (await gateway.entries()).filter((entry) => entry.kind === 'action.intent')
    const undoes = intents.filter((entry) => entry.undoes !== undefined)
    const done = intents.filter((entry) => entry.undoes === undefined).map(({ action }) => action)
    assert.deepEqual(
      undoes.map((entry) => entry.undoes),
      done.reverse(),
    )
    assert.ok(undoes.every((entry) => entry.agent === 'undo' && entry.cell !== cell.id))
    await gateway.stop()
  })

  it('repeats nothing: a second undo, and one at the same time, send no second cancellation', async () => {
    const book = await refundBook()
    const gateway = await desk(book)
    const cell = await gateway.admit()
    await refunds(cell, 6)
    await Promise.all([undo(gateway), undo(gateway)])
    await undo(gateway)
    assert.deepEqual([...book.cancelled()].sort(), [1, 2, 3, 4, 5, 6])
    await gateway.stop()
  })

  it('undoes one cell, one action, or what one agent did since a time, and leaves the rest', async () => {
    const book = await refundBook()
    const gateway = await desk(book)
    const [alpha, beta] = [await gateway.admit('alpha'), await gateway.admit('beta')]
    for (const [i, cell] of [alpha, beta, alpha, beta].entries()) await refund(cell, `r${i + 1}`)
    const [newest] = (await plan(gateway)).effects
    await undo(gateway, { of: newest?.effect.action ?? '' })
    assert.deepEqual(book.standing(), ['r1', 'r2', 'r3'])
    await undo(gateway, { of: alpha.id })
    assert.deepEqual(book.standing(), ['r2'])
    await undo(gateway, { sinceMs: Date.now() + 60_000 })
    await undo(gateway, { agent: agentName('alpha') })
    assert.deepEqual(book.standing(), ['r2'])
    await undo(gateway, { sinceMs: 0, agent: agentName('beta') })
    assert.deepEqual(book.standing(), [])
    await gateway.stop()
  })

  it('what has no undo is irreversible, what never left is no effect, and an undo is not undone', async () => {
    const book = await refundBook()
    const gateway = await desk(book)
    const cell = await gateway.admit()
    await refund(cell, 'r1')
    await call(cell.url('bank'), 'payouts.approve', { amount: 5 })
    const table = await undo(gateway)
    assert.deepEqual(
      table.effects.map(({ effect, standing: { kind } }) => `${effect.tool} ${kind}`),
      ['payouts.approve irreversible', 'refunds.create undone'],
    )
    const cancel = (await gateway.entries()).find(
      (entry) => entry.kind === 'action.intent' && entry.undoes !== undefined,
    )
    assert.ok(cancel !== undefined && 'action' in cancel && 'cell' in cancel)
    await assert.rejects(plan(gateway, { of: cancel.cell }), /nothing undoes an undo/)
    await assert.rejects(plan(gateway, { of: cancel.action }), /nothing undoes an undo/)
    const forced = await gateway.undo({ ...order(), effects: [cancel.action] })
    assert.ok(forced.ok)
    assert.deepEqual(book.cancelled(), [1])
    await gateway.stop()
  })
})

describe('undo: an upstream that drops, delays and falsifies', () => {
  it('an effect without an answer is unknown, and is not touched', async () => {
    const book = await refundBook()
    const gateway = await desk(book)
    const cell = await gateway.admit()
    book.behave = (_, { request: name }) => (name === 'r2' ? 'drop' : name === 'r3' ? 'refuse-after' : 'honest')
    await refunds(cell, 4)
    assert.deepEqual(standing(await undo(gateway)), { r1: 'undone', r2: 'unknown', r3: 'unknown', r4: 'undone' })
    assert.deepEqual(book.standing(), ['r2', 'r3'])
    await gateway.stop()
  })

  it('with a check it is found out: what stands is undone where its request is enough, and what does not stands for itself', async () => {
    const book = await refundBook()
    const gateway = await desk(book, { check: true, byRequest: true })
    const cell = await gateway.admit()
    const behaviours: Readonly<Record<string, Behaviour>> = {
      r2: 'drop',
      r3: 'drop-before',
      r4: 'refuse-after',
      r5: 'refuse',
    }
    book.behave = (name, { request: key }) => (name === 'refunds.create' && behaviours[String(key)]) || 'honest'
    await refunds(cell, 5)
    const table = await undo(gateway)
    assert.deepEqual(new Set(Object.values(standing(table))), new Set(['undone']))
    assert.deepEqual(book.standing(), [])
    assert.deepEqual(book.cancelled().length, 3, 'nothing was cancelled that never was there')
    await gateway.stop()
  })

  it('what stands, and whose answer never said its id, is failed and not guessed', async () => {
    const book = await refundBook()
    const gateway = await desk(book, { check: true })
    const cell = await gateway.admit()
    book.behave = (name) => (name === 'refunds.create' ? 'drop' : 'honest')
    await refund(cell, 'r1')
    const [only] = (await undo(gateway)).effects
    assert.equal(only?.standing.kind, 'failed')
    assert.match(
      'why' in only.standing ? String(only.standing.why) : '',
      /its answer is not known, and \$result\.id is needed/,
    )
    assert.deepEqual(book.standing(), ['r1'])
    await gateway.stop()
  })

  it('a compensation without an answer is unknown and not repeated, with neither check nor key', async () => {
    const book = await refundBook()
    const gateway = await desk(book)
    const cell = await gateway.admit()
    await refunds(cell, 3)
    book.behave = (name, { id }) =>
      name !== 'refunds.cancel' ? 'honest' : id === 3 ? 'drop' : id === 2 ? 'drop-before' : 'honest'
    assert.deepEqual(standing(await undo(gateway)), { r1: 'undone', r2: 'unknown', r3: 'unknown' })
    book.behave = () => 'honest'
    assert.deepEqual(standing(await undo(gateway)), { r1: 'undone', r2: 'unknown', r3: 'unknown' })
    assert.deepEqual(book.cancelled(), [3, 1])
    assert.deepEqual(book.standing(), ['r2'])
    await gateway.stop()
  })

  it('with a check it is repeated only where the effect stands', async () => {
    const book = await refundBook()
    const gateway = await desk(book, { check: true })
    const cell = await gateway.admit()
    await refunds(cell, 3)
    const first = new Set([2, 3])
    book.behave = (name, { id }) => {
      if (name !== 'refunds.cancel' || !first.delete(Number(id))) return 'honest'
      return id === 3 ? 'drop' : 'drop-before'
    }
    assert.deepEqual(standing(await undo(gateway)), { r1: 'undone', r2: 'undone', r3: 'undone' })
    assert.deepEqual(book.cancelled(), [3, 2, 1])
    assert.deepEqual(book.standing(), [])
    await gateway.stop()
  })

  it('with a key of its own it is asked again, and its upstream acts once', async () => {
    const book = await refundBook()
    const gateway = await desk(book, { key: true })
    const cell = await gateway.admit()
    await refunds(cell, 2)
    book.behave = (name, { id }) => (name === 'refunds.cancel' && id === 2 ? 'drop' : 'honest')
    await undo(gateway)
    book.behave = () => 'honest'
    assert.deepEqual(standing(await undo(gateway)), { r1: 'undone', r2: 'undone' })
    assert.deepEqual(book.cancelled(), [2, 1])
    await gateway.stop()
  })

  it('an upstream that cancels and says that it did not: failed by its answer, undone by its check', async () => {
    for (const check of [false, true]) {
      const book = await refundBook()
      const gateway = await desk(book, { check })
      const cell = await gateway.admit()
      await refund(cell, 'r1')
      book.behave = (name) => (name === 'refunds.cancel' ? 'refuse-after' : 'honest')
      assert.deepEqual(standing(await undo(gateway)), { r1: check ? 'undone' : 'failed' })
      assert.deepEqual(standing(await undo(gateway)), { r1: check ? 'undone' : 'failed' })
      assert.deepEqual(book.cancelled(), [1])
      await gateway.stop()
    }
  })

  it('an upstream that lies about an id: what the answer said is undone, the table says what that was, and the check finds out', async () => {
    for (const check of [false, true]) {
      const book = await refundBook()
      const gateway = await desk(book, { check })
      const cell = await gateway.admit()
      await refund(cell, 'r1')
      book.behave = (name, { request: key }) => (name === 'refunds.create' && key === 'r2' ? 'lie' : 'honest')
      book.lie = () => 1
      await refund(cell, 'r2')
      const table = await undo(gateway)
      const lied = table.effects.find(({ effect }) => request(effect) === 'r2')
      assert.deepEqual(lied?.effect.attempts.at(-1)?.args, { id: 1 })
      assert.deepEqual(book.standing(), ['r2'])
      assert.deepEqual(standing(table), { r1: 'undone', r2: check ? 'failed' : 'undone' })
      await gateway.stop()
    }
  })
})

describe('undo: its own grants and budgets', () => {
  it('is refused without a grant, and by its budget; what is left can be undone, also after a restart', async () => {
    const book = await refundBook()
    const budget = { upstream: 'bank', tools: ['refunds.cancel'], budget: { calls: '2 total' }, expires: '1h' }
    const gateway = await desk(book, { grants: [budget] })
    const cell = await gateway.admit()
    await refunds(cell, 4)
    const table = await undo(gateway)
    assert.deepEqual(standing(table), { r4: 'undone', r3: 'undone', r2: 'undoable', r1: 'undoable' })
    await gateway.stop()
    const again = await startGatewayOn(gateway.configFile, { stateDirectory: gateway.state.directory })
    await undo(again)
    assert.deepEqual(book.cancelled(), [4, 3])
    await again.stop()
  })

  it('what the condition of its grant refuses can still be undone, and what it allows is undone', async () => {
    const book = await refundBook()
    const when = 'context has args && context.args has id && context.args.id.lessThan(decimal("3.0"))'
    const gateway = await desk(book, { grants: [{ upstream: 'bank', tools: ['refunds.cancel'], when, expires: '1h' }] })
    await refunds(await gateway.admit(), 4)
    for (const _ of [1, 2]) {
      const table = await undo(gateway)
      assert.deepEqual(standing(table), { r4: 'undoable', r3: 'undoable', r2: 'undone', r1: 'undone' })
      assert.match(JSON.stringify(table.effects[0]?.effect.refused?.reasons), /condition/)
    }
    assert.deepEqual(book.cancelled(), [2, 1])
    await gateway.stop()
  })

  it('S17: after eight refusals in a row the rest is left alone: it would be refused as well', async () => {
    const book = await refundBook()
    const budget = { upstream: 'bank', tools: ['refunds.cancel'], budget: { calls: '1 total' }, expires: '1h' }
    const gateway = await desk(book, { grants: [budget] })
    const cell = await gateway.admit()
    await refunds(cell, 12)
    assert.equal((await undo(gateway)).totals.undone, 1)
    const refused = (await gateway.entries()).filter((entry) => entry.kind === 'action.refused')
    assert.equal(refused.length, 8)
    await gateway.stop()
  })

  it('S17: an order has at most 1,024 effects; what is named past them is not looked at', async () => {
    const book = await refundBook()
    const gateway = await desk(book)
    const cell = await gateway.admit()
    await refunds(cell, 1)
    await until(
      'the refund is known',
      async () => todo(await plan(gateway)).length === 1 && book.standing().length === 1,
    )
    const [only] = todo(await plan(gateway))
    assert.ok(only !== undefined)
    const others = Array.from({ length: LIMITS.undoEffectsMax }, (_, i) => newActionId(i, new Uint8Array(16)))
    assert.ok((await gateway.undo({ ...order(), effects: [...others, only] })).ok)
    assert.deepEqual(book.cancelled(), [])
    assert.ok((await gateway.undo({ ...order(), effects: [...others.slice(1), only] })).ok)
    assert.deepEqual(book.cancelled(), [1])
    await gateway.stop()
  })

  it('an environment that grants nothing to undo undoes nothing', async () => {
    const book = await refundBook()
    const gateway = await desk(book, { grants: [] })
    const cell = await gateway.admit()
    await refund(cell, 'r1')
    assert.equal((await gateway.undo({ ...order(), effects: todo(await plan(gateway)) })).ok, false)
    assert.deepEqual(book.standing(), ['r1'])
    await gateway.stop()
  })

  it('S7: what was undone stays spent', async () => {
    const book = await refundBook()
    const gateway = await desk(book, {}, { spend: '20 EUR total' })
    const cell = await gateway.admit()
    await refunds(cell, 2)
    await undo(gateway)
    await refund(cell, 'r3')
    assert.deepEqual(
      book.refunds().map(({ request: key, state }) => `${key} ${state}`),
      ['r1 cancelled', 'r2 cancelled'],
    )
    await gateway.stop()
  })
})

describe('undo: killed at every step', () => {
  for (const at of ['hang-before', 'hang'] as const)
    it(`the gateway is killed while a cancellation ${at === 'hang' ? 'has been' : 'is still to be'} carried out: the next undo goes on, and does not repeat it`, async () => {
      const book = await refundBook()
      const gateway = await deskOn(startGatewayProcess, book)
      const cell = await gateway.admit()
      await refunds(cell, 3)
      book.behave = (name, { id }) => {
        if (name !== 'refunds.cancel' || id !== 2) return 'honest'
        setImmediate(() => process.kill(gateway.gatewayPid, 'SIGKILL'))
        return at
      }
      const done = await gateway.undo({ ...order(), effects: todo(await plan(gateway)) })
      assert.equal(done.ok, false)
      await gateway.stop()
      book.behave = () => 'honest'
      const again = await startGatewayOn(gateway.configFile, { stateDirectory: gateway.state.directory })
      assert.deepEqual(standing(await undo(again)), { r3: 'undone', r2: 'unknown', r1: 'undone' })
      assert.deepEqual(book.cancelled(), at === 'hang' ? [3, 2, 1] : [3, 1])
      await again.stop()
    })
})
