/** Many servers at once, as a person has them: what is wrong with one costs the others nothing, and is told. */
import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { join } from 'node:path'
import { before, describe, it } from 'node:test'
import { isJsonObject, type JsonObject } from '../../src/model/index.ts'
import { firebreak, NODE_CELL, type Ran, repository, SKIP } from '../kit/command-line.ts'
import { type UpstreamPlan, writeConfig } from '../kit/config-text.ts'
import { bodyOf } from '../kit/request-body.ts'
import { cleanUp, temporaryDirectory } from '../kit/temporary.ts'

const FILES = { ...NODE_CELL.files, '/opt/server.ts': join(import.meta.dirname, 'servers/scripted-server.ts') }

/** A stdio server whose list of tools comes from an API of its own. */
const RELAY = `
import { createInterface } from 'node:readline'
const say = (message) => process.stdout.write(JSON.stringify({ jsonrpc: '2.0', ...message }) + '\\n')
for await (const line of createInterface({ input: process.stdin })) {
  const { id, method, params } = JSON.parse(line)
  const about = { capabilities: { tools: {} }, serverInfo: { name: 'far', version: '1' } }
  if (method === 'initialize') say({ id, result: { protocolVersion: params.protocolVersion, ...about } })
  else if (method === 'tools/list') {
    const listed = await fetch(process.env.API).then((r) => r.json(), (e) => ({ message: e.message }))
    say(Array.isArray(listed) ? { id, result: { tools: listed } } : { id, error: { code: -32603, ...listed } })
  } else if (id !== undefined) say({ id, error: { code: -32601, message: 'unknown' } })
}`

function server(...mode: readonly string[]): UpstreamPlan {
  const command = ['/opt/node', '/opt/server.ts', ...mode]
  return { mcp: { command, cell: { files: FILES } }, tools: { stock: 'read' } }
}

