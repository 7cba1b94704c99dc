/**
 * The suite's scenarios for clients, with the gateway as the client: each serves MCP, and a cell lists and calls what is
 * there. The scenario judges what reached it.
 */
import assert from 'node:assert/strict'
import { symlinkSync } from 'node:fs'
import { createServer } from 'node:http'
import { join } from 'node:path'
import process from 'node:process'
import { describe, it } from 'node:test'
import { connectHttpUpstream } from '../../src/gateway/protocols/mcp/server/http-upstream.ts'
import { listAll } from '../../src/gateway/protocols/mcp/server/list-all.ts'
import { isJsonObject, type Json, type JsonObject, upstreamName } from '../../src/model/index.ts'
import { startGateway } from '../kit/gateway.ts'
import { bodyOf } from '../kit/request-body.ts'
import { cleanUp, temporaryDirectory } from '../kit/temporary.ts'
import { call, modern } from '../kit/wire.ts'
import { runSuite } from './suite.ts'

interface Scenario {
  readonly name: string
  readonly version: '2025-06-18' | '2025-11-25' | '2026-07-28'
  /** What is called, once each, of what is listed and of what the suite says should be called. */
  readonly calls: (listed: readonly JsonObject[], told: readonly Call[]) => readonly Call[]
  readonly resources?: readonly string[]
  readonly prompts?: readonly string[]
  /** Checks that must be there and succeed: a scenario that was not exercised must not pass. */
  readonly successesMin: number
}

interface Call {
  readonly name: string
  readonly args: JsonObject
}

const SCENARIOS: readonly Scenario[] = [
  { name: 'initialize', version: '2025-06-18', calls: () => [], successesMin: 1 },
  { name: 'initialize', version: '2025-11-25', calls: () => [], successesMin: 1 },
  ...(['2025-06-18', '2025-11-25', '2026-07-28'] as const).map((version) => ({
    name: 'tools_call',
    version,
    calls: () => [{ name: 'add_numbers', args: { a: 5, b: 3 } }],
    successesMin: 1,
  })),
  { name: 'request-metadata', version: '2026-07-28', calls: () => [], successesMin: 4 },
  {
    name: 'http-standard-headers',
    version: '2026-07-28',
    calls: named(['test_headers', 'my-hyphenated-tool']),
    resources: ['file:///path/to/file%20name.txt', 'https://example.com/resource?id=123'],
    prompts: ['test_prompt'],
    successesMin: 9,
  },
  { name: 'http-custom-headers', version: '2026-07-28', calls: (_, told) => told, successesMin: 16 },
  {
    name: 'http-invalid-tool-headers',
    version: '2026-07-28',
    calls: (listed) => listed.map(({ name }) => ({ name: String(name), args: { region: 'eu' } })),
    successesMin: 12,
  },
  { name: 'json-schema-ref-no-deref', version: '2026-07-28', calls: () => [], successesMin: 1 },
  ...(['2025-11-25', '2026-07-28'] as const).map((version) => ({
    name: 'json-schema-2020-12-preservation',
    version,
    calls: (listed: readonly JsonObject[]) => {
      const schema = listed.find(({ name }) => name === 'json_schema_2020_12_tool')?.inputSchema ?? {}
      return [{ name: 'json_schema_echo', args: { schema } }]
    },
    successesMin: version === '2026-07-28' ? 6 : 5,
  })),
]

/** Paths without a space, whatever the checkout's is: the suite splits its command at spaces. */
const links = temporaryDirectory('/tmp')
const [NODE_LINK, DRIVER_LINK] = [join(links, 'node'), join(links, 'client-driver.ts')]
symlinkSync(process.execPath, NODE_LINK)
symlinkSync(join(import.meta.dirname, 'client-driver.ts'), DRIVER_LINK)

describe('the conformance suite for clients, with the gateway as the client', { concurrency: 3 }, () => {
  for (const scenario of SCENARIOS) {
    it(`${scenario.name} at ${scenario.version}`, async () => {
      const relay = await startRelay((url, told) => exercise(scenario, url, told))
      const command = `${NODE_LINK} ${DRIVER_LINK} ${relay.url}`
      const asked = ['--scenario', scenario.name, '--spec-version', scenario.version, '--timeout', '180000']
      const args = ['client', '--command', command, ...asked]
      const run = await runSuite(args)
      assert.deepEqual(relay.faults, [])
      const bad = [...run.checks].filter(([, counts]) => (counts.FAILURE ?? 0) + (counts.WARNING ?? 0) > 0)
      assert.deepEqual(
        bad.map(([key]) => `${key}: ${run.faults.get(key)}`),
        [],
      )
      const successes = [...run.checks.values()].reduce((sum, counts) => sum + (counts.SUCCESS ?? 0), 0)
      assert.ok(successes >= scenario.successesMin, `${successes} of ${scenario.successesMin} checks succeeded`)
    })
  }
})

