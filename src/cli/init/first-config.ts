import { relative } from 'node:path'
import type { LeftOut, NamedServer, PlannedSecret } from '../../config/mcp-servers.ts'
import type { CommandInCell } from '../../control/advice/command-in-cell.ts'
import { stubLines, type ToolStub, yamlText } from '../../host/prepare/tool-stub.ts'
import { HIDDEN_PATTERNS } from '../../host/programs/hidden-files.ts'
import { resolvedPath } from '../../model/host/host-paths.ts'
import { placeholdersIn, withUnseen } from '../../model/index.ts'
import { cutText } from '../../model/text/text.ts'
import { DUMMY_KEYS, type KnownAgent } from './known-agents.ts'
import { DECOY_LINE, knownGrantLines, knownLines, knownSecretLines } from './known-lines.ts'

export interface FirstUpstream {
  readonly server: NamedServer
  /** The server's command as its cell runs it; absent for a server that is reached by URL. */
  readonly contained?: CommandInCell
  readonly tools:
    | { readonly known: true; readonly stubs: readonly ToolStub[] }
    /** `unread`: it is not asked before a person has read where it is and what it would be sent. */
    | { readonly known: false; readonly why: string; readonly unread?: true }
}

export interface FirstAgent {
  readonly name: string
  readonly owner: string
  /** Absent: one that looks around. */
  readonly contained?: CommandInCell
  /** Set for one of those that people have. */
  readonly known?: KnownAgent
}

export interface First {
  /** Directory that it is written in: paths near it are relative to it. */
  readonly directory: string
  /** The client's file that servers were taken from: a workspace that it lies in does not show it. */
  readonly taken?: string
  /** True where its writer is not root. */
  readonly user: boolean
  readonly upstreams: readonly FirstUpstream[]
  /** Servers that could not be taken. */
  readonly leftOut: readonly LeftOut[]
  readonly secrets: readonly PlannedSecret[]
  readonly agent: FirstAgent
}

/** Directory beside the configuration for literal credentials of a client's file, one file each. */
export const SECRETS_DIRECTORY = 'secrets'

/** A first `firebreak.yaml`: valid, least-privilege, and with a word on each key that a person may want next. */
export function firstConfig(first: First): string {
  const { directory, user, agent, taken } = first
  const active = first.upstreams.filter(({ server }) => !server.disabled)
  const off = first.upstreams.filter(({ server }) => server.disabled)
  const blocks = [
    ...(agent.known === undefined ? [] : knownLines(agent.known)),
    ...active.flatMap((each, i) => upstreamLines(each, i, directory, taken)),
  ]
  const comments = [
    ...off.flatMap((each) => disabledLines(each, directory, taken)),
    ...first.leftOut.flatMap(leftOutLines),
  ]
  return [
    '# yaml-language-server: $schema=./firebreak.schema.json',
    ...(user ? ['profile: user   # without root: weaker, firebreak doctor tells by what'] : []),
    'environments:',
    '  test: {}   # hardened: true — effects need a second person; egress: [https://api.example] — where its relays may reach',
    '',
    ...(blocks.length === 0 ? NO_UPSTREAMS : ['upstreams:', ...blocks]),
    ...comments,
    '',
    'agents:',
    ...agentLines(agent, active, directory, taken),
    '',
    ...(agent.known === undefined ? [] : [DECOY_LINE]),
    'policies: [policies/*.cedar]   # they only forbid; *.test.yaml beside them say what must be decided (firebreak policy test)',
    ...secretLines(first.secrets, secretsNamed(active), secretsNamed(off), agent.known),
    '',
  ].join('\n')
}

/** Returns the secrets that the entries of upstreams name; what comments say of them counts for nothing. */
export function secretsNamed(upstreams: readonly FirstUpstream[]): ReadonlySet<string> {
  const texts = upstreams.flatMap(({ server, contained }) =>
    server.kind === 'http'
      ? [server.url, ...server.headers.values()]
      : [...(contained === undefined ? [] : [...contained.command, ...contained.env.values()]), ...server.env.values()],
  )
  return new Set(texts.flatMap((text) => placeholdersIn(text)).map(({ name }) => name))
}

function secretLines(
  secrets: readonly PlannedSecret[],
  used: ReadonlySet<string>,
  usedIfEnabled: ReadonlySet<string>,
  known?: KnownAgent,
): readonly string[] {
  const own = known === undefined ? [] : knownSecretLines(known)
  const taken = secrets.flatMap((secret) => {
    if (!used.has(secret.name) && !usedIfEnabled.has(secret.name)) return []
    const line =
      secret.kind === 'variable'
        ? `${secret.name}: { env: ${secret.variable} }${secret.about === undefined ? '' : `   # ${oneLine(secret.about)}`}`
        : `${secret.name}: { file: ./${SECRETS_DIRECTORY}/${secret.name} }   # it stood in clear where it was taken from`
    return [used.has(secret.name) ? `  ${line}` : `  # ${line}`]
  })
  const lines = [...own, ...taken]
  if (lines.length === 0) return []
  const head = `secrets:   # { env: NAME }, { file: path } or { command: [program, …] }; their values stand nowhere else`
  return ['', lines.every((line) => line.startsWith('  #')) ? `# ${head}` : head, ...lines]
}

