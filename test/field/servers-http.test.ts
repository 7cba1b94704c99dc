/** HTTP servers as they are: sessions that they forget, credentials that expire, private authorities, other transports. */
import assert from 'node:assert/strict'
import { createServer, type IncomingMessage, type RequestListener, type ServerResponse } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import { before, describe, it } from 'node:test'
import { connectHttpUpstream } from '../../src/gateway/protocols/mcp/server/http-upstream.ts'
import { isJsonObject, type Json, type JsonObject, upstreamName } from '../../src/model/index.ts'
import { AUTHORITY, CERTIFICATE, KEY } from '../kit/certificates.ts'
import { startGateway, type TestCell, type TestGateway } from '../kit/gateway.ts'
import { bodyOf } from '../kit/request-body.ts'
import { cleanUp } from '../kit/temporary.ts'
import { until } from '../kit/until.ts'
import { call, errorOf, textOf } from '../kit/wire.ts'

interface Asked {
  readonly request: IncomingMessage
  readonly response: ServerResponse
  readonly method: string
  readonly id: Json
  readonly params: JsonObject
}

/** A server of 2025-06-18 that answers as it should where `own` does not answer; with the methods that it was asked. */
async function serve(own: (asked: Asked) => boolean | Promise<boolean>, tls = false) {
  const asked: string[] = []
  const listener: RequestListener = async (request, response) => {
    const text = await bodyOf(request)
    if (text === undefined) return
    const parsed: unknown = text === '' ? {} : JSON.parse(text)
    const body = parsed as JsonObject // as the gateway wrote it
    const method = request.method === 'POST' ? String(body.method) : String(request.method)
    asked.push(method)
    const params = isJsonObject(body.params) ? body.params : {}
    const one = { request, response, method, id: body.id ?? null, params }
    if (!(await own(one))) honest(one)
  }
  const server = tls ? createTlsServer({ key: KEY, cert: CERTIFICATE }, listener) : createServer(listener)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  cleanUp(() => {
    server.close()
    server.closeAllConnections()
  })
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('no port')
  return { url: `${tls ? 'https' : 'http'}://127.0.0.1:${address.port}/mcp`, asked }
}

let sessions = 0

function honest({ response, method, id, params }: Asked): void {
  if (method === 'GET' || method === 'DELETE') return end(response, 405)
  if (id === null) return end(response, 202)
  const error = { code: -32601, message: 'Method not found' }
  if (method === 'initialize') {
    const about = { capabilities: { tools: {} }, serverInfo: { name: 'shop', version: '1' } }
    const result = { protocolVersion: '2025-06-18', ...about }
    return end(response, 200, { id, result }, { 'mcp-session-id': `session-${++sessions}` })
  }
  if (method === 'tools/list') return end(response, 200, { id, result: { tools: [STOCK] } })
  if (method !== 'tools/call') return end(response, 400, { id, error })
  end(response, 200, { id, result: { content: [{ type: 'text', text: `3 of ${JSON.stringify(params.arguments)}` }] } })
}

const STOCK = {
  name: 'stock',
  description: 'stock of a shop',
  inputSchema: { type: 'object', properties: { q: { type: 'string' } } },
}

function end(response: ServerResponse, status: number, body?: JsonObject, headers: Record<string, string> = {}): void {
  const json = body && JSON.stringify({ jsonrpc: '2.0', ...body })
  response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(json)
}

async function connectTo(url: string, ca?: string) {
  const name = upstreamName('shop')
  const connected = await connectHttpUpstream({
    name,
    url: new URL(url),
    headers: new Map(),
    elsewhere: [],
    ...(ca && { ca }),
  })
  if (connected.ok) cleanUp(() => connected.value.close())
  return connected
}

async function whyNot(url: string, ca?: string): Promise<string> {
  const connected = await connectTo(url, ca)
  return connected.ok ? `it connected in ${connected.value.revision}` : connected.reason.why
}

/** As the examples of four SDKs, and what others make of them, refuse a session that they do not know. */
const FORGOTTEN: readonly (readonly [what: string, status: number, body: JsonObject])[] = [
  ['404 and nothing', 404, {}],
  [
    '400, no valid session',
    400,
    { id: null, error: { code: -32000, message: 'Bad Request: No valid session ID provided' } },
  ],
  ['400, session not found', 400, { id: null, error: { code: -32001, message: 'Session not found' } }],
  ['400, not initialized', 400, { id: null, error: { code: -32000, message: 'Bad Request: Server not initialized' } }],
  ['400, missing session id', 400, { id: null, error: { code: -32600, message: 'Bad Request: Missing session ID' } }],
]

