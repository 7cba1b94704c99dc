/** Clients of older revisions, and lists while an upstream starts, hangs or is gone. */
import assert from 'node:assert/strict'
import { before, describe, it } from 'node:test'
import { loadConfig } from '../../src/config/load.ts'
import { isJsonObject, type Json, type JsonObject } from '../../src/model/index.ts'
import { acceptOffered } from '../kit/accept-offered.ts'
import { writeConfig } from '../kit/config-text.ts'
import { startGateway, startGatewayOn, type TestCell } from '../kit/gateway.ts'
import { startUpstream, textResult, tool } from '../kit/scripted-upstream.ts'
import { temporaryDirectory } from '../kit/temporary.ts'
import { until } from '../kit/until.ts'
import { call, errorOf, initialize, modern, post, rpc, textOf } from '../kit/wire.ts'

function toolsIn(message: JsonObject): readonly JsonObject[] {
  const result = isJsonObject(message.result) ? message.result : {}
  return (Array.isArray(result.tools) ? result.tools.filter(isJsonObject) : []).filter(
    ({ name }) => !String(name).startsWith('firebreak__'),
  )
}

describe('a client of an older revision', () => {
  const structured: JsonObject = { structuredContent: { left: 3 } }
  const link: JsonObject = { type: 'resource_link', uri: 'shop://tea', name: 'tea' }
  const audio: JsonObject = { type: 'audio', mimeType: 'audio/wav', data: 'UklGRg==' }
  const answers: Readonly<Record<string, JsonObject>> = {
    structured: { content: [], ...structured },
    both: { ...textResult('3'), ...structured },
    blocks: { content: [link, audio] },
  }
  let cell: TestCell

  before(async () => {
    const outputSchema = { type: 'object', properties: { left: { type: 'integer' } } }
    const shop = await startUpstream({
      era: 'modern',
      tools: [tool('structured', { outputSchema }), tool('both', { outputSchema }), tool('blocks')],
      onCall: ({ name }) => answers[name] ?? {},
    })
    const tools = { structured: 'read', both: 'read', blocks: 'read' } as const
    cell = await (await startGateway({ upstreams: { shop: { mcp: { url: shop.url }, tools } } })).admit()
  })

  const resultOf = async (revision: Parameters<typeof initialize>[1], name: string): Promise<JsonObject> => {
    const headers = await initialize(cell.url('shop'), revision)
    const { message } = await post(cell.url('shop'), rpc('tools/call', { name, arguments: {} }), { headers })
    return isJsonObject(message.result) ? message.result : {}
  }

  it('is answered in the one that it asks for, and needs no version header where that has none', async () => {
    for (const revision of ['2024-11-05', '2025-03-26', '2025-06-18', '2025-11-25'] as const) {
      const headers = await initialize(cell.url('shop'), revision)
      const { 'mcp-session-id': session = '' } = headers
      const listed = await post(cell.url('shop'), rpc('tools/list'), { headers: { 'mcp-session-id': session } })
      const tools = toolsIn(listed.message)
      assert.equal(tools.length, 3, revision)
      assert.equal(tools.filter((each) => 'outputSchema' in each).length, revision >= '2025-06-18' ? 2 : 0)
    }
  })

  it('that does not know structured content reads it as text; links and audio in what it has for them', async () => {
    const text = (value: string): Json => ({ type: 'text', text: value })
    assert.deepEqual(await resultOf('2025-03-26', 'structured'), { content: [text('{"left":3}')] })
    assert.deepEqual(await resultOf('2024-11-05', 'both'), { content: [text('3')] })
    assert.deepEqual(await resultOf('2025-06-18', 'both'), { content: [text('3')], ...structured })
    assert.deepEqual(await resultOf('2025-03-26', 'blocks'), { content: [text('tea\nshop://tea'), audio] })
    const blob = { uri: 'audio:', mimeType: 'audio/wav', blob: 'UklGRg==' }
    assert.deepEqual(await resultOf('2024-11-05', 'blocks'), {
      content: [text('tea\nshop://tea'), { type: 'resource', resource: blob }],
    })
  })

  it('S11: whose batch holds several calls is refused as a whole, in words that say what to do', async () => {
    const headers = await initialize(cell.url('shop'), '2025-03-26')
    const two = `[${rpc('tools/call', { name: 'both' }, 1)},${rpc('tools/call', { name: 'both' }, 2)}]`
    const refused = await post(cell.url('shop'), two, { headers })
    assert.equal(refused.status, 400)
    assert.match(errorOf(refused)?.message ?? '', /batch .* is refused: send each of them in a request of its own/)
  })

  it('whose revision is none of ours is told of both sides’ versions', async () => {
    const meta = { 'io.modelcontextprotocol/protocolVersion': '2027-01-01' }
    const refused = await modern(
      cell.url('shop'),
      'tools/list',
      {},
      { meta, headers: { 'mcp-protocol-version': '2027-01-01' } },
    )
    assert.match(errorOf(refused)?.message ?? '', /2027-01-01 is not supported: ask for 2026-07-28, or initialize with/)
  })
})

