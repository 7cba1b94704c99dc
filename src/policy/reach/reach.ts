import type { Effect } from '../../model/action.ts'
import { EFFECTS } from '../../model/action.ts'
import type { Grant } from '../../model/grant.ts'
import type { AgentName, EnvironmentName, GrantId, PersonName, ToolName, UpstreamName } from '../../model/ids.ts'
import { type Label, UNTRUSTED } from '../../model/label.ts'
import { isConnection, operationIn } from '../../model/operation.ts'
import type { Source } from '../../model/source.ts'
import { pathText } from '../../model/text/path.ts'
import type { Catalogue, CatalogueTool } from '../../model/tool.ts'
import type { PolicyBundle } from '../cedar/bundle.ts'
import { compilePolicies } from '../cedar/compile.ts'
import { compileFlow, type Flow, issuedBy } from '../flow/flow.ts'
import { type ArgumentReach, argumentsReach } from './reach-arguments.ts'
import { type LimitsPerDay, limitsPerDay, type SpendPerDay, spendPerDay } from './reach-budget.ts'
import { fieldUnits, type LabelCarrier, meetings } from './reach-labels.ts'
import { couldBe } from './reach-possible.ts'

/** One agent's authority as the configuration gives it, and everything that it is authority over. */
export interface ReachInput {
  readonly agent: AgentName
  readonly owner: PersonName
  readonly environment: EnvironmentName
  /** The agent's own; `expiresAtMs` counts from the start of its cell. */
  readonly grants: readonly Grant[]
  readonly catalogue: Catalogue
  readonly policies: PolicyBundle
  /** Labels that the workspace brings with it. */
  readonly labels: readonly Label[]
}

/**
 * Everything that the cells of one agent could do under their present authority, whatever their arguments, their task and
 * the time: the worst case, computed.
 *
 * - RE1  What `decide` allows for any action of a cell at `normal` or `watched`, without a person, is in it. The other way
 *        it may be too wide: of conditions on arguments, labels and time it is not asked whether anything meets them.
 * - RE2  What is granted and can never be used (no accepted definition, a forbid that always holds, another environment)
 *        is not in it; `idle` says so.
 */
export interface Reach {
  readonly agent: AgentName
  readonly owner: PersonName
  readonly environment: EnvironmentName
  /** Operations by upstream; within one, the worst effect first. */
  readonly operations: readonly ReachedOperation[]
  /** Connections that its relays may make on its word. They bring no labels by themselves. */
  readonly connections: readonly ReachedConnection[]
  readonly idle: readonly { readonly id: string; readonly why: string }[]
  readonly spend: readonly SpendPerDay[]
  readonly perDay: LimitsPerDay
  readonly labels: readonly LabelReach[]
  /** Data that can pass from one upstream to another without a person. */
  readonly crossings: readonly Crossing[]
  /** Trusted fields that a destination may come from, beside the task and the configuration's lists. */
  readonly trusted: readonly { readonly id: string; readonly paths: readonly string[] }[]
}

/** One thing that the agent could do. */
export interface ReachedOperation {
  /** `upstream/tool`, as policies name it. */
  readonly id: string
  readonly upstream: UpstreamName
  readonly tool: ToolName
  readonly effect: Effect
  readonly permits: readonly Permit[]
  /** Policies that could still forbid it, for some arguments, labels or times. */
  readonly forbids: readonly { readonly policy: string; readonly source: Source; readonly text: string }[]
  readonly spend: readonly SpendPerDay[]
  readonly perDay: LimitsPerDay
  readonly arguments: readonly ArgumentReach[]
  readonly accepts: readonly Label[]
  readonly returns: readonly Label[]
  /** Fields that no cell sees. */
  readonly masked: readonly string[]
  /** The largest sets of labels that a cell may carry and still do it without a person; none: a person is always asked. */
  readonly carries: readonly (readonly Label[])[]
}

/** A connection that the agent's relay could make on its word. */
export type ReachedConnection = Pick<ReachedOperation, 'id' | 'upstream' | 'tool' | 'permits' | 'forbids' | 'perDay'>

export interface Permit {
  readonly grant: GrantId
  readonly source: Source
  /** The condition as it was written. */
  readonly when?: string
}

/** A label that a cell may come to carry, and the operations that bring it. */
export interface LabelReach {
  readonly label: Label
  /** `workspace`, or operations. */
  readonly from: readonly string[]
}

export interface Crossing {
  readonly label: Label
  readonly from: readonly string[]
  readonly to: string
}

export const WORKSPACE = 'workspace'

/** The same as a `Reach`, with all that is known of its connections: two of them are compared by it. */
export interface ComparedReach extends Omit<Reach, 'connections'> {
  readonly connections: readonly ReachedOperation[]
}

export function reach(input: ReachInput): Reach {
  const all = comparedReach(input)
  const connections = all.connections.map(({ id, upstream, tool, permits, forbids, perDay }) => {
    return { id, upstream, tool, permits, forbids, perDay }
  })
  return { ...all, connections }
}

