/** S10: what goes towards a cell or a person by any other way than an answer holds no secret, in any listed encoding. */
import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import process from 'node:process'
import { before, describe, it } from 'node:test'
import type { Entry } from '../../src/model/entry.ts'
import type { JsonObject } from '../../src/model/index.ts'
import { firebreak, NODE_CELL, SKIP } from '../kit/command-line.ts'
import { writeConfig } from '../kit/config-text.ts'
import { startGateway, type TestCell, type TestGateway } from '../kit/gateway.ts'
import { bodyOf } from '../kit/request-body.ts'
import { answer, startUpstream, tool } from '../kit/scripted-upstream.ts'
import { cleanUp, temporaryDirectory } from '../kit/temporary.ts'
import { call, errorOf, modern } from '../kit/wire.ts'

const SECRET = 'tok_field_9s7Kq2Vb4x'
const BASE64 = Buffer.from(`x${SECRET}`).toString('base64')
const HEX = Buffer.from(SECRET).toString('hex')
process.env.FIREBREAK_FIELD_SECRET = SECRET

const typed = (property: JsonObject): JsonObject => ({
  inputSchema: { type: 'object', properties: { a: { type: 'string', ...property } } },
})
const TOOLS = [
  tool('clean'),
  tool('described', { description: `signed in with ${SECRET}` }),
  tool('encoded', { description: `signed in with ${BASE64}` }),
  tool('titled', { title: HEX }),
  tool('defaulted', typed({ default: SECRET })),
  tool('listed', typed({ enum: ['x', SECRET] })),
  tool('repeated', typed({ 'x-mcp-header': SECRET })),
  tool('annotated', { annotations: { title: SECRET } }),
  tool('promising', { outputSchema: { type: 'object', properties: { [SECRET]: {} } } }),
]

