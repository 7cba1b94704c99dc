import type { Agent, Config, GrantConfig } from '../../config/config.ts'
import {
  type AgentName,
  type EnvironmentName,
  type PersonName,
  samePerson,
  type UpstreamName,
} from '../../model/index.ts'
import { UNDO } from '../prepare/setup.ts'

/** An actor under grants: an agent, or the undo of one environment. */
export interface Actor {
  /** Unique in a configuration. */
  readonly key: string
  readonly name: AgentName
  readonly environment: EnvironmentName
  readonly owner: PersonName
  readonly grants: readonly GrantConfig[]
  /** Absent for undo. */
  readonly agent?: Agent
  /** Agents that may give it parts of what they may do, by one step or several. */
  readonly givers: readonly Agent[]
}

/** Returns all who act under grants of a configuration, by their keys. */
export function actorsIn(config: Config): ReadonlyMap<string, Actor> {
  const agents = [...config.agents.values()].map((agent): Actor => {
    const { name, environment, owner, grants } = agent
    return { key: name, name, environment, owner, grants, agent, givers: giversOf(config, name) }
  })
  const undos = [...config.environments.values()].flatMap(({ name: environment, undo }): readonly Actor[] =>
    undo === undefined ? [] : [{ key: undoKey(environment), name: UNDO, environment, givers: [], ...undo }],
  )
  return new Map([...agents, ...undos].map((actor) => [actor.key, actor]))
}

/** Returns the key of an environment's undo. No agent has a name with a space in it. */
export function undoKey(environment: EnvironmentName): string {
  return `${UNDO} of ${environment}`
}

function giversOf({ agents }: Config, name: AgentName): readonly Agent[] {
  const found = new Set<Agent>()
  const names = new Set([name])
  for (const each of names) {
    for (const agent of agents.values()) {
      if (!agent.delegates.includes(each)) continue
      found.add(agent)
      names.add(agent.name)
    }
  }
  return [...found].filter((agent) => agent.name !== name)
}

/** Returns the upstreams that an actor may reach by what others give it. */
export function givenUpstreams({ givers }: Actor): ReadonlySet<UpstreamName> {
  return new Set(givers.flatMap(({ grants }) => grants.map(({ upstream }) => upstream)))
}

/** Returns the people who approved an actor's grants, beside its owner. */
export function approversOf({ owner, grants }: Actor): readonly PersonName[] {
  const people = grants.flatMap(({ approver }) =>
    approver === undefined || samePerson(approver, owner) ? [] : [approver],
  )
  return people.filter((person, i) => !people.slice(0, i).some((other) => samePerson(person, other)))
}
