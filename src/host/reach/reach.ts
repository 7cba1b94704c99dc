import type { Agent, Config, OriginServer, UpstreamConfig } from '../../config/config.ts'
import { isLoopback } from '../../config/read/upstreams.ts'
import { secretsOf } from '../../config/secret-names.ts'
import { urlsOf } from '../../config/server-urls.ts'
import { placeIn } from '../../gateway/protocols/relay/egress-place.ts'
import { type AgentName, type EnvironmentName, type Label, operationIn, type UpstreamName } from '../../model/index.ts'
import { type Reach, type ReachedOperation, type ReachInput, reach } from '../../policy/index.ts'
import { catalogueOf, egressOf } from '../prepare/catalogue.ts'
import { webPorts } from '../prepare/cell-spec.ts'
import { grantOf, type Judged } from '../prepare/setup.ts'
import { policiesOf, tenantOf } from '../state/tenants.ts'

/** The worst case of one agent: what policies leave it, and what surrounds its cells. Plain JSON. */
export interface AgentReach extends Reach {
  /** Effects have a second person's agreement, and so has every answer to a hold. */
  readonly hardened: boolean
  /** Agents whose cells it may give parts of all this. */
  readonly delegates: readonly AgentName[]
  readonly cell: CellReach
  readonly upstreams: readonly UpstreamReach[]
  /** Upstreams elsewhere that reach further on a cell's word, which no promise covers (S6). */
  readonly remoteRelays: readonly { readonly upstream: UpstreamName; readonly operations: readonly string[] }[]
}

/**
 * The surroundings of an agent's cells. Their network leads to their gateway and nowhere else: by its listener, and for
 * those that are granted an origin of the web by every address.
 */
export interface CellReach {
  readonly network: 'listener' | 'every-address'
  readonly root: string
  /** Seen through a private overlay: nothing of it changes on the host until a person commits it. */
  readonly workspace?: string
  readonly labels: readonly Label[]
  readonly files: readonly { readonly at: string; readonly from: string }[]
  /** Names only. */
  readonly env: readonly string[]
  readonly wallMs: number
  /** The longest that any of its grants lasts in one run. */
  readonly grantsMs: number
}

export interface UpstreamReach {
  readonly name: UpstreamName
  readonly environment: EnvironmentName
  /** The upstream's address, or the program that runs in an upstream cell. */
  readonly where: string
  /** Origins that it reaches from its upstream cell, on the agent's word: of a relay the egress of its environment. */
  readonly egress: readonly string[]
  readonly remote: boolean
  /** Injected on the cell's behalf, behind the gate: names. */
  readonly secrets: readonly string[]
}

/** Undefined for an agent that is not declared. */
export function agentReach(judged: Judged, name: AgentName): AgentReach | undefined {
  const agent = judged.config.agents.get(name)
  if (agent === undefined) return undefined
  const found = reach(reachInput(judged, agent))
  const used = new Set(found.operations.map(({ upstream }) => upstream))
  const upstreams = [...judged.config.upstreams.values()]
    .filter((upstream) => used.has(upstream.name))
    .toSorted((a, b) => (a.name < b.name ? -1 : 1))
  return {
    ...found,
    hardened: judged.config.environments.get(agent.environment)?.hardened ?? false,
    delegates: agent.delegates,
    cell: cellReach(judged.config, agent),
    upstreams: upstreams.map((upstream) => upstreamReach(upstream, originsOf(judged.config, upstream, found))),
    remoteRelays: upstreams.flatMap((upstream) => {
      const operations = found.operations.filter((each) => each.upstream === upstream.name && isRelaying(each))
      if (!isRemote(upstream) || operations.length === 0) return []
      return [{ upstream: upstream.name, operations: operations.map(({ id }) => id) }]
    }),
  }
}

export function reachInput({ config, accepted, policies }: Judged, agent: Agent): ReachInput {
  return {
    agent: agent.name,
    owner: agent.owner,
    environment: agent.environment,
    grants: agent.grants.map((grant, i) => ({ ...grantOf(agent, grant, i), expiresAtMs: grant.expiresMs })),
    catalogue: catalogueOf(config, accepted),
    policies: policiesOf(config, policies, tenantOf(config, agent.environment)),
    labels: agent.cell.labels,
  }
}

/** Tells whether an operation changes something at a place that its arguments name: it can be made to go there. */
function isRelaying({ effect, arguments: args }: ReachedOperation): boolean {
  return effect !== 'read' && args.some(({ leads }) => leads === 'named')
}

function isRemote({ server }: UpstreamConfig): boolean {
  return urlsOf(server).some(({ hostname }) => !isLoopback(hostname))
}

function cellReach(config: Config, agent: Agent): CellReach {
  const { cell, grants } = agent
  return {
    network: webPorts(config, agent).length > 0 ? 'every-address' : 'listener',
    root: cell.root ?? 'the host’s /usr, read-only',
    ...(cell.workspace !== undefined && { workspace: cell.workspace }),
    labels: cell.labels,
    files: [...cell.files].map(([at, from]) => ({ at, from })),
    env: [...cell.env.keys()],
    wallMs: cell.wallMs,
    grantsMs: Math.max(0, ...grants.map(({ expiresMs }) => expiresMs)),
  }
}

/** Returns the origins that an upstream may be made to reach: those that some connection of the agent leads to. */
function originsOf(config: Config, { name, environment }: UpstreamConfig, { connections }: Reach): readonly string[] {
  const own = connections.filter(({ upstream }) => upstream === name)
  const places = new Set<string>(own.map(({ tool }) => operationIn(tool).tool))
  return egressOf(config, environment).filter((origin) => places.has(placeIn(origin).name))
}

/** Returns where an origin is, and what of it may be asked whatever the grant. */
function originText(server: OriginServer): string {
  const { url, model, packages, tunnel } = server
  if (tunnel === true) return `${url.origin}, by tunnels that nobody reads`
  if (model !== undefined) return `${url.origin}, asked as ${model.provider} for ${model.models.join(', ')}`
  const [, ...files] = urlsOf(server).map(({ origin }) => `files from ${origin}`)
  const own = packages === undefined ? url.origin : `${url.origin}, a registry of ${packages.registry}`
  return [own, ...files].join(', ')
}

function upstreamReach(upstream: UpstreamConfig, egress: readonly string[]): UpstreamReach {
  const { name, environment, server } = upstream
  return {
    name,
    environment,
    where:
      server.kind === 'origin'
        ? originText(server)
        : server.kind === 'http'
          ? server.url.href
          : `${server.command.join(' ')}, in a cell without network${egress.length === 0 ? '' : ' but a way to its egress'}`,
    egress: egress.toSorted(),
    remote: isRemote(upstream),
    secrets: secretsOf(server).toSorted(),
  }
}
