/** What one cell can send so that all others are ended or starved: it gets its turns, its room, and no more. */
import assert from 'node:assert/strict'
import { connect, type Socket } from 'node:net'
import { describe, it } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import type { JsonObject } from '../../src/model/index.ts'
import { residentMiB, startGatewayProcess, type TestCell } from '../kit/gateway.ts'
import { startUpstream, textResult, tool } from '../kit/scripted-upstream.ts'
import { cleanUp } from '../kit/temporary.ts'
import { until } from '../kit/until.ts'
import { call, errorOf, initialize, MODERN_META, modernHeaders, post, rpc, textOf } from '../kit/wire.ts'

const ITEM: JsonObject = { type: 'object', properties: { a: { type: 'integer' }, b: { type: 'string' } } }
const NOTE: JsonObject = { type: 'object', properties: { items: { type: 'array', items: ITEM } } }
const upstream = await startUpstream({
  era: 'modern',
  tools: [tool('note', { inputSchema: NOTE }), tool('large')],
  onCall: ({ name }) => textResult(name === 'large' ? 'x'.repeat(3_900_000) : name),
})
const tools = { note: 'write', large: 'read' } as const
const resources = ['doc://{year}-{name}']
const gateway = await startGatewayProcess({ upstreams: { desk: { mcp: { url: upstream.url }, tools, resources } } })
let lost: string | undefined
gateway.lost.then((why) => {
  lost = why
})
const neighbour = await gateway.admit('beta')
assert.equal(textOf(await call(neighbour.url('desk'), 'note')), 'note')

/** Calls of the neighbour for so long; each is answered, and the slowest is well within the warden's patience. */
async function served(ms: number): Promise<number> {
  let slowest = 0
  for (const until = performance.now() + ms; performance.now() < until; ) {
    const begun = performance.now()
    const answer = await call(neighbour.url('desk'), 'note')
    if (textOf(answer) !== 'note') assert.fail(`${answer.text}: ${await told(answer.text)}`)
    slowest = Math.max(slowest, performance.now() - begun)
    await delay(10)
  }
  assert.equal(lost, undefined)
  assert.ok(slowest < 5_000, `${slowest} ms`)
  return slowest
}

/** What the ledger tells of the action that an answer refers to. */
async function told(answer: string): Promise<string> {
  const entries = await gateway.entries()
  return JSON.stringify(entries.filter((entry) => 'action' in entry && answer.includes(String(entry.action))))
}

function opened(cell: TestCell): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect(cell.port, '127.0.0.1', () => resolve(socket))
    cleanUp(() => void socket.destroy())
    socket.once('error', reject)
    socket.on('error', () => undefined)
  })
}

function head(name: string, length: string): string {
  const headers = { host: '127.0.0.1', 'content-type': 'application/json', ...modernHeaders('tools/call', { name }) }
  const lines = Object.entries(headers).map(([key, value]) => `${key}: ${value}\r\n`)
  return `POST /mcp/desk HTTP/1.1\r\n${lines.join('')}${length}\r\n\r\n`
}

function frame(name: string, args: string): string {
  const meta = JSON.stringify(MODERN_META)
  return `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"${name}","arguments":${args},"_meta":${meta}}}`
}

const FRAMES: Readonly<Record<string, string>> = {
  'of 49,000 keys': frame('note', `{${Array.from({ length: 49_000 }, (_, i) => `"k${(i * 7919) % 49_000}q":1`)}}`),
  'of 4,900 objects': frame('note', `{"items":[${`{"a":1,"b":"${'z'.repeat(150)}"},`.repeat(4_900)}{"a":1}]}`),
}

describe('S14: a cell that floods', { concurrency: 1 }, () => {
  for (const [what, body] of Object.entries(FRAMES)) {
    it(`S14: S17: sixty frames ${what} that end together: nobody is ended, and a neighbour is answered`, async (t) => {
      const cell = await gateway.admit('alpha')
      const sockets = await Promise.all(Array.from({ length: 60 }, () => opened(cell)))
      const length = `content-length: ${body.length}`
      for (const socket of sockets) socket.resume().write(head('note', length) + body.slice(0, -1))
      await delay(500)
      for (const socket of sockets) if (socket.writable) socket.write(body.slice(-1))
      t.diagnostic(`slowest: ${(await served(1_200)).toFixed(0)} ms`)
      for (const socket of sockets) socket.destroy()
      assert.equal(textOf(await call(cell.url('desk'), 'note')), 'note')
    })
  }

  it('S17: more bytes of frames than a cell has room for are refused, and there is room again afterwards', async () => {
    const cell = await gateway.admit('alpha')
    const text = `{"text":"${'x'.repeat(1_000_000)}"}`
    const replies = await Promise.all(
      Array.from({ length: 20 }, () =>
        post(cell.url('desk'), frame('note', text), { headers: modernHeaders('tools/call', { name: 'note' }) })
          .then((reply) => errorOf(reply)?.message ?? '')
          .catch(() => 'cut'),
      ),
    )
    assert.ok(replies.some((message) => message.startsWith('invalid arguments')))
    for (let i = 0; i < 12; i++)
      assert.match(
        errorOf(
          await post(cell.url('desk'), frame('note', text), { headers: modernHeaders('tools/call', { name: 'note' }) }),
        )?.message ?? '',
        /^invalid arguments/,
      )
  })

  for (const [what, unit] of [
    ['requests without a host', 'GET / HTTP/1.1\r\n\r\n'],
    ['requests that are refused', 'POST /mcp HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n'],
    ['chunks of one byte', '1\r\n1\r\n'],
  ] as const) {
    it(`S14: S17: a hundred connections full of ${what}: nobody is ended, and a neighbour is answered`, async (t) => {
      const cell = await gateway.admit('alpha')
      const before = residentMiB(gateway.gatewayPid)
      const begin = unit.startsWith('1') ? head('note', 'transfer-encoding: chunked') : ''
      const sockets = await Promise.all(Array.from({ length: 100 }, () => opened(cell)))
      for (const socket of sockets) socket.resume().write(begin + unit.repeat(300_000 / unit.length))
      t.diagnostic(`slowest: ${(await served(800)).toFixed(0)} ms`)
      assert.ok(residentMiB(gateway.gatewayPid) - before < 256)
      await until('each connection is cut', () => sockets.every((socket) => socket.destroyed))
    })
  }

  it('S17: who sends the next request before the answer was read has its connection cut', async () => {
    const cell = await gateway.admit('alpha')
    const body = frame('large', '{}')
    const one = head('large', `content-length: ${body.length}`) + body
    const piled = await opened(cell)
    const cut = new Promise((resolve) => piled.once('close', () => resolve('cut')))
    piled.resume().write(one.repeat(3))
    assert.equal(await Promise.race([cut, delay(2_000, 'answered')]), 'cut')
    assert.equal(textOf(await call(cell.url('desk'), 'note')), 'note')
  })

  it('S14: a URI that is made for its template takes nobody’s time', async () => {
    const cell = await gateway.admit('alpha')
    const headers = await initialize(cell.url('desk'))
    const uri = `doc://${'-'.repeat(900_000)}/`
    const reply = post(cell.url('desk'), rpc('resources/read', { uri }), { headers })
    await served(500)
    assert.equal(errorOf(await reply)?.message, 'there is no such resource')
  })
})
