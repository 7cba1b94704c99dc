import { X509Certificate } from 'node:crypto'
import type { Agent, Config, Environment, GrantConfig, OriginServer, UpstreamConfig } from '../../config/config.ts'
import { placesElsewhere } from '../../config/places.ts'
import type { FileBeside } from '../../config/read/file-beside.ts'
import { secretsOf } from '../../config/secret-names.ts'
import { urlsOf } from '../../config/server-urls.ts'
import type {
  ContainmentSetup,
  GatewaySetup,
  GrantSetup,
  PackageSetup,
  UpstreamSetup,
} from '../../gateway/link/setup.ts'
import { certificatesIn } from '../../gateway/origins/trust.ts'
import {
  type AgentName,
  agentName,
  type EnvironmentName,
  type Grant,
  type GrantId,
  grantId,
  no,
  ok,
  type PlaceOf,
  type Problem,
  type Result,
  type Sha256,
  type TenantName,
  type UpstreamName,
} from '../../model/index.ts'
import { type GrantSource, type PolicyBundle, parsePolicies } from '../../policy/index.ts'
import { policiesOf, tenantOf, tenantProblems } from '../state/tenants.ts'
import {
  type AcceptedDefinitions,
  readAcceptedTexts,
  readAllAccepted,
  readSpoken,
  readUnacceptable,
  type Unacceptable,
} from './accepted.ts'
import { catalogueOf, connectionsFor, egressOf, toolsOf } from './catalogue.ts'
import { configurationDigest, configurationFiles } from './configuration-files.ts'
import { packageProblems, packageSetup } from './package-policy.ts'
import { parseOnce } from './parsed.ts'
import { patternProblems } from './pattern-problems.ts'
import { type ReadSecrets, readSecrets } from './secrets.ts'

/** A configuration with all that hangs on it, judged together: accepted definitions, policies, grants. */
export interface Judged {
  readonly config: Config
  readonly accepted: AcceptedDefinitions
  /** The revision of its protocol that each upstream spoke when it was accepted. */
  readonly spoken: ReadonlyMap<UpstreamName, string>
  /** Definitions that `accept` could not accept when it asked last. */
  readonly unacceptable?: Unacceptable
  readonly policies: PolicyBundle
  /** The names of exactly what was read, by tenant; of what belongs to no tenant under undefined. */
  readonly digests: ConfigurationDigests
}

export type ConfigurationDigests = ReadonlyMap<TenantName | undefined, Sha256>

/**
 * Judges a configuration with all that hangs on it. With `stateDirectory`, policies that were judged before and have not
 * changed are not parsed again; `parser` is for whoever judges many with one thread.
 */
export async function judgeConfig(
  config: Config,
  stateDirectory?: string,
  parser: typeof parsePolicies = parsePolicies,
): Promise<Result<Judged, readonly Problem[]>> {
  const texts = readAcceptedTexts(config)
  const accepted = readAllAccepted(config, texts)
  if (!accepted.ok) return no([accepted.reason])
  const unfit = [...patternProblems(config), ...packageProblems(config)]
  if (unfit.length > 0) return no(unfit)
  const undos = [...config.environments.values()].flatMap(undoActor)
  const grants = [...config.agents.values(), ...undos].flatMap((agent) =>
    agent.grants.map((grant, i) => grantSource(agent, grant, i)),
  )
  const catalogue = catalogueOf(config, accepted.value)
  const agents = [...config.agents.keys(), ...(undos.length > 0 ? [UNDO] : [])]
  const parse = () => parser(config.policies, grants, catalogue, { agents })
  const inputs = [config.policies, grants, catalogue.upstreams, agents]
  const policies = stateDirectory === undefined ? await parse() : await parseOnce(stateDirectory, inputs, parse)
  if (!policies.ok) return policies
  const crossings = tenantProblems(config, policies.value)
  if (crossings.length > 0) return no(crossings)
  const tenants = new Set([undefined, ...[...config.environments.values()].map(({ tenant }) => tenant)])
  return ok({
    config,
    accepted: accepted.value,
    spoken: readSpoken(config, texts),
    unacceptable: readUnacceptable(config, texts),
    policies: policies.value,
    digests: new Map([...tenants].map((tenant) => [tenant, configurationDigest(config, texts, tenant)])),
  })
}

/** Returns the name of the exact configuration that decisions in an environment are made under. */
export function digestFor({ config, digests }: Judged, environment: EnvironmentName): Sha256 {
  const digest = digests.get(tenantOf(config, environment))
  if (digest === undefined) throw new Error(`environment ${environment} is of no tenant that was judged`)
  return digest
}

