/** Limits that take minutes to hit: `node --test test/e2e/deadlines.long.ts`. */
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { connect } from 'node:net'
import { describe, it } from 'node:test'
import { environmentName, newCellId, personName } from '../../src/model/index.ts'
import { startGateway } from '../kit/gateway.ts'
import { REFUND_TOOLS, refundBook } from '../kit/refund-book.ts'
import { startUpstream, textResult, tool } from '../kit/scripted-upstream.ts'
import { call, errorOf, textOf } from '../kit/wire.ts'

const upstream = await startUpstream({
  era: 'modern',
  tools: [tool('hang'), tool('quick')],
  onCall: ({ name }) => (name === 'hang' ? undefined : textResult(name)),
})
const tools = { hang: 'write', quick: 'write' } as const
const gateway = await startGateway({ upstreams: { desk: { mcp: { url: upstream.url }, tools } } })

describe('deadlines', { concurrency: true }, () => {
  it('S17: an upstream that is silent for two minutes is given up, and its call is unknown', async (t) => {
    const url = (await gateway.admit()).url('desk')
    const begun = performance.now()
    const reply = await call(url, 'hang', {}, { timeoutMs: 200_000 })
    t.diagnostic(`after ${((performance.now() - begun) / 1000).toFixed(0)} s`)
    assert.equal(errorOf(reply)?.code, -32603)
    const told = await gateway.entries((all) => all.some(({ kind }) => kind === 'action.outcome'))
    assert.ok(told.some((entry) => entry.kind === 'action.outcome' && entry.outcome === 'unknown'))
    assert.equal(textOf(await call(url, 'quick')), 'quick')
  })

  it('S17: a compensation that hangs is given up after a minute, and is unknown', async (t) => {
    const book = await refundBook()
    const grants = [{ upstream: 'bank', tools: ['refunds.cancel'], expires: '1h' }]
    const owner = 'maria.silva@shop.example'
    const desk = await startGateway({
      upstreams: { bank: { mcp: { url: book.upstream.url }, tools: REFUND_TOOLS } },
      environments: { test: { undo: { owner, grants } } },
    })
    const cell = await desk.admit()
    await call(cell.url('bank'), 'refunds.create', { request: 'r1', amount: 1, currency: 'EUR' })
    const [effect] = await desk
      .entries((all) => all.some(({ kind }) => kind === 'action.outcome'))
      .then((all) => all.flatMap((entry) => (entry.kind === 'action.intent' ? [entry.action] : [])))
    book.behave = () => 'hang'
    const begun = performance.now()
    const cellId = newCellId(randomBytes(16))
    const about = { environment: environmentName('test'), by: personName(owner), why: 'a test', what: null }
    const done = await desk.undo({ cell: cellId, ...about, effects: effect === undefined ? [] : [effect] })
    t.diagnostic(`after ${((performance.now() - begun) / 1000).toFixed(0)} s`)
    assert.ok(done.ok)
    const outcomes = (await desk.entries()).flatMap((entry) => (entry.kind === 'action.outcome' ? [entry.outcome] : []))
    assert.deepEqual(outcomes, ['done', 'unknown'])
  })

  it('S17: a body that comes a byte at a time is cut', async (t) => {
    const cell = await gateway.admit('beta')
    const begun = performance.now()
    const socket = connect(cell.port, '127.0.0.1')
    socket.on('error', () => undefined)
    socket.write(
      'POST /mcp/desk HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n{',
    )
    const drip = setInterval(() => void (socket.writable && socket.write(' ')), 500)
    await new Promise<void>((resolve) => socket.resume().once('close', resolve))
    clearInterval(drip)
    t.diagnostic(`after ${((performance.now() - begun) / 1000).toFixed(0)} s`)
    assert.equal(textOf(await call(cell.url('desk'), 'quick')), 'quick')
  })
})
