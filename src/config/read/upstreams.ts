import { dirname, resolve } from 'node:path'
import {
  environmentName,
  hasStrayPlaceholder,
  MODEL_PROVIDERS,
  PACKAGE_REGISTRIES,
  placeholdersIn,
  type Source,
  type UpstreamName,
  upstreamName,
} from '../../model/index.ts'
import type { HttpServer, OriginServer, StdioServer, UpstreamConfig } from '../config.ts'
import type { ShapedUpstream } from '../schema.ts'
import { injectedTexts, secretsOf } from '../secret-names.ts'
import { urlsOf } from '../server-urls.ts'
import { readCell } from './cells.ts'
import { type Judge, namesOf, report } from './judge.ts'
import { readModelTools, readPackageTools, readTools, readTunnelTools } from './tools.ts'

export function readUpstreams(judge: Judge): ReadonlyMap<UpstreamName, UpstreamConfig> {
  const upstreams = new Map<UpstreamName, UpstreamConfig>()
  for (const [key, { value, source }] of judge.shaped.upstreams ?? []) {
    if (key === 'firebreak') report(judge, source, 'the name "firebreak" is the gateway’s own', 'another name')
    const server = readServer(judge, value, source)
    if (!judge.shaped.environments.has(value.environment)) {
      report(
        judge,
        source,
        `environment "${value.environment}" of upstream "${key}" is not declared`,
        namesOf(judge.shaped.environments),
      )
    }
    if (server === undefined) continue
    const upstream: UpstreamConfig = {
      name: upstreamName(key),
      environment: environmentName(value.environment),
      server,
      tools: readAllTools(judge, value, source),
      relay: value.relay ?? false,
      source,
    }
    upstreams.set(upstream.name, upstream)
    checkRelay(judge, key, value, source)
  }
  return upstreams
}

function readAllTools(judge: Judge, value: ShapedUpstream, source: Source): UpstreamConfig['tools'] {
  if (value.model !== undefined) return readModelTools(judge, value, source)
  if (value.packages !== undefined) return readPackageTools(judge, value, source)
  return value.tunnel === undefined ? readTools(judge, value, source) : readTunnelTools(judge, value, source)
}

/** A relay is contained in a cell of ours, or a person says that it is not. */
function checkRelay(judge: Judge, key: string, { relay, remote, mcp }: ShapedUpstream, source: Source): void {
  if (remote !== undefined && (relay !== true || mcp?.url === undefined)) {
    report(judge, source, `"remote" of "${key}" goes with "relay: true" and a url`)
  } else if (relay === true && mcp?.url !== undefined && remote === undefined) {
    const message = `"${key}" is a relay somewhere else: what it reaches on a cell’s word, no wall of this environment holds`
    report(judge, source, message, 'a command, so that it runs in a cell without other network; or remote: accepted')
  }
}

function readServer(
  judge: Judge,
  { mcp, http, model, packages, git, tunnel, resources, prompts, relay }: ShapedUpstream,
  source: Source,
): UpstreamConfig['server'] | undefined {
  if ([mcp, http, model, packages, git, tunnel].filter((each) => each !== undefined).length !== 1)
    return report(
      judge,
      source,
      'an upstream is an MCP server, an origin of the web, a provider of models, a registry of packages, a git server or what is reached by a tunnel',
      'mcp:, http:, model:, packages:, git: or tunnel:, exactly one of them',
    )
  if (mcp !== undefined) return readMcpServer(judge, mcp, source)
  if (resources !== undefined || prompts !== undefined || relay !== undefined)
    return report(judge, source, '"resources", "prompts" and "relay" go with "mcp"')
  if (model !== undefined) return readModelServer(judge, model, source)
  if (packages !== undefined) return readPackageServer(judge, packages, source)
  if (git !== undefined) return readGitServer(judge, git, source)
  if (tunnel !== undefined) return readTunnelled(judge, tunnel.origin, source)
  if (http === undefined) return undefined
  const ca = http.ca === undefined ? {} : { ca: judge.beside.read(http.ca, 'certificates') }
  const openapi = http.openapi === undefined ? {} : { openapi: resolve(dirname(judge.file), http.openapi) }
  const headers = http.headers ?? new Map<string, string>()
  const server: OriginServer = { kind: 'origin', url: http.origin, headers, ...ca, ...openapi }
  return checkReached(judge, server, source) ? server : undefined
}

function readModelServer(
  judge: Judge,
  { provider, url, key, headers, models, prices = new Map(), keep, ca }: NonNullable<ShapedUpstream['model']>,
  source: Source,
): OriginServer | undefined {
  const { host, header, prefix } = MODEL_PROVIDERS[provider]
  if (url === undefined && host === '')
    return report(judge, source, 'a compatible server has a url', 'url: https://models.example')
  const all = new Map(headers ?? [])
  if (key !== undefined) all.set(header, `${prefix}${key}`)
  const written = new Map(
    [...prices].map(([name, { inputTokens, outputTokens, ...rates }]) => [
      name,
      { ...rates, inputTokensMax: inputTokens, outputTokensMax: outputTokens },
    ]),
  )
  const server: OriginServer = {
    kind: 'origin',
    url: url ?? new URL(`https://${host}`),
    headers: all,
    ...(ca !== undefined && { ca: judge.beside.read(ca, 'certificates') }),
    model: { provider, models, prices: written, kept: keep !== 'digests' },
  }
  return checkReached(judge, server, source) ? server : undefined
}