/** Returns what one environment's gateway is told at its start. Secrets of other environments are not in it. */
export function gatewaySetup(
  judged: Judged,
  environment: EnvironmentName,
  secrets: ReadSecrets = readSecrets(judged.config, environment),
): GatewaySetup {
  const { config, accepted, spoken, policies } = judged
  const tenant = tenantOf(config, environment)
  const upstreams = [...config.upstreams.values()].filter((upstream) => upstream.environment === environment)
  const home = config.environments.get(environment)
  const [undo] = home === undefined ? [] : undoActor(home)
  return {
    environment,
    ...(tenant && { tenant }),
    hardened: home?.hardened ?? false,
    egress: egressOf(config, environment),
    elsewhere: placesElsewhere(config, environment),
    configuration: digestFor(judged, environment),
    environments: [...config.upstreams.values()]
      .filter((upstream) => tenantOf(config, upstream.environment) === tenant)
      .map((upstream) => [upstream.name, upstream.environment]),
    upstreams: upstreams.map((upstream) => ({
      ...wayTo(upstream, secrets.without.get(upstream.name)),
      tools: [...toolsOf(upstream, accepted)],
      ...connecting([...connectionsFor(config, upstream)]),
      ...known(spoken.get(upstream.name)),
    })),
    agents: [...config.agents.values()]
      .filter((agent) => agent.environment === environment)
      .map((agent) => ({
        name: agent.name,
        owner: agent.owner,
        delegates: agent.delegates,
        ...(agent.cell.checkpoints?.beforeIrreversible && {
          checkpoints: { required: agent.cell.checkpoints.required },
        }),
        grants: agent.grants.map((grant, i) => grantSetup(agent, grant, i)),
      })),
    numbered: [...config.agents.values()].flatMap((agent) => (agent.environment === environment ? [agent.name] : [])),
    ...(undo && {
      undo: {
        name: undo.name,
        owner: undo.owner,
        delegates: [],
        grants: undo.grants.map((grant, i) => grantSetup(undo, grant, i)),
      },
    }),
    policies: policiesOf(config, policies, tenant),
    containment: containmentOf(config, tenant),
    secrets: [...secrets.values],
  }
}

/**
 * Returns what a gateway that serves an environment is told of another configuration: it keeps its ways to upstreams, and
 * no secret is read again.
 */
export function followedSetup(serving: GatewaySetup, judged: Judged): GatewaySetup {
  const next = gatewaySetup(judged, serving.environment, { values: new Map(), without: new Map() })
  const tools = new Map(next.upstreams.map((upstream) => [upstream.name, upstream.tools]))
  const upstreams = serving.upstreams.map((upstream) => ({ ...upstream, tools: tools.get(upstream.name) ?? [] }))
  const numbered = [...new Set([...serving.numbered, ...next.numbered])]
  return { ...next, upstreams, numbered, secrets: serving.secrets }
}

/** Returns all grants of an environment: its agents', and those for undo. */
export function grantsIn({ config }: Judged, environment: EnvironmentName): readonly GrantSetup[] {
  const agents: readonly Grantee[] = [...config.agents.values()].filter((agent) => agent.environment === environment)
  const home = config.environments.get(environment)
  const all = [...agents, ...(home === undefined ? [] : undoActor(home))]
  return all.flatMap((holder) => holder.grants.map((grant, i) => grantSetup(holder, grant, i)))
}

/** Returns how a gateway gets to an upstream; or why it is left out, where something that it needs cannot be read. */
export function wayTo(
  { name, server }: UpstreamConfig,
  without: string | undefined,
): Pick<UpstreamSetup, 'name' | 'server' | 'down'> {
  const missing = without === undefined ? {} : { down: without }
  if (server.kind === 'stdio') return { name, server: { kind: 'stdio', shared: server.shared }, ...missing }
  const { model, packages, git, tunnel } = server.kind === 'origin' ? server : {}
  const policy = packages && packageSetup(packages)
  const http = {
    kind: server.kind,
    ...(model && { model: { ...model, prices: [...model.prices] } }),
    ...(policy?.ok && { packages: policy.value }),
    ...(git && { git: gitSetup(git) }),
    ...(tunnel && { tunnel }),
    url: server.url.href,
    headers: [...server.headers],
    secrets: secretsOf(server),
  } as const
  if (packages !== undefined && policy?.ok === false)
    return { name, server: { ...http, packages: nothingOf(packages.registry) }, down: policy.reason, ...missing }
  const ca = server.ca === undefined ? undefined : authoritiesIn(server.ca)
  if (ca !== undefined && !ca.ok) return { name, server: http, down: ca.reason, ...missing }
  return { name, server: { ...http, ...(ca && { ca: ca.value }) }, ...missing }
}

