/** Connections to upstreams: what is said on them, who may hold them open, and that nothing of them outlives its cell. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http'
import { describe, it } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { isJsonObject, type Json, type JsonObject } from '../../src/model/index.ts'
import { startGateway, type TestGateway } from '../kit/gateway.ts'
import { bodyOf } from '../kit/request-body.ts'
import { answer, eventText, startUpstream, textResult, tool } from '../kit/scripted-upstream.ts'
import { cleanUp } from '../kit/temporary.ts'
import { until } from '../kit/until.ts'
import { call, errorOf, MODERN_META, modernHeaders, textOf } from '../kit/wire.ts'

interface Asked {
  readonly method: string
  readonly id: Json
  readonly body: JsonObject
  readonly request: IncomingMessage
  readonly response: ServerResponse
}

interface Server {
  readonly url: string
  /** What was asked, as `POST tools/list`; a response as `POST response`. */
  readonly heard: string[]
  /** Responses that are open now. */
  readonly open: Set<ServerResponse>
}

/** A server whose answers are the test's own where it gives one; else it is one of 2026-07-28 with the tool `x`. */
async function serving(own: (asked: Asked) => boolean, era: 'modern' | 'legacy' = 'modern'): Promise<Server> {
  const heard: string[] = []
  const open = new Set<ServerResponse>()
  const server = createServer(async (request, response) => {
    const text = await bodyOf(request)
    if (text === undefined) return
    const parsed: unknown = text === '' ? {} : JSON.parse(text)
    const body = isJsonObject(parsed as Json) ? (parsed as JsonObject) : {} // as the gateway wrote it
    const method = String(body.method ?? ('result' in body || 'error' in body ? 'response' : ''))
    heard.push(`${request.method} ${method}`.trim())
    open.add(response)
    response.on('close', () => open.delete(response))
    const id = body.id ?? null
    if (own({ method, id, body, request, response })) return
    if (request.method !== 'POST') return void response.writeHead(request.method === 'GET' ? 405 : 200).end()
    if (body.id === undefined || method === 'response') return void response.writeHead(202).end()
    const capabilities = { tools: {} }
    const known: Readonly<Record<string, JsonObject>> = {
      ...(era === 'modern'
        ? { 'server/discover': { supportedVersions: ['2026-07-28'], capabilities } }
        : { initialize: { protocolVersion: '2025-11-25', capabilities, serverInfo: { name: 's', version: '1' } } }),
      'tools/list': { tools: [tool('x')] },
      'tools/call': textResult('done'),
    }
    const result = known[method]
    const session: Record<string, string> = method === 'initialize' ? { 'mcp-session-id': 'one' } : {}
    if (result === undefined) answer(response, id, { error: { code: -32601, message: 'no' } })
    else answer(response, id, { result: { resultType: 'complete', ...result } }, 200, session)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  cleanUp(() => {
    server.close()
    server.closeAllConnections()
  })
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('no port')
  return { url: `http://127.0.0.1:${address.port}/mcp`, heard, open }
}

function gatewayTo(url: string, more: Record<string, { mcp: { url: string }; tools: { note: 'write' } }> = {}) {
  return startGateway({ upstreams: { desk: { mcp: { url }, tools: { x: 'write' } }, ...more } })
}

async function reasons(gateway: TestGateway): Promise<string> {
  const refused = await gateway.entries((all) => all.some(({ kind }) => kind === 'action.refused'))
  return JSON.stringify(refused.filter(({ kind }) => kind === 'action.refused'))
}

describe('S14: what is said to an upstream', { concurrency: 2 }, () => {
  it('a session of 2025-11-25 is told that it is initialized, its pings are answered, and its end is said', async () => {
    const server = await serving(({ request, response }) => {
      if (request.method !== 'GET') return false
      response.writeHead(200, { 'content-type': 'text/event-stream' })
      return response.write(eventText({ jsonrpc: '2.0', id: 77, method: 'ping' }))
    }, 'legacy')
    const gateway = await gatewayTo(server.url)
    server.heard.length = 0
    const cell = await gateway.admit()
    assert.equal(textOf(await call(cell.url('desk'), 'x')), 'done')
    await until('the ping is answered', () => server.heard.includes('POST response'))
    assert.ok(server.heard.indexOf('POST notifications/initialized') < server.heard.indexOf('POST tools/list'))
    await cell.end()
    await until('the session is ended', () => server.heard.includes('DELETE'))
    await until('nothing stays open', () => server.open.size === 0)
  })

  it('S14: one that does not take "initialized" is not connected', async () => {
    let taken = true
    const server = await serving(({ method, response }) => {
      if (method !== 'notifications/initialized' || taken) return false
      response.writeHead(400).end()
      return true
    }, 'legacy')
    const gateway = await gatewayTo(server.url)
    taken = false
    const cell = await gateway.admit()
    assert.equal(errorOf(await call(cell.url('desk'), 'x'))?.code, -32603)
    assert.match(await reasons(gateway), /notifications\/initialized: HTTP 400/)
  })

  it('S17: one that asks without taking our answers is cut off after eight', async () => {
    const server = await serving(({ method, response }) => {
      if (method === 'response') return true
      if (method !== 'tools/call') return false
      response.writeHead(200, { 'content-type': 'text/event-stream' })
      for (let id = 0; id < 500; id++) response.write(eventText({ jsonrpc: '2.0', id, method: 'ping' }))
      return true
    })
    const gateway = await gatewayTo(server.url)
    const cell = await gateway.admit()
    assert.match(errorOf(await call(cell.url('desk'), 'x'))?.message ?? '', /^no answer came/)
    assert.ok(server.heard.filter((what) => what === 'POST response').length <= 8)
    await until('nothing stays open', () => server.open.size === 0)
  })

  it('S14: one that answers 404 is connected anew by the next call, with one session and one stream at a time', async () => {
    let honest = true
    let streams = 0
    const server = await serving(({ method, request, response }) => {
      if (request.method === 'GET') {
        response.writeHead(200, { 'content-type': 'text/event-stream' }).flushHeaders()
        streams++
        response.on('close', () => streams--)
        return true
      }
      if (method !== 'tools/call' || honest) return false
      response.writeHead(404).end()
      return true
    }, 'legacy')
    const gateway = await gatewayTo(server.url)
    const url = (await gateway.admit()).url('desk')
    assert.equal(textOf(await call(url, 'x')), 'done')
    honest = false
    server.heard.length = 0
    await Promise.all(Array.from({ length: 20 }, () => call(url, 'x')))
    const opened = server.heard.filter((what) => what === 'POST initialize').length
    assert.ok(opened <= 3, `${opened} sessions for 20 calls at once`)
    for (let i = 0; i < 5; i++) await call(url, 'x')
    await until('at most one stream stands', () => streams <= 1)
    honest = true
    assert.equal(textOf(await call(url, 'x')), 'done')
  })
})

describe('S14: an upstream that has no standing stream, and answers 404 to whoever asks for it', () => {
  for (const when of ['at once', 'while a call is under way']) {
    it(`S14: ${when}: has forgotten nothing, and each call is sent once in its one session`, async () => {
      const late: (() => void)[] = []
      const server = await serving(({ method, request, response }) => {
        if (request.method === 'GET') {
          const refuse = () => void response.writeHead(404).end('Cannot GET /mcp')
          if (when === 'at once') refuse()
          else late.push(refuse)
          return true
        }
        if (method === 'tools/call') for (const refuse of late.splice(0)) refuse()
        return false
      }, 'legacy')
      const gateway = await gatewayTo(server.url)
      const url = (await gateway.admit()).url('desk')
      assert.equal(textOf(await call(url, 'x')), 'done')
      server.heard.length = 0
      for (let i = 0; i < 3; i++) assert.equal(textOf(await call(url, 'x')), 'done')
      const all = await Promise.all(Array.from({ length: 6 }, () => call(url, 'x')))
      assert.deepEqual(
        all.map(textOf),
        Array.from({ length: 6 }, () => 'done'),
      )
      assert.equal(server.heard.filter((what) => what === 'POST initialize').length, 0)
      assert.equal(server.heard.filter((what) => what === 'POST tools/call').length, 9)
      await gateway.stop()
    })
  }
})

describe('S14: an upstream that holds on', { concurrency: 2 }, () => {
  it('S14: S17: a list that drips: calls that wait for it end with their cell’s patience, and others are served', async () => {
    let dripping = false
    const server = await serving(({ method, response }) => {
      if (method !== 'tools/list' || !dripping) return false
      response.writeHead(200, { 'content-type': 'application/json' })
      const drip = setInterval(() => response.write(' '), 100)
      response.on('close', () => clearInterval(drip))
      return true
    })
    const good = await startUpstream({ era: 'modern', tools: [tool('note')], onCall: () => textResult('noted') })
    const gateway = await gatewayTo(server.url, { good: { mcp: { url: good.url }, tools: { note: 'write' } } })
    dripping = true
    const cell = await gateway.admit()
    const patience = new AbortController()
    const calls = Array.from({ length: 64 }, () =>
      call(cell.url('desk'), 'x', {}, { signal: patience.signal }).catch(() => 'gone'),
    )
    await until('the list is asked for', () => server.heard.filter((what) => what === 'POST tools/list').length === 2)
    await delay(200)
    patience.abort()
    await Promise.all(calls)
    await until('there is room', async () => textOf(await call(cell.url('good'), 'note')) === 'noted')
    await cell.end()
    await until('the connection that was being made is given up', () => server.open.size === 0)
  })

  it('S1: a call that its cell calls off ends; where the cell has read what the call does not accept, nobody hears of it', async () => {
    const held: ServerResponse[] = []
    const late: (() => void)[] = []
    const web = await startUpstream({
      era: 'modern',
      tools: [tool('search')],
      onCall: ({ id, response }) => {
        held.push(response)
        late.push(() => answer(response, id, { result: { resultType: 'complete', ...textResult('found') } }))
        return undefined
      },
    })
    const crm = await startUpstream({ era: 'modern', tools: [tool('customer')], onCall: () => textResult('a card') })
    const returns = { $: ['confidential:customers'] }
    const gateway = await startGateway({
      upstreams: {
        crm: { mcp: { url: crm.url }, tools: { customer: { effect: 'read', returns } } },
        web: { mcp: { url: web.url }, tools: { search: { effect: 'read', returns: [] } } },
      },
    })
    const cell = await gateway.admit()
    const patience = [new AbortController(), new AbortController()] as const
    const searches = patience.map(({ signal }) => call(cell.url('web'), 'search', {}, { signal }).catch(() => 'gone'))
    await until('both are under way', () => held.length === 2)
    const outcomes = async () => {
      const entries = await gateway.entries()
      const ours = entries.flatMap((each) =>
        each.kind === 'action.intent' && each.upstream === 'web' ? [each.action] : [],
      )
      return entries.flatMap((each) =>
        each.kind === 'action.outcome' && ours.includes(each.action) ? [each.outcome] : [],
      )
    }
    patience[0].abort()
    await until('the first ends', async () => (await outcomes()).length === 1)
    for (let i = 0; i < 2; i++) {
      assert.equal(textOf(await call(cell.url('crm'), 'customer')), 'a card')
      patience[1].abort()
    }
    for (const each of late) each()
    await until('the second ends', async () => (await outcomes()).length === 2)
    assert.deepEqual(await outcomes(), ['unknown', 'done'])
    assert.equal(held.filter(({ writableFinished }) => writableFinished).length, 1)
    await Promise.all(searches)
  })

  it('S1: how fast its cell reads what is said of a call, an upstream feels only while the call accepts what the cell has read', async () => {
    let [said, over] = [0, false]
    const web = await startUpstream({
      era: 'modern',
      tools: [tool('watch')],
      onCall: async ({ id, params, response }) => {
        response.writeHead(200, { 'content-type': 'text/event-stream' })
        const meta = isJsonObject(params._meta) ? params._meta : {}
        while (!over && !response.destroyed) {
          const about = { progressToken: meta.progressToken ?? null, progress: said, message: 'x'.repeat(200_000) }
          const message = { jsonrpc: '2.0', method: 'notifications/progress', params: about }
          if (!response.write(eventText(message)))
            await Promise.race([once(response, 'drain'), once(response, 'close')])
          said++
          // One that nobody holds back leaves this processor to the others all the same.
          await delay(1)
        }
        response.end(eventText({ jsonrpc: '2.0', id, result: { resultType: 'complete', ...textResult('seen') } }))
        return undefined
      },
    })
    const crm = await startUpstream({ era: 'modern', tools: [tool('customer')], onCall: () => textResult('a card') })
    const returns = { $: ['confidential:customers'] }
    const gateway = await startGateway({
      upstreams: {
        crm: { mcp: { url: crm.url }, tools: { customer: { effect: 'read', returns } } },
        web: { mcp: { url: web.url }, tools: { watch: { effect: 'read', returns: [] } } },
      },
    })
    const cell = await gateway.admit()
    const params = { name: 'watch', arguments: {}, _meta: { ...MODERN_META, progressToken: 't' } }
    const headers = { accept: 'text/event-stream, application/json', 'content-type': 'application/json' }
    const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/call', params })
    const asking = request(cell.url('web'), {
      method: 'POST',
      headers: { ...headers, ...modernHeaders('tools/call', params) },
    })
    const [unread] = (await once(asking.end(body), 'response')) as [IncomingMessage]
    const begunMs = performance.now()
    let [heard, at] = [-1, begunMs]
    await until('it waits for the cell', () => {
      if (heard !== said) [heard, at] = [said, performance.now()]
      return performance.now() - at > 1_500
    })
    assert.equal(textOf(await call(cell.url('crm'), 'customer')), 'a card')
    await until('it waits no more', () => said > heard + 20)
    // Nobody has cut the cell off for reading nothing, either: not before the half minute that it has for that.
    over = true
    const tookMs = performance.now() - begunMs
    unread.on('error', () => undefined).resume()
    await new Promise((resolve) => unread.once('close', resolve))
    if (tookMs < 25_000) assert.equal(unread.complete, true)
  })

  it('S13: a connection that was being made when its cell ended is never made', async () => {
    let slow = false
    const server = await serving(({ method, id, response }) => {
      if (method === 'subscriptions/listen') {
        response.writeHead(200, { 'content-type': 'text/event-stream' }).flushHeaders()
        return true
      }
      if (method !== 'server/discover' || !slow) return false
      const result = { resultType: 'complete', supportedVersions: ['2026-07-28'], capabilities: { tools: {} } }
      setTimeout(() => answer(response, id, { result }), 400)
      return true
    })
    const gateway = await gatewayTo(server.url)
    slow = true
    const cell = await gateway.admit()
    server.heard.length = 0
    const waiting = call(cell.url('desk'), 'x').catch(() => 'cut')
    await until('it is being made', () => server.heard.includes('POST server/discover'))
    await cell.end()
    await waiting
    server.heard.length = 0
    await delay(700)
    assert.deepEqual(server.heard, [])
    await until('its connections are closed', () => server.open.size === 0)
  })

  it('S13: S17: a stream that goes on after its answer is cut', async () => {
    let sent = 0
    const server = await serving(({ method, id, response }) => {
      if (method !== 'tools/call') return false
      response.writeHead(200, { 'content-type': 'text/event-stream' })
      response.write(eventText({ jsonrpc: '2.0', id, result: { resultType: 'complete', ...textResult('done') } }))
      const more = () => {
        while (!response.destroyed) {
          sent++
          if (!response.write(`: ${'x'.repeat(60_000)}\n\n`)) return void response.once('drain', more)
        }
      }
      more()
      return true
    })
    const gateway = await gatewayTo(server.url)
    const cell = await gateway.admit()
    assert.equal(textOf(await call(cell.url('desk'), 'x')), 'done')
    await until('it is cut', () => server.open.size === 0)
    assert.ok(sent < 2_000, `${sent}`)
    assert.equal(textOf(await call(cell.url('desk'), 'x')), 'done')
  })

  it('S11: the stream that tells of changed lists is opened again when it breaks, and what was missed is seen', async () => {
    const offered = { tools: [tool('x')] }
    const server = await serving(({ method, id, response }) => {
      if (method === 'tools/list') answer(response, id, { result: offered })
      if (method === 'subscriptions/listen')
        response.writeHead(200, { 'content-type': 'text/event-stream' }).flushHeaders()
      return method === 'tools/list' || method === 'subscriptions/listen'
    })
    const gateway = await gatewayTo(server.url)
    const url = (await gateway.admit()).url('desk')
    assert.equal(textOf(await call(url, 'x')), 'done')
    offered.tools = [tool('x', { description: 'and now it does something else' })]
    for (const response of server.open) response.destroy()
    await until('it is refused', async () => errorOf(await call(url, 'x'))?.code === 403)
  })
})

it('S2: a call that waited for its upstream does not leave after its grant has expired; one that was called off is dropped', async () => {
  const held: (() => void)[] = []
  const got: string[] = []
  const upstream = await startUpstream({
    era: 'modern',
    tools: [tool('slow'), tool('pay'), tool('look')],
    onCall: async ({ name }) => {
      got.push(name)
      if (name === 'slow') await new Promise<void>((resolve) => held.push(resolve))
      return textResult(name)
    },
  })
  const tools = { slow: 'read', pay: 'write', look: 'read' } as const
  const gateway = await startGateway({
    upstreams: { desk: { mcp: { url: upstream.url }, tools } },
    agents: { alpha: { grants: [{ upstream: 'desk', tools: Object.keys(tools), expires: '4s' }] } },
  })
  const url = (await gateway.admit()).url('desk')
  const begun = performance.now()
  const slow = Array.from({ length: 40 }, () => call(url, 'slow').catch(() => 'cut'))
  await until('its connections are taken', () => held.length === 32)
  const pay = call(url, 'pay')
  const patience = new AbortController()
  const look = call(url, 'look', {}, { signal: patience.signal }).catch(() => 'gone')
  await delay(100)
  patience.abort()
  await look
  const outcomes = (all: Awaited<ReturnType<typeof gateway.entries>>) =>
    all.filter((entry) => entry.kind === 'action.outcome' && entry.outcome === 'not-sent').length
  assert.equal(outcomes(await gateway.entries((all) => outcomes(all) > 0)), 1, 'while all connections are taken')
  await delay(Math.max(0, 4_200 - (performance.now() - begun)))
  for (const resolve of held.splice(0)) resolve()
  assert.match(errorOf(await pay)?.message ?? '', /^it was not sent/)
  await Promise.all(slow)
  assert.deepEqual(
    got.filter((name) => name !== 'slow'),
    [],
  )
  const why = /its grant has ended/
  assert.match(JSON.stringify(await gateway.entries((all) => why.test(JSON.stringify(all)))), why)
})
