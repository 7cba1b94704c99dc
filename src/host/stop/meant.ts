import type { Agent, Config } from '../../config/config.ts'
import { type AgentName, type CellId, samePerson } from '../../model/index.ts'
import type { Order, Target } from './containment.ts'

/** Returns the agents of a configuration that a target means, whether a cell of theirs runs or not. */
export function agentsMeant({ agents }: Config, target: Target): readonly AgentName[] {
  return [...agents.values()].filter((agent) => isMeant(agent, target)).map(({ name }) => name)
}

function isMeant({ name, owner, environment }: Agent, target: Target): boolean {
  if (target.kind === 'agent') return name === target.name
  if (target.kind === 'owner') return samePerson(owner, target.name)
  if (target.kind === 'environment') return environment === target.name
  return target.kind === 'all'
}

/**
 * Returns the agents of a configuration that an order means: by this configuration, and by that of the person who gave
 * it.
 */
export function agentsOrdered(config: Config, { target, agents: also = [] }: Order): readonly AgentName[] {
  const own = new Set(agentsMeant(config, target))
  // An order may name all agents, and so may a configuration.
  const named = new Set(also)
  for (const name of config.agents.keys()) if (named.has(name)) own.add(name)
  return [...own]
}

/**
 * Tells whether an order means a cell of this agent, also where the configuration declares that elsewhere by now, or no
 * more; undefined: one of its cells, of which it is not known any more which.
 */
export function orderMeans(order: Order, cell: CellId | undefined, agent: Agent, config: Config): boolean {
  const { target } = order
  const now = config.agents.get(agent.name)
  return target.kind === 'cell'
    ? cell === undefined || cell === target.name
    : isMeant(agent, target) ||
        (now !== undefined && (isMeant(now, target) || order.agents?.includes(now.name) === true))
}