/**
 * Returns the lines of a server that is switched off where it was taken from, as comments: it is not started, and
 * nobody may use it.
 */
function disabledLines(upstream: FirstUpstream, directory: string, taken?: string): readonly string[] {
  const written = upstreamLines(upstream, 1, directory, taken).filter(
    (line) => !/^ *# (?:tools: not known|firebreak accept)/.test(line),
  )
  return [
    `  # ${quoted(upstream.server.key)} is disabled where it was taken from; without the marks it is on:`,
    ...written.map((line) => line.replace(/^ {2}/, '  # ')),
  ]
}

function leftOutLines({ key, why }: LeftOut): readonly string[] {
  return [`  # ${quoted(key)} is not here: ${oneLine(why)}`]
}

/** Returns a file's name for a server in a form that a comment can hold. */
function quoted(key: string): string {
  return JSON.stringify(cutText(oneLine(key), 80))
}

export const NEVER = `// Policies only forbid: what is allowed stands under grants in firebreak.yaml.
@id("nothing-irreversible")
@advice("a person does this, not an agent")
forbid (principal, action in Action::"irreversible", resource);
`

const NO_UPSTREAMS =
  `# Servers that agents reach through the gateway, each in one environment. firebreak init --server writes this for yours.
# upstreams:
#   files:
#     environment: test
#     mcp:
#       command: [node, /srv/server.js, /workspace]   # in a cell of its own, without network; or url: and headers:
#       cell: { workspace: ./shared, files: { /srv/server.js: ./server.js } }
#     tools:
#       read_file: { effect: read, returns: [untrusted] }
# Then, once: firebreak accept --as you@example.org`.split('\n')

const LEGEND =
  `      # The effects are what the server says of itself: check each. Whatever it does not call harmless is irreversible here,
      # which policies/never.cedar forbids. What else can be said of a tool:
      #   returns: { $: [untrusted], $.id: [] }   who can write its results, by field; confidential:<whom> keeps them in
      #   ids: [$.files[*].id]                    fields that name its own objects: who was shown one may name it
      #   accepts: [untrusted]                    cells that have read such data may use it, too
      #   destinations: [$.to], content: [$.text] which arguments lead somewhere, and which are only carried; links: any
      #   mask: [$.token]                         fields that no cell sees
      #   amount: $.amount, currency: $.currency  with effect: spend; settles: $.charged
      #   rows: $.rows, maxRows: 500, maxBytes: 1MiB   what an answer counts in a budget`.split('\n')

function upstreamLines(
  upstream: FirstUpstream,
  index: number,
  directory: string,
  taken: string | undefined,
): readonly string[] {
  const { server, contained, tools } = upstream
  const called = server.key === server.name ? [] : [`it is called ${quoted(server.key)} where it was taken from`]
  return [
    `  ${server.name}:`,
    ...[...called, ...server.notes, ...(contained?.notes ?? [])].map((note) => `    # ${oneLine(note)}`),
    '    environment: test',
    ...(server.kind === 'http'
      ? httpLines(server)
      : contained === undefined
        ? []
        : stdioLines(contained, server.env, directory, taken)),
    ...(tools.known
      ? [
          tools.stubs.length === 0 ? '    tools: {}   # it offers none' : '    tools:',
          ...(index === 0 ? LEGEND : []),
          ...stubLines(tools.stubs, '      '),
        ]
      : [
          `    # tools: not known yet. ${oneLine(tools.why)}`,
          `    # firebreak accept --stubs prints them once ${server.name} answers.`,
        ]),
  ]
}

function httpLines({ url, headers }: NamedServer & { readonly kind: 'http' }): readonly string[] {
  const written = [...headers].map(([key, value]) => `${yamlText(key)}: ${JSON.stringify(value)}`)
  return [
    headers.size === 0
      ? `    mcp: { url: ${JSON.stringify(url)} }`
      : `    mcp: { url: ${JSON.stringify(url)}, headers: { ${written.join(', ')} } }`,
    '    # relay: true, remote: accepted   if it reaches further on an agent’s word: no wall of ours holds what it does',
  ]
}

