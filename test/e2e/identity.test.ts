/** Who a cell is: the listener that it comes in on, and nothing that it says. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { startGateway } from '../kit/gateway.ts'
import { startUpstream, textResult, tool } from '../kit/scripted-upstream.ts'
import { call, errorOf, initialize, MODERN_META, modern, modernHeaders, post, rpc, textOf } from '../kit/wire.ts'

const region = { type: 'object', properties: { region: { type: 'string', 'x-mcp-header': 'Region' } } }
const upstream = await startUpstream({
  era: 'modern',
  tools: [tool('note'), tool('wipe'), tool('deploy', { inputSchema: region })],
  onCall: ({ name, args }) => textResult(`${name} ${String(args.region ?? '')}`.trim()),
})
const gateway = await startGateway({
  upstreams: { desk: { mcp: { url: upstream.url }, tools: { note: 'write', wipe: 'irreversible', deploy: 'write' } } },
  agents: {
    alpha: { grants: [{ upstream: 'desk', tools: ['note', 'deploy'], expires: '8h' }] },
    beta: { grants: [{ upstream: 'desk', tools: ['note', 'wipe'], expires: '8h' }] },
  },
})
const alpha = await gateway.admit('alpha')
const beta = await gateway.admit('beta')
const url = alpha.url('desk')

describe('S3: a session belongs to its listener', () => {
  it('S3: used on another cell’s listener it is unknown, in every way that it can be used', async () => {
    const headers = await initialize(alpha.url('desk'))
    const list = rpc('tools/list')
    assert.equal((await post(alpha.url('desk'), list, { headers })).status, 200)
    const stolen = beta.url('desk')
    assert.equal((await post(stolen, list, { headers })).status, 404)
    assert.equal((await post(stolen, rpc('tools/call', { name: 'note' }), { headers })).status, 404)
    assert.equal((await post(stolen, '', { method: 'GET', headers })).status, 404)
    assert.equal((await post(stolen, '', { method: 'DELETE', headers })).status, 404)
    assert.equal((await post(alpha.url('desk'), list, { headers })).status, 200)
  })

  it('S3: it ends with DELETE, and with its cell', async () => {
    const headers = await initialize(alpha.url())
    assert.equal((await post(alpha.url(), '', { method: 'DELETE', headers })).status, 200)
    assert.equal((await post(alpha.url(), rpc('ping'), { headers })).status, 404)
    const third = await gateway.admit('alpha')
    await initialize(third.url())
    await third.end()
    await assert.rejects(post(third.url(), rpc('ping')), /ECONNREFUSED/)
    const told = await gateway.entries((all) => all.some(({ kind }) => kind === 'cell.ended'))
    assert.equal(told.filter((entry) => entry.kind === 'cell.ended' && entry.cell === third.id).length, 1)
  })

  it('S3: nothing a cell says of itself changes who it is', async () => {
    const claims = {
      authorization: 'Bearer beta',
      'x-agent': 'beta',
      'x-forwarded-for': '127.0.0.1',
      cookie: 'cell=beta',
    }
    const meta = { 'io.modelcontextprotocol/clientInfo': { name: 'beta', version: '1' }, agent: 'beta' }
    const reply = await call(url, 'wipe', {}, { headers: claims, meta })
    assert.equal(errorOf(reply)?.code, 403)
    assert.equal(textOf(await call(beta.url('desk'), 'wipe')), 'wipe')
    assert.equal(upstream.calls.filter(({ name }) => name === 'wipe').length, 1)
    const listed = (await modern(url, 'tools/list', {})).text
    assert.match(listed, /"note"/)
    assert.doesNotMatch(listed, /"wipe"/)
  })

  it('S17: a flood of sessions ends the cell’s own oldest, and nobody else’s', async () => {
    const theirs = await initialize(beta.url())
    const oldest = await initialize(alpha.url())
    const newer: Readonly<Record<string, string>>[] = []
    for (let i = 0; i < 200; i++) newer.push(await initialize(alpha.url()))
    assert.equal((await post(alpha.url(), rpc('ping'), { headers: oldest })).status, 404)
    const statuses: number[] = []
    for (const headers of newer) statuses.push((await post(alpha.url(), rpc('ping'), { headers })).status)
    assert.equal(statuses.filter((status) => status === 200).length, 64)
    assert.equal((await post(beta.url(), rpc('ping'), { headers: theirs })).status, 200)
  })
})

describe('S3: a page in the cell’s browser is not the cell', () => {
  const FOREIGN: readonly Readonly<Record<string, string>>[] = [
    { host: 'attacker.example' },
    { host: 'localhost.attacker.example' },
    { host: '127.0.0.1.attacker.example:7070' },
    { host: '10.0.0.1' },
    { origin: 'https://attacker.example' },
    { origin: 'http://localhost.attacker.example' },
    { origin: 'http://localhost:1@attacker.example' },
    { origin: 'null' },
    { origin: 'file://' },
  ]
  for (const headers of FOREIGN) {
    it(`S3: ${JSON.stringify(headers)} is refused`, async () => {
      const reply = await modern(url, 'tools/list', {}, { headers })
      assert.equal(reply.status, 403)
      assert.equal((await post(url, rpc('initialize'), { headers })).status, 403)
    })
  }

  it('its own origin is not', async () => {
    for (const origin of [`http://127.0.0.1:${alpha.port}`, 'http://localhost', 'http://[::1]:7070'])
      assert.equal((await modern(url, 'tools/list', {}, { headers: { origin } })).status, 200)
  })
})

describe('S11: headers never decide, and may not disagree', () => {
  const wrong: readonly (readonly [string, Readonly<Record<string, string>>])[] = [
    ['Mcp-Method', { 'mcp-method': 'tools/list' }],
    ['Mcp-Method in another case', { 'mcp-method': 'Tools/Call' }],
    ['Mcp-Name', { 'mcp-name': 'wipe' }],
    ['Mcp-Name in another case', { 'mcp-name': 'Note' }],
    ['Mcp-Name as broken base64', { 'mcp-name': '=?base64?bm90ZQ?=' }],
    ['MCP-Protocol-Version', { 'mcp-protocol-version': '2025-11-25' }],
  ]
  for (const [what, headers] of wrong) {
    it(`S11: a wrong ${what}`, async () => {
      const reply = await call(url, 'note', {}, { headers })
      assert.equal(reply.status, 400)
      assert.equal(errorOf(reply)?.code, -32020)
    })
  }

  it('S11: a missing one', async () => {
    for (const left of ['mcp-protocol-version', 'mcp-method', 'mcp-name']) {
      const params = { name: 'note', arguments: {} }
      const all = Object.entries(modernHeaders('tools/call', params))
      const headers = Object.fromEntries(all.filter(([name]) => name !== left))
      const body = rpc('tools/call', { ...params, _meta: MODERN_META })
      assert.equal(errorOf(await post(url, body, { headers }))?.code, -32020, left)
    }
  })

  it('S11: a name in base64 is decoded before it is compared', async () => {
    const encoded = `=?base64?${Buffer.from('note').toString('base64')}?=`
    assert.equal(textOf(await call(url, 'note', {}, { headers: { 'mcp-name': encoded } })), 'note')
  })

  it('S11: Mcp-Param headers are held against the arguments', async () => {
    const args = { region: 'eu' }
    assert.equal(textOf(await call(url, 'deploy', args, { headers: { 'mcp-param-region': 'eu' } })), 'deploy eu')
    assert.equal(errorOf(await call(url, 'deploy', args, { headers: { 'mcp-param-region': 'us' } }))?.code, -32020)
    const missing = await call(url, 'deploy', args)
    assert.equal(errorOf(missing)?.code, -32020)
    const reference = /"reference":"(a_[0-9a-z]+)"/.exec(missing.text)?.[1]
    const told = (all: readonly { readonly kind: string }[]) =>
      all.some((entry) => 'action' in entry && entry.action === reference && entry.kind === 'action.refused')
    assert.ok(told(await gateway.entries(told)), 'it is in the record')
  })

  it('S11: a claim to be older does not get past them: the body decides', async () => {
    const params = { name: 'wipe', arguments: {} }
    const sessions = await initialize(url)
    const claims: readonly (readonly [string, string, Readonly<Record<string, string>>])[] = [
      ['the older version in the header, the newer in the body', 'modern', { 'mcp-protocol-version': '2025-06-18' }],
      [
        'the older in the header, with names that were granted',
        'modern',
        { 'mcp-protocol-version': '2025-06-18', 'mcp-method': 'tools/call', 'mcp-name': 'note' },
      ],
      ['no version, no session', 'plain', {}],
      ['no version, no session, names that were granted', 'plain', { 'mcp-method': 'tools/call', 'mcp-name': 'note' }],
      [
        'a session, and headers of the newer revision',
        'plain',
        { ...sessions, 'mcp-method': 'tools/call', 'mcp-name': 'note' },
      ],
      ['the newer version in the header only', 'plain', { 'mcp-protocol-version': '2026-07-28', 'mcp-name': 'note' }],
    ]
    for (const [what, form, headers] of claims) {
      const body = rpc('tools/call', form === 'modern' ? { ...params, _meta: MODERN_META } : params)
      const reply = await post(url, body, { headers })
      assert.ok(errorOf(reply) !== undefined, `${what}: ${reply.status} ${reply.text}`)
    }
    assert.equal(upstream.calls.filter(({ name }) => name === 'wipe').length, 1, 'the neighbour’s own call only')
  })
})

describe('S11: ids of requests', () => {
  it('S11: an id that is under way is not taken twice in a session, and is free again afterwards', async () => {
    const headers = await initialize(url)
    const body = rpc('tools/call', { name: 'note' }, 'same')
    const replies = await Promise.all(Array.from({ length: 8 }, () => post(url, body, { headers })))
    const texts = replies.map((reply) => textOf(reply) || errorOf(reply)?.code)
    assert.ok(texts.includes('note'))
    assert.ok(texts.every((text) => text === 'note' || text === -32600))
    assert.equal(textOf(await post(url, body, { headers })), 'note')
  })

  it('S11: ids are the cell’s own: the upstream never sees one, and two cells may use the same', async () => {
    const replies = await Promise.all([alpha, beta].map((cell) => call(cell.url('desk'), 'note', {}, { id: 'mine' })))
    assert.deepEqual(
      replies.map(({ message }) => message.id),
      ['mine', 'mine'],
    )
  })
})
