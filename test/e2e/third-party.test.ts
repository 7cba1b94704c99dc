/** MCP servers that others wrote, in upstream cells behind the gateway, used by an agent in a cell. */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import process from 'node:process'
import { before, describe, it } from 'node:test'
import { isJsonObject, type Json, type JsonObject } from '../../src/model/index.ts'
import { firebreak, ledgerOf, NODE_CELL, repository, SKIP } from '../kit/command-line.ts'
import { writeConfig } from '../kit/config-text.ts'
import { cleanUp, temporaryDirectory } from '../kit/temporary.ts'
import { until } from '../kit/until.ts'

const SECRETS = {
  FIREBREAK_TEST_TOKEN: 'tok-7f3k-9a2c-not-for-agents',
  FIREBREAK_TEST_OTHER: 'other-secret-of-the-host',
}

function server(name: string, ...args: readonly string[]): readonly string[] {
  return ['/opt/node', `/opt/lib/node_modules/@modelcontextprotocol/server-${name}/dist/index.js`, ...args]
}

const directory = temporaryDirectory()

const requests: readonly (readonly [method: string, params: JsonObject])[] = [
  ['tools/list', {}],
  ['tools/call', { name: 'files__read_text_file', arguments: { path: '/workspace/hello.txt' } }],
  ['tools/call', { name: 'files__write_file', arguments: { path: '/workspace/new.txt', content: 'written' } }],
  ['tools/call', { name: 'files__list_directory', arguments: { path: '/workspace' } }],
  ['tools/call', { name: 'files__read_text_file', arguments: { path: join(directory, 'firebreak.yaml') } }],
  ['tools/call', { name: 'files__read_text_file', arguments: { path: '/etc/shadow' } }],
  ['tools/call', { name: 'files__read_text_file', arguments: { path: '/workspace/hello.txt', encoding: 'x' } }],
  [
    'tools/call',
    { name: 'files__move_file', arguments: { source: '/workspace/hello.txt', destination: '/workspace/x' } },
  ],
  [
    'tools/call',
    {
      name: 'memory__create_entities',
      arguments: { entities: [{ name: 'Ana', entityType: 'person', observations: ['likes tea'] }] },
    },
  ],
  [
    'tools/call',
    {
      name: 'memory__create_entities',
      arguments: { entities: [{ name: 'Eve', entityType: 'person', observations: [], owner: 'x' }] },
    },
  ],
  ['tools/call', { name: 'memory__read_graph', arguments: {} }],
  ['tools/call', { name: 'every__get-env', arguments: {} }],
  ['tools/call', { name: 'every__get-structured-content', arguments: { location: 'New York' } }],
  ['tools/call', { name: 'every__echo', arguments: { message: 'hello' } }],
  ['tools/call', { name: 'remote__get-sum', arguments: { a: 2, b: 3 } }],
  ['tools/call', { name: 'remote__echo', arguments: { message: 'not granted' } }],
  ['tools/call', { name: 'remote__get-env', arguments: {} }],
]

