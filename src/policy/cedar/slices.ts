import type { GrantId } from '../../model/ids.ts'
import type { Source } from '../../model/source.ts'
import type { ConditionGuard } from './guard.ts'
import type { Evaluate } from './operators.ts'
import type { EntityStore } from './request.ts'
import type { Entity } from './value.ts'

export interface CompiledPolicy {
  readonly id: string
  readonly effect: 'permit' | 'forbid'
  /** Present exactly for a permit. */
  readonly grant?: GrantId
  readonly source: Source
  readonly text: string
  readonly annotations: Readonly<Record<string, string>>
  /** Position in the bundle; reasons are given in this order. */
  readonly position: number
  readonly scope: Scope
  readonly condition: Evaluate
  /** A cheap test that must pass before the condition can be anything but false. */
  readonly guard?: ConditionGuard
}

/** Tells whether a policy's scope matches. Never faults: a scope only names entities. */
export type Scope = (principal: Entity, action: Entity, resource: Entity, entities: EntityStore) => boolean

/** The policies that are about one principal, action and resource, arranged so that few of them are run. */
export interface Slice {
  readonly unguarded: readonly CompiledPolicy[]
  readonly guarded: readonly GuardedGroup[]
}

/** Policies that begin by comparing the same thing with a literal: it is looked at once, for all of them. */
export interface GuardedGroup {
  readonly subject: Evaluate
  readonly byText: ReadonlyMap<string, readonly CompiledPolicy[]>
  readonly byEntity: ReadonlyMap<string, readonly CompiledPolicy[]>
  /**
   * The policies of the group, run where the subject is neither a text nor an entity, above all a fault: each policy
   * then faults by itself.
   */
  readonly all: readonly CompiledPolicy[]
}

/** Slices kept. A slice is made from the names in the configuration, never from what a cell says: this bounds a large one. */
const SLICES_MAX = 4096

/**
 * Finds a slice, and makes it on first use (about 50 ns a policy). The entities must be the same on every call, or their
 * ancestors at least.
 */
export function slicer(
  policies: readonly CompiledPolicy[],
): (principal: Entity, action: Entity, resource: Entity, entities: EntityStore) => Slice {
  const slices = new Map<string, Map<string, Map<string, Slice>>>()
  let count = 0
  return (principal, action, resource, entities) => {
    const known = slices.get(action.key)?.get(principal.key)?.get(resource.key)
    if (known) return known
    if (++count > SLICES_MAX) {
      slices.clear()
      count = 1
    }
    const made = sliceOf(policies.filter(({ scope }) => scope(principal, action, resource, entities)))
    const byPrincipal = slices.get(action.key) ?? new Map<string, Map<string, Slice>>()
    const byResource = byPrincipal.get(principal.key) ?? new Map<string, Slice>()
    slices.set(action.key, byPrincipal.set(principal.key, byResource.set(resource.key, made)))
    return made
  }
}

export function sliceOf(policies: readonly CompiledPolicy[]): Slice {
  const groups = Map.groupBy(policies, ({ guard }) => guard?.subjectKey)
  return { unguarded: groups.get(undefined) ?? [], guarded: [...groups.values()].flatMap(guardedGroup) }
}

function guardedGroup(policies: readonly CompiledPolicy[]): GuardedGroup[] {
  const subject = policies[0]?.guard?.subject
  if (!subject) return []
  const byText = Map.groupBy(policies, ({ guard }) => guard?.text)
  const byEntity = Map.groupBy(policies, ({ guard }) => guard?.entityKey)
  return [{ subject, byText: withoutUndefined(byText), byEntity: withoutUndefined(byEntity), all: policies }]
}

function withoutUndefined<T>(map: Map<string | undefined, T>): Map<string, T> {
  return new Map([...map].flatMap(([key, value]) => (key === undefined ? [] : [[key, value] as const])))
}
