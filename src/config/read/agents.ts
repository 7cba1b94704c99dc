import {
  type AgentName,
  agentName,
  type EnvironmentName,
  environmentName,
  personName,
  type UpstreamName,
} from '../../model/index.ts'
import type { Agent, UpstreamConfig } from '../config.ts'
import { labelsAtStart } from '../labels.ts'
import type { ShapedAgent } from '../schema.ts'
import { readCell } from './cells.ts'
import { checkApprover, readGrant } from './grants.ts'
import { type Judge, namesOf, report } from './judge.ts'

export function readAgents(
  judge: Judge,
  upstreams: ReadonlyMap<UpstreamName, UpstreamConfig>,
): ReadonlyMap<AgentName, Agent> {
  const agents = new Map<AgentName, Agent>()
  for (const [key, { value, source }] of judge.shaped.agents) {
    if (key === 'undo') report(judge, source, 'the name "undo" is kept for what compensates', 'another name')
    if (!judge.shaped.environments.has(value.environment.value)) {
      const { value: name, source: place } = value.environment
      report(
        judge,
        place,
        `environment "${name}" of agent "${key}" is not declared`,
        namesOf(judge.shaped.environments),
      )
    }
    const environment = environmentName(value.environment.value)
    const cell = readCell(judge, value.cell, source)
    agents.set(agentName(key), {
      name: agentName(key),
      owner: personName(value.owner),
      environment,
      command: value.command ?? [],
      cell: { ...cell, labels: labelsAtStart(cell, value.command ?? []) },
      grants: (value.grants ?? []).map((grant) => {
        checkApprover(judge, grant, { owner: value.owner, environment }, upstreams)
        return readGrant(judge, grant, environment, upstreams)
      }),
      delegates: readDelegates(judge, value, environment),
      source,
    })
  }
  return agents
}

function readDelegates(judge: Judge, agent: ShapedAgent, environment: EnvironmentName): readonly AgentName[] {
  return (agent.delegates ?? []).map(({ value: name, source }) => {
    const other = judge.shaped.agents.get(name)?.value
    if (other === undefined) report(judge, source, `agent "${name}" is not declared`, namesOf(judge.shaped.agents))
    else if (other.environment.value !== environment) {
      report(judge, source, `agent "${name}" belongs to environment "${other.environment.value}"`, 'one of the same')
    } else if (other.command === undefined) {
      report(judge, source, `agent "${name}" has no command to be started with`, 'command: a program and its arguments')
    }
    return agentName(name)
  })
}