function gitSetup({ lfs, ...git }: NonNullable<OriginServer['git']>) {
  return { ...git, ...(lfs && { lfs: lfs.map(({ href }) => href) }) }
}

/** Returns the rules of a registry that nothing is had from. */
function nothingOf(ecosystem: PackageSetup['ecosystem']): PackageSetup {
  const none = { youngAllowed: [], only: [], denied: [], pins: [], scripts: [], resembling: [] }
  return { ecosystem, ageMsMin: 0, ...none }
}

function authoritiesIn({ path, text, problem }: FileBeside): Result<string, string> {
  if (problem !== undefined) return no(`ca: ${path} cannot be read: ${problem}`)
  try {
    const certificates = certificatesIn(text)
    for (const certificate of certificates) new X509Certificate(certificate)
    return certificates.length > 0 ? ok(certificates.join('\n')) : no(`ca: ${path} holds no certificate in PEM`)
  } catch (error) {
    return no(`ca: ${path} cannot be read: ${error instanceof Error ? error.message : String(error)}`)
  }
}

function connecting(connections: NonNullable<UpstreamSetup['connections']>): Pick<UpstreamSetup, 'connections'> {
  return connections.length === 0 ? {} : { connections }
}

function known(revision: string | undefined): Pick<UpstreamSetup, 'known'> {
  return revision === undefined ? {} : { known: revision }
}

/** Decoys and rules, and what of the configuration nobody in a cell should name; of its own tenant only. */
export function containmentOf(config: Config, tenant: TenantName | undefined): ContainmentSetup {
  const { upstreams, environments, containment } = config
  const isOwn = (environment: EnvironmentName) => tenantOf(config, environment) === tenant
  const files = configurationFiles(config).filter((file) => file.tenant === undefined || file.tenant === tenant)
  const ofUpstreams = [...upstreams.values()].flatMap(({ server, environment }) =>
    urlsOf(server).map(({ host }): PlaceOf => [host.toLowerCase(), environment]),
  )
  const ofEgress = [...environments.values()].flatMap(({ name, egress }) =>
    egress.map(({ value }): PlaceOf => [value.host.toLowerCase(), name]),
  )
  return {
    rules: containment.rules,
    decoys: {
      ...containment.decoys,
      tools: containment.decoys.tools.filter(({ upstream }) => isOwn(upstreams.get(upstream)?.environment ?? NOWHERE)),
    },
    places: [...ofUpstreams, ...ofEgress].filter(([, environment]) => isOwn(environment)),
    // A cell may be shown certificates, and say where.
    ownPaths: files.flatMap(({ path, kind }) => (kind === 'certificates' ? [] : [path])),
  }
}

const NOWHERE = 'nowhere' as EnvironmentName // a name by its shape; decoys of undeclared upstreams stop the start

/** Name of the actor that compensates: no agent's, and no other's. */
export const UNDO: AgentName = agentName('undo')

/** A holder of grants. */
type Grantee = Pick<Agent, 'name' | 'owner' | 'grants'>

function undoActor({ undo }: Environment): readonly Grantee[] {
  return undo === undefined ? [] : [{ name: UNDO, ...undo }]
}

function grantSource(agent: Grantee, grant: GrantConfig, index: number): GrantSource {
  const { when } = grant
  return {
    grant: grantOf(agent, grant, index),
    ...(when && { when: { text: when.value, source: when.source } }),
  }
}

export function grantOf(agent: Grantee, grant: GrantConfig, index: number): Grant {
  const { id, upstream, tools, budgets, source } = grantSetup(agent, grant, index)
  return {
    id,
    agent: agent.name,
    upstream,
    tools: new Set(tools),
    budgets,
    expiresAtMs: Number.MAX_SAFE_INTEGER,
    grantedBy: grant.approver ?? agent.owner,
    source,
  }
}

function grantSetup(agent: Grantee, grant: GrantConfig, index: number): GrantSetup {
  return {
    id: idOf(agent, grant, index),
    upstream: grant.upstream,
    tools: [...grant.tools],
    budgets: grant.budgets,
    expiresMs: grant.expiresMs,
    ...(grant.approver && { approver: grant.approver }),
    source: grant.source,
  }
}

/** The same in every run, so that budgets are held by the same grant: agent, upstream, and which of them it is. */
function idOf(agent: Grantee, grant: GrantConfig, index: number): GrantId {
  const before = agent.grants.slice(0, index).filter(({ upstream }) => upstream === grant.upstream).length
  const which = grant.observed ? '-observed' : before === 0 ? '' : `-${before + 1}`
  return grantId(`${`g_${agent.name}-${grant.upstream}`.slice(0, 82 - which.length)}${which}`)
}
