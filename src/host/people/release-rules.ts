import type { Config } from '../../config/config.ts'
import { type AgentName, samePerson } from '../../model/index.ts'

/**
 * Returns why this person may not move an agent up; undefined where they may. In a hardened environment another person
 * than the owner does (S9).
 */
export function ownerFault({ agents, environments }: Config, name: AgentName, by: string): string | undefined {
  const agent = agents.get(name)
  if (agent === undefined || !environments.get(agent.environment)?.hardened || !samePerson(by, agent.owner))
    return undefined
  return `environment "${agent.environment}" is hardened: another person than the owner releases its agents`
}