describe('S14: a list of tools while an upstream starts', () => {
  it('is what was accepted, at once; calls wait, and what differs is told when it stands', async () => {
    let release = (): void => undefined
    const starting = new Promise<void>((resolve) => {
      release = resolve
    })
    const shop = await startUpstream({ era: 'modern', tools: [tool('stock')], onCall: () => textResult('3') })
    const directory = temporaryDirectory()
    const file = writeConfig(directory, { upstreams: { shop: { mcp: { url: shop.url }, tools: { stock: 'read' } } } })
    const loaded = await loadConfig(file, { node: process.execPath })
    if (!loaded.ok) assert.fail(JSON.stringify(loaded.reason))
    await acceptOffered(loaded.value)
    const gateway = await startGatewayOn(file, { accept: false })
    const url = (await gateway.admit()).url()
    // From now on it takes requests, and answers none.
    shop.script.tools = [tool('stock', { description: 'another one' })]
    shop.hold(starting)
    const headers = await initialize(url)
    const heard = standing(url, headers)
    assert.deepEqual(
      toolsIn((await post(url, rpc('tools/list'), { headers })).message).map(({ name }) => name),
      ['shop__stock'],
    )
    const waiting = call(url, 'shop__stock')
    release()
    assert.match(errorOf(await waiting)?.message ?? '', /refused by Firebreak/)
    await until('the list is told to have changed', () => heard.text().includes('notifications/tools/list_changed'))
    assert.deepEqual(toolsIn((await post(url, rpc('tools/list'), { headers })).message), [])
    heard.end()
  })

  it('leaves out one that nobody gets to, says in the record why, and tells when it is back', async () => {
    const script = { era: 'modern', tools: [tool('stock')], onCall: () => textResult('3') } as const
    const shop = await startUpstream({ ...script })
    const gateway = await startGateway({
      upstreams: { shop: { mcp: { url: shop.url }, tools: { stock: 'read' }, resources: ['shop://tea'] } },
    })
    shop.close()
    const url = (await gateway.admit()).url()
    const headers = await initialize(url)
    const heard = standing(url, headers)
    assert.deepEqual(toolsIn((await post(url, rpc('tools/list'), { headers })).message), [])
    await post(url, rpc('resources/list'), { headers })
    const entries = await gateway.entries((all) => all.some(({ kind }) => kind === 'upstream.seen'))
    const left = entries.find((entry) => entry.kind === 'upstream.seen')
    assert.match(left?.kind === 'upstream.seen' ? (left.problem ?? '') : '', /^it cannot be reached: .*ECONNREFUSED/)
    await startUpstream({ ...script }, Number(new URL(shop.url).port))
    for (const list of ['tools', 'resources'])
      await until(`${list} are told`, () => heard.text().includes(`notifications/${list}/list_changed`))
    assert.equal(textOf(await call(url, 'shop__stock')), '3')
    heard.end()
  })

  it('S1: of a cell that has read what is not meant for it, an upstream learns neither which list it asks for nor when', async () => {
    const uri = 'docs://tea'
    const docs = await startUpstream({
      era: 'modern',
      tools: [],
      lists: { resources: [{ uri, name: 'tea' }], resourceTemplates: [], prompts: [{ name: 'brew' }] },
      onCall: () => textResult(''),
    })
    const crm = await startUpstream({ era: 'modern', tools: [tool('customer')], onCall: () => textResult('a card') })
    const returns = { $: ['confidential:customers'] }
    const gateway = await startGateway({
      upstreams: {
        crm: { mcp: { url: crm.url }, tools: { customer: { effect: 'read', returns } } },
        docs: { mcp: { url: docs.url }, resources: [uri], prompts: ['brew'] },
      },
    })
    const cell = await gateway.admit()
    const listed = async (method: string, of = cell) => (await modern(of.url('docs'), method, {})).text
    await listed('tools/list')
    await until('what is there is known', () => docs.asked.get('resources/templates/list') === 1)
    assert.equal(textOf(await call(cell.url('crm'), 'customer')), 'a card')
    const asked = [...docs.asked]
    for (const method of ['resources/list', 'resources/list', 'tools/list', 'resources/templates/list'])
      await listed(method)
    assert.match(await listed('resources/list'), /docs:\/\/tea/)
    assert.match(await listed('prompts/list'), /brew/)
    assert.deepEqual([...docs.asked], asked)

    // Where nobody had spoken to it before, nobody does: neither for a list, nor for what is held.
    const late = await gateway.admit()
    assert.equal(textOf(await call(late.url('crm'), 'customer')), 'a card')
    for (const method of ['tools/list', 'resources/list', 'prompts/list']) await listed(method, late)
    const held = await modern(late.url('docs'), 'resources/read', { uri })
    assert.match(held.text, /Firebreak holds this call/)
    assert.deepEqual([...docs.asked], asked)
    assert.deepEqual([...(await gateway.entries())].filter(({ kind }) => kind === 'action.held').length, 1)

    // Another one that has read nothing is told what is there.
    const clean = await gateway.admit('beta')
    assert.match((await modern(clean.url('docs'), 'resources/list', {})).text, /docs:\/\/tea/)
  })
})

