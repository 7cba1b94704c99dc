import type { Effect, Operation } from '../model/action.ts'
import type { AgentName, EnvironmentName, ToolName, UpstreamName } from '../model/ids.ts'

/**
 * The words in which people write policies. Cedar calls them entity types and ids.
 *
 * - V1  The principal is `Agent::"<name>"`; the resource is `Upstream::"<name>"`, which is in `Environment::"<name>"`.
 * - V2  The action is `Action::"<upstream>/<tool>"`, in the group of its effect (`read`, `write`, `spend`,
 *       `irreversible`); all but reads are in the group `effect` too. A group's id holds no `/`, an action's always does.
 * - V3  Two different (upstream, operation, tool) never share an action id.
 */
export type EntityType = 'Agent' | 'Action' | 'Upstream' | 'Environment'

export const ENTITY_TYPES: readonly EntityType[] = ['Agent', 'Action', 'Upstream', 'Environment']

/** The group of every action that changes something. */
export const EFFECT_GROUP = 'effect'

/** Names that Cedar's own JSON reads as an entity or a function: refused as keys wherever a cell or a policy writes one. */
export const SMUGGLING_NAMES: ReadonlySet<string> = new Set(['__entity', '__extn', '__expr'])

/** What stands after `Action::`, without its quotes. */
export function cedarActionId(upstream: UpstreamName, operation: Operation, tool: ToolName): string {
  return `${upstream}/${grantedName(operation, tool)}`
}

/**
 * How a grant, the catalogue and Cedar name an operation of an upstream: a tool by its name, a resource as
 * `resource:<uri>`, a prompt as `prompt:<name>`. A tool whose own name begins like that is written `tool:<name>`: an
 * upstream that names a tool `resource:file:///x` does not get what was granted for that resource.
 */
export function grantedName(operation: Operation, tool: ToolName): string {
  if (operation !== 'tool') return `${operation}:${tool}`
  return /^(?:tool|resource|prompt):/.test(tool) ? `tool:${tool}` : tool
}

/** The groups that an action of this effect is in. */
export function actionGroups(effect: Effect): readonly string[] {
  return effect === 'read' ? ['read'] : [effect, EFFECT_GROUP]
}

export function agentKey(agent: AgentName): string {
  return entityKey('Agent', agent)
}

export function environmentKey(environment: EnvironmentName): string {
  return entityKey('Environment', environment)
}

export function upstreamKey(upstream: UpstreamName): string {
  return entityKey('Upstream', upstream)
}

export function actionKey(actionId: string): string {
  return entityKey('Action', actionId)
}

/** Names an entity uniquely: types hold no quote, and ids stand last. */
export function entityKey(type: string, id: string): string {
  return `${type}::"${id}`
}

/** A Cedar string literal, or the quoted id of an entity. Everything but plain printable ASCII is escaped. */
export function cedarString(text: string): string {
  let quoted = ''
  for (const character of text) {
    const plain = /^[ !#-[\]-~]$/.test(character)
    quoted += plain ? character : `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`
  }
  return `"${quoted}"`
}
