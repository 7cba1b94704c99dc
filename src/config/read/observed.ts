import { type AgentName, operationIn } from '../../model/index.ts'
import { calledOn } from '../called-on.ts'
import type { Agent, Config, GrantConfig, UpstreamConfig } from '../config.ts'

/** Milliseconds that a grant of an observed run lasts. */
const OBSERVED_MS = 28_800_000

/**
 * Returns a configuration in which one agent may use, beside what it is granted, whatever its environment has declared and
 * only reads.
 *
 * - OB1  Nothing is granted in an environment that does not say so, or of an upstream of another one.
 * - OB2  Nothing is granted that has an effect, or by which more is reached than was declared: a relay, a tunnel, a provider's ways out.
 */
export function withObserved(config: Config, name: AgentName | undefined): Config {
  const agent = name === undefined ? undefined : config.agents.get(name)
  if (agent === undefined || config.environments.get(agent.environment)?.observe !== true) return config
  const grants = [...config.upstreams.values()].flatMap((upstream) => observedGrant(agent, upstream))
  const observed: Agent = { ...agent, grants: [...agent.grants, ...grants], observed: true }
  return { ...config, agents: new Map(config.agents).set(agent.name, observed) }
}

function observedGrant(agent: Agent, upstream: UpstreamConfig): readonly GrantConfig[] {
  if (upstream.environment !== agent.environment || upstream.relay || calledOn(upstream) === 'tunnel') return []
  const own = new Set(agent.grants.flatMap((grant) => (grant.upstream === upstream.name ? [...grant.tools] : [])))
  const tools = [...upstream.tools.values()].flatMap(({ name, effect }) =>
    effect === 'read' && !own.has(name) && !isWayOut(upstream, name) ? [name] : [],
  )
  if (tools.length === 0) return []
  const { name, source } = upstream
  return [{ upstream: name, tools: new Set(tools), budgets: [], expiresMs: OBSERVED_MS, observed: true, source }]
}

/** Tells whether an operation of a provider of models is more than a question about models. */
function isWayOut(upstream: UpstreamConfig, tool: string): boolean {
  return calledOn(upstream) === 'model' && !['count', 'models'].includes(operationIn(tool).tool)
}
