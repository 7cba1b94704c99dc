import assert from 'node:assert/strict'
import { Socket } from 'node:net'
import { describe, it, type TestContext } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import { openStreamPair } from '../../../../cells/descriptors.ts'
import { isJsonObject, type JsonObject, upstreamName } from '../../../../model/index.ts'
import type { Part } from '../../../pipeline/line.ts'
import { McpNotification } from '../contract/answer.ts'
import type { UpstreamConnection } from './connection.ts'
import { connectStdioUpstream } from './stdio-upstream.ts'
import { UPSTREAM_SILENCE_MS_MAX } from './upstream-request.ts'

/** A server that says what it is, answers calls of `quick`, and hangs over all others. Time stands still. */
async function connected(t: TestContext, shared = false) {
  t.mock.timers.enable({ apis: ['setTimeout'] })
  const [stdin, stdout] = [openStreamPair(), openStreamPair()]
  if (!stdin.ok || !stdout.ok) throw new Error('no socket pair')
  const [input, output] = [new Socket({ fd: stdin.value.far }), new Socket({ fd: stdout.value.far })]
  t.after(() => [input, output].map((socket) => socket.destroy()))
  const heard: JsonObject[] = []
  let rest = ''
  input.on('data', (chunk: Buffer) => {
    const lines = (rest + chunk.toString()).split('\n')
    rest = lines.pop() ?? ''
    for (const line of lines) {
      const message = JSON.parse(line) as JsonObject // as the upstream's client writes it
      heard.push(message)
      const { id, method, params } = message
      const discover = { supportedVersions: ['2026-07-28'], capabilities: { tools: {} } }
      const quick = isJsonObject(params) && params.name === 'quick' && { content: [] }
      const result = method === 'server/discover' ? discover : quick
      if (result)
        output.write(`${JSON.stringify({ jsonrpc: '2.0', id, result: { resultType: 'complete', ...result } })}\n`)
    }
  })
  const options = { name: upstreamName('slow'), stdin: stdin.value.near, stdout: stdout.value.near, shared }
  const connection = await connectStdioUpstream({ ...options, onClosed: () => undefined })
  if (!connection.ok) throw new Error(connection.reason.why)
  t.after(() => connection.value.close())
  return { upstream: connection.value, heard, input, output }
}

function sent(upstream: UpstreamConnection, name: string, signal = new AbortController().signal) {
  return upstream.prepare('tools/call', { name, arguments: {} }).send({ lastCheck: () => undefined, signal })
}

describe('a stdio server that hangs', () => {
  it('S14: S17: is given up after two minutes of silence, what came of the call is unknown; another call is answered', async (t) => {
    assert.equal(UPSTREAM_SILENCE_MS_MAX, 120_000)
    const { upstream } = await connected(t)
    let hung: unknown
    const waiting = sent(upstream, 'hang').then((outcome) => {
      hung = outcome
    })
    t.mock.timers.tick(UPSTREAM_SILENCE_MS_MAX - 1)
    assert.equal((await sent(upstream, 'quick')).kind, 'answered')
    assert.equal(hung, undefined)
    t.mock.timers.tick(1)
    await waiting
    assert.deepEqual(hung, { kind: 'unknown', why: 'no answer within 120000 ms' })
    assert.equal((await sent(upstream, 'quick')).kind, 'answered')
  })

  it('S14: is told when its call is called off', async (t) => {
    const { upstream, heard } = await connected(t)
    const control = new AbortController()
    const waiting = sent(upstream, 'hang', control.signal)
    control.abort()
    assert.deepEqual(await waiting, { kind: 'unknown', why: 'it was called off', lives: true })
    assert.equal((await sent(upstream, 'quick')).kind, 'answered')
    assert.ok(heard.some(({ method }) => method === 'notifications/cancelled'))
  })
})

describe('a stdio server whose callers are less patient than we are', () => {
  /** Calls, calls off, and lets two minutes pass. */
  async function calledOff(t: TestContext, upstream: UpstreamConnection) {
    const control = new AbortController()
    const waiting = sent(upstream, 'hang', control.signal)
    control.abort()
    await waiting
    for (let turns = 0; turns < 20; turns++) await turn()
    t.mock.timers.tick(UPSTREAM_SILENCE_MS_MAX - 1)
    assert.equal(upstream.closed, false)
    t.mock.timers.tick(1)
  }

  it('S14: S17: is given up after two minutes in which it says nothing to us, either', async (t) => {
    const { upstream, input } = await connected(t)
    input.pause()
    await calledOff(t, upstream)
    assert.equal(upstream.closed, true)
  })

  it('S14: is asked one thing for all that is called off, and kept when it answers', async (t) => {
    const { upstream, heard } = await connected(t)
    const control = new AbortController()
    const waiting = Array.from({ length: 10 }, () => sent(upstream, 'hang', control.signal))
    control.abort()
    await Promise.all(waiting)
    await calledOff(t, upstream)
    assert.equal(upstream.closed, false)
    assert.equal(
      heard.filter(({ method }) => method === 'server/discover').length,
      2,
      'the first one was the handshake',
    )
  })
})