function stdioLines(
  { command, files, workspace, cwd, env: own }: CommandInCell,
  variables: ReadonlyMap<string, string>,
  directory: string,
  taken: string | undefined,
): readonly string[] {
  const env = [...new Map([...own, ...variables])].map(([key, value]) => `${yamlText(key)}: ${JSON.stringify(value)}`)
  return [
    '    mcp:   # in a cell of its own: no network, the host’s /usr, and only these files',
    `      command: [${command.map(yamlText).join(', ')}]`,
    '      cell:',
    ...(workspace === undefined
      ? ['        # workspace: ./data   what it writes goes to /tmp and is gone after a run; here it would be a diff']
      : [
          `        workspace: ${near(directory, workspace)}   # as /workspace, a private overlay: firebreak diff, firebreak commit`,
          ...hideLines(workspace, taken, '        '),
        ]),
    ...fileLines(files, '        ', directory),
    ...(cwd === undefined ? [] : [`        cwd: ${yamlText(cwd)}   # where it starts`]),
    ...(env.length === 0 ? [] : [`        env: { ${env.join(', ')} }`]),
    '        memory: 512MiB',
    '    # relay: true   if it fetches what it is told to: then environments.test.egress is where it may reach',
  ]
}

function fileLines(files: ReadonlyMap<string, string>, indent: string, directory: string): readonly string[] {
  if (files.size === 0) return []
  return [
    `${indent}files:   # place in the cell: path here, read-only`,
    ...[...files].map(([to, from]) => `${indent}  ${yamlText(to)}: ${near(directory, from)}`),
  ]
}

function agentLines(
  { name, owner, contained, known }: FirstAgent,
  upstreams: readonly FirstUpstream[],
  directory: string,
  taken: string | undefined,
): readonly string[] {
  const variables = new Map([
    ...(contained?.env ?? []),
    ...(known === undefined
      ? []
      : [...known.models.map(({ key }) => [key, DUMMY_KEYS[key] ?? 'dummy'] as const), ...Object.entries(known.env)]),
  ])
  const granted = upstreams.flatMap(({ server, tools }) => {
    const reads = tools.known ? tools.stubs.filter(({ effect }) => effect === 'read') : []
    return reads.length === 0 ? [] : [{ upstream: server.name, tools: reads.map((tool) => yamlText(tool.name)) }]
  })
  return [
    `  ${name}:`,
    `    owner: ${yamlText(owner)}   # the person who answers for it`,
    '    environment: test',
    contained === undefined
      ? `    command: [sh, -c, 'echo "I am $(id -un), I see:"; ls / /workspace']`
      : `    command: [${contained.command.map(yamlText).join(', ')}]   # it finds its tools at $FIREBREAK_MCP_URL`,
    '    cell:',
    `      workspace: ${contained?.workspace === undefined ? './work' : near(directory, contained.workspace)}`,
    ...(contained?.workspace === undefined ? [] : hideLines(contained.workspace, taken, '      ')),
    '      # labels: []   if nobody outside can write the workspace’s files: until then they count as untrusted',
    ...fileLines(contained?.files ?? new Map(), '      ', directory),
    ...(contained?.cwd === undefined || contained.workspace !== undefined
      ? []
      : [`      cwd: ${yamlText(contained.cwd)}`]),
    ...(known === undefined || Object.keys(known.home).length === 0
      ? []
      : ['      home: ./home   # settings that its home begins with; what it changes there ends with the run']),
    ...(variables.size === 0
      ? []
      : [
          `      env: { ${[...variables].map(([key, value]) => `${yamlText(key)}: ${JSON.stringify(value)}`).join(', ')} }`,
        ]),
    ...(contained?.notes ?? []).map((note) => `      # ${oneLine(note)}`),
    '      cpu: 1',
    `      memory: ${known?.memory ?? '512MiB'}`,
    `      pids: ${known === undefined ? 64 : 256}`,
    `      wall: ${known === undefined ? '10min' : '8h'}`,
    ...(granted.length === 0 && known === undefined
      ? ['    # grants:', '    #   - { upstream: files, tools: [read_file], budget: { calls: 60/min }, expires: 8h }']
      : [
          '    grants:   # only what reads; add effects one by one, with when: (Cedar), spend:, rows: and bytes:',
          ...(known === undefined ? [] : knownGrantLines(known)),
          ...granted.flatMap(({ upstream, tools }) => [
            `      - upstream: ${upstream}`,
            `        tools: [${tools.join(', ')}]`,
            '        budget: { calls: 60/min }',
            '        expires: 8h',
          ]),
        ]),
    '    # delegates: [other]   agents that its cells may give a part of this to',
  ]
}

/** Returns the line that hides the file that servers were taken from: credentials still stand in it. */
function hideLines(workspace: string, taken: string | undefined, indent: string): readonly string[] {
  const path = taken === undefined ? '..' : relative(resolvedPath(workspace), resolvedPath(taken))
  if (path.startsWith('..')) return []
  return [`${indent}hide: [${[path, ...HIDDEN_PATTERNS].map((pattern) => JSON.stringify(pattern)).join(', ')}]`]
}

/** A path on this host, short where it lies in the directory or beside it: then both can be moved together. */
function near(directory: string, path: string): string {
  const short = relative(directory, path)
  if (!path.startsWith('/') || short.startsWith('../..')) return yamlText(path)
  return yamlText(short.startsWith('..') ? short : `./${short}`)
}

/** Returns a server's words on one line, so that they cannot end a comment. */
function oneLine(text: string): string {
  return withUnseen(cutText(text, 300), () => ' ')
}
