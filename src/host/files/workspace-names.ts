/**
 * The names of workspaces' changes in a state. Names of agents and upstreams have no "+" in them, and a cell's id
 * is nobody's choice: no two of these can meet, whatever a configuration calls its things.
 */
import type { Agent, UpstreamConfig } from '../../config/config.ts'
import { type AgentName, agentName, type CellId } from '../../model/index.ts'

/** Returns the name of a delegated cell's workspace, which nobody had before; others are called after their agent. */
export function delegatedWorkspace(agent: AgentName, cell: CellId): string {
  return `${agent}--${cell.slice(2)}`
}

/** Returns the agent that was delegated to where changes of that name are its cell's, or a server's of that; else undefined. */
export function delegatedAgent(workspace: string): AgentName | undefined {
  const [served = ''] = workspace.split('+')
  const name = /^([a-z][a-z0-9-]{0,47})--[0-9a-z]{16}$/.exec(served)?.[1]
  return name === undefined ? undefined : agentName(name)
}

/** Returns the name of a stdio server's workspace: beside those of the workspace whose cell it serves, or its environment's, where it is shared. */
export function serverWorkspace({ name, server }: Pick<UpstreamConfig, 'name' | 'server'>, served: string): string {
  return `${server.kind === 'stdio' && server.shared ? '' : served}+${name}`
}

/** Returns the name of the workspace of a server that is only asked what it offers. */
export function inspectedWorkspace({ name }: Pick<UpstreamConfig, 'name'>): string {
  return `++${name}`
}

/** Returns the agent whose files they are: an agent's own, its server's (`desk+payments`), or those of one that was delegated to (`desk--…`). */
export function agentOf(workspace: string, agents: readonly Pick<Agent, 'name'>[]): AgentName | undefined {
  const [served = ''] = workspace.split('+')
  const names = agents.map(({ name }) => name).filter((name) => served === name || served.startsWith(`${name}--`))
  return names.toSorted((a, b) => b.length - a.length)[0]
}
