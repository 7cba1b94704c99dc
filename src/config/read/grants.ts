import {
  amountText,
  type Budget,
  budgetText,
  type EnvironmentName,
  grantedName,
  MEASURE_NAMES,
  maximum,
  personName,
  type Source,
  sameKind,
  samePerson,
  type ToolName,
  type UpstreamName,
  upstreamName,
} from '../../model/index.ts'
import { calledOn } from '../called-on.ts'
import type { GrantConfig, UpstreamConfig } from '../config.ts'
import { knownNames } from '../known-names.ts'
import type { ShapedAgent } from '../schema.ts'
import type { Written } from '../shape.ts'
import { type Judge, namesOf, report } from './judge.ts'

type ShapedGrant = NonNullable<ShapedAgent['grants']>[number]

export function readGrant(
  judge: Judge,
  { value, source }: ShapedGrant,
  environment: EnvironmentName,
  upstreams: ReadonlyMap<UpstreamName, UpstreamConfig>,
): GrantConfig {
  const name = upstreamName(value.upstream.value)
  const upstream = upstreams.get(name)
  if (upstream === undefined) {
    report(
      judge,
      value.upstream.source,
      `upstream "${name}" is not declared`,
      namesOf(judge.shaped.upstreams ?? new Map()),
    )
  } else if (upstream.environment !== environment) {
    const message = `upstream "${name}" belongs to environment "${upstream.environment}", the agent to "${environment}"`
    report(judge, value.upstream.source, message, 'an upstream of the agent’s own environment')
  }
  const operation = upstream === undefined ? 'tool' : calledOn(upstream)
  const named: readonly Written<ToolName>[] = [
    ...(value.tools ?? []).map((tool) => ({ ...tool, value: grantedName(operation, tool.value) })),
    ...(value.resources ?? []).map((uri) => ({ ...uri, value: grantedName('resource', uri.value) })),
    ...(value.prompts ?? []).map((prompt) => ({ ...prompt, value: grantedName('prompt', prompt.value) })),
  ]
  if (named.length === 0)
    report(judge, source, 'a grant that names nothing grants nothing', 'tools:, resources: or prompts:')
  for (const { value: tool, source: place } of named) {
    if (upstream === undefined || upstream.tools.has(tool)) continue
    report(judge, place, `"${tool}" is not declared under upstream "${name}"`, knownNames(upstream.tools.keys()))
  }
  return {
    upstream: name,
    tools: new Set(named.map((tool) => tool.value)),
    ...(value.when === undefined ? {} : { when: value.when }),
    budgets: readBudgets(judge, value.budget, named, upstream, source),
    expiresMs: value.expires,
    ...(value.approver && { approver: personName(value.approver.value) }),
    source,
  }
}

/**
 * Reports a grant in a hardened environment that two people have not agreed to: the agent's owner, and one who is not.
 */
export function checkApprover(
  judge: Judge,
  { value, source }: ShapedGrant,
  { owner, environment }: { readonly owner: string; readonly environment: EnvironmentName },
  upstreams: ReadonlyMap<UpstreamName, UpstreamConfig>,
): void {
  if (judge.shaped.environments.get(environment)?.value.hardened !== true) return
  const upstream = upstreams.get(upstreamName(value.upstream.value))
  const operation = upstream === undefined ? 'tool' : calledOn(upstream)
  const acting = value.tools?.find((tool) => {
    const declared = upstream?.tools.get(grantedName(operation, tool.value))
    return declared !== undefined && declared.effect !== 'read'
  })
  const reaching = upstream !== undefined && isReaching(judge, upstream)
  const expected = `approver: a person other than the owner, ${owner}`
  if (value.approver !== undefined && samePerson(value.approver.value, owner)) {
    report(
      judge,
      value.approver.source,
      `"${value.approver.value}" owns the agent: nobody approves their own`,
      expected,
    )
  } else if (acting !== undefined && value.approver === undefined) {
    const message = `a grant of "${acting.value}", which has an effect, in the hardened environment "${environment}" names no approver`
    report(judge, source, message, expected)
  } else if (reaching && value.approver === undefined) {
    const message = `a grant on the relay "${upstream.name}", whose connections are effects, in the hardened environment "${environment}" names no approver`
    report(judge, source, message, expected)
  }
}

/** Tells whether a grant on an upstream implies connections: those of a relay in an upstream cell, to its environment's egress. */
function isReaching({ shaped }: Judge, { environment, relay, server }: UpstreamConfig): boolean {
  const { egress = [] } = shaped.environments.get(environment)?.value ?? {}
  return relay && server.kind === 'stdio' && egress.length > 0
}

/** A budget that could count nothing, or a share that could never be set aside, is a mistake. */
function readBudgets(
  judge: Judge,
  { spend = [], task = [], ...measured }: ShapedBudget = {},
  named: readonly Written<ToolName>[],
  upstream: UpstreamConfig | undefined,
  source: Source,
): readonly Budget[] {
  const { calls = [], ...others } = measured
  const caps = [...calls, ...spend, ...MEASURE_NAMES.flatMap((name) => (name === 'calls' ? [] : (others[name] ?? [])))]
  for (const [i, share] of task.entries()) {
    const text = amountText(share, maximum(share))
    if (task.slice(0, i).some((other) => sameKind(share, other))) {
      report(judge, source, `a second share of the same kind: ${text}`, 'one for each kind and currency')
    }
    for (const budget of caps) {
      if (!sameKind(share, budget) || maximum(share) <= maximum(budget)) continue
      report(judge, source, `a share of ${text} can never be set aside from ${budgetText(budget)}`, 'a smaller share')
    }
  }
  const countsRows = [...caps, ...task].some(({ kind }) => kind === 'rows')
  for (const { value: tool, source: place } of countsRows ? named : []) {
    if (upstream?.tools.has(tool) !== true || upstream.tools.get(tool)?.rows !== undefined) continue
    report(
      judge,
      place,
      `nothing says how many rows "${tool}" returns, and this grant counts them`,
      'rows: and maxRows: under the tool, or a grant of its own',
    )
  }
  return [...caps, ...task]
}

type ShapedBudget = NonNullable<ShapedGrant['value']['budget']>
