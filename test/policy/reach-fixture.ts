import { readingOf } from '../../src/gateway/protocols/mcp/contract/reading.ts'
import { connectionsOf } from '../../src/gateway/protocols/relay/contract.ts'
import type { Action, Effect } from '../../src/model/action.ts'
import { EFFECTS } from '../../src/model/action.ts'
import type { Budget } from '../../src/model/budget.ts'
import type { Grant } from '../../src/model/grant.ts'
import { agentName, environmentName, grantId, personName, sha256, toolName, upstreamName } from '../../src/model/ids.ts'
import { isJsonObject, type Json, type JsonObject } from '../../src/model/json.ts'
import type { Label } from '../../src/model/label.ts'
import { operationIn } from '../../src/model/operation.ts'
import { jsonPath } from '../../src/model/text/path.ts'
import type { Catalogue, CatalogueTool, DeclaredTool } from '../../src/model/tool.ts'
import { BudgetBook } from '../../src/policy/budget/budget.ts'
import type { BundledPolicy, PolicyBundle } from '../../src/policy/cedar/bundle.ts'
import { compilePolicies } from '../../src/policy/cedar/compile.ts'
import { bundledActions, upstreamEnvironments } from '../../src/policy/cedar/load/cedar-schema.ts'
import type { Authority } from '../../src/policy/decide/authority.ts'
import { readSpend } from '../../src/policy/decide/spend.ts'
import { Exposure } from '../../src/policy/flow/exposure.ts'
import { compileFlow, type Flow, issuedBy } from '../../src/policy/flow/flow.ts'
import type { ReachInput } from '../../src/policy/reach/reach.ts'
import type { Random } from './differential/random.ts'
import { action, bundle, catalogue, grant, NOW_MS } from './fixture.ts'

/**
 * Small random configurations for tests: two upstreams, of which one is a relay with an origin, a few tools, a few
 * conditions, and cells that try things.
 */
export interface Plan {
  readonly labels: readonly string[]
  readonly tools: Readonly<Record<string, ToolPlan>>
  readonly grants: readonly GrantPlan[]
  /** Of `FORBIDS`, and behind them of `CONNECTION_FORBIDS`. */
  readonly forbids: readonly number[]
}

export interface ToolPlan {
  readonly effect: Effect
  readonly accepts: readonly string[]
  /** Of `RETURNS`. */
  readonly returns: number
  /** Of `DESTINATIONS`. */
  readonly destinations: number
  readonly content: boolean
  readonly anyLinks: boolean
}

export interface GrantPlan {
  readonly upstream: string
  readonly tools: readonly string[]
  /** Of `CONDITIONS`; the last of them is none. */
  readonly when: number
  readonly budgets: readonly Budget[]
  readonly expiresMs: number
}

