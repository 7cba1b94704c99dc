/** One cell does its worst, and another's calls are still answered: S14 and S17 at the gateway. */
import assert from 'node:assert/strict'
import { request } from 'node:http'
import { connect, type Socket } from 'node:net'
import { describe, it } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import type { JsonObject } from '../../src/model/index.ts'
import { residentMiB, startGatewayProcess, type TestCell } from '../kit/gateway.ts'
import { eventText, type ScriptedCall, startUpstream, textResult, tool } from '../kit/scripted-upstream.ts'
import { cleanUp } from '../kit/temporary.ts'
import { until } from '../kit/until.ts'
import { call, errorOf, initialize, MODERN_META, modernHeaders, post, rpc, textOf } from '../kit/wire.ts'

const NOTE: JsonObject = {
  type: 'object',
  properties: {
    text: { type: 'string', pattern: '^[A-Za-z0-9+/]*={0,2}$' },
    set: { type: 'array', uniqueItems: true },
    mails: { type: 'array', items: { type: 'string', pattern: '^([a-z0-9]+[.-_]?)+@([a-z]+\\.)+[a-z]{2,9}$' } },
  },
}
const upstream = await startUpstream({
  era: 'modern',
  tools: [tool('note', { inputSchema: NOTE }), tool('flood'), tool('slow')],
  onCall: answered,
})
const tools = { note: 'write', flood: 'read', slow: 'read' } as const
const gateway = await startGatewayProcess({ upstreams: { desk: { mcp: { url: upstream.url }, tools } } })

async function answered({ id, name, params, response }: ScriptedCall): Promise<JsonObject | undefined> {
  if (name === 'slow') await new Promise<void>((resolve) => void (released ? resolve() : held.push(resolve)))
  if (name !== 'flood') return textResult(name)
  const progressToken = (params._meta as JsonObject | undefined)?.progressToken ?? 0
  response.writeHead(200, { 'content-type': 'text/event-stream' })
  const message = 'x'.repeat(16_384)
  let sent = 0
  const write = () => {
    while (sent < FLOOD_EVENTS && !response.destroyed) {
      const params = { progressToken, progress: ++sent, message }
      if (!response.write(eventText({ jsonrpc: '2.0', method: 'notifications/progress', params }))) {
        response.once('drain', write)
        return
      }
    }
    response.end(eventText({ jsonrpc: '2.0', id, result: { resultType: 'complete', ...textResult('flooded') } }))
  }
  response.on('close', () => floods.push(sent))
  write()
  return undefined
}

/** Slow calls wait here until they are let go. */
const held: (() => void)[] = []
let released = false

function letGo(): void {
  released = true
  for (const resolve of held) resolve()
}

/** 256 MiB. */
const FLOOD_EVENTS = 16_384
/** How much of each flood the upstream could send. */
const floods: number[] = []

/** The neighbour's calls, one after another: every one must be answered. Returns the slowest, in ms. */
async function served(cell: TestCell, count: number): Promise<number> {
  let slowest = 0
  for (let i = 0; i < count; i++) {
    const begun = performance.now()
    const reply = await call(cell.url('desk'), 'note', { text: 'QUJD' })
    assert.equal(textOf(reply), 'note', reply.text)
    slowest = Math.max(slowest, performance.now() - begun)
  }
  return slowest
}

