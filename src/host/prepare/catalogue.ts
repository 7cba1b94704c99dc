import { calledOn, isDocumented } from '../../config/called-on.ts'
import type { Config, UpstreamConfig } from '../../config/config.ts'
import { gitToolsOf } from '../../gateway/protocols/git/contract.ts'
import { requestsOf } from '../../gateway/protocols/http/contract.ts'
import { definitionDigest, outputIn, withInput } from '../../gateway/protocols/mcp/contract/definition.ts'
import { modelToolsOf } from '../../gateway/protocols/model/contract.ts'
import { packageToolsOf } from '../../gateway/protocols/package/contract.ts'
import { connectionsOf } from '../../gateway/protocols/relay/contract.ts'
import { tunnelToolsOf } from '../../gateway/protocols/tunnel/contract.ts'
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
  const { tools, name } = upstream
  switch (calledOn(upstream)) {
    case 'package':
      return packageToolsOf(tools.values())
    case 'git':
      return gitToolsOf(tools.values())
    case 'tunnel':
      return tunnelToolsOf(tools.values())
    case 'model':
      return modelToolsOf(tools.values())
    case 'request':
      return isDocumented(upstream) ? answeredTools(tools, accepted.get(name)) : requestsOf(tools.values())
    case 'tool':
      return acceptedTools(tools, accepted.get(name))
  }
}

/** Returns declared requests with what a person has accepted of each, their answers included. */
function answeredTools(...of: Parameters<typeof acceptedTools>): ReturnType<typeof acceptedTools> {
  return new Map(
    [...acceptedTools(...of)].map(([name, { declared, pinned }]) => {
      const output = pinned && outputIn(pinned.definition)
      return [name, { declared, ...(pinned && { pinned: { ...pinned, ...(output && { output }) } }) }]
    }),
  )
}

/** Returns declared tools with what a person has accepted of each. */
function acceptedTools(
  tools: UpstreamConfig['tools'],
  own: ReadonlyMap<ToolName, CatalogueTool['pinned']> | undefined,
): ReadonlyMap<ToolName, CatalogueTool> {
  return new Map([...tools].map(([name, declared]) => [name, catalogueTool(declared, own?.get(name))]))
}

function catalogueTool(declared: DeclaredTool, accepted: CatalogueTool['pinned'] | undefined): CatalogueTool {
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
