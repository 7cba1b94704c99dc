import type { Agent } from '../config/config.ts'
import { authorityFor, flowsOf, shownAtStart } from '../gateway/admission/authority.ts'
import type { Contract } from '../gateway/pipeline/line.ts'
import { judgeAction, type Normalised, normalise } from '../gateway/pipeline/normalise.ts'
import { McpUpstream } from '../gateway/protocols/mcp/contract/upstream.ts'
import { RelayLine } from '../gateway/protocols/relay/line.ts'
import { connectionsFor, toolsOf } from '../host/prepare/catalogue.ts'
import { grantOf, type Judged } from '../host/prepare/setup.ts'
import { policiesOf, tenantOf } from '../host/state/tenants.ts'
import {
  type Action,
  type ActionId,
  type CellId,
  type EnvironmentName,
  grantedName,
  type JsonObject,
  type Label,
  type Operation,
  type ProtocolName,
  type Sha256,
  type TenantName,
  type ToolName,
  type UpstreamName,
} from '../model/index.ts'
import {
  type Admitted,
  type Authority,
  BudgetBook,
  type CompiledPolicies,
  compilePolicies,
  type Denied,
  Exposure,
  type Flow,
  type Held,
  type Task,
} from '../policy/index.ts'

/** A configuration made ready to decide without a gateway: nothing is sent, and nothing is recorded. */
export interface Rehearsal {
  readonly judged: Judged
  /** Returns the policies of one environment: a tenant's policies are its own. */
  readonly policies: (environment: EnvironmentName) => CompiledPolicies
  readonly flows: ReadonlyMap<string, Flow>
  readonly upstreams: ReadonlyMap<UpstreamName, RehearsedUpstream>
}

/** An upstream that nobody connects to: its contracts, whichever protocol carries them. */
export interface RehearsedUpstream {
  readonly environment: EnvironmentName
  readonly contract: (name: ToolName) => Contract | undefined
}

export function rehearse(judged: Judged): Rehearsal {
  const tools = [...judged.config.upstreams.values()].map((upstream) => ({
    upstream,
    tools: toolsOf(upstream, judged.accepted),
    connections: connectionsFor(judged.config, upstream),
  }))
  return {
    judged,
    policies: policiesByTenant(judged),
    flows: flowsOf(tools.map(({ upstream: { name }, ...own }) => ({ name, ...own }))),
    upstreams: new Map(
      tools.map(({ upstream: { name, environment }, tools: own, connections }) => {
        const mcp = new McpUpstream({ name, environment, tools: own, connect: never, onDefinition: () => undefined })
        const relay = new RelayLine({ name, environment, connections })
        return [name, { environment, contract: (tool) => mcp.contract(tool) ?? relay.contract(tool) }]
      }),
    ),
  }
}

function policiesByTenant({ config, policies }: Judged): Rehearsal['policies'] {
  const compiled = new Map<TenantName | undefined, CompiledPolicies>()
  return (environment) => {
    const tenant = tenantOf(config, environment)
    const own = compiled.get(tenant) ?? compilePolicies(policiesOf(config, policies, tenant))
    compiled.set(tenant, own)
    return own
  }
}

function never(): Promise<never> {
  return Promise.reject(new Error('a rehearsal reaches no upstream'))
}

export interface RehearsedCell {
  readonly id: CellId
  readonly authority: Authority & { readonly budgets: BudgetBook; readonly exposure: Exposure }
}

/** The start of a cell, as a run of its agent would start it at this time. */
export interface Beginning {
  readonly id: CellId
  readonly labels: readonly Label[]
  readonly task?: Task
  readonly atMs: number
  /** Shared by all cells of an environment. */
  readonly budgets?: BudgetBook
}

export function rehearsedCell(rehearsal: Rehearsal, agent: Agent, beginning: Beginning): RehearsedCell {
  const { id, labels, task, atMs, budgets = new BudgetBook() } = beginning
  const { name, owner, environment } = agent
  const rules = { environment, policies: rehearsal.policies(environment), budgets, flows: rehearsal.flows }
  const grants = agent.grants.map((grant, i) => ({ ...grantOf(agent, grant, i), expiresAtMs: atMs + grant.expiresMs }))
  const exposure = new Exposure(shownAtStart(labels), task)
  return { id, authority: { ...authorityFor(rules, { agent: name, owner, grants, exposure, task }), rung: 'normal' } }
}

/** An attempt by a cell, as policies name it: `upstream/tool`, `upstream/resource:…`. */
export interface RehearsedAttempt {
  readonly id: ActionId
  readonly upstream: UpstreamName
  /** The upstream's environment as the ledger has it; the configuration's own where it declares the upstream. */
  readonly environment: EnvironmentName
  readonly operation: Operation
  readonly tool: ToolName
  /** Further operations that it made use of. */
  readonly alongside?: readonly ToolName[]
  readonly args: JsonObject
  /** The call on whose word a relay made a connection. */
  readonly during?: ActionId
  /** Protocol that carried it; absent in old entries, and of what was not sent. */
  readonly protocol?: ProtocolName
  /** Digest of the definition that its upstream offered then; absent, the accepted one. */
  readonly definition?: Sha256
}

/** Decides with what the gateway's pipeline decides with: its steps 2 to 4. */
export function rehearseAction(
  rehearsal: Rehearsal,
  cell: RehearsedCell,
  attempt: RehearsedAttempt,
  atMs: number,
  approves: (waiting: Denied | Held) => boolean = () => false,
): { readonly action: Action; readonly decided: Admitted } {
  const { action, refusals } = normalised(rehearsal, cell, attempt)
  return { action, decided: judgeAction(refusals, action, cell.authority, atMs, approves) }
}

export function normalised({ upstreams }: Rehearsal, cell: RehearsedCell, attempt: RehearsedAttempt): Normalised {
  const { environment: declared, protocol: _, alongside = [], ...asked } = attempt
  const upstream = upstreams.get(attempt.upstream)
  const upstreamEnvironment = upstream?.environment ?? declared
  const known = upstream?.contract(grantedName(attempt.operation, attempt.tool))
  const { agent, environment } = cell.authority
  const further = alongside.map((tool) => ({
    tool,
    known: upstream?.contract(grantedName(attempt.operation, tool)),
  }))
  return normalise({ ...asked, cellId: cell.id, agent, environment, upstreamEnvironment, alongside: further }, known)
}
