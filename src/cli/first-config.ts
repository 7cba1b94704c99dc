import { relative } from 'node:path'
import type { NamedServer } from '../config/mcp-servers.ts'
import type { Contained } from '../control/contain-command.ts'
import { stubLines, type ToolStub, yamlText } from '../control/tool-stub.ts'
import { withUnseen } from '../model/index.ts'

export interface FirstUpstream {
  readonly server: NamedServer
  /** Of a stdio server. */
  readonly contained?: Contained
  readonly tools:
    | { readonly known: true; readonly stubs: readonly ToolStub[] }
    | { readonly known: false; readonly why: string }
}

export interface FirstAgent {
  readonly name: string
  readonly owner: string
  /** Absent: one that looks around. */
  readonly contained?: Contained
}

export interface First {
  /** Where it is written: paths near it are relative to it. */
  readonly directory: string
  /** Written by somebody who is not root. */
  readonly user: boolean
  readonly upstreams: readonly FirstUpstream[]
  readonly agent: FirstAgent
}

/** A first `firebreak.yaml`: valid, least-privilege, and with a word on each key that a person may want next. */
export function firstConfig({ directory, user, upstreams, agent }: First): string {
  const secrets = upstreams.flatMap(secretsOf)
  return [
    '# yaml-language-server: $schema=./firebreak.schema.json',
    ...(user ? ['profile: user   # without root: weaker, firebreak doctor tells by what'] : []),
    'environments:',
    '  test: {}   # hardened: true — effects need a second person; egress: [https://api.example] — where its relays may reach',
    '',
    ...(upstreams.length === 0
      ? NO_UPSTREAMS
      : ['upstreams:', ...upstreams.flatMap((each, i) => upstreamLines(each, i, directory))]),
    '',
    'agents:',
    ...agentLines(agent, upstreams, directory),
    '',
    'policies: [policies/*.cedar]   # they only forbid; *.test.yaml beside them say what must be decided (firebreak policy test)',
    ...(secrets.length === 0
      ? []
      : [
          '',
          'secrets:   # { env: NAME }, { file: path } or { command: [program, …] }; their values stand nowhere else',
        ]),
    ...secrets.map(({ name, variable }) => `  ${name}: { env: ${variable} }`),
    '',
  ].join('\n')
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

function upstreamLines(upstream: FirstUpstream, index: number, directory: string): readonly string[] {
  const { server, contained, tools } = upstream
  return [
    `  ${server.name}:`,
    '    environment: test',
    ...(server.kind === 'http'
      ? httpLines(server, upstream)
      : contained === undefined
        ? []
        : stdioLines(contained, upstream, directory)),
    ...(tools.known
      ? ['    tools:', ...(index === 0 ? LEGEND : []), ...stubLines(tools.stubs, '      ')]
      : [
          `    # tools: not known yet. ${oneLine(tools.why)}`,
          `    # firebreak accept --stubs prints them once ${server.name} answers.`,
        ]),
  ]
}

function httpLines({ url }: { readonly url: string }, upstream: FirstUpstream): readonly string[] {
  const headers = secretsOf(upstream).map(({ key, name }) => `${yamlText(key)}: "\${secret:${name}}"`)
  return [
    headers.length === 0
      ? `    mcp: { url: ${JSON.stringify(url)} }`
      : `    mcp: { url: ${JSON.stringify(url)}, headers: { ${headers.join(', ')} } }`,
    '    # relay: true, remote: accepted   if it reaches further on an agent’s word: no wall of ours holds what it does',
  ]
}

function stdioLines(
  { command, files, workspace }: Contained,
  upstream: FirstUpstream,
  directory: string,
): readonly string[] {
  const kept = new Map(secretsOf(upstream).map(({ key, name }) => [key, `"\${secret:${name}}"`]))
  const env = [...upstream.server.env].map(([key, value]) => `${key}: ${kept.get(key) ?? JSON.stringify(value)}`)
  return [
    '    mcp:   # in a cell of its own: no network, the host’s /usr, and only these files',
    `      command: [${command.map(yamlText).join(', ')}]`,
    '      cell:',
    ...(workspace === undefined
      ? ['        # workspace: ./data   what it writes goes to /tmp and is gone after a run; here it would be a diff']
      : [
          `        workspace: ${near(directory, workspace)}   # as /workspace, a private overlay: firebreak diff, firebreak commit`,
        ]),
    ...fileLines(files, '        ', directory),
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
  { name, owner, contained }: FirstAgent,
  upstreams: readonly FirstUpstream[],
  directory: string,
): readonly string[] {
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
    '      # labels: []   if nobody outside can write the workspace’s files: until then they count as untrusted',
    ...fileLines(contained?.files ?? new Map(), '      ', directory),
    '      cpu: 1',
    '      memory: 512MiB',
    '      pids: 64',
    '      wall: 10min',
    ...(granted.length === 0
      ? ['    # grants:', '    #   - { upstream: files, tools: [read_file], budget: { calls: 60/min }, expires: 8h }']
      : [
          '    grants:   # only what reads; add effects one by one, with when: (Cedar), spend:, rows: and bytes:',
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

/** A path on this host, short where it lies in the directory or beside it: then both can be moved together. */
function near(directory: string, path: string): string {
  const short = relative(directory, path)
  if (!path.startsWith('/') || short.startsWith('../..')) return yamlText(path)
  return yamlText(short.startsWith('..') ? short : `./${short}`)
}

interface SecretPlan {
  /** The header or variable that carries it. */
  readonly key: string
  /** As the configuration calls it. */
  readonly name: string
  /** The variable of the host that it is read from. */
  readonly variable: string
}

/** Headers and variables that sound like a credential: their values are not copied into the configuration. */
function secretsOf({ server }: FirstUpstream): readonly SecretPlan[] {
  const keys =
    server.kind === 'http'
      ? [...server.headers.keys()]
      : [...server.env.keys()].filter((key) => /token|key|secret|pass|credential|auth|dsn|url/i.test(key))
  return keys.map((key) => {
    const plain = key.toLowerCase().replaceAll(/[^a-z0-9]+/g, '-')
    const variable = (server.kind === 'http' ? `${server.name}-${key}` : key)
      .toUpperCase()
      .replaceAll(/[^A-Z0-9]+/g, '_')
    return { key, name: `${server.name}-${plain}`.slice(0, 48).replace(/-$/, ''), variable }
  })
}

/** What a server said must not end a comment. */
function oneLine(text: string): string {
  return withUnseen(text.slice(0, 300), () => ' ')
}