/** A server whose credential expires when `expire` is called: a new one stands in the file once the old one was refused. */
async function startExpiring(file: string) {
  let good = 'first-token-of-a-shop'
  writeFileSync(file, `${good}\n`)
  const server = createServer(async (request, response) => {
    const text = await bodyOf(request)
    if (text === undefined) return
    if (request.headers.authorization !== `Bearer ${good}`) {
      writeFileSync(file, `${good}\n`)
      return void response.writeHead(401).end()
    }
    const asked: { id?: number; method?: string } = text === '' ? {} : JSON.parse(text)
    const about = { capabilities: { tools: {} }, serverInfo: { name: 'expiring', version: '1' } }
    const results: Readonly<Record<string, object>> = {
      initialize: { protocolVersion: '2025-06-18', ...about },
      'tools/list': { tools: [{ name: 'stock', inputSchema: { type: 'object' } }] },
      'tools/call': { content: [{ type: 'text', text: '3 of {}' }] },
    }
    const result = results[asked.method ?? '']
    const error = { code: -32601, message: 'Method not found' }
    if (asked.id === undefined) return void response.writeHead(request.method === 'POST' ? 202 : 405).end()
    response.writeHead(200, { 'content-type': 'application/json' })
    response.end(JSON.stringify({ jsonrpc: '2.0', id: asked.id, ...(result ? { result } : { error }) }))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  cleanUp(() => {
    server.close()
    server.closeAllConnections()
  })
  const address = server.address()
  const port = typeof address === 'object' && address !== null ? address.port : 0
  const expire = (): void => {
    good = 'second-token-of-a-shop'
  }
  return { url: `http://127.0.0.1:${port}/mcp`, expire }
}

describe('servers of many kinds in one configuration', { skip: SKIP }, () => {
  const directory = temporaryDirectory()
  const state = join(directory, 'state')
  let accepted: Ran
  let ran: Ran
  let replies: readonly JsonObject[] = []

  before(async () => {
    const api = createServer((_, response) => {
      const tool = { name: 'rows', inputSchema: { type: 'object' } }
      response.end(JSON.stringify([tool]))
    })
    await new Promise<void>((resolve) => api.listen(0, '127.0.0.1', resolve))
    cleanUp(() => void api.close())
    const address = api.address()
    const origin = `http://127.0.0.1:${typeof address === 'object' && address !== null ? address.port : 0}`
    const relay = join(directory, 'relay.mjs')
    writeFileSync(relay, RELAY)
    const far = {
      ...NODE_CELL,
      files: { ...NODE_CELL.files, '/opt/relay.mjs': relay },
      env: { API: `${origin}/tools` },
    }
    const secret = { env: { TOKEN: '${secret:absent}' }, files: FILES }
    const token = join(directory, 'token')
    const expiring = await startExpiring(token)
    const headers = { authorization: 'Bearer ${secret:token}' }
    const config = writeConfig(directory, {
      environments: { test: { egress: [origin] } },
      upstreams: {
        expiring: { mcp: { url: expiring.url, headers }, tools: { stock: 'read' } },
        oldest: server('2024-11-05'),
        strict: server('exits'),
        late: server('slow', '4000'),
        gone: { mcp: { command: ['/opt/nobody'], cell: { files: FILES } }, tools: { stock: 'read' } },
        poor: { mcp: { command: ['/opt/node', '/opt/server.ts'], cell: secret }, tools: { stock: 'read' } },
        far: { relay: true, mcp: { command: ['/opt/node', '/opt/relay.mjs'], cell: far }, tools: { rows: 'read' } },
      },
      secrets: { absent: { env: 'FIREBREAK_TEST_NOT_SET' }, token: { file: token } },
      agents: {
        alpha: {
          cell: { files: { ...NODE_CELL.files, '/opt/calls.ts': join(repository, 'test/e2e/agents/calls.ts') } },
        },
      },
    })
    accepted = await firebreak(['accept', '-c', config, '--as', 'maria.silva@shop.example', '--yes'], {}, 240_000)
    expiring.expire()
    const called = ['expiring', 'oldest', 'strict', 'late', 'gone', 'poor'].map((name) => `${name}__stock`)
    const requests = [
      { method: 'tools/list', params: {} },
      ...called.map((name) => ({ method: 'tools/call', params: { name, arguments: {} } })),
    ]
    const command = ['--', '/opt/node', '/opt/calls.ts', JSON.stringify(requests)]
    ran = await firebreak(['run', '-c', config, '-a', 'alpha', '--state', state, ...command], {}, 240_000)
    const printed: unknown = JSON.parse(ran.stdout)
    replies = printed as readonly JsonObject[] // as calls.ts prints it
  })

  it('are accepted but for those that cannot be asked, each told with why', () => {
    assert.equal(accepted.code, 1)
    const told: unknown = JSON.parse(readFileSync(join(directory, 'firebreak.accepted.json'), 'utf8'))
    const { upstreams, spoken } = told as { upstreams: object; spoken: object } // as accept writes it
    assert.deepEqual(Object.keys(upstreams).sort(), ['expiring', 'far', 'late', 'oldest', 'strict'])
    assert.deepEqual(spoken, {
      expiring: '2025-06-18',
      far: '2025-11-25',
      late: '2025-11-25',
      oldest: '2024-11-05',
      strict: '2025-11-25',
    })
    assert.match(accepted.stderr, /gone did not tell its tools: it ended before it answered/)
    assert.match(
      accepted.stderr,
      /poor did not tell its tools: secret "absent" cannot be read: .*FIREBREAK_TEST_NOT_SET/,
    )
  })

  it('a relay whose tools come from its own API is asked with its environment’s egress', () => {
    assert.match(accepted.stdout, /\+ far\/rows/)
  })

  it('start together; a list shows what was accepted of one that is starting', () => {
    const result = isJsonObject(replies[0]?.result) ? replies[0].result : {}
    const names = (Array.isArray(result.tools) ? result.tools : []).map((tool) => isJsonObject(tool) && tool.name)
    for (const name of ['oldest__stock', 'strict__stock', 'late__stock']) assert.ok(names.includes(name), name)
    assert.ok(!names.includes('gone__stock'))
  })

  it('answer, the late one too, and one whose credential has expired meanwhile', () => {
    for (const reply of replies.slice(1, 5)) assert.match(JSON.stringify(reply.result ?? reply), /3 of \{\}/)
    for (const reply of replies.slice(5)) assert.match(JSON.stringify(reply.error), /cannot be reached|refused/)
  })

  it('are not asked again what one of them did not survive', () => {
    const log = readFileSync(join(state, 'log/upstream-strict.log'), 'utf8')
    assert.deepEqual(log.split('\n').slice(0, 2), ['exits begins', 'asked initialize'])
  })

  it('that were left out are told at the end, one line each, with what would change it', () => {
    assert.equal(ran.code, 0, ran.stderr)
    const lines = ran.stderr.split('\n').filter((line) => line.includes(' was left out: '))
    const gone = lines.filter((line) =>
      /gone was left out: it.* → firebreak accept --dry-run --upstream gone/.test(line),
    )
    const poor = lines.filter((line) => /poor was left out: secret "absent" cannot be read/.test(line))
    assert.deepEqual([gone.length, poor.length, lines.length], [1, 1, 2], ran.stderr)
  })
})
