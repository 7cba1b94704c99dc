import type { AgentReach } from '../../host/reach/reach.ts'
import { type ReachedOperation, WORKSPACE } from '../../policy/index.ts'
import { printable } from '../print/printable.ts'

/** A reach as columns: the agent, its upstreams, what it can do there, and the data and destinations of that. */
export interface ReachGraph {
  readonly columns: readonly (readonly GraphNode[])[]
  readonly edges: readonly GraphEdge[]
}

export interface GraphNode {
  readonly id: string
  /** Text of the configuration, made printable; neither XML nor DOT is escaped in it. */
  readonly title: string
  readonly lines: readonly string[]
  readonly tone: 'plain' | 'read' | 'write' | 'grave' | 'label'
}

/** The colour that fills a node, in every picture. */
export const FILL: Readonly<Record<GraphNode['tone'], string>> = {
  plain: '#ffffff',
  read: '#e8f1e4',
  write: '#fdf0d5',
  grave: '#f9dcd8',
  label: '#e4ebf5',
}

export interface GraphEdge {
  readonly from: string
  readonly to: string
  /** `may`: can do. `brings`: data into the cell. `leads`: to a destination. `crosses`: data out to another upstream. */
  readonly kind: 'may' | 'brings' | 'leads' | 'crosses'
}

/** More destinations than anybody reads in a picture. */
const VALUES_MAX = 12

export function reachGraph(reach: AgentReach): ReachGraph {
  const edges: GraphEdge[] = []
  const agent = node('agent', reach.agent, 'plain', [
    `environment ${reach.environment}`,
    ...reach.spend.map(({ currency, perDay }) =>
      perDay === undefined ? `UNLIMITED ${currency}` : `${perDay} ${currency} in 24 h`,
    ),
  ])
  const upstreams = reach.upstreams.map(({ name, where, remote, secrets, egress }) => {
    edges.push({ from: agent.id, to: `upstream ${name}`, kind: 'may' })
    return node(`upstream ${name}`, name, remote || egress.length > 0 ? 'write' : 'plain', [
      where,
      ...(remote ? ['REMOTE'] : []),
      ...(egress.length > 0 ? ['RELAY'] : []),
      ...(secrets.length === 0 ? [] : [`secrets: ${secrets.join(', ')}`]),
    ])
  })
  const operations = reach.operations.map((operation) => {
    edges.push({ from: `upstream ${operation.upstream}`, to: operation.id, kind: 'may' })
    return operationNode(operation)
  })
  const labels = reach.labels.map(({ label, from }) => {
    for (const id of from) if (id !== WORKSPACE) edges.push({ from: id, to: `label ${label}`, kind: 'brings' })
    return node(`label ${label}`, label, 'label', from.includes(WORKSPACE) ? ['also from its workspace'] : [])
  })
  for (const { label, to } of reach.crossings) edges.push({ from: `label ${label}`, to, kind: 'crosses' })
  const destinations = destinationNodes(reach.operations, edges)
  const hosts = egressNodes(reach, edges)
  return { columns: [[agent], upstreams, operations, [...labels, ...destinations, ...hosts]], edges }
}

function operationNode({ id, tool, effect, permits, forbids, spend, carries }: ReachedOperation): GraphNode {
  const conditions = permits.flatMap(({ when }) => (when === undefined ? [] : [when.replace(/\s+/g, ' ')]))
  const lines = [
    effect,
    ...spend.map(({ currency, perDay }) =>
      perDay === undefined ? `UNLIMITED ${currency}` : `${perDay} ${currency} in 24 h`,
    ),
    ...(conditions.length === permits.length ? conditions.map((when) => `if ${when}`) : []),
    ...forbids.map(({ policy }) => `not where ${policy} forbids`),
    ...(carries.length === 0 ? ['a person is always asked'] : []),
  ]
  return node(id, tool, effect === 'read' ? 'read' : effect === 'write' ? 'write' : 'grave', lines)
}

/** One node for each value that the configuration allows, one for what the task or trusted fields name, one for the rest. */
function destinationNodes(operations: readonly ReachedOperation[], edges: GraphEdge[]): readonly GraphNode[] {
  const nodes = new Map<string, GraphNode>()
  const lead = (from: string, id: string, title: string, lines: readonly string[] = []) => {
    nodes.set(id, nodes.get(id) ?? node(id, title, 'plain', lines))
    if (!edges.some((edge) => edge.from === from && edge.to === id)) edges.push({ from, to: id, kind: 'leads' })
  }
  for (const { id, effect, arguments: args } of operations) {
    for (const { leads, values } of args) {
      if (leads === 'named') {
        for (const value of values.slice(0, VALUES_MAX)) lead(id, `value ${value}`, value)
        if (values.length > VALUES_MAX) lead(id, `more ${id}`, `… and ${values.length - VALUES_MAX} more`)
        lead(id, 'named', 'whatever is named', ['by the task or a trusted field'])
      } else if (leads === 'carried' && effect !== 'read') lead(id, 'anywhere', 'anywhere that its text says')
    }
  }
  return [...nodes.values()]
}

/** Every origin that a relay reaches, however many: this is what a picture of the worst case is for. */
function egressNodes({ upstreams, operations }: AgentReach, edges: GraphEdge[]): readonly GraphNode[] {
  const relays = upstreams.filter(({ egress }) => egress.length > 0)
  for (const { name, egress } of relays) {
    const relaying = operations.filter(({ upstream }) => upstream === name)
    for (const { id } of relaying)
      for (const origin of egress) edges.push({ from: id, to: `egress ${origin}`, kind: 'leads' })
  }
  const origins = new Set(relays.flatMap(({ egress }) => egress))
  return [...origins].map((origin) => node(`egress ${origin}`, origin, 'grave', ['outside, by a relay']))
}

function node(id: string, title: string, tone: GraphNode['tone'], lines: readonly string[]): GraphNode {
  return { id, title: printable(title), tone, lines: lines.map(printable) }
}
