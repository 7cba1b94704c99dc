import { join, relative } from 'node:path'
import process from 'node:process'
import type { ToolStub } from '../../host/prepare/tool-stub.ts'
import type { Call } from '../command.ts'
import { named, plain } from '../print/printable.ts'
import { type FirstAgent, SECRETS_DIRECTORY } from './first-config.ts'
import type { FirstServers } from './first-servers.ts'
import type { KnownAgent } from './known-agents.ts'

/** Tells a person what was written, what of it is theirs to judge, and what to do next. */
export function tellFirst(
  call: Call,
  directory: string,
  { upstreams, leftOut, notes }: FirstServers,
  agent: FirstAgent,
  literal: number,
): void {
  const { line } = call.print
  line(`Written to ${directory}:`)
  const active = upstreams.filter(({ server }) => !server.disabled)
  line(`  firebreak.yaml          one environment, one agent (${agent.name})${mayWhat(active.length, agent)}`)
  for (const { server, contained, tools } of upstreams) {
    const name = server.name.padEnd(20)
    if (server.disabled) line(`    ${name}  is disabled where it was taken from: it stands there as a comment`)
    else line(`    ${name}  ${tools.known ? countsOf(tools.stubs) : `its tools are not known: ${tools.why}`}`)
    for (const note of [...server.notes, ...(contained?.notes ?? [])]) line(`    ${''.padEnd(20)}  ${plain(note, 1)}`)
  }
  for (const { key, why } of leftOut) line(`    ${named(key).padEnd(20)}  is left out: ${plain(why, 1)}`)
  for (const note of notes) line(`    ${plain(note, 1)}`)
  if (literal > 0)
    line(
      `  ${SECRETS_DIRECTORY}/                ${literal} ${literal === 1 ? 'credential' : 'credentials'} that stood in clear, each in a file of its own (0600). They still stand where they were taken from: take them out there`,
    )
  line('  policies/never.cedar    what nobody may do, whatever is granted')
  if (agent.known === undefined)
    line('  work/                   what the agent’s cell sees as /workspace, through a private overlay')
  else
    line(
      `  ${''.padEnd(22)}  ${agent.contained?.workspace} is what its cell sees as /workspace: changes are a diff until firebreak commit`,
    )
  line('')
  const open = active.some(({ tools }) => !tools.known)
  const missing = (agent.known?.models ?? []).filter(({ key }) => process.env[key] === undefined)
  const next = [
    ...missing.map(({ key }) => `export ${key}=… (yours: it stays on this host)`),
    'firebreak doctor',
    ...(open ? ['firebreak accept --stubs'] : []),
    ...(active.length > 0 ? [`firebreak accept --as ${agent.owner}`, `firebreak reach ${agent.name}`] : []),
    ...(agent.known === undefined
      ? ['firebreak run']
      : [`firebreak run -- ${agent.known.program}${ofScript(agent.known)}`]),
  ]
  line(`Next: read firebreak.yaml, then ${next.join(', then ')}`)
  call.print.object({
    ok: true,
    file: join(directory, 'firebreak.yaml'),
    upstreams: upstreams.map(({ server, tools }) => ({ name: server.name, disabled: server.disabled, tools })),
    leftOut,
    next,
  })
}

function mayWhat(active: number, { known }: FirstAgent): string {
  if (known !== undefined)
    return `, which may ${listed([
      ...known.models.map(({ provider }) => `ask ${provider}’s models for 20 USD a day`),
      ...(known.registries.length === 0 ? [] : [`have packages of ${known.registries.join(' and ')}`]),
      ...(known.remote === undefined ? [] : [`fetch ${known.remote.repository} from ${known.remote.origin}`]),
    ])}`
  return active === 0 ? ' that may do nothing yet' : ''
}

/** Returns a line for each file of MCP servers in the repository: whoever can write it could have them start a program. */
export function notTaken(call: Call, { serverFiles = [] }: KnownAgent, directory: string): readonly string[] {
  const again = `rm -r ${relative(process.cwd(), directory)} && firebreak init --for ${call.text('for')}`
  return serverFiles.map(
    (file) => `${file} names servers, which are not taken: if you know them, ${again} --mcp ${file}`,
  )
}

/** Returns parts of a sentence with what stands between them. */
function listed(parts: readonly string[]): string {
  return parts.length < 3 ? parts.join(', and ') : `${parts.slice(0, -1).join(', ')}, and ${parts.at(-1)}`
}

/** Returns the script that a person gives, where the program is no agent of its own. */
function ofScript({ isScript }: KnownAgent): string {
  return isScript ? ' <script>' : ''
}

function countsOf(stubs: readonly ToolStub[]): string {
  const reads = stubs.filter(({ effect }) => effect === 'read').length
  return `${stubs.length} tools: ${reads} only read and are granted, ${stubs.length - reads} are for you to judge`
}
