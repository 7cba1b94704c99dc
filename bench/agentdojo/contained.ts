/**
 * The real gateway for a replay: one process, one witness and one ledger for all cases, and a cell of its own for each.
 * Cells are listeners here, as the warden would hand them over; what is measured is what passes between them and the tools.
 */
import { randomBytes } from 'node:crypto'
import { closeSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import process from 'node:process'
import { Client } from 'undici'
import { type Document, isMap, isScalar, parseDocument, type YAMLMap } from 'yaml'
import { loadConfig } from '../../src/config/load.ts'
import { definitionDigest } from '../../src/gateway/protocols/mcp/contract/definition.ts'
import { writeAccepted } from '../../src/host/prepare/accepted.ts'
import { gatewaySetup, type Judged, judgeConfig } from '../../src/host/prepare/setup.ts'
import { type Services, startServices } from '../../src/host/services/services.ts'
import { openState } from '../../src/host/state/state.ts'
import { readEntries } from '../../src/ledger/log/read.ts'
import type { Entry } from '../../src/model/entry.ts'
import {
  type AgentName,
  actionId,
  type Json,
  type JsonObject,
  newCellId,
  personName,
  toolName,
  upstreamName,
} from '../../src/model/index.ts'
import { listener } from '../../test/kit/listener.ts'
import { type Offered, RecordedServer } from './server.ts'

export interface Contained {
  readonly admit: (task: string, tools?: readonly string[]) => Promise<ContainedCell>
  /** Why each action was held or refused, by its reference, as the ledger tells it. */
  readonly reasons: () => Promise<ReadonlyMap<string, Json>>
  /** What the ledger has by now. */
  readonly entries: () => Promise<readonly Entry[]>
  readonly judged: Judged
  readonly stop: () => Promise<void>
}

export interface ContainedCell {
  /** Makes one call, which the server answers so if it gets there. */
  readonly call: (tool: string, args: JsonObject, answer: JsonObject) => Promise<Called>
  readonly end: () => Promise<void>
}

/** `passed` counts at the tool: the call was executed there. */
export interface Called {
  readonly outcome: 'passed' | 'held' | 'refused'
  readonly reference?: string
  readonly result: Json
}

/** Nobody answers a hold with yes in a replay; a denial makes room for the next. */
const NOBODY = personName('nobody@bench.example')

export async function startContained(
  configFile: string,
  offered: readonly Offered[],
  say: (progress: string) => void,
): Promise<Contained> {
  const directory = mkdtempSync(join(tmpdir(), 'firebreak-replay-'))
  const document = parseDocument(readFileSync(configFile, 'utf8'))
  const homes = homesOf(document, offered, say)
  const server = new RecordedServer(
    Map.groupBy(offered, ({ name }) => homes.get(name) ?? '') as ReadonlyMap<string, Offered[]>,
  )
  const port = await server.listen()
  const agent = rewrite(document, homes, port, dirname(resolve(configFile)), say)
  const file = join(directory, 'firebreak.yaml')
  writeFileSync(file, document.toString({ lineWidth: 0 }))
  acceptAll(file, offered, homes)
  const services = await start(file, directory, agent)
  let numbers = 0
  return {
    admit: async (task, tools) => {
      const accepted = tools?.map((tool) => `${homes.get(tool)}/${tool}`)
      return admit({ services: services.services, server, homes, agent, number: () => ++numbers }, task, accepted)
    },
    reasons: () => reasonsIn(services.ledger),
    entries: () => entriesIn(services.ledger),
    judged: services.judged,
    stop: async () => {
      await services.services.stop('the replay has ended')
      server.close()
      rmSync(directory, { recursive: true, force: true })
      if (server.unexpected.length > 0) throw new Error(`calls that nobody made: ${server.unexpected.join(', ')}`)
    },
  }
}

/** The upstream of each tool: the one that declares it, or the first. */
function homesOf(document: Document, offered: readonly Offered[], say: (progress: string) => void) {
  const upstreams = document.get('upstreams')
  if (!isMap(upstreams) || upstreams.items.length === 0) throw new Error('the configuration declares no upstream')
  const names = upstreams.items.map(({ key }) => keyText(key))
  const undeclared = offered.filter(
    ({ name }) => !names.some((each) => document.hasIn(['upstreams', each, 'tools', name])),
  )
  if (undeclared.length > 0) say(`not declared, so irreversible: ${undeclared.map(({ name }) => name).join(', ')}`)
  return new Map(
    offered.map(({ name }) => {
      const home = names.find((each) => document.hasIn(['upstreams', each, 'tools', name])) ?? names[0] ?? ''
      if (!document.hasIn(['upstreams', home, 'tools', name]))
        document.setIn(['upstreams', home, 'tools', name], document.createNode({ effect: 'irreversible' }))
      return [name, home]
    }),
  )
}

/**
 * An ordinary firebreak.yaml, with the recorded server in place of its upstreams, and one agent, its first, that is granted
 * every tool of the suite: what its own grants leave out is granted beside them.
 */
function rewrite(
  document: Document,
  homes: ReadonlyMap<string, string>,
  port: number,
  directory: string,
  say: (progress: string) => void,
): AgentName {
  const upstreams = document.get('upstreams') as YAMLMap
  for (const { key } of upstreams.items) {
    const url = `http://127.0.0.1:${port}/mcp/${keyText(key)}`
    document.setIn(['upstreams', keyText(key), 'mcp'], document.createNode({ url }))
  }
  document.delete('secrets')
  const policies = document.toJS().policies as string[] | undefined
  if (policies !== undefined)
    document.set(
      'policies',
      policies.map((pattern) => resolve(directory, pattern)),
    )
  const agents = document.get('agents')
  const first = isMap(agents) ? agents.items[0] : undefined
  const name = first === undefined ? 'assistant' : keyText(first.key)
  const written = (document.toJS().agents?.[name] ?? {}) as { environment?: string; grants?: JsonObject[] }
  const granted = new Set(
    (written.grants ?? []).flatMap(({ tools }) => (Array.isArray(tools) ? tools.map(String) : [])),
  )
  const missing = [...homes].filter(([tool]) => !granted.has(tool))
  if (missing.length > 0)
    say(`granted beside what the configuration grants: ${missing.map(([tool]) => tool).join(', ')}`)
  const added = [...Map.groupBy(missing, ([, home]) => home)].map(([upstream, tools]) => {
    return { upstream, tools: tools.map(([tool]) => tool), expires: '24h' }
  })
  const environment = written.environment ?? Object.keys(document.toJS().environments ?? {})[0]
  const agent = { owner: NOBODY, environment, grants: [...(written.grants ?? []), ...added] }
  document.set('agents', document.createNode({ [name]: agent }))
  return name as AgentName // the configuration's own, which is judged with it
}

function keyText(key: unknown): string {
  return String(isScalar(key) ? key.value : key)
}

function acceptAll(file: string, offered: readonly Offered[], homes: ReadonlyMap<string, string>): void {
  const acceptedOf = ({ name, description, inputSchema }: Offered) => {
    const definition: JsonObject = { name, description, inputSchema: { type: 'object', ...inputSchema } }
    const digest = definitionDigest(definition)
    return [toolName(name), { name: toolName(name), definition, digest, acceptedBy: NOBODY, acceptedAtMs: 0 }] as const
  }
  const byHome = Map.groupBy(offered, ({ name }) => homes.get(name) ?? '')
  writeAccepted(file, new Map([...byHome].map(([home, tools]) => [upstreamName(home), new Map(tools.map(acceptedOf))])))
}

async function start(file: string, directory: string, agent: AgentName) {
  const loaded = await loadConfig(file, { node: process.execPath })
  const judged = loaded.ok ? await judgeConfig(loaded.value) : loaded
  if (!judged.ok)
    throw new Error(judged.reason.map(({ source, message }) => `line ${source.line}: ${message}`).join('\n'))
  const environment = judged.value.config.agents.get(agent)?.environment
  if (environment === undefined) throw new Error('no agent')
  const state = openState(join(directory, 'state'), process.getuid?.() === 0, Math.random)
  const setup = gatewaySetup(judged.value, environment)
  const services = await startServices(state, setup)
  if (!services.ok) throw new Error(services.reason)
  return { services: services.value, ledger: state.ledger(environment), judged: judged.value }
}

interface Gateway {
  readonly services: Services
  readonly server: RecordedServer
  readonly homes: ReadonlyMap<string, string>
  readonly agent: AgentName
  readonly number: () => number
}

async function admit(gateway: Gateway, text: string, tools: readonly string[] | undefined): Promise<ContainedCell> {
  const { services, agent } = gateway
  const number = gateway.number()
  const { port, fd } = listener()
  const task = { text, givenBy: NOBODY, ...(tools && { tools }) }
  const cell = newCellId(randomBytes(16))
  const told = services.tell({ kind: 'cell', number, cell, agent, receipt: {}, labels: [], task }, [fd])
  closeSync(fd)
  const ready = told.ok ? await services.said('cell-ready', number) : told
  if (!ready.ok) throw new Error(ready.reason)
  const client = new Client(`http://127.0.0.1:${port}`)
  return {
    call: (tool, args, answer) => call(gateway, client, tool, args, answer),
    end: async () => {
      await client.close()
      services.tell({ kind: 'ended', number, receipt: {} })
      const closed = await services.said('cell-closed', number)
      if (!closed.ok) throw new Error(closed.reason)
    },
  }
}

const META = {
  'io.modelcontextprotocol/protocolVersion': '2026-07-28',
  'io.modelcontextprotocol/clientInfo': { name: 'replay', version: '1' },
  'io.modelcontextprotocol/clientCapabilities': {},
}

async function call(
  { services, server, homes, number }: Gateway,
  client: Client,
  tool: string,
  args: JsonObject,
  answer: JsonObject,
): Promise<Called> {
  const expected = await server.expect(tool, args, answer)
  try {
    const params = { name: tool, arguments: args, _meta: META }
    const reply = await client.request({
      path: `/mcp/${homes.get(tool) ?? ''}`,
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        accept: 'application/json, text/event-stream',
        'mcp-protocol-version': '2026-07-28',
        'mcp-method': 'tools/call',
        'mcp-name': tool,
      },
      body: JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/call', params }),
    })
    const message = (await reply.body.json()) as JsonObject
    const result = message.result ?? null
    if (expected.executed()) return { outcome: 'passed', result }
    const reference = /\(reference (a_[0-9a-z]+)\)/.exec(JSON.stringify(message))?.[1]
    const held = JSON.stringify(message).includes('dev.firebreak/hold')
    if (held && reference !== undefined) {
      const answered = number()
      const denial = { hold: actionId(reference), approved: false, by: NOBODY, forMs: 1 }
      services.tell({ kind: 'answer', number: answered, ...denial })
      const said = await services.said('answered', answered)
      if (!said.ok) throw new Error(said.reason)
    }
    return { outcome: held ? 'held' : 'refused', ...(reference !== undefined && { reference }), result }
  } finally {
    expected.done()
  }
}

async function reasonsIn(ledger: string): Promise<ReadonlyMap<string, Json>> {
  const reasons = new Map<string, Json>()
  for (const entry of await entriesIn(ledger)) {
    if (entry.kind === 'action.held') reasons.set(entry.hold, entry.reasons)
    else if (entry.kind === 'action.refused') reasons.set(entry.action, entry.reasons)
  }
  return reasons
}

async function entriesIn(ledger: string): Promise<readonly Entry[]> {
  const entries: Entry[] = []
  for await (const read of readEntries(ledger)) if (read.ok) entries.push(read.value)
  return entries
}