/** A cell lists what it may use of the scenario's server, and uses it. */
async function exercise(scenario: Scenario, url: string, told: readonly Call[]): Promise<void> {
  const { resources = [], prompts = [] } = scenario
  const names = (await offeredBy(url)).map(({ name }) => String(name))
  const tools = Object.fromEntries(names.map((name) => [name, 'read' as const]))
  const upstream = { mcp: { url }, ...(names.length > 0 && { tools }), ...(resources.length > 0 && { resources }) }
  const plan = { upstreams: { scenario: { ...upstream, ...(prompts.length > 0 && { prompts }) } } }
  const nothing = names.length + resources.length + prompts.length === 0
  const gateway = await startGateway(nothing ? { ...plan, agents: { alpha: { grants: [] } } } : plan)
  const at = (await gateway.admit()).url('scenario')
  for (const list of ['tools/list', 'resources/list', 'prompts/list']) await modern(at, list, {})
  const { message } = await modern(at, 'tools/list', {})
  const listed = isJsonObject(message.result) && Array.isArray(message.result.tools) ? message.result.tools : []
  for (const { name, args } of scenario.calls(listed.filter(isJsonObject), told)) {
    const headers = paramHeaders(listed.filter(isJsonObject), name, args)
    const reply = await call(at, name, args, { headers })
    if (!isJsonObject(reply.message.result)) throw new Error(`${name}: ${reply.status} ${reply.text}`)
  }
  for (const uri of resources) await modern(at, 'resources/read', { uri })
  for (const name of prompts) await modern(at, 'prompts/get', { name })
  await gateway.stop()
}

async function offeredBy(url: string): Promise<readonly JsonObject[]> {
  const options = {
    name: upstreamName('scenario'),
    url: new URL(url),
    headers: new Map<string, string>(),
    elsewhere: [],
  }
  const connection = await connectHttpUpstream(options)
  if (!connection.ok) throw new Error(connection.reason.why)
  const { items: tools } = await listAll(connection.value, 'tools/list', 'tools')
  connection.value.close()
  return tools
}

function named(names: readonly string[]): () => readonly Call[] {
  return () => names.map((name) => ({ name, args: {} }))
}

/** The cell has to repeat its arguments as well: its own headers are held against them. */
function paramHeaders(listed: readonly JsonObject[], name: string, args: JsonObject): Readonly<Record<string, string>> {
  const schema = listed.find((tool) => tool.name === name)?.inputSchema
  const properties = isJsonObject(schema) && isJsonObject(schema.properties) ? schema.properties : {}
  const headers = Object.entries(properties).flatMap(([key, property]) => {
    const header = isJsonObject(property) ? property['x-mcp-header'] : undefined
    const value = args[key]
    if (typeof header !== 'string' || value === undefined) return []
    return [[`mcp-param-${header}`, `=?base64?${Buffer.from(String(value)).toString('base64')}?=`]]
  })
  return Object.fromEntries(headers)
}

interface Relay {
  readonly url: string
  readonly faults: readonly string[]
}

async function startRelay(run: (url: string, told: readonly Call[]) => Promise<void>): Promise<Relay> {
  const faults: string[] = []
  const server = createServer(async (request, response) => {
    const body = await bodyOf(request)
    if (body === undefined) return
    const told: unknown = JSON.parse(body)
    const { url, context } = told as { readonly url: string; readonly context: string } // as client-driver.ts writes it
    try {
      await run(url, callsIn(JSON.parse(context)))
      response.end()
    } catch (error) {
      faults.push(String(error))
      response.writeHead(500).end()
    }
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  cleanUp(() => {
    server.close()
    server.closeAllConnections()
  })
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('no port')
  return { url: `http://127.0.0.1:${address.port}/`, faults }
}

/** Null arguments are left out: a value that its schema does not allow is refused before it could be repeated. */
function callsIn(context: unknown): readonly Call[] {
  const calls = (context as { readonly toolCalls?: readonly { name: string; arguments: JsonObject }[] }).toolCalls ?? []
  return calls.map(({ name, arguments: args }) => {
    const given: readonly (readonly [string, Json])[] = Object.entries(args)
    return { name, args: Object.fromEntries(given.filter(([, value]) => value !== null)) }
  })
}