describe('S14: a cell that does its worst', () => {
  it('S14: worst-case frames of 1 MiB in a loop: another cell is answered within a bound', async (t) => {
    const [attacker, neighbour] = [await gateway.admit('alpha'), await gateway.admit('beta')]
    await served(neighbour, 20)
    const quiet = await served(neighbour, 50)
    let running = true
    const sent = new Map<string, number>()
    const loops = Object.entries(worstFrames()).map(async ([what, body]) => {
      const headers = modernHeaders('tools/call', { name: 'note' })
      for (; running; sent.set(what, (sent.get(what) ?? 0) + 1))
        await post(attacker.url('desk'), body, { headers }).catch(() => undefined)
    })
    const slowest = await served(neighbour, 40)
    running = false
    await Promise.all(loops)
    t.diagnostic(`slowest of 40 calls: ${slowest.toFixed(0)} ms; undisturbed: ${quiet.toFixed(0)} ms`)
    t.diagnostic(`frames: ${[...sent].map(([what, count]) => `${what} ${count}`).join(', ')}`)
    assert.equal(sent.size, loops.length, 'every kind of frame was sent')
    assert.ok(slowest < 5_000, `${slowest} ms`)
  })

  it('S17: connections past the limit are refused, on that listener only', async () => {
    const [attacker, neighbour] = [await gateway.admit('alpha'), await gateway.admit('beta')]
    const sockets = await Promise.all(Array.from({ length: 400 }, () => opened(attacker.port)))
    await until('128 are left', () => sockets.filter(({ socket }) => !socket.destroyed).length <= 128)
    await served(neighbour, 20)
    for (const { socket } of sockets) socket.destroy()
    const again = () => call(attacker.url('desk'), 'note').then(textOf, () => 'refused')
    await until('there is room again', async () => (await again()) === 'note')
  })

  it('S17: requests under way have a limit, on that cell only, and none of them keeps a neighbour waiting', async () => {
    const [attacker, neighbour] = [await gateway.admit('alpha'), await gateway.admit('beta')]
    let answered = 0
    const slow = Array.from({ length: 100 }, () => call(attacker.url('desk'), 'slow').finally(() => answered++))
    await until('those past the limit are refused', () => answered === 36 && held.length > 20)
    // While the attacker's calls are held, and are not let go.
    await served(neighbour, 10)
    letGo()
    const replies = await Promise.all(slow)
    const refused = replies.filter((reply) => errorOf(reply)?.code === -32603)
    assert.equal(refused.length, 36)
    assert.equal(replies.filter((reply) => textOf(reply) === 'slow').length, 64)
  })
})

describe('S17: a stream that nobody reads', () => {
  it('S17: 256 MiB of progress towards a cell that does not read stay at their source; then it goes away', async (t) => {
    const [attacker, neighbour] = [await gateway.admit('alpha'), await gateway.admit('beta')]
    const before = residentMiB(gateway.gatewayPid)
    const sockets = Array.from({ length: 4 }, () => unread(attacker.port))
    await delay(2_000)
    await served(neighbour, 20)
    const during = residentMiB(gateway.gatewayPid)
    t.diagnostic(`memory of the gateway: ${before.toFixed(0)} MiB before, ${during.toFixed(0)} MiB during`)
    assert.ok(during - before < 96, `${before} MiB became ${during} MiB`)
    for (const socket of sockets) socket.destroy()
    await served(neighbour, 20)
    await until('every flood ends with the cell’s connection', () => floods.length === 4)
    assert.ok(Math.max(...floods) < FLOOD_EVENTS / 2, `the upstream was slowed down: ${floods}`)
  })

  it('S14: a cell that goes away without reading a large acknowledgement takes nobody with it', async () => {
    const [attacker, neighbour] = [await gateway.admit('alpha'), await gateway.admit('beta')]
    for (let i = 0; i < 20; i++) {
      const params = { notifications: { toolsListChanged: true }, _meta: MODERN_META }
      const body = rpc('subscriptions/listen', params, 'x'.repeat(900_000))
      const headers = { 'content-type': 'application/json', ...modernHeaders('subscriptions/listen', {}) }
      const outgoing = request(attacker.url(), { method: 'POST', headers, agent: false })
      outgoing.on('error', () => undefined)
      outgoing.end(body)
      await delay(i * 3)
      outgoing.destroy()
    }
    await delay(300)
    await served(neighbour, 5)
  })

  it('S17: standing streams have a limit', async () => {
    const attacker = await gateway.admit('alpha')
    const open: Socket[] = []
    const statuses: string[] = []
    for (let i = 0; i < 20; i++) {
      const { socket, first } = listening(attacker.port)
      open.push(socket)
      statuses.push(await first)
    }
    assert.equal(statuses.filter((text) => text.includes('subscriptions/acknowledged')).length, 16)
    assert.equal(statuses.filter((text) => text.includes('may be open')).length, 4)
    for (const socket of open) socket.destroy()
    await until('there is room again', async () => {
      const { socket, first } = listening(attacker.port)
      const said = await first
      socket.destroy()
      return said.includes('subscriptions/acknowledged')
    })
  })

  it('S14: a session’s stream goes when a second one takes its place', async () => {
    const cell = await gateway.admit('alpha')
    const headers = await initialize(cell.url())
    const first = post(cell.url(), '', { method: 'GET', headers })
    await delay(500)
    const control = new AbortController()
    const second = post(cell.url(), '', { method: 'GET', headers, signal: control.signal }).catch(() => 'closed by us')
    assert.equal((await first).status, 200)
    control.abort()
    assert.equal(await second, 'closed by us')
  })
})