describe('S4, S7: an upstream that has forgotten its session', () => {
  const shops = FORGOTTEN.map(([, status, body], i) => {
    const shop = { name: `shop-${i}`, forgets: false, url: '', asked: [] as readonly string[] }
    const begun = serve(({ method, response }) => {
      if (method !== 'tools/call' || !shop.forgets) return false
      shop.forgets = false
      end(response, status, body)
      return true
    })
    return { shop, begun }
  })
  let gateway: TestGateway
  let cell: TestCell

  before(async () => {
    for (const { shop, begun } of shops) Object.assign(shop, await begun)
    const always = await serve(({ method, response }) => {
      if (method === 'tools/call') end(response, 404)
      return method === 'tools/call'
    })
    const error = { code: -32602, message: 'the browser session of this shop is over' }
    const honestly = await serve(({ method, id, response }) => {
      if (method === 'tools/call') end(response, 400, { id, error })
      return method === 'tools/call'
    })
    shops.push({ shop: { name: 'always', forgets: false, ...always }, begun: Promise.resolve(always) })
    shops.push({ shop: { name: 'honestly', forgets: false, ...honestly }, begun: Promise.resolve(honestly) })
    const upstreams = shops.map(
      ({ shop }) => [shop.name, { mcp: { url: shop.url }, tools: { stock: 'write' } }] as const,
    )
    gateway = await startGateway({ upstreams: Object.fromEntries(upstreams) })
    cell = await gateway.admit()
  })

  const named = (name: string) => {
    const found = shops.find(({ shop }) => shop.name === name)
    if (found === undefined) throw new Error(name)
    return found.shop
  }
  const count = (name: string, method: string) => named(name).asked.filter((each) => each === method).length

  for (const [i, [what]] of FORGOTTEN.entries()) {
    it(`${what}: the call is made once more in a new one, as an action of its own`, async () => {
      const name = `shop-${i}`
      assert.equal(textOf(await call(cell.url(name), 'stock')), '3 of {}')
      const opened = count(name, 'initialize')
      named(name).forgets = true
      assert.equal(textOf(await call(cell.url(name), 'stock')), '3 of {}')
      assert.equal(count(name, 'initialize'), opened + 1)
      const entries = await gateway.entries()
      const actions = entries.flatMap((entry) =>
        entry.kind === 'action.intent' && entry.upstream === name ? [entry.action] : [],
      )
      // The first is never taken for one that did not leave.
      const outcomes = entries.flatMap((entry) =>
        entry.kind === 'action.outcome' && actions.includes(entry.action) ? [entry] : [],
      )
      assert.deepEqual(
        outcomes.map(({ outcome }) => outcome),
        ['done', 'withheld', 'done'],
      )
      assert.match(outcomes[1]?.detail ?? '', /^the upstream forgot the session \(HTTP 40\d\)$/)
    })
  }

  it('and forgets the next one at once is asked no third time, and the cell is told whose session it was', async () => {
    const refused = errorOf(await call(cell.url('always'), 'stock'))
    assert.match(
      refused?.message ?? '',
      /^the upstream forgot the session that Firebreak has with it, and did not look/,
    )
    assert.equal(count('always', 'tools/call'), 2)
  })

  it('is told from one that refuses what was called, in words of its own', async () => {
    const refused = errorOf(await call(cell.url('honestly'), 'stock'))
    assert.match(refused?.message ?? '', /browser session/)
    assert.equal(count('honestly', 'tools/call'), 1)
  })
})

describe('S10: an upstream whose credential expires', () => {
  const SECRET = 'FIREBREAK_TEST_EXPIRING'

  async function shopWith(isGood: (credential: string | undefined) => boolean) {
    const shop = await serve(({ request, method, response }) => {
      if (method === 'tools/call' && !isGood(request.headers.authorization)) end(response, 401)
      else return false
      return true
    })
    process.env[SECRET] = 'first-token-of-the-shop'
    const headers = { authorization: 'Bearer ${secret:shop}' }
    return startGateway({
      upstreams: { shop: { mcp: { url: shop.url, headers }, tools: { stock: 'read' } } },
      secrets: { shop: { env: SECRET } },
    })
  }

  it('is called once more with the one that the warden reads; both are looked for in answers', async () => {
    const gateway = await shopWith((credential) => credential === 'Bearer second-token-of-the-shop')
    const url = (await gateway.admit()).url('shop')
    const answered = call(url, 'stock')
    await until('the warden is asked', () =>
      gateway.orders.some(({ kind, number }) => kind === 'credential' && number === 0),
    )
    gateway.renew('shop', [['shop', 'second-token-of-the-shop']])
    assert.equal(textOf(await answered), '3 of {}')
    const outcomes = (await gateway.entries()).flatMap((entry) => (entry.kind === 'action.outcome' ? [entry] : []))
    assert.deepEqual(
      outcomes.map(({ outcome, detail }) => detail ?? outcome),
      ['its credential was refused (HTTP 401)', 'done'],
    )
    for (const leak of ['first-token-of-the-shop', 'second-token-of-the-shop']) {
      const refused = errorOf(await call(url, 'stock', { q: leak }))
      assert.match(refused?.message ?? '', /^the answer was withheld/, leak)
    }
  })

  it('for which there is no other is told as that, to the cell and in the record', async () => {
    const gateway = await shopWith(() => false)
    const url = (await gateway.admit()).url('shop')
    const answered = call(url, 'stock')
    await until('the warden is asked', () => gateway.orders.some(({ kind }) => kind === 'credential'))
    gateway.renew('shop', [['shop', 'first-token-of-the-shop']])
    assert.match(errorOf(await answered)?.message ?? '', /its credential was refused, and the owner has to renew it/)
  })
})