const DIGEST = sha256('b'.repeat(64))
const SCHEMA: JsonObject = {
  type: 'object',
  properties: {
    amount: { type: 'number' },
    currency: { type: 'string' },
    to: { type: 'string' },
    note: { type: 'string' },
    kind: { enum: ['fast', 'slow'] },
    count: { type: 'integer' },
  },
  required: ['amount', 'currency'],
}
const CONDITIONS = [
  'context.args.amount.lessThanOrEqual(decimal("50.00"))',
  'context.args.amount.lessThan(decimal("50.00")) && context.args.currency == "EUR"',
  'context.args.amount.lessThanOrEqual(decimal("20.00"))',
  'context.args.currency == "EUR"',
  '["EUR", "USD"].contains(context.args.currency)',
  'context.args has count && context.args.count < 3',
  'context.args has count && 5 > context.args.count',
  'context.labels.contains("confidential")',
  '!(context.labels.contains("untrusted"))',
  'context.effect == "read"',
]
const FORBIDS = [
  'context.args.amount.greaterThan(decimal("30.00"))',
  'context.args.amount.greaterThan(decimal("10.00"))',
  'context.args.amount.greaterThan(decimal("10.00")) && context.args.currency == "USD"',
  'context.args.count > 2',
  'context.args has note && context.args.note == "hello"',
  'context.labels.contains("untrusted")',
  'context.time.hour < 6',
  'context.effect == "irreversible"',
]
/** Forbids of connections alone. */
const CONNECTION_FORBIDS = [
  'context.args.method == "POST"',
  'context.labels.contains("confidential")',
  'context.effect == "write"',
]
const ORIGIN = 'http://plain.example'
const CONNECTIONS = ['mail/http.connect:plain.example:80', 'mail/tls.connect:plain.example:80'] as const
const SCOPES = ['action in Action::"effect"', 'action == Action::"shop/pay"']
const RETURNS: readonly (DeclaredTool['returns'] | undefined)[] = [
  undefined,
  returns({ $: [] }),
  returns({ $: ['untrusted'], '$.id': [] }),
  returns({ $: ['confidential'], '$.body': ['untrusted', 'confidential'] }),
  returns({ '$.id': [], '$.body': ['secret'] }),
]
const DESTINATIONS: readonly (DeclaredTool['destinations'] | undefined)[] = [
  undefined,
  [{ path: path('$.to'), values: [null] }],
  [{ path: path('$.to'), values: ['A1', null] }],
  [{ path: path('$.to'), values: ['A1', 'B2', null] }],
  [{ path: path('$.to'), values: ['A1'] }],
]
const TOOLS = ['shop/pay', 'shop/look', 'mail/send', 'mail/read'] as const
const BUDGETS: readonly Budget[] = [
  { kind: 'spend', maxUnits: 500_000n, currency: 'EUR', window: { kind: 'sliding', ms: 86_400_000 } },
  { kind: 'spend', maxUnits: 300_000n, currency: 'EUR', window: { kind: 'sliding', ms: 86_400_000 } },
  { kind: 'spend', maxUnits: 400_000n, currency: 'USD', window: { kind: 'sliding', ms: 3_600_000 } },
  { kind: 'calls', max: 5, window: { kind: 'sliding', ms: 60_000 } },
  { kind: 'calls', max: 2, window: { kind: 'total' } },
]

/** Cedar's JSON of every condition and forbid, parsed once: configurations are put together from it. */
const parsed = [
  ...(
    await bundle(
      FORBIDS.flatMap((text, i) => SCOPES.map((scope, j) => forbidText(i, j, scope, text))).join('\n'),
      undefined,
      [],
      toolsOf(basePlan()),
    )
  ).policies,
  ...(
    await bundle(
      CONNECTION_FORBIDS.map(
        (text, i) =>
          `@id("f-connection-${i}") forbid(principal, action == Action::"${CONNECTIONS[0]}", resource) when { ${text} };`,
      ).join('\n'),
      undefined,
      [],
      catalogueOf(basePlan()),
    )
  ).policies,
]
const conditionJson = await Promise.all(
  CONDITIONS.map(async (when) => {
    const own = grant({ upstream: upstreamName('shop'), tools: new Set([toolName('pay')]) })
    const [permit] = (await bundle('', when, [own], toolsOf(basePlan()))).policies
    return isJsonObject(permit?.json) ? (permit.json.conditions ?? null) : null
  }),
)

function forbidText(i: number, j: number, scope: string, text: string): string {
  // Only what every tool of a scope has can be asked of it; all tools have one schema.
  return `@id("f${i}-${j}") forbid(principal, ${scope}, resource) when { ${i === 3 ? 'context.args has count && ' : ''}${text} };`
}

/** Number of the first forbid of connections. */
const CONNECTING = FORBIDS.length * SCOPES.length

export function randomPlan(random: Random): Plan {
  const tools = Object.fromEntries(TOOLS.map((id) => [id, randomTool(random)]))
  return {
    labels: random.some(['untrusted', 'secret'], 0.25),
    tools,
    grants: Array.from({ length: 1 + random.below(3) }, () => randomGrant(random)),
    forbids: [
      ...random.some([...parsed.keys()].slice(0, CONNECTING), 0.1),
      ...random.some([...parsed.keys()].slice(CONNECTING), 0.3),
    ],
  }
}

