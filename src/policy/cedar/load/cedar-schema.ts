import { EFFECTS } from '../../../model/action.ts'
import type { EnvironmentName, UpstreamName } from '../../../model/ids.ts'
import type { Catalogue } from '../../../model/tool.ts'
import { type ArgumentType, argumentsOf, NO_ARGUMENTS } from '../../decide/argument-type.ts'
import type { BundledAction } from '../bundle.ts'
import { actionGroups, EFFECT_GROUP } from '../vocabulary.ts'

/** Returns every action of the catalogue, by its id. */
export function bundledActions(catalogue: Catalogue): Record<string, BundledAction> {
  const actions: Record<string, BundledAction> = {}
  for (const upstream of catalogue.upstreams.values()) {
    for (const [name, { declared, pinned }] of upstream.tools) {
      actions[`${upstream.name}/${name}`] = {
        upstream: upstream.name,
        tool: name,
        effect: declared.effect,
        ...(pinned && { definition: pinned.digest }),
        args: pinned ? argumentsOf(pinned) : NO_ARGUMENTS,
      }
    }
  }
  return actions
}

/** Cedar's JSON schema format, as much of it as we write. */
type CedarType =
  | { readonly type: 'String' | 'Long' | 'Boolean' }
  | { readonly type: 'Extension'; readonly name: 'decimal' }
  | { readonly type: 'Set'; readonly element: CedarType }
  | CedarRecord
type CedarRecord = {
  readonly type: 'Record'
  readonly attributes: Readonly<Record<string, CedarType & { readonly required?: boolean }>>
}

/**
 * The schema that policies are validated against. An action without an accepted definition is declared and applies to
 * nothing, so that a policy may name it and no policy can depend on its arguments.
 */
export function cedarSchema(actions: Readonly<Record<string, BundledAction>>): object {
  const groups = [...EFFECTS, EFFECT_GROUP].map((group) => [group, {}])
  return {
    '': {
      entityTypes: {
        Agent: { shape: { type: 'Record', attributes: { owner: STRING } } },
        Environment: {},
        Upstream: { memberOfTypes: ['Environment'] },
      },
      actions: Object.fromEntries([
        ...groups,
        ...Object.entries(actions).map(([id, action]) => [id, cedarAction(action)]),
      ]),
    },
  }
}

const STRING: CedarType = { type: 'String' }
const LONG: CedarType = { type: 'Long' }

function cedarAction(action: BundledAction): object {
  const memberOf = actionGroups(action.effect).map((id) => ({ id }))
  if (action.definition === undefined) return { memberOf }
  const context = contextType(cedarRecord(action.args.fields))
  return { memberOf, appliesTo: { principalTypes: ['Agent'], resourceTypes: ['Upstream'], context } }
}

/** Returns the type of the context, which must name exactly the members that `context.ts` puts in. */
function contextType(args: CedarRecord): CedarRecord {
  return {
    type: 'Record',
    attributes: {
      args,
      effect: STRING,
      environment: STRING,
      owner: STRING,
      rung: STRING,
      labels: { type: 'Set', element: STRING },
      delegationDepth: LONG,
      time: { type: 'Record', attributes: { ms: LONG, hour: LONG, minute: LONG, weekday: LONG } },
    },
  }
}

function cedarRecord(fields: (ArgumentType & { readonly kind: 'record' })['fields']): CedarRecord {
  const attributes = Object.entries(fields).flatMap(([name, { type, required }]) => {
    return type.kind === 'opaque' ? [] : [[name, { ...cedarType(type), required }] as const]
  })
  return { type: 'Record', attributes: Object.fromEntries(attributes) }
}

function cedarType(type: Exclude<ArgumentType, { kind: 'opaque' }>): CedarType {
  switch (type.kind) {
    case 'string':
      return STRING
    case 'long':
      return LONG
    case 'boolean':
      return { type: 'Boolean' }
    case 'decimal':
      return { type: 'Extension', name: 'decimal' }
    case 'set':
      // An opaque element makes the whole array opaque (`argument-type.ts`), so the record is never reached.
      return { type: 'Set', element: type.element.kind === 'opaque' ? cedarRecord({}) : cedarType(type.element) }
    case 'record':
      return cedarRecord(type.fields)
  }
}

export function upstreamEnvironments(catalogue: Catalogue): Record<UpstreamName, EnvironmentName> {
  return Object.fromEntries([...catalogue.upstreams.values()].map(({ name, environment }) => [name, environment]))
}