describe('a server that answers the first question in no way of MCP’s', { concurrency: true }, () => {
  for (const status of [400, 404, 405, 406, 415, 500, 501]) {
    it(`but HTTP ${status} is an older one`, async () => {
      const shop = await serve(({ method, response }) => {
        if (method === 'server/discover') end(response, status)
        return method === 'server/discover'
      })
      assert.equal(await whyNot(shop.url), 'it connected in 2025-06-18')
    })
  }

  it('and redirects is told with where to, without its query, and is not followed', async () => {
    const shop = await serve(({ request, response }) => {
      if (request.url === '/mcp') end(response, 307, undefined, { location: '/mcp/?api_key=of-a-shop' })
      return request.url === '/mcp'
    })
    const why = await whyNot(shop.url)
    assert.match(
      why,
      /HTTP 307, a redirect to http:\/\/127\.0\.0\.1:\d+\/mcp\/, and Firebreak follows none: write url:/,
    )
    assert.doesNotMatch(why, /api_key/)
    assert.deepEqual(shop.asked, ['server/discover'])
  })

  it('and speaks the transport of 2024-11-05 is told as that, with what to do', async () => {
    const shop = await serve(({ method, response }) => {
      if (method !== 'GET') end(response, 405)
      else
        response.writeHead(200, { 'content-type': 'text/event-stream' }).write('event: endpoint\ndata: /messages\n\n')
      return true
    })
    assert.match(
      await whyNot(shop.url),
      /transport of 2024-11-05 \(HTTP\+SSE\), which Firebreak does not: write the url/,
    )
  })

  it('and takes no POST is told that its url may be another', async () => {
    const shop = await serve(({ response }) => {
      end(response, 405)
      return true
    })
    assert.match(
      await whyNot(shop.url),
      /HTTP 405: no MCP server of Streamable HTTP answers at this url; look its url up/,
    )
  })
})

describe('a server of an older revision over HTTP', { concurrency: true }, () => {
  for (const revision of ['2024-11-05', '2025-03-26', '2025-06-18', '2025-11-25'])
    it(`is spoken to in ${revision}, and told so from 2025-06-18 on`, async () => {
      const said: unknown[] = []
      const { url } = await serve(({ request, response, method, id }) => {
        if (method === 'tools/list') said.push(request.headers['mcp-protocol-version'])
        if (method !== 'initialize') return false
        const about = { capabilities: { tools: {} }, serverInfo: { name: 'shop', version: '1' } }
        end(response, 200, { id, result: { protocolVersion: revision, ...about } }, { 'mcp-session-id': revision })
        return true
      })
      const connected = await connectTo(url)
      assert.ok(connected.ok, JSON.stringify(connected))
      assert.equal(connected.value.revision, revision)
      const shop = { mcp: { url }, tools: { stock: 'read' } } as const
      const gateway = await startGateway({ upstreams: { shop } })
      const cell = await gateway.admit()
      assert.match(textOf(await call(cell.url('shop'), 'stock', { q: 'tea' })), /^3 of .*tea/)
      assert.ok(said.length > 0)
      for (const each of said) assert.equal(each, revision < '2025-06-18' ? undefined : revision)
    })
})

describe('a server behind a private authority', () => {
  it('is believed where that is named, and nobody else is then', async () => {
    const shop = await serve(() => false, true)
    assert.equal(await whyNot(shop.url, AUTHORITY), 'it connected in 2025-06-18')
    assert.match(await whyNot(shop.url), /TLS: unable to .*; give the authority that signed it: mcp: \{ ca: /)
  })
})

describe('a call over HTTP that takes its time', () => {
  it('ends when its upstream has said nothing for as long as the tool may', async () => {
    const shop = await serve(({ method }) => method === 'tools/call')
    const connected = await connectTo(shop.url)
    assert.ok(connected.ok)
    const prepared = connected.value.prepare('tools/call', { name: 'stock', arguments: {} }, { silenceMsMax: 1_000 })
    const sent = await prepared.send({ lastCheck: () => undefined, signal: new AbortController().signal })
    assert.equal(sent.kind, 'unknown')
    assert.match('why' in sent ? sent.why : '', /Headers Timeout/)
  })

  it('asks for progress, whether its caller did or not', async () => {
    const tokens: (Json | undefined)[] = []
    const shop = await serve(({ method, params }) => {
      if (method === 'tools/call') tokens.push(isJsonObject(params._meta) ? params._meta.progressToken : undefined)
      return false
    })
    const gateway = await startGateway({ upstreams: { shop: { mcp: { url: shop.url }, tools: { stock: 'read' } } } })
    assert.equal(textOf(await call((await gateway.admit()).url('shop'), 'stock')), '3 of {}')
    assert.equal(typeof tokens[0], 'number')
  })
})