/** Frames that cost the most: many values, many keys, deep and wide, patterns over everything, sets of unequal things. */
function worstFrames(): Readonly<Record<string, string>> {
  const frame = (args: string) => {
    const meta = JSON.stringify(MODERN_META)
    return `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"note","arguments":${args},"_meta":${meta}}}`
  }
  const wide = Array.from({ length: 24_000 }, (_, i) => `{"k${i}":${i}}`).join(',')
  return {
    pattern: frame(`{"text":"${'A'.repeat(1_040_000)}"}`),
    unique: frame(`{"set":[${wide}]}`),
    mails: frame(`{"mails":[${`"${'a'.repeat(40)}",`.repeat(24_000)}"x"]}`),
    undeclared: frame(`{"x":[${wide}]}`),
    escapes: frame(`{"bcc":"${'\\u0041'.repeat(170_000)}"}`),
    depth: frame(`{"set":[${`${'['.repeat(25)}${']'.repeat(25)},`.repeat(900)}1]}`),
    colons: `{"a":"${':'.repeat(1_040_000)}"}`,
    brackets: `${'['.repeat(1_040_000)}`,
    backslashes: `{"a":"${'\\\\'.repeat(520_000)}"}`,
  }
}

function opened(port: number): Promise<{ readonly socket: Socket; readonly closed: Promise<void> }> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1')
    cleanUp(() => void socket.destroy())
    const closed = new Promise<void>((done) => socket.once('close', () => done()))
    socket.on('error', () => undefined)
    socket.once('connect', () => resolve({ socket, closed }))
    closed.then(() => resolve({ socket, closed }))
    socket.resume()
  })
}

/** Asks for the flood, and reads nothing of it. */
function unread(port: number): Socket {
  const socket = connect(port, '127.0.0.1')
  cleanUp(() => void socket.destroy())
  socket.on('error', () => undefined)
  const meta = { ...MODERN_META, progressToken: 'p' }
  socket.write(frameOf('tools/call', { name: 'flood', arguments: {}, _meta: meta }, { 'mcp-name': 'flood' }))
  return socket
}

function listening(port: number): { readonly socket: Socket; readonly first: Promise<string> } {
  const socket = connect(port, '127.0.0.1')
  cleanUp(() => void socket.destroy())
  socket.on('error', () => undefined)
  const params = { notifications: { toolsListChanged: true }, _meta: MODERN_META }
  socket.write(frameOf('subscriptions/listen', params, {}))
  let text = ''
  const first = new Promise<string>((resolve) => {
    socket.on('data', (chunk: Buffer) => {
      text += chunk.toString()
      if (text.includes('jsonrpc')) resolve(text)
    })
  })
  return { socket, first }
}

function frameOf(method: string, params: JsonObject, headers: Readonly<Record<string, string>>): string {
  const body = rpc(method, params)
  const all = {
    host: 'localhost',
    'content-type': 'application/json',
    'content-length': String(Buffer.byteLength(body)),
    'mcp-protocol-version': '2026-07-28',
    'mcp-method': method,
    ...headers,
  }
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`)
  return `POST /mcp/desk HTTP/1.1\r\n${lines.join('')}\r\n${body}`
}