it('what an upstream lists, and its resources and prompts, have every confidentiality of what its tools return', async () => {
  const crm = await startUpstream({
    era: 'modern',
    tools: [tool('customer')],
    lists: {
      resources: [{ uri: 'crm://ana', name: 'ana', description: 'a patient' }],
      resourceTemplates: [],
      prompts: [{ name: 'brew' }],
    },
    onCall: () => textResult('a card'),
  })
  const returns = { $: ['confidential:customers'] }
  const config = {
    mcp: { url: crm.url },
    tools: { customer: { effect: 'read', returns } },
    resources: ['crm://{name}'],
    prompts: ['brew'],
  } as const
  const gateway = await startGateway({ upstreams: { crm: config } })
  const cell = await gateway.admit()
  const labels = async () =>
    (await gateway.entries()).flatMap((each) => (each.kind === 'label.seen' && each.cell === cell.id ? each.label : []))
  assert.match((await modern(cell.url('crm'), 'prompts/list', {})).text, /brew/)
  assert.deepEqual(await labels(), ['untrusted'])
  assert.match((await modern(cell.url('crm'), 'resources/list', {})).text, /a patient/)
  assert.deepEqual(await labels(), ['untrusted', 'confidential:customers'])
})

/** The standing stream of a session, as it comes. */
function standing(url: string, headers: Readonly<Record<string, string>>) {
  let text = ''
  const control = new AbortController()
  const accept = { ...headers, accept: 'text/event-stream' }
  void fetch(url, { headers: accept, signal: control.signal })
    .then(async ({ body }) => {
      for await (const chunk of body ?? []) text += Buffer.from(chunk).toString()
    })
    .catch(() => undefined)
  return { text: () => text, end: () => control.abort() }
}
