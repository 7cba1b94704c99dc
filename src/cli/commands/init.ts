import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import process from 'node:process'
import { loadConfig } from '../../config/load.ts'
import { type NamedServer, readMcpServers, serverFrom } from '../../config/mcp-servers.ts'
import { configShape } from '../../config/schema.ts'
import { containCommand } from '../../control/contain-command.ts'
import { inspectUpstreams } from '../../control/inspect.ts'
import { judgeConfig } from '../../control/setup.ts'
import { toolStub } from '../../control/tool-stub.ts'
import { no, ok, type Result } from '../../model/index.ts'
import { type Call, type Command, EXIT, type ExitCode } from '../command.ts'
import { type FirstAgent, type FirstUpstream, firstConfig, NEVER } from '../first-config.ts'

export const command: Command = {
  name: 'init',
  summary: 'Write a first configuration: for servers and an agent of yours, or for a program that may do nothing',
  usage: [
    'firebreak init [<dir>]',
    'firebreak init [<dir>] [--mcp <file>] [--server <name>=<command or URL>]… [--owner <person>] [-- agent command…]',
  ],
  example: [
    'firebreak init my-agent && cd my-agent && firebreak run',
    'firebreak init my-agent --server files="node server.js ./data" -- node agent.mjs',
    'firebreak init my-agent --mcp .mcp.json --owner maria.silva@shop.example -- python3 agent.py',
  ].join('\n'),
  words: 1,
  options: {
    mcp: { type: 'string', value: 'file', help: 'take the servers of a client’s configuration (mcpServers)' },
    server: {
      type: 'string',
      multiple: true,
      value: 'name=command',
      help: 'one more server, or its URL; several times',
    },
    owner: { type: 'string', value: 'person', help: 'who answers for the agent (default: you@example.org)' },
    agent: { type: 'string', value: 'name', help: 'what it is called (default: agent, or hello without a command)' },
  },
  run,
}

async function run(call: Call): Promise<ExitCode> {
  const directory = resolve(call.positionals[0] ?? '.')
  const file = join(directory, 'firebreak.yaml')
  if (existsSync(file)) {
    call.print.fault(
      `${file} is there already: nothing was changed`,
      'firebreak accept --stubs prints what a new server needs',
    )
    return EXIT.usage
  }
  const servers = serversOf(call)
  const upstreams = servers.ok ? planned(servers.value) : servers
  const agent = agentOf(call)
  for (const plan of [upstreams, agent]) {
    if (plan.ok) continue
    call.print.fault(plan.reason, 'nothing was written')
    return EXIT.usage
  }
  if (!upstreams.ok || !agent.ok) return EXIT.usage
  const user = process.getuid?.() !== 0
  const write = (found: readonly FirstUpstream[]) =>
    writeFileSync(file, firstConfig({ directory, user, upstreams: found, agent: agent.value }))
  for (const part of ['work', 'policies']) mkdirSync(join(directory, part), { recursive: true })
  writeFileSync(join(directory, 'policies', 'never.cedar'), NEVER)
  const schema = { $schema: 'https://json-schema.org/draft/2020-12/schema', ...configShape.schema }
  writeFileSync(join(directory, 'firebreak.schema.json'), `${JSON.stringify(schema, null, 2)}\n`)
  write(upstreams.value)
  const told = upstreams.value.length === 0 ? [] : await inspected(call, file, upstreams.value)
  if (told === undefined) {
    rmSync(file)
    return EXIT.failed
  }
  if (told.length > 0) write(told)
  tell(call, directory, told, agent.value)
  return EXIT.ok
}

function serversOf(call: Call): Result<readonly NamedServer[], string> {
  const all: NamedServer[] = []
  const mcp = call.text('mcp')
  if (mcp !== undefined) {
    if (!existsSync(mcp)) return no(`--mcp: there is no ${mcp}`)
    const read = readMcpServers(readFileSync(mcp, 'utf8'))
    if (!read.ok) return no(`--mcp ${mcp}: ${read.reason}`)
    all.push(...read.value)
  }
  for (const text of call.texts('server')) {
    const server = serverFrom(text)
    if (!server.ok) return no(`--server: ${server.reason}`)
    if (all.some(({ name }) => name === server.value.name)) return no(`two servers are called "${server.value.name}"`)
    all.push(server.value)
  }
  return ok(all)
}