/** One to three changes, each as likely to widen as to narrow. */
export function changed(random: Random, plan: Plan): Plan {
  let next = plan
  for (let left = 1 + random.below(3); left > 0; left--) next = changedOnce(random, next)
  return next
}

function changedOnce(random: Random, plan: Plan): Plan {
  const id = random.pick(TOOLS)
  const tool = plan.tools[id] ?? randomTool(random)
  const withTool = (change: Partial<ToolPlan>): Plan => ({
    ...plan,
    tools: { ...plan.tools, [id]: { ...tool, ...change } },
  })
  const other = randomTool(random)
  const index = random.below(plan.grants.length)
  const withGrant = (change: Partial<GrantPlan>): Plan => ({
    ...plan,
    grants: plan.grants.map((each, i) => (i === index ? { ...each, ...change } : each)),
  })
  const fresh = randomGrant(random)
  switch (random.below(15)) {
    case 0:
      return withTool({ effect: other.effect })
    case 1:
      return withTool({ accepts: other.accepts })
    case 2:
      return withTool({ returns: other.returns })
    case 3:
      return withTool({ destinations: other.destinations })
    case 4:
      return withTool({ content: other.content })
    case 5:
      return withTool({ anyLinks: other.anyLinks })
    case 6:
      return withGrant({ when: fresh.when })
    case 7:
      return withGrant({ budgets: fresh.budgets })
    case 8:
      return withGrant({ expiresMs: fresh.expiresMs })
    case 9:
      return { ...plan, grants: plan.grants.length > 1 ? plan.grants.filter((_, i) => i !== index) : plan.grants }
    case 10:
      return { ...plan, grants: [...plan.grants, fresh] }
    case 11:
      return { ...plan, labels: random.some(['untrusted', 'secret'], 0.4) }
    case 12:
    case 13:
      return {
        ...plan,
        forbids: plan.forbids.some((each) => each >= CONNECTING)
          ? plan.forbids.filter((each) => each < CONNECTING)
          : [...plan.forbids, CONNECTING + random.below(CONNECTION_FORBIDS.length)],
      }
    default:
      return {
        ...plan,
        forbids: random.chance(0.5) ? [...plan.forbids, random.below(parsed.length)] : plan.forbids.slice(1),
      }
  }
}

function randomTool(random: Random): ToolPlan {
  return {
    effect: random.pick(EFFECTS),
    accepts: random.some(['untrusted', 'confidential', 'secret'], 0.5),
    returns: random.below(RETURNS.length),
    destinations: random.below(DESTINATIONS.length),
    content: random.chance(0.5),
    anyLinks: random.chance(0.3),
  }
}

function randomGrant(random: Random): GrantPlan {
  const upstream = random.pick(['shop', 'mail'])
  return {
    upstream,
    tools: TOOLS.filter((id) => id.startsWith(upstream) && random.chance(0.8)).map((id) =>
      id.slice(upstream.length + 1),
    ),
    when: random.below(CONDITIONS.length + 4),
    budgets: random.some(BUDGETS, 0.25),
    expiresMs: random.pick([3_600_000, 28_800_000]),
  }
}

function basePlan(): Plan {
  const tool: ToolPlan = { effect: 'spend', accepts: [], returns: 0, destinations: 0, content: false, anyLinks: false }
  return { labels: [], tools: Object.fromEntries(TOOLS.map((id) => [id, tool])), grants: [], forbids: [] }
}

/** Returns all that a plan's policies can name: its tools, and the connections of its relay. */
function catalogueOf(plan: Plan): Catalogue {
  const { upstreams } = toolsOf(plan)
  const mail = upstreams.get(upstreamName('mail'))
  if (mail === undefined) return { upstreams }
  const connections = connectionsOf(
    [ORIGIN],
    [...mail.tools.values()].map(({ declared }) => declared),
  )
  return {
    upstreams: new Map([...upstreams, [mail.name, { ...mail, tools: new Map([...mail.tools, ...connections]) }]]),
  }
}