describe('a stdio server that says what is no answer', () => {
  it('S14: garbage alone ends the calls that wait, after ten seconds and with its words; a log line before an answer ends none', async (t) => {
    const { upstream, output } = await connected(t)
    const first = sent(upstream, 'hang')
    output.write('Traceback (most recent call last):\n')
    assert.equal((await sent(upstream, 'quick')).kind, 'answered')
    t.mock.timers.tick(10_000)
    let over = false
    first.then(() => {
      over = true
    })
    await turn()
    assert.equal(over, false, 'it has said something since')
    output.write('Segmentation fault\n')
    await until('it is heard', async () => {
      t.mock.timers.tick(1_000)
      await turn()
      return over
    })
    const outcome = await first
    assert.ok(outcome.kind === 'unreadable')
    assert.match(outcome.why, /^it said what is not JSON-RPC, and nothing else for 10000 ms: "Segmentation fault"/)
    assert.equal((await sent(upstream, 'quick')).kind, 'answered')
  })

  it('S17: one that asks without reading our answers is cut off after eight; a long method is not repeated', async (t) => {
    const { upstream, input, output, heard } = await connected(t)
    output.write(`${JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'm'.repeat(5_000) })}\n`)
    assert.equal((await sent(upstream, 'quick')).kind, 'answered')
    const refusal = heard.find(({ error }) => error !== undefined)
    assert.ok(isJsonObject(refusal?.error) && String(refusal.error.message).length < 100)
    input.pause()
    output.write(`${JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'ping' })}\n`.repeat(100_000))
    await until('it is cut off', async () => {
      await turn()
      return upstream.closed
    })
  })
})

describe('a stdio server that cells share', () => {
  it('S14: what one cell leaves unread leaves room for another, and says nothing against the server', async (t) => {
    const { upstream, input } = await connected(t, true)
    input.pause()
    const [attacker, neighbour] = [{}, {}]
    const send = (owner: object, text: string) =>
      upstream
        .prepare('tools/call', { name: 'quick', arguments: { text } })
        .send({ lastCheck: () => undefined, signal: new AbortController().signal, owner })
    const flood = Array.from({ length: 12 }, () => send(attacker, 'z'.repeat(1_000_000)))
    const refused = await Promise.race(flood.slice(4))
    assert.deepEqual(refused, { kind: 'not-sent', why: 'it does not read', lives: true })
    const own = send(neighbour, 'mine')
    assert.equal(upstream.closed, false)
    input.resume()
    assert.equal((await own).kind, 'answered')
    const outcomes = await Promise.all(flood)
    assert.ok(outcomes.filter(({ kind }) => kind === 'answered').length <= 4)
  })

  it('S14: a cell that does not take its progress holds up nobody, and no log line goes to whoever calls', async (t) => {
    const { upstream, output, heard } = await connected(t, true)
    const told: string[] = []
    const never = new Promise<void>(() => undefined)
    const onPart = (part: Part) => {
      told.push(part instanceof McpNotification ? part.method : '')
      return never
    }
    const options = { lastCheck: () => undefined, signal: new AbortController().signal, onPart }
    void upstream.prepare('tools/call', { name: 'hang', arguments: {} }).send(options)
    await until('it is called', async () => {
      await turn()
      return heard.some(({ method }) => method === 'tools/call')
    })
    const progressToken = heard.find(({ method }) => method === 'tools/call')?.id ?? 0
    for (let progress = 0; progress < 3; progress++) {
      const params = { progressToken, progress }
      output.write(`${JSON.stringify({ jsonrpc: '2.0', method: 'notifications/progress', params })}\n`)
    }
    const params = { level: 'error', data: 'of another cell' }
    output.write(`${JSON.stringify({ jsonrpc: '2.0', method: 'notifications/message', params })}\n`)
    assert.equal((await sent(upstream, 'quick')).kind, 'answered')
    assert.deepEqual(told, ['notifications/progress'])
  })
})

async function until(what: string, holds: () => Promise<boolean>): Promise<void> {
  const deadline = performance.now() + 10_000
  while (!(await holds())) if (performance.now() > deadline) assert.fail(what)
}
