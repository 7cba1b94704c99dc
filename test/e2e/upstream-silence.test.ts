/** Upstreams that hang, drip and go away: what waits for them waits alone. */
import assert from 'node:assert/strict'
import { createServer } from 'node:net'
import process from 'node:process'
import { describe, it } from 'node:test'
import { loadConfig } from '../../src/config/load.ts'
import { acceptOffered } from '../kit/accept-offered.ts'
import { writeConfig } from '../kit/config-text.ts'
import { startGateway, startGatewayOn, type TestGateway } from '../kit/gateway.ts'
import { type ScriptedCall, startUpstream, textResult, tool } from '../kit/scripted-upstream.ts'
import { cleanUp, temporaryDirectory } from '../kit/temporary.ts'
import { until } from '../kit/until.ts'
import { call, errorOf, initialize, modern, post, rpc, textOf } from '../kit/wire.ts'

const tools = { hang: 'write', drip: 'write', quick: 'write', slow: 'write' } as const

for (const era of ['modern', 'legacy'] as const) {
  describe(`S14: an upstream of the ${era} era that does not answer`, () => {
    it('S14: its call ends when the cell goes away or cancels, and is unknown; nothing else is disturbed', async () => {
      const waiting: ScriptedCall[] = []
      const letGo: (() => void)[] = []
      const upstream = await startUpstream({
        era,
        tools: Object.keys(tools).map((name) => tool(name)),
        onCall: async (asked) => {
          if (asked.name === 'quick') return textResult('quick')
          if (asked.name === 'slow') {
            await new Promise<void>((resolve) => letGo.push(resolve))
            return textResult('slow')
          }
          waiting.push(asked)
          if (asked.name === 'drip') {
            asked.response.writeHead(200, { 'content-type': 'text/event-stream' })
            const drip = setInterval(() => asked.response.write(': drip\n\n'), 20)
            asked.response.on('close', () => clearInterval(drip))
          }
          return undefined
        },
      })
      const gateway = await startGateway({ upstreams: { desk: { mcp: { url: upstream.url }, tools } } })
      const [cell, neighbour] = [await gateway.admit(), await gateway.admit('beta')]
      const url = cell.url('desk')
      assert.equal(textOf(await call(url, 'quick')), 'quick')
      const own = call(url, 'slow')
      const theirs = call(neighbour.url('desk'), 'slow')
      await until('both are let go', () => letGo.length === 2)

      for (const name of ['hang', 'drip']) {
        const control = new AbortController()
        const gone = call(url, name, {}, { signal: control.signal })
        await until('it arrives', () => waiting.some((asked) => asked.name === name))
        control.abort()
        await assert.rejects(gone)
      }
      const headers = await initialize(url)
      const cancelled = post(url, rpc('tools/call', { name: 'hang' }, 'h'), { headers })
      await until('all arrive', () => waiting.length === 3)
      const notification = { jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId: 'h' } }
      assert.equal((await post(url, JSON.stringify(notification), { headers })).status, 202)
      assert.equal((await cancelled).text, '')
      await until('all end', () => waiting.every(({ response }) => response.destroyed || response.writableEnded))
      assert.deepEqual(await outcomes(gateway, 'unknown', 3), 3)

      assert.equal(textOf(await call(url, 'quick')), 'quick')
      for (const resolve of letGo) resolve()
      assert.equal(textOf(await own), 'slow', 'a call of the same cell that was under way')
      assert.equal(textOf(await theirs), 'slow', 'a call of another cell')
      const first = era === 'modern' ? 'server/discover' : 'initialize'
      // Once when the definitions were accepted, and once for each cell.
      assert.equal(upstream.asked.get(first), 3, 'nothing had to connect anew')
    })

    it('S14: one that is gone is told as unreachable, and is used again when it is back', async () => {
      const script = { era, tools: [tool('quick')], onCall: () => textResult('quick') }
      const upstream = await startUpstream(script)
      const gateway = await startGateway({
        upstreams: { desk: { mcp: { url: upstream.url }, tools: { quick: 'write' } } },
      })
      const url = (await gateway.admit()).url('desk')
      assert.equal(textOf(await call(url, 'quick')), 'quick')
      upstream.close()
      const replies = [await call(url, 'quick'), await call(url, 'quick')]
      assert.deepEqual(
        replies.map((reply) => errorOf(reply)?.code),
        [-32603, -32603],
      )
      const told = JSON.stringify(await gateway.entries((all) => all.some(({ kind }) => kind === 'action.refused')))
      assert.match(told, /"what":"upstream"/)
      const back = await startUpstream(script, Number(new URL(upstream.url).port))
      assert.equal(textOf(await call(url, 'quick')), 'quick')
      back.close()
    })
  })
}

it('S14: an older upstream that has forgotten its session is initialized anew', async () => {
  const upstream = await startUpstream({
    era: 'legacy',
    tools: [tool('quick')],
    onCall: ({ response }) => {
      if (upstream.calls.length !== 2) return textResult('quick')
      response.writeHead(404).end()
      return undefined
    },
  })
  const gateway = await startGateway({ upstreams: { desk: { mcp: { url: upstream.url }, tools: { quick: 'write' } } } })
  const url = (await gateway.admit()).url('desk')
  assert.equal(textOf(await call(url, 'quick')), 'quick')
  const before = upstream.asked.get('initialize') ?? 0
  assert.equal(textOf(await call(url, 'quick')), 'quick')
  assert.equal(upstream.asked.get('initialize'), before + 1)
  assert.equal(upstream.calls.length, 3)
})

it('S14: an upstream that takes connections and says nothing does not keep a cell from the others', async () => {
  const silent = createServer((socket) => {
    cleanUp(() => void socket.destroy())
    socket.on('error', () => undefined)
  })
  await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve))
  cleanUp(() => void silent.close())
  const address = silent.address()
  const port = typeof address === 'object' && address !== null ? address.port : 0
  const desk = await startUpstream({ era: 'modern', tools: [tool('quick')], onCall: () => textResult('quick') })
  const honest = { desk: { mcp: { url: desk.url }, tools: { quick: 'write' as const } } }
  const directory = temporaryDirectory()
  const loaded = await loadConfig(writeConfig(directory, { upstreams: honest }), { node: process.execPath })
  if (!loaded.ok) assert.fail(JSON.stringify(loaded.reason))
  await acceptOffered(loaded.value)
  const mute = (name: string) => ({
    [name]: { mcp: { url: `http://127.0.0.1:${port}/${name}` }, tools: { x: 'write' as const } },
  })
  const file = writeConfig(directory, { upstreams: { ...mute('a-mute'), ...mute('b-mute'), ...honest } })
  const gateway = await startGatewayOn(file, { accept: false })
  const cell = await gateway.admit()
  assert.equal(textOf(await call(cell.url(), 'desk__quick')), 'quick')
  const listed = await modern(cell.url(), 'tools/list', {}, { timeoutMs: 120_000 })
  assert.match(listed.text, /desk__quick/)
})

async function outcomes(gateway: TestGateway, outcome: string, count: number): Promise<number> {
  const found = (all: Awaited<ReturnType<typeof gateway.entries>>) =>
    all.filter((entry) => entry.kind === 'action.outcome' && entry.outcome === outcome).length
  return found(await gateway.entries((all) => found(all) >= count))
}