describe('third-party servers behind the gateway', { skip: SKIP }, () => {
  const state = join(directory, 'state')
  let replies: readonly JsonObject[] = []

  before(async () => {
    const workspace = join(directory, 'work')
    mkdirSync(workspace)
    writeFileSync(join(workspace, 'hello.txt'), 'hello from the workspace')
    const port = await startEverything()
    const config = writeConfig(directory, {
      upstreams: {
        files: {
          mcp: { command: server('filesystem', '/'), cell: { ...NODE_CELL, workspace } },
          tools: { read_text_file: 'read', write_file: 'write', list_directory: 'read', move_file: 'write' },
        },
        memory: {
          mcp: {
            command: server('memory'),
            cell: { ...NODE_CELL, env: { MEMORY_FILE_PATH: '/tmp/memory.jsonl' } },
          },
          tools: { create_entities: 'write', read_graph: 'read' },
        },
        every: {
          mcp: {
            command: server('everything', 'stdio'),
            cell: { ...NODE_CELL, env: { DECLARED: 'shown-to-the-server' } },
          },
          tools: { 'get-env': 'read', 'get-structured-content': 'read', echo: 'read' },
        },
        remote: {
          mcp: {
            url: `http://127.0.0.1:${port}/mcp`,
            headers: { authorization: 'Bearer ${secret:remote}' },
          },
          tools: { 'get-sum': 'read', echo: 'read', 'get-env': 'read' },
        },
      },
      secrets: { remote: { env: 'FIREBREAK_TEST_TOKEN' } },
      agents: {
        alpha: {
          cell: { files: { ...NODE_CELL.files, '/opt/calls.ts': join(repository, 'test/e2e/agents/calls.ts') } },
          grants: [
            { upstream: 'files', tools: ['read_text_file', 'write_file', 'list_directory'], expires: '1h' },
            { upstream: 'memory', tools: ['create_entities', 'read_graph'], expires: '1h' },
            { upstream: 'every', tools: ['get-env', 'get-structured-content', 'echo'], expires: '1h' },
            { upstream: 'remote', tools: ['get-sum', 'get-env'], expires: '1h' },
          ],
        },
      },
    })
    const accepted = await firebreak(['accept', '-c', config, '--as', 'maria.silva@shop.example', '--yes'], SECRETS)
    assert.equal(accepted.code, 0, accepted.stderr)
    assert.match(accepted.stdout, /a tool of the same name is offered by "every"/, 'shadowing is named')
    const sent = JSON.stringify(requests.map(([method, params]) => ({ method, params })))
    const command = ['--', '/opt/node', '/opt/calls.ts', sent]
    const ran = await firebreak(['run', '-c', config, '-a', 'alpha', '--state', state, ...command], SECRETS)
    assert.equal(ran.code, 0, `${ran.stderr}${ran.stdout}`)
    const printed: unknown = JSON.parse(ran.stdout)
    replies = printed as readonly JsonObject[] // as calls.ts prints it
  })

  /** The answer to the n-th call of this tool. */
  const answer = (tool: string, n = 0): JsonObject => {
    const indexes = requests.flatMap(([, { name }], i) => (name === tool ? [i] : []))
    return replies[indexes[n] ?? -1] ?? {}
  }

  it('what is listed is exactly what is granted, and the gateway’s own two', () => {
    const result = replies[0]?.result
    const tools = isJsonObject(result) && Array.isArray(result.tools) ? result.tools.filter(isJsonObject) : []
    assert.deepEqual(tools.map(({ name }) => name).sort(), [
      'every__echo',
      'every__get-env',
      'every__get-structured-content',
      'files__list_directory',
      'files__read_text_file',
      'files__write_file',
      'firebreak__authority',
      'firebreak__request',
      'memory__create_entities',
      'memory__read_graph',
      'remote__get-env',
      'remote__get-sum',
    ])
    assert.equal(tools.filter((tool) => 'execution' in tool).length, 0)
  })

  it('calls work, over stdio and over HTTP', () => {
    assert.match(said(answer('files__read_text_file')), /hello from the workspace/)
    assert.match(said(answer('files__list_directory')), /new\.txt/)
    assert.match(said(answer('every__echo')), /hello/)
    assert.match(said(answer('remote__get-sum')), /5/)
    assert.match(said(answer('memory__read_graph')), /Ana/)
  })

  it('structured content comes through as its definition promises', () => {
    const result = answer('every__get-structured-content').result
    assert.ok(isJsonObject(result) && isJsonObject(result.structuredContent))
    const graph = answer('memory__read_graph').result
    assert.match(JSON.stringify(isJsonObject(graph) ? graph.structuredContent : ''), /"entities"/)
  })

  it('S11: an undeclared argument is refused, at the top and within a list', () => {
    assert.match(fault(answer('files__read_text_file', 3)), /-32602.*encoding is not declared/)
    assert.match(fault(answer('memory__create_entities', 1)), /-32602.*owner is not declared/)
    assert.doesNotMatch(said(answer('memory__read_graph')), /Eve/)
  })

  it('S2: what is declared and not granted is refused, and not told apart from what does not exist', () => {
    assert.match(fault(answer('files__move_file')), /^403 refused by Firebreak/)
    assert.match(fault(answer('remote__echo')), /^403 refused by Firebreak/)
  })

  it('S1: the filesystem server is confined to its own cell: the host’s files are not there', () => {
    // It was started with `/` as its allowed directory: only the cell's walls are left.
    assert.match(said(answer('files__read_text_file', 1)), /ENOENT|does not exist/)
    assert.match(said(answer('files__read_text_file', 2)), /ENOENT|does not exist/)
    assert.equal(readFileSync(join(directory, 'work/hello.txt'), 'utf8'), 'hello from the workspace')
    assert.throws(() => readFileSync(join(directory, 'work/new.txt')), 'its writes are a diff, not the host’s files')
  })

  it('S10: a server sees its own variables, and no secret of the gateway or the host', () => {
    const environment = said(answer('every__get-env'))
    assert.match(environment, /shown-to-the-server/)
    for (const secret of Object.values(SECRETS)) assert.doesNotMatch(environment, new RegExp(secret))
    assert.doesNotMatch(environment, /FIREBREAK_TEST|FIREBREAK_MCP/)
  })

  it('S10: a server that answers with the secret that it was called with is withheld', () => {
    assert.match(fault(answer('remote__get-env')), /-32603 the answer was withheld/)
    assert.doesNotMatch(JSON.stringify(replies), new RegExp(SECRETS.FIREBREAK_TEST_TOKEN))
  })

  it('S4: the ledger tells all of it', async () => {
    const entries = await ledgerOf(state)
    const count = (kind: string) => entries.filter((entry) => entry.kind === kind).length
    assert.equal(count('action.intent'), 12)
    assert.equal(count('action.outcome'), 12)
    assert.equal(count('action.refused'), 4)
    assert.equal(count('cell.ended'), 1)
    assert.doesNotMatch(JSON.stringify(entries), new RegExp(SECRETS.FIREBREAK_TEST_TOKEN))
  })
})

function said({ result }: JsonObject): string {
  const content = isJsonObject(result) && Array.isArray(result.content) ? result.content : []
  return content.map((block: Json) => (isJsonObject(block) ? String(block.text ?? '') : '')).join('')
}

function fault({ error }: JsonObject): string {
  return isJsonObject(error) ? `${String(error.code)} ${String(error.message)}` : ''
}

/** It listens on all interfaces; only loopback is used. Its environment holds the secret, as a careless server's would. */
async function startEverything(): Promise<number> {
  const port = 20_000 + Math.floor(Math.random() * 10_000)
  const main = join(repository, 'node_modules/@modelcontextprotocol/server-everything/dist/index.js')
  const child = spawn(process.execPath, [main, 'streamableHttp'], {
    env: { PATH: process.env.PATH, PORT: String(port), TOKEN: SECRETS.FIREBREAK_TEST_TOKEN },
    stdio: 'ignore',
  })
  cleanUp(() => void child.kill('SIGKILL'))
  await until('server-everything listens', () => listens(port))
  return port
}

function listens(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1')
    socket.once('connect', () => {
      socket.destroy()
      resolve(true)
    })
    socket.once('error', () => resolve(false))
  })
}
