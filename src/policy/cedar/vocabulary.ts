import type { Action, Effect } from '../../model/action.ts'
import type { ToolName, UpstreamName } from '../../model/ids.ts'
import { grantedName, type Operation } from '../../model/operation.ts'

/**
 * The words in which people write policies. Cedar calls them entity types and ids.
 *
 * - V1  The principal is `Agent::"<name>"`; the resource is `Upstream::"<name>"`, which is in `Environment::"<name>"`.
 * - V2  The action is `Action::"<upstream>/<tool>"`, in the group of its effect (`read`, `write`, `spend`,
 *       `irreversible`); all but reads are in the group `effect` too. A group's id holds no `/`, an action's always does.
 * - V3  Two different (upstream, operation, tool) never share an action id.
 */

/** The group of every action that changes something. */
export const EFFECT_GROUP = 'effect'

/** Names that Cedar's own JSON reads as an entity or a function: refused as keys wherever a cell or a policy writes one. */
export const SMUGGLING_NAMES: ReadonlySet<string> = new Set(['__entity', '__extn', '__expr'])

/**
 * Returns the id that stands after `Action::`, without its quotes. Throws for a name that is too long for any
 * catalogue.
 */
export function cedarActionId(upstream: UpstreamName, operation: Operation, tool: ToolName): string {
  return `${upstream}/${grantedName(operation, tool)}`
}

type Operations = Pick<Action, 'upstream' | 'operation' | 'tool' | 'alongside'>

/** Ids by action: each piece of what passes asks for them. */
const IDS = new WeakMap<Operations, readonly string[]>()

/** Returns the ids of all operations of an action, which never changes; that of its own is the first. */
export function operationIds(action: Operations): readonly string[] {
  const known = IDS.get(action)
  if (known !== undefined) return known
  const { upstream, operation, tool, alongside = [] } = action
  const tools = [tool, ...alongside.map((further) => further.tool)]
  const ids = tools.map((each) => cedarActionId(upstream, operation, each))
  IDS.set(action, ids)
  return ids
}

/** The groups that an action of this effect is in. */
export function actionGroups(effect: Effect): readonly string[] {
  return effect === 'read' ? ['read'] : [effect, EFFECT_GROUP]
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
