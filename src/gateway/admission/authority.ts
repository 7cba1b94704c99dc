import {
  type AgentName,
  type CatalogueTool,
  type CellId,
  type CellStarted,
  type EnvironmentName,
  type Grant,
  type Json,
  type Label,
  type PersonName,
  type Seen,
  type ToolName,
  UNTRUSTED,
  type UpstreamName,
} from '../../model/index.ts'
import {
  type Authority,
  type BudgetBook,
  type CompiledPolicies,
  compileFlow,
  type DefinitionProblem,
  type Delegation,
  Exposure,
  type ExposureView,
  type Flow,
  issuedBy,
  type SentWords,
  type Task,
} from '../../policy/index.ts'
import type { AgentSetup, TaskSetup } from '../link/setup.ts'
import type { Line } from '../pipeline/line.ts'
import { authorityOf, type Given, type ServedCell } from './served-cell.ts'

/** Everything that a cell's decisions are made with, but for its rung. */
export type CellAuthority = Omit<Authority, 'rung'> & { readonly budgets: BudgetBook; readonly exposure: Exposure }

/** The rules that all cells of one environment share. */
export interface EnvironmentRules {
  readonly environment: EnvironmentName
  readonly policies: CompiledPolicies
  readonly budgets: BudgetBook
  readonly flows: ReadonlyMap<string, Flow>
}

/** The part of a cell's authority that is its own. */
export interface CellStanding {
  readonly agent: AgentName
  readonly owner: PersonName
  readonly grants: readonly Grant[]
  readonly exposure: Exposure
  readonly task?: Task | undefined
  /** The delegation that the cell was started for. */
  readonly above?: Delegation | undefined
  readonly lines?: ReadonlyMap<UpstreamName, Line>
}

/** Returns the authority of a cell: for the gateway, which enforces it, and for a rehearsal, which only asks. */
export function authorityFor(rules: EnvironmentRules, standing: CellStanding): CellAuthority {
  const { environment, policies, budgets, flows } = rules
  const { agent, owner, grants, exposure, task, above, lines } = standing
  return {
    agent,
    owner,
    environment,
    grants,
    policies,
    budgets,
    flows,
    exposure,
    ...(lines && { definitionProblems: { get: (key) => problemIn(lines, key) } }),
    ...(task && { task }),
    ...(above && { above }),
  }
}

/**
 * Returns the authority of a cell that is served by the rules as they are now: what it has seen, its task and what was
 * delegated to it stay. `agent` is its agent as the rules declare it; of one that is declared no more nothing is granted.
 */
export function authorityAnew(rules: EnvironmentRules, cell: ServedCell, agent: AgentSetup | undefined): CellAuthority {
  const { authority, givenBy, id, sinceMs } = cell
  const isGranted = givenBy === undefined && agent !== undefined
  return {
    ...authority,
    policies: rules.policies,
    flows: rules.flows,
    grants: isGranted ? grantsFor(agent, sinceMs, authority.task && id) : [],
    ...(agent && { owner: agent.owner }),
  }
}

function problemIn(lines: ReadonlyMap<UpstreamName, Line>, key: string): DefinitionProblem | undefined {
  // Names of upstreams hold no slash: the key begins with the name of the one that it is about.
  return lines.get(key.slice(0, key.indexOf('/')) as UpstreamName)?.definitionProblems.get(key)
}

/** Returns the flows of all declared tools by `cedarActionId`: the names of tools are what grants call them. */
export function flowsOf(upstreams: Iterable<DeclaredUpstream>): ReadonlyMap<string, Flow> {
  return new Map(
    [...upstreams].flatMap(({ name: upstream, tools, connections = [] }) => {
      const all = [...tools, ...connections]
      const issues = issuedBy(all.map(([, tool]) => tool))
      return all.map(([name, tool]) => [`${upstream}/${name}`, compileFlow(tool, issues)] as const)
    }),
  )
}

interface DeclaredUpstream {
  readonly name: UpstreamName
  readonly tools: Iterable<readonly [ToolName, CatalogueTool]>
  /** Connections that it may make on a cell's word. */
  readonly connections?: Iterable<readonly [ToolName, CatalogueTool]>
}

/** Returns an agent's grants, which begin at `sinceMs`; those of a cell with a task have its share of the budgets. */
export function grantsFor(agent: AgentSetup, sinceMs: number, task?: CellId): readonly Grant[] {
  return agent.grants.map(({ id, upstream, tools, budgets, expiresMs, approver, source }) => ({
    id,
    agent: agent.name,
    upstream,
    tools: new Set(tools),
    budgets,
    expiresAtMs: sinceMs + expiresMs,
    grantedBy: approver ?? agent.owner,
    source,
    ...(task !== undefined && { task }),
  }))
}

/** Returns who approved an agent's grants beside its owner, for the entry of its cell's start. */
export function approversOf({ grants }: AgentSetup): Pick<CellStarted, 'approvers'> {
  const approved = grants.flatMap(({ id, approver }) => (approver === undefined ? [] : [[id, approver] as const]))
  return approved.length === 0 ? {} : { approvers: Object.fromEntries(approved) }
}

/** Returns what a cell carries by what it was shown at its start. */
export function shownAtStart(labels: readonly Label[]): ReadonlyMap<Label, Seen> {
  const from = { tool: 'what it was shown at its start', path: '$', labels }
  return new Map(labels.map((label) => [label, from]))
}

/** Returns what a cell carries by a configuration that was applied while it ran. */
export function appliedLabels(labels: readonly Label[]): ReadonlyMap<Label, Seen> {
  const from = {
    tool: 'what it was shown at its start, by the configuration that was applied since',
    path: '$',
    labels,
  }
  return new Map(labels.map((label) => [label, from]))
}

/**
 * Returns what a cell carries that another gateway served before: each label was on disk before the cell was shown its
 * cause.
 */
export function seenBefore(labels: readonly Label[]): ReadonlyMap<Label, Seen> {
  const all = [...labels, UNTRUSTED]
  const before = { tool: 'what it saw before its gateway was replaced', path: '$', labels: all }
  return new Map(all.map((label) => [label, before]))
}

/** Returns a cell's exposure, and its task as decisions have it. */
export function exposureOf(
  initial: ReadonlyMap<Label, Seen>,
  task: TaskSetup | undefined,
  above: ExposureView | undefined,
  words: SentWords,
): { readonly exposure: Exposure; readonly task?: Task } {
  if (task === undefined) return { exposure: new Exposure(initial, undefined, above, words) }
  const { text, givenBy, tools } = task
  const given: Task = { text, givenBy, ...(tools && { tools: new Set(tools) }) }
  return { exposure: new Exposure(initial, given, above, words), task: given }
}

/** A cell that delegates, and the delegation that another cell begins with. */
export interface Giver {
  readonly cell: ServedCell
  readonly given: Given
}

export function delegationOf({ cell, given }: Giver): Delegation {
  return {
    id: given.id,
    depth: given.depth,
    restriction: given.restriction,
    from: () => authorityOf(cell),
    revokedAtMs: () => given.revokedAtMs,
  }
}

export function taskJson({ text, givenBy, tools }: TaskSetup): Json {
  return { text, givenBy, ...(tools && { tools }) }
}