function toolsOf({ tools }: Plan): Catalogue {
  const own = (upstream: string) =>
    Object.fromEntries(
      Object.entries(tools)
        .filter(([id]) => id.startsWith(`${upstream}/`))
        .map(([id, tool]) => {
          const declared = declaredOf(id.slice(upstream.length + 1), tool)
          return [
            declared.name,
            { declared, pinned: { name: declared.name, digest: DIGEST, definition: {}, input: SCHEMA } },
          ]
        }),
    )
  return catalogue({
    shop: { environment: 'test', tools: own('shop') },
    mail: { environment: 'test', tools: own('mail') },
  })
}

function declaredOf(name: string, tool: ToolPlan): DeclaredTool {
  const returned = RETURNS[tool.returns]
  const destinations = DESTINATIONS[tool.destinations]
  return {
    name: toolName(name),
    effect: tool.effect,
    accepts: tool.accepts as readonly Label[],
    ...(tool.effect === 'spend' && { amount: '$.amount', currency: '$.currency' }),
    ...(returned && { returns: returned }),
    ...(destinations && { destinations }),
    ...(tool.content && { content: [path('$.note')] }),
    ...(tool.anyLinks && { anyLinks: true }),
  }
}

export function inputOf(plan: Plan): ReachInput {
  const shop = catalogueOf(plan)
  const grants = plan.grants.map(
    (each, i): Grant => ({
      id: grantId(`g_${i}-${each.upstream}`),
      agent: agentName('desk'),
      upstream: upstreamName(each.upstream),
      tools: new Set(each.tools.map(toolName)),
      budgets: each.budgets,
      expiresAtMs: each.expiresMs,
      grantedBy: personName('maria@shop.example'),
      source: { file: 'firebreak.yaml', line: 10 + i, column: 1 },
    }),
  )
  const forbids = [...new Set(plan.forbids)].map((i) => parsed[i]).filter((policy) => policy !== undefined)
  return {
    agent: agentName('desk'),
    owner: personName('maria@shop.example'),
    environment: environmentName('test'),
    grants,
    catalogue: shop,
    policies: policiesOf(shop, [...forbids, ...grants.flatMap((each, i) => permitOf(each, plan.grants[i]?.when ?? 0))]),
    labels: plan.labels as readonly Label[],
  }
}

function policiesOf(shop: Catalogue, policies: readonly BundledPolicy[]): PolicyBundle {
  return { policies, actions: bundledActions(shop), upstreams: upstreamEnvironments(shop), waiting: [] }
}

function permitOf({ id, agent, upstream, tools, source }: Grant, when: number): readonly BundledPolicy[] {
  if (tools.size === 0) return []
  const entities = [...tools].map((tool) => ({ type: 'Action', id: `${upstream}/${tool}` }))
  const permit = (name: string, ids: readonly Json[], text: string, conditions: Json): BundledPolicy => {
    const json: Json = {
      effect: 'permit',
      principal: { op: '==', entity: { type: 'Agent', id: agent } },
      action: { op: 'in', entities: ids },
      resource: { op: '==', entity: { type: 'Upstream', id: upstream } },
      conditions,
    }
    return { id: name, effect: 'permit', grant: id, source, text, annotations: {}, json }
  }
  const implied = CONNECTIONS.filter((each) => each.startsWith(`${upstream}/`)).map((each) => ({
    type: 'Action',
    id: each,
  }))
  return [
    permit(id, entities, CONDITIONS[when] ?? '', conditionJson[when] ?? []),
    ...(implied.length === 0 ? [] : [permit(`${id} connections`, implied, '', [])]),
  ]
}

/** A cell of the agent, as its gateway holds it. */
export interface TestCell {
  readonly authority: Authority & { readonly budgets: BudgetBook; readonly exposure: Exposure }
  readonly flows: ReadonlyMap<string, Flow>
  readonly tools: ReadonlyMap<string, CatalogueTool>
}

