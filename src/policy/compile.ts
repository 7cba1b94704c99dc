import type { Operation } from '../model/action.ts'
import type { GrantId, ToolName, UpstreamName } from '../model/ids.ts'
import { isJsonObject, type Json, type JsonObject } from '../model/json.ts'
import { argumentMapper } from './arguments.ts'
import type { BundledAction, BundledPolicy, PolicyBundle } from './bundle.ts'
import { compileConditions, entityLiteral } from './expression.ts'
import { guardOf } from './guard.ts'
import { type EntityData, type EntityStore, isIn } from './request.ts'
import { type CompiledPolicy, type Scope, type Slice, slicer } from './slices.ts'
import { type CedarRecord, Entity } from './value.ts'
import { actionGroups, cedarActionId } from './vocabulary.ts'

/** A bundle as closures, and everything of the catalogue that a decision needs. */
export interface CompiledPolicies {
  readonly action: (upstream: UpstreamName, operation: Operation, tool: ToolName) => CompiledAction | undefined
  readonly slice: (principal: Entity, action: Entity, resource: Entity, entities: EntityStore) => Slice
  /** A grant's condition as it was written; empty without one. */
  readonly grantText: (id: GrantId) => string
  /** Actions, upstreams and environments. An agent comes with the request. */
  readonly entities: ReadonlyMap<string, EntityData>
}

export interface CompiledAction extends BundledAction {
  readonly entity: Entity
  readonly resource: Entity
  readonly map: (args: JsonObject) => CedarRecord
}

/** Of a name as a cell says it: `resource:` in front of it is still a name. */
const TOOL_CHARACTERS_MAX = 240

/** The bundle came from `parsePolicies`: a bundle that cannot be compiled is a bug, and a crash. */
export function compilePolicies(bundle: PolicyBundle): CompiledPolicies {
  const actions = new Map(Object.entries(bundle.actions).map(([id, action]) => [id, compileAction(id, action)]))
  const texts = new Map(
    bundle.policies.flatMap(({ grant, text }) => (grant === undefined ? [] : [[grant, text] as const])),
  )
  return {
    action: (upstream, operation, tool) => {
      return tool.length > TOOL_CHARACTERS_MAX ? undefined : actions.get(cedarActionId(upstream, operation, tool))
    },
    grantText: (id) => texts.get(id) ?? '',
    slice: slicer(bundle.policies.map(compilePolicy)),
    entities: entitiesOf(bundle),
  }
}

/** Which actions a policy could be about, going by its scope alone. */
export function actionsInScope(
  { json }: BundledPolicy,
  actions: Readonly<Record<string, BundledAction>>,
): readonly BundledAction[] {
  const matches = constraint(isJsonObject(json) ? json.action : undefined)
  const entities = entitiesOf({ actions, upstreams: {} })
  return Object.entries(actions)
    .filter(([id]) => matches(new Entity('Action', id), entities))
    .map(([, action]) => action)
}

function compileAction(id: string, action: BundledAction): CompiledAction {
  return {
    ...action,
    entity: new Entity('Action', id),
    resource: new Entity('Upstream', action.upstream),
    map: argumentMapper(action.args),
  }
}

export function compilePolicy(policy: BundledPolicy, position: number): CompiledPolicy {
  const { json, ...rest } = policy
  if (!isJsonObject(json) || json.effect !== policy.effect || !Array.isArray(json.conditions)) {
    throw new TypeError(`not a policy of Cedar: ${policy.id}`)
  }
  const guard = guardOf(json.conditions)
  return {
    ...rest,
    position,
    scope: compileScope(json),
    condition: compileConditions(json.conditions),
    ...(guard && { guard }),
  }
}

function compileScope(json: JsonObject): Scope {
  const principal = constraint(json.principal)
  const action = constraint(json.action)
  const resource = constraint(json.resource)
  return (p, a, r, entities) => principal(p, entities) && action(a, entities) && resource(r, entities)
}

function constraint(json: Json | undefined): (entity: Entity, entities: EntityStore) => boolean {
  if (!isJsonObject(json)) throw new TypeError('a scope without a constraint')
  switch (json.op) {
    case 'All':
      return () => true
    case '==': {
      const { key } = entityLiteral(json.entity)
      return (entity) => entity.key === key
    }
    case 'in': {
      const literals = Array.isArray(json.entities) ? json.entities : [json.entity]
      const keys = literals.map((literal) => entityLiteral(literal).key)
      return (entity, entities) => keys.some((key) => isIn(entities, entity, key))
    }
    case 'is': {
      const within = isJsonObject(json.in) ? entityLiteral(json.in.entity).key : undefined
      return (entity, entities) =>
        entity.type === json.entity_type && (within === undefined || isIn(entities, entity, within))
    }
    default:
      throw new TypeError(`a scope with an unknown constraint: ${JSON.stringify(json)}`)
  }
}

function entitiesOf({
  actions,
  upstreams,
}: Pick<PolicyBundle, 'actions' | 'upstreams'>): ReadonlyMap<string, EntityData> {
  const entities = new Map<string, EntityData>()
  const put = (entity: Entity, parents: readonly Entity[]) => {
    entities.set(entity.key, { attributes: new Map(), ancestors: new Set(parents.map(({ key }) => key)) })
  }
  for (const [name, environment] of Object.entries(upstreams)) {
    const parent = new Entity('Environment', environment)
    put(parent, [])
    put(new Entity('Upstream', name), [parent])
  }
  for (const [id, { effect }] of Object.entries(actions)) {
    const groups = actionGroups(effect).map((group) => new Entity('Action', group))
    put(new Entity('Action', id), groups)
    for (const group of groups) put(group, [])
  }
  return entities
}