function readGitServer(
  judge: Judge,
  { origin, token, user = 'x-access-token', headers, ca, lfs = [] }: NonNullable<ShapedUpstream['git']>,
  source: Source,
): OriginServer | undefined {
  const all = new Map(headers ?? [])
  if (token !== undefined && all.has('authorization'))
    return report(judge, source, 'a token and a header "authorization" say two things', 'one of them')
  if (token !== undefined) all.set('authorization', token)
  const server: OriginServer = {
    kind: 'origin',
    url: origin,
    headers: all,
    ...(ca !== undefined && { ca: judge.beside.read(ca, 'certificates') }),
    git: { ...(token !== undefined && { user }), ...(lfs.length > 0 && { lfs }) },
  }
  return checkReached(judge, server, source) ? server : undefined
}

function readTunnelled(judge: Judge, url: URL, source: Source): OriginServer | undefined {
  if (url.protocol !== 'https:')
    return report(judge, source, 'a tunnel leads to what speaks TLS', 'an https origin; http: { origin } for any other')
  return { kind: 'origin', url, headers: new Map(), tunnel: true }
}

function readPackageServer(
  judge: Judge,
  packages: NonNullable<ShapedUpstream['packages']>,
  source: Source,
): OriginServer | undefined {
  const { registry, url, files, denyList, headers, ca, age, young, only, deny, pins, scripts, resembling } = packages
  const own = PACKAGE_REGISTRIES[registry]
  const elsewhere =
    files ?? (url === undefined && own.files !== own.lists ? new URL(`https://${own.files}`) : undefined)
  const server: OriginServer = {
    kind: 'origin',
    url: url ?? new URL(`https://${own.lists}`),
    headers: headers ?? new Map(),
    ...(ca !== undefined && { ca: judge.beside.read(ca, 'certificates') }),
    packages: {
      registry,
      ...(elsewhere !== undefined && { files: elsewhere }),
      ageMsMin: age ?? WEEK_MS,
      young: young ?? new Map(),
      ...(only !== undefined && { only }),
      deny: deny ?? new Map(),
      ...(denyList !== undefined && { denyList: judge.beside.read(denyList, 'rules') }),
      pins: pins ?? new Map(),
      scripts: scripts ?? [],
      resembling: resembling ?? [],
    },
  }
  return checkReached(judge, server, source) ? server : undefined
}

/** Malicious releases are found and taken away within hours or few days. */
const WEEK_MS = 604_800_000

function readMcpServer(
  judge: Judge,
  mcp: NonNullable<ShapedUpstream['mcp']>,
  source: Source,
): StdioServer | HttpServer | undefined {
  if ((mcp.command === undefined) === (mcp.url === undefined)) {
    return report(judge, source, 'an MCP server has either a command or a url', 'exactly one of them')
  }
  if (mcp.url !== undefined) {
    if (mcp.cell !== undefined || mcp.shared !== undefined)
      return report(judge, source, '"cell" and "shared" go with "command"')
    if (mcp.url.username !== '' || mcp.url.password !== '')
      return report(judge, source, 'a credential in a URL', 'a header with ${secret:name}')
    const headers = mcp.headers ?? new Map<string, string>()
    const ca = mcp.ca === undefined ? {} : { ca: judge.beside.read(mcp.ca, 'certificates') }
    const server: HttpServer = { kind: 'http', url: mcp.url, headers, ...ca }
    return checkReached(judge, server, source) ? server : undefined
  }
  if (mcp.headers !== undefined || mcp.ca !== undefined)
    return report(judge, source, '"headers" and "ca" go with "url"')
  const command = mcp.command ?? []
  if (command.length === 0) return report(judge, source, 'an empty command', 'a program and its arguments')
  if (placeholdersIn(command[0] ?? '').length > 0)
    return report(judge, source, 'a program that a secret names', 'secrets in its arguments, or in cell.env')
  for (const key of ['checkpoints', 'commit'] as const) {
    const found = mcp.cell?.[key]
    if (found !== undefined) report(judge, found.source, `"${key}" of an upstream’s cell`, `${key} in an agent’s cell`)
  }
  const cell = readCell(judge, mcp.cell, source)
  const server: StdioServer = { kind: 'stdio', command, cell, shared: mcp.shared ?? false }
  checkPlaceholders(judge, server, source)
  return server
}

/** Reports what speaks against going to a server: a secret in the clear, an authority for what nobody signs. */
function checkReached(judge: Judge, server: HttpServer | OriginServer, source: Source): boolean {
  const { url, ca } = server
  const [, ...others] = urlsOf(server)
  checkPlaceholders(judge, server, source)
  if (secretsOf(server).length > 0 && url.protocol !== 'https:' && !isLoopback(url.hostname)) {
    report(judge, source, `a secret would travel in the clear to ${url.host}`, 'https, or a loopback address')
    return false
  }
  const open = others.find(({ protocol, hostname }) => protocol !== 'https:' && !isLoopback(hostname))
  if (url.protocol === 'https:' && open !== undefined) {
    report(judge, source, `files would come in the clear from ${open.host}`, 'https, or a loopback address')
    return false
  }
  if (ca === undefined || [url, ...others].every(({ protocol }) => protocol === 'https:')) return true
  report(judge, source, '"ca" goes with an https url: nothing else is signed')
  return false
}

/** Reports texts that only look like `${secret:name}`: nothing fills them in, and their author meant something else. */
function checkPlaceholders(judge: Judge, server: UpstreamConfig['server'], source: Source): void {
  for (const { where, text, carrier } of injectedTexts(server))
    if (hasStrayPlaceholder(text, carrier))
      report(judge, source, `${where} holds what looks like a secret’s place and is none`, PLACEHOLDER)
}

const PLACEHOLDER = '${secret:name} in just these letters, with a name under "secrets", and in no other one'

/** Hosts that never leave the machine, by address: a name can be made to resolve anywhere. */
export function isLoopback(hostname: string): boolean {
  return /^127(\.\d{1,3}){3}$/.test(hostname) || hostname === '[::1]'
}