export function comparedReach(input: ReachInput): ComparedReach {
  const { agent, owner, environment, grants, catalogue } = input
  const policies = compilePolicies(input.policies)
  const all: Found[] = []
  const idle: { id: string; why: string }[] = []
  for (const upstream of catalogue.upstreams.values()) {
    const flowOf = flowsIn(upstream.tools)
    for (const [name, tool] of upstream.tools) {
      const granting = grants.filter((grant) => grant.upstream === upstream.name && gives(grant, name))
      if (granting.length === 0) continue
      const id = `${upstream.name}/${name}`
      const able = couldBe({ agent, owner, environment }, upstream, tool, policies)
      const permitting = granting.filter((grant) => able.ok && able.value.permits.has(grant.id))
      // A grant whose tools nobody has accepted yet implies nothing.
      if (able.ok && permitting.length === 0 && isRelayed(tool)) continue
      if (!able.ok || permitting.length === 0)
        idle.push({ id, why: able.ok ? 'no condition of its grants can hold' : able.reason })
      else all.push({ id, upstream: upstream.name, tool, permitting, forbids: able.value.forbids, flow: flowOf(tool) })
    }
  }
  const connections = all.filter(({ tool }) => isRelayed(tool))
  const found = all.filter(({ tool }) => !isRelayed(tool))
  const carriers = found.map(carrierOf)
  const { carried, known } = meetings(input.labels, carriers)
  const operations = found
    .map((each, i) => operationOf(each, policies.grantText, carried[i] ?? []))
    .toSorted(worstFirst)
  const usable = carriers.filter((_, i) => (carried[i] ?? []).length > 0)
  const permitting = [...new Set(found.flatMap((each) => each.permitting))]
  const spending = found.filter(({ tool }) => tool.declared.effect === 'spend')
  return {
    agent,
    owner,
    environment,
    operations,
    // The condition of a grant is not asked of a connection.
    connections: connections.map((each) => operationOf(each, () => '', [[]])),
    idle,
    spend: spendPerDay(spending.flatMap(({ tool, permitting: of }) => of.map((grant) => [tool.declared, grant]))),
    perDay: limitsPerDay(permitting),
    labels: known.map((label) => ({ label, from: sourcesOf(label, input.labels, usable) })),
    crossings: crossingsOf(operations, usable),
    trusted: found.flatMap(({ id, tool }) => {
      const paths = fieldUnits(tool.declared).flatMap(({ path, labels }) => (labels.includes(UNTRUSTED) ? [] : [path]))
      return paths.length === 0 ? [] : [{ id, paths }]
    }),
  }
}

interface Found {
  readonly id: string
  readonly upstream: UpstreamName
  readonly tool: CatalogueTool
  readonly permitting: readonly Grant[]
  readonly forbids: ReachedOperation['forbids']
  readonly flow: Flow
}

function isRelayed({ declared }: CatalogueTool): boolean {
  return isConnection(operationIn(declared.name).operation)
}

/** Tells whether a grant gives an operation: by its name; a connection, by any tool of its relay. */
function gives({ tools }: Grant, name: ToolName): boolean {
  return tools.has(name) || (tools.size > 0 && isConnection(operationIn(name).operation))
}

function flowsIn(tools: ReadonlyMap<ToolName, CatalogueTool>): (tool: CatalogueTool) => Flow {
  const issues = issuedBy(tools.values())
  return (tool) => compileFlow(tool, issues)
}

function carrierOf({ id, tool, flow }: Found): LabelCarrier {
  return {
    id,
    effect: flow.effect,
    accepts: flow.accepts,
    units: fieldUnits(tool.declared).map(({ labels }) => labels),
  }
}

function operationOf(
  found: Found,
  textOf: (id: GrantId) => string,
  carries: ReachedOperation['carries'],
): ReachedOperation {
  const { id, upstream, tool, permitting, forbids, flow } = found
  const { declared } = tool
  return {
    id,
    upstream,
    tool: declared.name,
    effect: declared.effect,
    permits: permitting.map(({ id: grant, source }) => {
      const when = textOf(grant)
      return { grant, source, ...(when !== '' && { when }) }
    }),
    forbids,
    spend: declared.effect === 'spend' ? spendPerDay(permitting.map((grant) => [declared, grant])) : [],
    perDay: limitsPerDay(permitting),
    arguments: argumentsReach(tool, flow),
    accepts: [...flow.accepts].sort(),
    returns: [...new Set(fieldUnits(declared).flatMap(({ labels }) => labels))].sort(),
    masked: (declared.mask ?? []).map(pathText),
    carries,
  }
}

function worstFirst(a: ReachedOperation, b: ReachedOperation): number {
  if (a.upstream !== b.upstream) return a.upstream < b.upstream ? -1 : 1
  const effects = EFFECTS.indexOf(b.effect) - EFFECTS.indexOf(a.effect)
  return effects !== 0 ? effects : a.id < b.id ? -1 : 1
}

function sourcesOf(label: Label, initial: readonly Label[], carriers: readonly LabelCarrier[]): readonly string[] {
  const returning = carriers.filter(({ units }) => units.some((unit) => unit.includes(label))).map(({ id }) => id)
  return [...(initial.includes(label) ? [WORKSPACE] : []), ...returning.sort()]
}

/**
 * Returns the crossings of labels. Only an operation with arguments carries anything out, and `untrusted` does no harm
 * to a read.
 */
function crossingsOf(operations: readonly ReachedOperation[], carriers: readonly LabelCarrier[]): readonly Crossing[] {
  return operations.flatMap(({ id, upstream, effect, carries, arguments: args }) =>
    args.length === 0
      ? []
      : [...new Set(carries.flat())].sort().flatMap((label) => {
          if (label === UNTRUSTED && effect === 'read') return []
          const from = carriers.filter((each) => each.units.some((unit) => unit.includes(label)))
          const elsewhere = from.map((each) => each.id).filter((each) => !each.startsWith(`${upstream}/`))
          return elsewhere.length === 0 ? [] : [{ label, from: elsewhere.sort(), to: id }]
        }),
  )
}
