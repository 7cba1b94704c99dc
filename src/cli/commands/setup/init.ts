import { chmodSync, existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'
import process from 'node:process'
import { offering } from '../../../config/called-on.ts'
import { credentialsIn } from '../../../config/clients/credentials.ts'
import { loadConfig } from '../../../config/load.ts'
import { type PlannedSecret, SecretPlan } from '../../../config/mcp-servers.ts'
import { configShape } from '../../../config/schema.ts'
import { type CommandInCell, commandInCell, programInCell } from '../../../control/advice/command-in-cell.ts'
import { inspectUpstreams } from '../../../host/prepare/inspect.ts'
import { judgeConfig } from '../../../host/prepare/setup.ts'
import { stubsOf } from '../../../host/prepare/tool-stub.ts'
import { liesIn, resolvedPath } from '../../../model/host/host-paths.ts'
import { no, ok, type Result } from '../../../model/index.ts'
import { type Call, type Command, directoryBeside, EXIT, type ExitCode } from '../../command.ts'
import { fitUpstreams, startFault } from '../../init/first-check.ts'
import {
  type FirstAgent,
  type FirstUpstream,
  firstConfig,
  NEVER,
  SECRETS_DIRECTORY,
  secretsNamed,
} from '../../init/first-config.ts'
import { firstServers, workspacesOf } from '../../init/first-servers.ts'
import { notTaken, tellFirst } from '../../init/first-told.ts'
import { KNOWN_NAMES, type KnownAgent, knownAgentNamed } from '../../init/known-agents.ts'
import { proposeFromLog } from '../../init/propose.ts'
import { type RepositoryNeeds, repositoryNeeds } from '../../init/repository.ts'
import { STATE_OPTIONS, stateOf } from '../../options/state.ts'
import { confirmed } from '../../person/confirmed.ts'
import { named, plain, printable } from '../../print/printable.ts'

export const command: Command = {
  name: 'init',
  usage: [
    'firebreak init [<dir>]',
    'firebreak init [<dir>] --for claude|codex|pi|opencode|gemini|node|python [--owner <person>] [-- agent command…]',
    'firebreak init --from-log [--agent <name>] [--config <file>] [--state <dir>]',
    'firebreak init [<dir>] [--mcp <file>] [--server <name>=<command or URL>]… [--owner <person>] [-- agent command…]',
  ],
  example: [
    'firebreak init my-agent && cd my-agent && firebreak run',
    'cd my-repository && firebreak init --for claude && firebreak run -- claude',
    'cd my-repository && firebreak init --for node && firebreak run -- node script.mjs',
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
    for: {
      type: 'string',
      value: 'agent',
      help: `for ${KNOWN_NAMES.join(', ')}: this directory is its workspace; written beside it`,
    },
    'from-log': {
      type: 'boolean',
      help: 'propose the narrowest grants that cover what an agent used, by its ledger; written where a person says so',
    },
    ...STATE_OPTIONS,
    owner: { type: 'string', value: 'person', help: 'who answers for the agent (default: you@example.org)' },
    agent: {
      type: 'string',
      value: 'name',
      help: 'what it is called (default: agent, or hello without a command); whose ledger, with --from-log',
    },
  },
  run,
}

async function run(call: Call): Promise<ExitCode> {
  if (call.flag('from-log')) return proposeFromLog(call)
  const known = await knownAgent(call)
  if (!known.ok) {
    call.print.fault(known.reason, 'nothing was written')
    return EXIT.usage
  }
  const foreign =
    known.value === undefined ? undefined : ['firebreak.yaml', '.firebreak'].find((name) => existsSync(name))
  if (foreign !== undefined) {
    call.print.fault(
      `${foreign} lies in ${process.cwd()}, where an agent works: nothing was written`,
      'it decides over whoever starts firebreak here, and may have come with what lies here: look at it, and take it away or use it',
    )
    return EXIT.usage
  }
  const directory = resolve(call.positionals[0] ?? (known.value === undefined ? '.' : directoryBeside(process.cwd())))
  const file = join(directory, 'firebreak.yaml')
  if (existsSync(file)) {
    call.print.fault(
      `${file} is there already: nothing was changed`,
      'firebreak accept --stubs prints what a new server needs',
    )
    return EXIT.usage
  }
  const secrets = new SecretPlan()
  const mcp = call.text('mcp')
  const kept = [directory, ...(mcp === undefined ? [] : [resolve(mcp)])]
  const servers = firstServers(mcp, call.texts('server'), kept, secrets)
  const agent = agentOf(call, known.value, [...kept, ...(servers.ok ? workspacesOf(servers.value.upstreams) : [])])
  for (const plan of [servers, agent]) {
    if (plan.ok) continue
    call.print.fault(plan.reason, 'nothing was written')
    return EXIT.usage
  }
  if (!servers.ok || !agent.ok) return EXIT.usage
  const holding = heldIn(agent.value.contained?.workspace, directory)
  if (holding !== undefined) {
    call.print.fault(...holdingFault(call, holding, directory))
    return EXIT.usage
  }
  const user = process.getuid?.() !== 0
  const taken = mcp === undefined ? {} : { taken: resolve(mcp) }
  const base = { directory, user, agent: agent.value, secrets: secrets.all, ...taken }
  const parts = [...(known.value === undefined ? ['work'] : []), 'policies']
  for (const part of parts) mkdirSync(join(directory, part), { recursive: true })
  writeFileSync(join(directory, 'policies', 'never.cedar'), NEVER)
  for (const [path, text] of Object.entries(known.value?.home ?? {})) {
    mkdirSync(dirname(join(directory, 'home', path)), { recursive: true })
    writeFileSync(join(directory, 'home', path), text)
  }
  const schema = { $schema: 'https://json-schema.org/draft/2020-12/schema', ...configShape.schema }
  writeFileSync(join(directory, 'firebreak.schema.json'), `${JSON.stringify(schema, null, 2)}\n`)
  // Everything is judged as it would stand there, values of secrets too.
  writeFileSync(file, firstConfig({ ...base, upstreams: [], leftOut: [] }))
  const literals = writtenSecrets(directory, secrets.all, servers.value.upstreams)
  const checked = await fitUpstreams(file, { ...base, leftOut: [] }, servers.value.upstreams, literals)
  const upstreams = checked.fit
  const leftOut = [...servers.value.leftOut, ...checked.leftOut]
  const first = { ...base, leftOut }
  const text = firstConfig({ ...first, upstreams })
  const fault = await startFault(file, text, literals)
  const needed = secretsNamed(fault === undefined ? upstreams : [])
  const unneeded = [...literals.keys()].filter((name) => !needed.has(name))
  for (const name of unneeded) rmSync(join(directory, SECRETS_DIRECTORY, name))
  if (fault !== undefined) {
    rmSync(file)
    call.print.fault(`nothing was written: what was given makes no configuration that runs: ${fault}`)
    return EXIT.failed
  }
  const write = (found: readonly FirstUpstream[]) => writeFileSync(file, firstConfig({ ...first, upstreams: found }))
  write(upstreams)
  const active = upstreams.filter(({ server }) => !server.disabled)
  const told = active.length === 0 ? upstreams : await inspected(call, file, await withoutUnread(call, upstreams))
  if (told === undefined) {
    rmSync(file)
    return EXIT.failed
  }
  write(told)
  const seen = known.value === undefined || mcp !== undefined ? [] : notTaken(call, known.value, directory)
  tellFirst(
    call,
    directory,
    { upstreams: told, leftOut, notes: [...servers.value.notes, ...seen] },
    agent.value,
    literals.size - unneeded.length,
  )
  return EXIT.ok
}

/**
 * Writes what stood in clear into files that only their owner can read and no version control takes, as far as these
 * upstreams name it: a configuration says no value. Returns the values by name.
 */
function writtenSecrets(
  directory: string,
  secrets: readonly PlannedSecret[],
  upstreams: readonly FirstUpstream[],
): ReadonlyMap<string, string> {
  const named = secretsNamed(upstreams)
  const literals = secrets.flatMap((each) =>
    each.kind === 'literal' && named.has(each.name) ? [[each.name, each.value] as const] : [],
  )
  if (literals.length === 0) return new Map()
  const place = join(directory, SECRETS_DIRECTORY)
  mkdirSync(place, { recursive: true, mode: 0o700 })
  chmodSync(place, 0o700)
  writeFileSync(join(place, '.gitignore'), '*\n')
  for (const [name, value] of literals) writeFileSync(join(place, name), value, { mode: 0o600 })
  return new Map(literals)
}

/** Returns the workspace where the configuration would lie in it: what decides is not what is decided upon. */
function heldIn(workspace: string | undefined, directory: string): string | undefined {
  if (workspace === undefined) return undefined
  const [real, own] = [resolvedPath(workspace), resolvedPath(directory)]
  return liesIn(own, real) ? workspace : undefined
}

function holdingFault(call: Call, workspace: string, directory: string): readonly [string, ...string[]] {
  const beside = relative(process.cwd(), directoryBeside(workspace))
  return [
    `the agent’s workspace ${workspace} would hold ${join(directory, 'firebreak.yaml')}, which no cell may change: nothing was written`,
    `write it beside: firebreak init ${beside} … -- ${call.rest.join(' ')}`,
  ]
}

/** Returns what is known of the agent that `--for` names, in the repository of this directory. */
async function knownAgent(call: Call): Promise<Result<KnownAgent | undefined, string>> {
  const name = call.text('for')
  if (name === undefined) return ok(undefined)
  const known = knownAgentNamed(name, process.env, await withToken(call, repositoryNeeds(process.cwd(), process.env)))
  return known === undefined
    ? no(`"${name}" is none of ${KNOWN_NAMES.join(', ')}: give its command instead, after --`)
    : ok(known)
}

/** Returns the needs of a repository with a token for its remote where the owner agrees: the repository's own files name the remote. */
async function withToken(call: Call, needs: RepositoryNeeds): Promise<RepositoryNeeds> {
  const { remote } = needs
  if (remote?.token === undefined) return needs
  const place = `${remote.repository} at ${remote.origin}`
  const question = `the agent may fetch ${printable(place)}. With your ${remote.token}, which it does not get to see? [y/N] `
  if (await confirmed(call, stateOf(call), question)) return needs
  const { token: _, ...without } = remote
  return { ...needs, remote: without }
}

function agentOf(call: Call, known: KnownAgent | undefined, kept: readonly string[]): Result<FirstAgent, string> {
  const owner = call.text('owner') ?? 'you@example.org'
  const words = call.rest.length > 0 || known === undefined ? call.rest : [known.program]
  if (words.length === 0) return ok({ name: call.text('agent') ?? 'hello', owner })
  const credential = words.find((word, i) => credentialsIn(word, flagBefore(words, i)).length > 0)
  if (credential !== undefined)
    return no(
      `the agent is given a credential (word ${words.indexOf(credential) + 1} of its command): no secret enters an agent’s cell. What it is for is reached through an upstream, which has it as a secret`,
    )
  const contained = commandInCell(words, process.cwd(), { kept, byHand: true })
  if (!contained.ok) return no(`the agent: ${contained.reason}`)
  const name = call.text('agent') ?? call.text('for') ?? 'agent'
  if (known === undefined) return ok({ name, owner, contained: contained.value })
  const all = (known.beside ?? []).reduce((whole, program) => withProgram(whole, program, kept), contained.value)
  return ok({ name, owner, contained: { ...all, workspace: process.cwd() }, known })
}

/** Returns a command that finds another program in its cell, too, where this host has one that may be shown. */
function withProgram(whole: CommandInCell, program: string, kept: readonly string[]): CommandInCell {
  const own = programInCell(program, process.cwd(), { kept, byHand: true })
  if (!own.ok) return whole
  const path = [whole.env.get('PATH'), own.value.env.get('PATH')].flatMap((each) => each?.split(':') ?? [])
  return {
    ...whole,
    files: new Map([...own.value.files, ...whole.files]),
    env: new Map([
      ...own.value.env,
      ...whole.env,
      ...(path.length > 0 ? [['PATH', [...new Set(path)].join(':')] as const] : []),
    ]),
  }
}

/** Returns the flag before a word, which names it: `--api-key`; empty where there is none. */
function flagBefore(words: readonly string[], at: number): string {
  const before = words[at - 1] ?? ''
  return /^-[^=\s]+$/.test(before) ? before : ''
}

/**
 * Marks servers that nobody has agreed to ask. A file of servers comes with other people's projects: an address in it that
 * carries values of this host gets them with the first word, so that a person reads first where they would go.
 */
async function withoutUnread(call: Call, upstreams: readonly FirstUpstream[]): Promise<readonly FirstUpstream[]> {
  const marked: FirstUpstream[] = []
  for (const upstream of upstreams) {
    const { server } = upstream
    const carries = server.kind === 'http' && !server.disabled ? server.carries.map(printable).join(', ') : ''
    const place = server.kind === 'http' ? printable(new URL(server.url).origin) : ''
    const question = `${server.name}: ${place} would be sent ${carries} of this host. Ask it what it offers? [y/N] `
    if (carries === '' || (await confirmed(call, stateOf(call), question))) marked.push(upstream)
    else {
      const why = `nobody has agreed that ${place} is sent ${carries} of this host: once you have read firebreak.yaml, accept --stubs asks it`
      marked.push({ ...upstream, tools: { known: false, why, unread: true } })
    }
  }
  return marked
}

/**
 * Returns the offers of the servers, asked in cells of their own; undefined where the configuration cannot be used,
 * which was told.
 */
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
  const unread = new Set(upstreams.filter(isUnread).map(({ server }) => server.name))
  const asked = offering(judged.value.config.upstreams.values()).filter(({ name }) => !unread.has(name))
  if (asked.length === 0) return upstreams
  call.print.progress(`asking ${asked.map(({ name }) => name).join(', ')}, each in a cell`)
  const offered = await inspectUpstreams(judged.value, asked, join(judged.value.config.directory, '.firebreak'))
  return upstreams.map((upstream) => {
    if (upstream.server.disabled || isUnread(upstream)) return upstream
    const [, offer] = (offered.ok ? [...offered.value] : []).find(([name]) => name === upstream.server.name) ?? []
    if (offer !== undefined && !('problem' in offer)) {
      const { stubs, unfit } = stubsOf(offer)
      for (const { name, why } of unfit)
        call.print.progress(
          `${upstream.server.name}: ${name === '' ? 'a tool' : named(name)} is left out: ${plain(why, 1)}`,
        )
      for (const note of offer.notes) call.print.progress(`${upstream.server.name}: ${plain(note, 1)}`)
      return { ...upstream, tools: { known: true, stubs } }
    }
    const why = offered.ok ? [offer?.problem ?? 'it was not asked', ...(offer?.said ?? [])].join(': ') : offered.reason
    call.print.progress(`${upstream.server.name} did not tell its tools: ${why}`)
    return { ...upstream, tools: { known: false, why } }
  })
}

function isUnread({ tools }: FirstUpstream): boolean {
  return !tools.known && tools.unread === true
}
