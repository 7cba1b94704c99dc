import assert from 'node:assert/strict'
import { Socket } from 'node:net'
import { describe, it, type TestContext } from 'node:test'
import { openStreamPair } from '../../../cells/descriptors.ts'
import { isJsonObject, type JsonObject, upstreamName } from '../../../model/index.ts'
import type { UpstreamConnection } from '../../upstream.ts'
import { connectStdioUpstream } from './stdio-upstream.ts'
import { UPSTREAM_SILENCE_MS_MAX } from './upstream-request.ts'

/** A server that says what it is, answers calls of `quick`, and hangs over all others. Time stands still. */
async function connected(t: TestContext) {
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
  const options = { name: upstreamName('slow'), stdin: stdin.value.near, stdout: stdout.value.near }
  const connection = await connectStdioUpstream({ ...options, onClosed: () => undefined })
  if (!connection.ok) throw new Error(connection.reason)
  t.after(() => connection.value.close())
  return { upstream: connection.value, heard }
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
    assert.deepEqual(await waiting, { kind: 'unknown', why: 'it was called off' })
    assert.equal((await sent(upstream, 'quick')).kind, 'answered')
    assert.ok(heard.some(({ method }) => method === 'notifications/cancelled'))
  })
})
