import type { AgentName, GrantId, ToolName, UpstreamName } from '../../model/ids.ts'
import { isJsonObject, type Json, type JsonObject } from '../../model/json.ts'
import { grantedName, isConnection, type Operation, operationIn } from '../../model/operation.ts'
import { argumentMapper } from '../decide/arguments.ts'
import type { BundledAction, BundledPolicy, PolicyBundle } from './bundle.ts'
import { compileConditions, entityLiteral, type Known } from './expression.ts'
import { guardOf } from './guard.ts'
import { type EntityData, type EntityStore, isIn } from './request.ts'
import { type CompiledPolicy, type Scope, type Slice, slicer } from './slices.ts'
import { type CedarRecord, Entity } from './value.ts'
import { actionGroups } from './vocabulary.ts'
import { WrittenTexts } from './written-texts.ts'

/** A bundle as closures, and everything of the catalogue that a decision needs. */
export interface CompiledPolicies {
  readonly action: (upstream: UpstreamName, operation: Operation, tool: ToolName) => CompiledAction | undefined
  /** Returns the entity of an agent. Made once: there are as many as agents in the configuration. */
  readonly principal: (agent: AgentName) => Entity
  readonly slice: (principal: Entity, action: Entity, resource: Entity, entities: EntityStore) => Slice
  /** A grant's condition as it was written; empty without one. */
  readonly grantText: (id: GrantId) => string
  /** The same in Cedar's JSON policy format. */
  readonly grantCondition: (id: GrantId) => Json | undefined
  /** Returns how policies write the value of an argument that they have in other letters; see `WrittenTexts`. */
  readonly writtenAs: (argument: string, text: string) => string | undefined
  /** Actions, upstreams and environments. An agent comes with the request. */
  readonly entities: ReadonlyMap<string, EntityData>
}

export interface CompiledAction extends BundledAction {
  readonly entity: Entity
  readonly resource: Entity
  /** True for a connection of a relay, which no grant names: whoever is granted a tool of its upstream has it. */
  readonly isConnection: boolean
  readonly map: (args: JsonObject) => CedarRecord
}

/** Longest name of a tool, resource or prompt, its `resource:` prefix counted. */
const TOOL_CHARACTERS_MAX = 240

/** The bundle came from `parsePolicies`: a bundle that cannot be compiled is a bug, and a crash. */
export function compilePolicies(bundle: PolicyBundle): CompiledPolicies {
  const actions = actionsByName(bundle)
  const known: Known = new Map()
  const principals = new Map<AgentName, Entity>()
  const written = new Map<string, WrittenTexts>()
  // The first permit of a grant is its own; one for what it implies follows, which has no condition.
  const own = new Map(bundle.policies.toReversed().map((policy) => [policy.grant, policy]))
  return {
    action: (upstream, operation, tool) => {
      if (tool.length > TOOL_CHARACTERS_MAX) return undefined
      return actions
        .get(upstream)
        ?.get(operation === 'tool' && !tool.includes(':') ? tool : grantedName(operation, tool))
    },
    principal: (agent) => {
      const known = principals.get(agent) ?? new Entity('Agent', agent)
      principals.set(agent, known)
      return known
    },
    grantText: (id) => own.get(id)?.text ?? '',
    grantCondition: (id) => conditionOf(own.get(id)),
    writtenAs: (argument, text) => {
      const texts = written.get(argument) ?? new WrittenTexts(bundle.policies, argument)
      written.set(argument, texts)
      return texts.otherThan(text)
    },
    slice: slicer(bundle.policies.map((policy, position) => compilePolicy(policy, position, known))),
    entities: entitiesOf(bundle),
  }
}

function conditionOf(policy: BundledPolicy | undefined): Json | undefined {
  const conditions = isJsonObject(policy?.json) ? policy.json.conditions : undefined
  const [only, ...more] = Array.isArray(conditions) ? conditions : []
  return isJsonObject(only) && only.kind === 'when' && more.length === 0 ? only.body : undefined
}

/** Returns the actions that a policy could be about, judging by its scope alone. */
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

function actionsByName({ actions }: PolicyBundle): ReadonlyMap<UpstreamName, ReadonlyMap<ToolName, CompiledAction>> {
  const compiled = Object.entries(actions).map(([id, action]) => compileAction(id, action))
  const byUpstream = Map.groupBy(compiled, ({ upstream }) => upstream)
  return new Map([...byUpstream].map(([upstream, own]) => [upstream, new Map(own.map((each) => [each.tool, each]))]))
}

function compileAction(id: string, action: BundledAction): CompiledAction {
  return {
    ...action,
    entity: new Entity('Action', id),
    resource: new Entity('Upstream', action.upstream),
    isConnection: isConnection(operationIn(action.tool).operation),
    map: argumentMapper(action.args),
  }
}

export function compilePolicy(policy: BundledPolicy, position: number, known: Known = new Map()): CompiledPolicy {
  const { json, ...rest } = policy
  if (!isJsonObject(json) || json.effect !== policy.effect || !Array.isArray(json.conditions)) {
    throw new TypeError(`not a policy of Cedar: ${policy.id}`)
  }
  const guard = guardOf(json.conditions, known)
  return {
    ...rest,
    position,
    scope: compileScope(json),
    condition: compileConditions(json.conditions, known),
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
