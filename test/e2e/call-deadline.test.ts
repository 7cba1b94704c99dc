/**
 * A call ends, whatever its upstream goes on sending (S17). The gateway runs in this process, and its one limit is lowered
 * from ten minutes to less than a second; all else is as it is.
 */

import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { mkdirSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import process from 'node:process'
import { describe, it } from 'node:test'
import { loadConfig } from '../../src/config/load.ts'
import { EnvironmentGateway } from '../../src/gateway/environment.ts'
import { gatewaySetup, judgeConfig } from '../../src/host/prepare/setup.ts'
import { writableLog } from '../../src/ledger/files/writable-log.ts'
import { readEntries } from '../../src/ledger/log/read.ts'
import type { Entry } from '../../src/model/entry.ts'
import { agentName, environmentName, LIMITS, newCellId } from '../../src/model/index.ts'
import { acceptOffered } from '../kit/accept-offered.ts'
import { writeConfig } from '../kit/config-text.ts'
import { listener } from '../kit/listener.ts'
import { type ScriptedCall, startUpstream, textResult, tool } from '../kit/scripted-upstream.ts'
import { cleanUp, temporaryDirectory } from '../kit/temporary.ts'
import { until } from '../kit/until.ts'
import { call, errorOf, initialize, post, rpc, textOf } from '../kit/wire.ts'
import { witnessFor } from '../sim/ledger-fixture.ts'

const CALL_MS_MAX = LIMITS.callMsMax
const LOWERED_MS = 700

/** Calls whose answer drips, and never ends; what it says is no silence. */
const dripping: ScriptedCall[] = []
/** Takes every request, and says nothing. */
const silent = createServer(() => undefined)
await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve))
cleanUp(() => {
  silent.close()
  silent.closeAllConnections()
})
const upstream = await startUpstream({
  era: 'modern',
  tools: [tool('drip'), tool('quick')],
  onCall: (asked) => {
    if (asked.name === 'quick') return textResult('quick')
    dripping.push(asked)
    asked.response.writeHead(200, { 'content-type': 'text/event-stream' })
    const drip = setInterval(() => asked.response.write(': still here\n\n'), 20)
    asked.response.on('close', () => clearInterval(drip))
    return undefined
  },
})

/** As `gateway/main.ts` opens it, in its ledger's directory. */
async function openGateway() {
  const directory = temporaryDirectory()
  const tools = { drip: 'write', quick: 'write' } as const
  const { port: silentPort } = silent.address() as AddressInfo // it listens on a port
  const upstreams = {
    desk: { mcp: { url: upstream.url }, tools },
    silent: { mcp: { url: `http://127.0.0.1:${silentPort}/mcp` }, tools },
  }
  const loaded = await loadConfig(writeConfig(directory, { upstreams }), { node: process.execPath })
  if (!loaded.ok) throw new Error(JSON.stringify(loaded.reason))
  const { upstreams: all } = loaded.value
  // It spoke when its tools were accepted.
  const speaking = [...all].map(
    ([name, each]) => [name, { ...each, server: { ...each.server, url: new URL(upstream.url) } }] as const,
  )
  await acceptOffered({ ...loaded.value, upstreams: new Map(speaking) })
  const judged = await judgeConfig(loaded.value)
  if (!judged.ok) throw new Error(JSON.stringify(judged.reason))
  const setup = gatewaySetup(judged.value, environmentName('test'))
  const ledger = join(directory, 'ledger')
  mkdirSync(ledger)
  process.chdir(ledger)
  cleanUp(() => process.chdir('/'))
  const witness = await witnessFor(join(directory, 'witness'), 'test')
  const opened = await EnvironmentGateway.open(setup, writableLog('.', 'test'), witness.stream, () => undefined)
  if (!opened.ok) throw new Error(opened.reason)
  cleanUp(async () => {
    await opened.value.stop('the test has ended')
    await witness.stopWitness()
  })
  const { port, fd } = listener()
  const cell = { cell: newCellId(randomBytes(16)), agent: agentName('alpha'), receipt: {}, labels: [] }
  await opened.value.take({ kind: 'cell', number: 1, ...cell }, [fd])
  return { url: `http://127.0.0.1:${port}/mcp/desk`, ledger }
}