describe('S10: lists, definitions and own tools, towards a cell', () => {
  let gateway: TestGateway
  let cell: TestCell

  before(async () => {
    const upstream = await startUpstream({
      era: 'modern',
      tools: TOOLS,
      lists: {
        resources: [
          { uri: 'note://1', name: 'clean' },
          { uri: 'note://2', name: `of ${SECRET}` },
        ],
        resourceTemplates: [{ uriTemplate: 'note://{id}', name: HEX }],
        prompts: [
          { name: 'ask', description: BASE64 },
          { name: 'tell', description: 'clean' },
        ],
      },
      onCall: ({ response, id }) => {
        answer(response, id, { error: { code: -32_000, message: `no, ${SECRET}` } })
        return undefined
      },
    })
    gateway = await startGateway({
      upstreams: {
        shop: {
          mcp: { url: upstream.url, headers: { Authorization: 'Bearer ${secret:shop}' } },
          tools: Object.fromEntries(TOOLS.map(({ name }) => [String(name), 'read'] as const)),
          resources: ['note://{id}'],
          prompts: ['ask', 'tell'],
        },
      },
      containment: {
        mode: 'observe',
        decoys: { tools: { 'shop/admin': `like ${SECRET}`, 'shop/bait': 'Bait.' } },
      },
      secrets: { shop: { env: 'FIREBREAK_FIELD_SECRET' } },
    })
    cell = await gateway.admit('alpha', { task: { text: `use ${SECRET}` } })
  })

  const listed = async (method: string) => {
    const { text } = await modern(cell.url('shop'), method, {})
    for (const form of [SECRET, BASE64, HEX]) assert.ok(!text.includes(form), `${method}: ${text}`)
    return text
  }

  it('a definition with a secret in any place is not shown, and its tool is refused; others are as they were', async () => {
    const text = await listed('tools/list')
    const { result } = JSON.parse(text) as { readonly result: { readonly tools: readonly { readonly name: string }[] } }
    assert.deepEqual(
      result.tools.map(({ name }) => name),
      ['bait', 'clean'],
    )
    for (const { name } of TOOLS.slice(1)) assert.ok(errorOf(await call(cell.url('shop'), String(name))), String(name))
    const seen = await gateway.entries()
    const problems = seen.flatMap((entry) =>
      entry.kind === 'definition.seen' ? [`${entry.tool}: ${entry.problem}`] : [],
    )
    for (const { name } of TOOLS.slice(1))
      assert.ok(
        problems.some((problem) => problem.startsWith(`${String(name)}: it repeats the secret "shop"`)),
        String(name),
      )
  })

  it('items of other lists are left out, and the ledger tells of each list once', async () => {
    for (let i = 0; i < 3; i++) {
      assert.match(await listed('resources/list'), /note:\/\/1/)
      assert.doesNotMatch(await listed('resources/templates/list'), /note/)
      assert.match(await listed('prompts/list'), /tell/)
    }
    const told = (await gateway.entries()).flatMap((entry) =>
      entry.kind === 'definition.seen' && entry.tool.endsWith('/list') ? [entry.tool] : [],
    )
    assert.deepEqual([...told].sort(), ['resourceTemplates/list', 'resources/list'])
    // A prompt is shown as it was accepted, like a tool.
    const seen = (await gateway.entries()).flatMap((entry) => (entry.kind === 'definition.seen' ? [entry] : []))
    assert.match(seen.find(({ tool }) => tool === 'prompt:ask')?.problem ?? '', /repeats the secret "shop"/)
  })

  it('what the gateway itself would say with one is withheld', async () => {
    const { text, message } = await call(cell.url('firebreak'), 'authority')
    assert.ok(!text.includes(SECRET))
    assert.match(errorOf({ message, text, status: 200, headers: {} })?.message ?? '', /^the answer was withheld/)
  })

  it('the ledger holds none: not in arguments, reasons, tasks or complaints', async () => {
    const other = await gateway.admit('alpha')
    await call(other.url('shop'), 'clean', { [SECRET]: { deep: [BASE64, 'plain'] } })
    await call(other.url('shop'), `unknown-${SECRET}`, { a: SECRET })
    await call(other.url('shop'), 'clean')
    const { file } = { file: gateway.ledgerDirectory }
    assert.ok(existsSync(file))
    const text = JSON.stringify(await gateway.entries())
    for (const form of [SECRET, BASE64, HEX])
      assert.ok(!text.includes(form), text.slice(text.indexOf(form) - 500, text.indexOf(form) + 50))
    assert.match(text, /\[the secret \\"shop\\"\]/)
  })

  it('`why` tells each action, whatever signal came after it, and shows no secret that came with its answer', async () => {
    const other = await gateway.admit('alpha')
    for (let i = 0; i < 3; i++) await call(other.url('shop'), 'clean')
    const ended = (all: readonly Entry[]) =>
      all.flatMap((entry) => (entry.kind === 'action.outcome' && entry.leaked ? [entry.action] : []))
    const actions = ended(await gateway.entries((all) => ended(all).length >= 3)).slice(-3)
    const state = ['--state', gateway.state.directory]
    const [first = '', , last = ''] = actions
    for (const args of [
      ['why', first],
      ['why', last, '--json'],
      ['why', last, '--bytes'],
    ]) {
      const { code, stdout, stderr } = await firebreak([...args, ...state])
      assert.equal(code, 0, stderr)
      assert.match(stdout, /not shown: what came holds the secret \\?"shop/)
      for (const form of [SECRET, BASE64, HEX]) assert.ok(!stdout.includes(form), stdout)
    }
  })
})

describe('S10: what accept shows and writes', { skip: SKIP }, () => {
  it('is told by name, and a definition with a secret is neither shown nor written', async () => {
    const server = createServer(async (request, response) => {
      const text = await bodyOf(request)
      if (text === undefined) return
      if (request.method !== 'POST') return void response.writeHead(405).end()
      const { id, method } = JSON.parse(text) as { readonly id: number; readonly method: string }
      const shape = { resultType: 'complete', ttlMs: 0, cacheScope: 'private' }
      const tools = [tool('list', { description: `You are ${request.headers.authorization}` }), tool('other')]
      const result =
        method === 'server/discover'
          ? { supportedVersions: ['2026-07-28'], capabilities: { tools: {} }, ...shape }
          : { tools, ...shape }
      answer(response, id, { result })
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    cleanUp(() => void server.close())
    const directory = temporaryDirectory()
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/mcp` // it listens on a port
    const config = writeConfig(directory, {
      upstreams: {
        shop: {
          mcp: { url, headers: { Authorization: 'Bearer ${secret:shop}' } },
          tools: { list: 'read', other: 'read' },
        },
      },
      agents: { alpha: { cell: NODE_CELL, command: ['/usr/bin/true'] } },
      secrets: { shop: { env: 'FIREBREAK_FIELD_SECRET' } },
    })
    const environment = { FIREBREAK_FIELD_SECRET: SECRET }
    for (const args of [
      ['accept', '--as', 'maria.silva@shop.example', '--yes', '--config', config],
      ['accept', '--dry-run', '--json', '--config', config],
      ['accept', '--stubs', '--config', config],
    ]) {
      const { stdout, stderr } = await firebreak(args, environment)
      assert.ok(!`${stdout}${stderr}`.includes(SECRET), args.join(' '))
      assert.match(stdout + stderr, /tool list repeats the secret .?"shop|"what":"tool list"/, args.join(' '))
    }
    const written = readFileSync(join(directory, 'firebreak.accepted.json'), 'utf8')
    assert.ok(!written.includes(SECRET))
    assert.match(written, /"other"/)
    assert.doesNotMatch(written, /"list": \{/)
  })
})