export function cellOf(
  { agent, owner, environment, grants, catalogue: shop, policies, labels }: ReachInput,
  task?: string,
): TestCell {
  const tools = [...shop.upstreams.values()].flatMap((upstream) => {
    const issues = issuedBy(upstream.tools.values())
    return [...upstream.tools].map(([name, tool]) => ({
      id: `${upstream.name}/${name}`,
      tool,
      flow: compileFlow(tool, issues),
    }))
  })
  const flows = new Map(tools.map(({ id, flow }) => [id, flow]))
  const from = { tool: 'workspace', path: '$', labels }
  const given = task === undefined ? undefined : { text: task, givenBy: owner }
  return {
    flows,
    tools: new Map(tools.map(({ id, tool }) => [id, tool])),
    authority: {
      agent,
      owner,
      environment,
      rung: 'normal',
      grants: grants.map((each) => ({ ...each, expiresAtMs: NOW_MS + each.expiresAtMs })),
      policies: compilePolicies(policies),
      budgets: new BudgetBook(),
      exposure: new Exposure(new Map(labels.map((label) => [label, from])), given),
      flows,
    },
  }
}

export interface Attempt {
  readonly id: string
  readonly args: JsonObject
  /** What comes back, if it is let through. */
  readonly answer: JsonObject
  readonly atMs: number
}

export function randomAttempt(random: Random, atMs: number): Attempt {
  if (random.chance(0.25)) {
    const id = random.pick(CONNECTIONS)
    const place = id.slice(id.indexOf(':') + 1)
    const method = random.pick(['GET', 'POST'])
    return { id, args: id === CONNECTIONS[0] ? { place, method } : { place }, answer: {}, atMs }
  }
  const texts = ['', 'hello', 'see www.evil.example/x', 'B2', 'www.known.example/y']
  return {
    id: random.pick(TOOLS),
    args: {
      amount: random.pick([0, 10, 20, 25, 49.5, 50, 60]),
      currency: random.pick(['EUR', 'EUR', 'USD', 'GBP']),
      ...(random.chance(0.5) && { to: random.pick(['A1', 'B2', 'C3', 'D4']) }),
      ...(random.chance(0.4) && { note: random.pick(texts) }),
      ...(random.chance(0.3) && { kind: random.pick(['fast', 'slow']) }),
      ...(random.chance(0.6) && { count: random.below(6) }),
    },
    answer: {
      ...(random.chance(0.6) && { id: random.pick(['B2', 'C3', 'see www.evil.example/x', 'www.known.example/y']) }),
      ...(random.chance(0.6) && { body: random.pick(['C3', 'D4', 'hello www.evil.example/x']) }),
      ...(random.chance(0.3) && { rest: random.pick(['D4', 'hello']) }),
    },
    atMs,
  }
}

export function actionIn({ tools }: TestCell, { id, args }: Attempt): Action {
  const [upstream = '', tool = ''] = [id.slice(0, id.indexOf('/')), id.slice(id.indexOf('/') + 1)]
  const { declared, pinned } = tools.get(id) ?? {}
  const spend = declared?.effect === 'spend' ? readSpend(declared, args) : undefined
  const { spend: _, ...base } = action({
    upstream: upstreamName(upstream),
    tool: operationIn(tool).tool,
    args,
    operation: operationIn(tool).operation,
    effect: declared?.effect ?? 'irreversible',
    definition: pinned?.digest ?? DIGEST,
  })
  return { ...base, ...(spend?.ok && { spend: spend.value }) }
}

/** What a cell has seen after an attempt that was let through. */
export function see({ authority, flows }: TestCell, attempt: Attempt): void {
  const flow = flows.get(attempt.id)
  authority.exposure.recordSent(attempt.args, flow?.names)
  const where = { action: action().id, tool: attempt.id }
  if (flow) authority.exposure.recordAnswer(flow, readingOf({ structuredContent: attempt.answer }), where, attempt.args)
}

function returns(fields: Readonly<Record<string, readonly string[]>>): NonNullable<DeclaredTool['returns']> {
  return Object.entries(fields).map(([at, labels]) => ({ path: path(at), labels: labels as readonly Label[] }))
}

function path(text: string): NonNullable<ReturnType<typeof jsonPath>> {
  return jsonPath(text) ?? []
}