const { url, ledger } = await openGateway()

async function outcomes(): Promise<readonly string[]> {
  const entries: Entry[] = []
  for await (const entry of readEntries(ledger)) if (entry.ok) entries.push(entry.value)
  return entries.flatMap((entry) => (entry.kind === 'action.outcome' ? [entry.outcome] : []))
}

const TOOK_TOO_LONG = /^the call took too long: no answer came \(reference a_\w+\)$/

describe('the deadline of a call', () => {
  it('S17: is ten minutes', () => assert.equal(CALL_MS_MAX, 600_000))

  it('S17: past it the call ends, its upstream is let go, and it is unknown what came of it; the next is served', async () => {
    Object.assign(LIMITS, { callMsMax: LOWERED_MS })
    const begun = performance.now()
    const reply = await call(url, 'drip')
    assert.ok(performance.now() - begun >= LOWERED_MS)
    assert.equal(errorOf(reply)?.code, -32603)
    assert.match(errorOf(reply)?.message ?? '', TOOK_TOO_LONG)
    await until('the upstream is let go', () => dripping.every(({ response }) => response.destroyed))
    await until('it is recorded', async () => (await outcomes()).length > 0)
    assert.deepEqual(await outcomes(), ['unknown'])
    assert.equal(textOf(await call(url, 'quick')), 'quick')
  })

  it('S17: in a session as well', async () => {
    Object.assign(LIMITS, { callMsMax: LOWERED_MS })
    const headers = await initialize(url)
    const reply = await post(url, rpc('tools/call', { name: 'drip' }, 'd'), { headers })
    assert.deepEqual([reply.status, reply.message.id, errorOf(reply)?.code], [200, 'd', -32603])
    assert.match(errorOf(reply)?.message ?? '', TOOK_TOO_LONG)
    await until(
      'it is recorded',
      async () => (await outcomes()).filter((outcome) => outcome === 'unknown').length === 2,
    )
    assert.equal(textOf(await post(url, rpc('tools/call', { name: 'quick' }), { headers })), 'quick')
  })

  it('what a session cancels itself has no answer', async () => {
    Object.assign(LIMITS, { callMsMax: CALL_MS_MAX })
    const headers = await initialize(url)
    const under = dripping.length
    const reply = post(url, rpc('tools/call', { name: 'drip' }, 'd'), { headers })
    await until('it is under way', () => dripping.length > under)
    const cancelled = { jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId: 'd' } }
    assert.equal((await post(url, JSON.stringify(cancelled), { headers })).status, 202)
    assert.deepEqual([(await reply).status, (await reply).text], [200, ''])
  })

  it('S17: an upstream that does not even begin is told as such', async () => {
    Object.assign(LIMITS, { callMsMax: LOWERED_MS })
    const reply = await call(url.replace('desk', 'silent'), 'quick')
    assert.match(
      errorOf(reply)?.message ?? '',
      /^the call took too long: the upstream cannot be reached \(reference a_/,
    )
  })

  it('S17: what has waited for its upstream that long is told as not sent', async () => {
    Object.assign(LIMITS, { callMsMax: CALL_MS_MAX })
    const [under, left] = [dripping.length, new AbortController()]
    const others = Array.from({ length: 32 }, () => call(url, 'drip', {}, { signal: left.signal }))
    await until('all it takes at once is under way', () => dripping.length === under + 32)
    Object.assign(LIMITS, { callMsMax: LOWERED_MS })
    const reply = await call(url, 'quick')
    assert.match(errorOf(reply)?.message ?? '', /^the call took too long: it was not sent \(reference a_\w+\)$/)
    left.abort()
    await Promise.allSettled(others)
  })
})