function planned(servers: readonly NamedServer[]): Result<readonly FirstUpstream[], string> {
  const all: FirstUpstream[] = []
  for (const server of servers) {
    if (server.kind === 'http') {
      all.push({ server, tools: { known: false, why: 'nobody has asked it yet' } })
      continue
    }
    const contained = containCommand(server.command, process.cwd())
    if (!contained.ok) return no(`${server.name}: ${contained.reason}`)
    all.push({ server, contained: contained.value, tools: { known: false, why: 'nobody has asked it yet' } })
  }
  return ok(all)
}

function agentOf(call: Call): Result<FirstAgent, string> {
  const owner = call.text('owner') ?? 'you@example.org'
  if (call.rest.length === 0) return ok({ name: call.text('agent') ?? 'hello', owner })
  const contained = containCommand(call.rest, process.cwd())
  if (!contained.ok) return no(`the agent: ${contained.reason}`)
  return ok({ name: call.text('agent') ?? 'agent', owner, contained: contained.value })
}

/** What the servers offer, asked in cells of their own; undefined where the configuration cannot be used, which was told. */
async function inspected(
  call: Call,
  file: string,
  upstreams: readonly FirstUpstream[],
): Promise<readonly FirstUpstream[] | undefined> {
  const loaded = await loadConfig(file, { node: process.execPath })
  const judged = loaded.ok ? await judgeConfig(loaded.value) : loaded
  if (!judged.ok) {
    call.print.fault(
      'nothing was written: what was given makes no configuration',
      ...judged.reason.map((each) => each.message),
    )
    return undefined
  }
  const asked = [...judged.value.config.upstreams.values()]
  call.print.progress(`asking ${asked.map(({ name }) => name).join(', ')}, each in a cell`)
  const offered = await inspectUpstreams(judged.value, asked, join(judged.value.config.directory, '.firebreak'))
  return upstreams.map((upstream) => {
    const [, offer] = (offered.ok ? [...offered.value] : []).find(([name]) => name === upstream.server.name) ?? []
    if (offer !== undefined && !('problem' in offer))
      return { ...upstream, tools: { known: true, stubs: offer.tools.flatMap((tool) => toolStub(tool) ?? []) } }
    const why = offered.ok ? [offer?.problem ?? 'it was not asked', ...(offer?.said ?? [])].join(': ') : offered.reason
    call.print.progress(`${upstream.server.name} did not tell its tools: ${why}`)
    return { ...upstream, tools: { known: false, why } }
  })
}

function tell(call: Call, directory: string, upstreams: readonly FirstUpstream[], agent: FirstAgent): void {
  const { line } = call.print
  line(`Written to ${directory}:`)
  line(
    `  firebreak.yaml          one environment, one agent (${agent.name})${upstreams.length === 0 ? ' that may do nothing yet' : ''}`,
  )
  for (const { server, tools } of upstreams) {
    const count = (effect: string) => (tools.known ? tools.stubs.filter((stub) => stub.effect === effect).length : 0)
    line(
      tools.known
        ? `    ${server.name.padEnd(20)}  ${tools.stubs.length} tools: ${count('read')} only read and are granted, ${tools.stubs.length - count('read')} are for you to judge`
        : `    ${server.name.padEnd(20)}  its tools are not known: ${tools.why}`,
    )
  }
  line('  policies/never.cedar    what nobody may do, whatever is granted')
  line('  work/                   what the agent’s cell sees as /workspace, through a private overlay')
  line('')
  const open = upstreams.some(({ tools }) => !tools.known)
  const next = [
    'firebreak doctor',
    ...(open ? ['firebreak accept --stubs'] : []),
    ...(upstreams.length > 0 ? [`firebreak accept --as ${agent.owner}`, `firebreak reach ${agent.name}`] : []),
    'firebreak run',
  ]
  line(`Next: read firebreak.yaml, then ${next.join(', then ')}`)
  call.print.object({
    ok: true,
    file: join(directory, 'firebreak.yaml'),
    upstreams: upstreams.map(({ server, tools }) => ({ name: server.name, tools })),
    next,
  })
}
