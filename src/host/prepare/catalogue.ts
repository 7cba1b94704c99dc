import type { Config, UpstreamConfig } from '../../config/config.ts'
import { gitToolsOf } from '../../gateway/protocols/git/contract.ts'
import { requestsOf } from '../../gateway/protocols/http/contract.ts'
import { definitionDigest, withInput } from '../../gateway/protocols/mcp/contract/definition.ts'
import { modelToolsOf } from '../../gateway/protocols/model/contract.ts'
import { packageToolsOf } from '../../gateway/protocols/package/contract.ts'
import { connectionsOf } from '../../gateway/protocols/relay/contract.ts'
import type {
  Catalogue,
  CatalogueTool,
  CatalogueUpstream,
  DeclaredTool,
  EnvironmentName,
  JsonObject,
  ToolName,
  UpstreamName,
} from '../../model/index.ts'
import type { AcceptedDefinitions } from './accepted.ts'

/** Everything that grants and policies can name: what the configuration declares, with what a person accepted of it. */
export function catalogueOf(config: Config, accepted: AcceptedDefinitions): Catalogue {
  const upstreams = new Map<UpstreamName, CatalogueUpstream>()
  for (const upstream of config.upstreams.values()) {
    upstreams.set(upstream.name, {
      name: upstream.name,
      environment: upstream.environment,
      tools: new Map([...toolsOf(upstream, accepted), ...connectionsFor(config, upstream)]),
    })
  }
  return { upstreams }
}

/** Returns the connections that an upstream may make on a cell's word: none but those of a relay in an upstream cell. */
export function connectionsFor(
  config: Config,
  { environment, server, relay, tools }: UpstreamConfig,
): ReadonlyMap<ToolName, CatalogueTool> {
  if (!relay || server.kind !== 'stdio') return new Map()
  return connectionsOf(egressOf(config, environment), tools.values())
}

/** Returns the origins that an environment's relays may reach. */
export function egressOf(config: Config, environment: EnvironmentName): readonly string[] {
  return (config.environments.get(environment)?.egress ?? []).map(({ value }) => value.origin)
}

export function toolsOf(upstream: UpstreamConfig, accepted: AcceptedDefinitions): ReadonlyMap<ToolName, CatalogueTool> {
  const { server, tools } = upstream
  if (server.kind === 'origin') {
    if (server.packages !== undefined) return packageToolsOf(tools.values())
    if (server.git !== undefined) return gitToolsOf(tools.values())
    return server.model === undefined ? requestsOf(tools.values()) : modelToolsOf(tools.values())
  }
  const own = accepted.get(upstream.name)
  return new Map([...upstream.tools].map(([name, declared]) => [name, catalogueTool(declared, own?.get(name))]))
}

function catalogueTool(declared: DeclaredTool, accepted: CatalogueTool['pinned']): CatalogueTool {
  if (declared.name.startsWith('resource:')) return { declared, pinned: resourceDefinition(declared) }
  return accepted === undefined ? { declared } : { declared, pinned: accepted }
}

/** A resource has no definition to accept: the template in the configuration is what a person accepted. */
function resourceDefinition({ name }: DeclaredTool): NonNullable<CatalogueTool['pinned']> {
  const input: JsonObject = {
    type: 'object',
    properties: { uri: { type: 'string' } },
    required: ['uri'],
    additionalProperties: false,
  }
  const definition = withInput({ name }, input)
  return { name, definition, input, digest: definitionDigest(definition) }
}
