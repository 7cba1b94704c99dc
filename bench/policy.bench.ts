/**
 * How long one decision takes, from parsed JSON arguments to a verdict with its reasons, at 10, 100 and 1,000 policies
 * spread over agents and tools; beside cedar-wasm with the same policies parsed before, entities and context ready made.
 * Every request is asked of both, and a difference is counted. Then single decisions, at 100 policies, of cells that have
 * read a megabyte of mail, records and lists for the longest task: two in ten of them name a place that nobody told them,
 * and are held.
 */

import { createRequire } from 'node:module'
import { readingOf } from '../src/gateway/protocols/mcp/contract/reading.ts'
import type { Action } from '../src/model/action.ts'
import type { Grant } from '../src/model/grant.ts'
import {
  type ActionId,
  agentName,
  type CellId,
  environmentName,
  grantId,
  personName,
  sha256,
  toolName,
  upstreamName,
} from '../src/model/ids.ts'
import type { Json } from '../src/model/json.ts'
import { type Label, UNTRUSTED } from '../src/model/label.ts'
import { LIMITS } from '../src/model/limits.ts'
import type { Catalogue, CatalogueTool } from '../src/model/tool.ts'
import type { PolicyBundle } from '../src/policy/index.ts'
import {
  type Authority,
  BudgetBook,
  compileFlow,
  compilePolicies,
  decide,
  Exposure,
  parsePolicies,
  type Task,
} from '../src/policy/index.ts'
import type { Bench } from './main.ts'

const COUNTS = [10, 100, 1_000] as const
/** Policies of one agent, on average: half of them grants. */
const PER_AGENT = 20
const TOOLS = 50
const REQUESTS = 2_000
/** Timed calls of cedar-wasm at each count: it takes milliseconds, and leaks. */
const CEDAR_CALLS = 300
const PASSES = 60
/** Decisions between two looks at the clock. */
const ROUND = 50
/** What each cell has read, as JSON, and how many of its decisions are timed. */
const HISTORY_BYTES = 1_048_576
const HISTORY_POLICIES = 100
const NOW_MS = Date.UTC(2026, 10, 22, 12)

export const bench: Bench = async ({ seconds, say }) => {
  const deadlineMs = Date.now() + seconds * 1_000
  const figures: { readonly count: number; readonly ours: Ours; readonly cedar: Cedar }[] = []
  for (const count of COUNTS) {
    say(`${count} policies: parsing and validating`)
    const world = await makeWorld(count)
    const ours = timeOurs(world, Math.min(deadlineMs, Date.now() + (seconds * 1_000) / 10))
    const cedar = timeCedar(world, Math.min(deadlineMs, Date.now() + (seconds * 1_000) / 8))
    say(`${count} policies: ${ours.us.toFixed(2)} µs, cedar-wasm ${cedar.us.toFixed(0)} µs`)
    figures.push({ count, ours, cedar })
  }
  say(`a history of ${HISTORY_BYTES} bytes`)
  const history = timeHistory(await makeWorld(HISTORY_POLICIES), Date.now() + (seconds * 1_000) / 10)
  say(`p50 ${history.p50.toFixed(2)} µs, p95 ${history.p95.toFixed(2)} µs`)
  const by = <T>(value: (figure: (typeof figures)[number]) => T) =>
    Object.fromEntries(figures.map((figure) => [String(figure.count), value(figure)]))
  return {
    bench: 'policy',
    usPerDecision: by(({ ours }) => rounded(ours.us)),
    usPerDecisionP99: by(({ ours }) => rounded(ours.p99Us)),
    cedarWasmUs: by(({ cedar }) => rounded(cedar.us)),
    disagreements: figures.reduce((sum, { cedar }) => sum + cedar.disagreements, 0),
    allowed: by(({ ours }) => rounded(ours.allowed)),
    samples: by(({ ours, cedar }) => ({ decisions: ours.samples, cedarWasm: cedar.samples })),
    historyUs: { p50: rounded(history.p50), p95: rounded(history.p95) },
    historyBytes: history.bytes,
    historyHeld: rounded(history.held),
  }
}

interface World {
  readonly bundle: PolicyBundle
  readonly requests: readonly { readonly action: Action; readonly authority: Authority }[]
}

/** Half grants, half forbids: of an agent and a tool, of a tool, of a tool by what an argument is. */
async function makeWorld(count: number): Promise<World> {
  const catalogue = makeCatalogue()
  const agents = Math.max(2, count / PER_AGENT)
  const grants = Array.from({ length: count / 2 }, (_, index) => makeGrant(index, agents))
  const text = Array.from({ length: count / 2 }, (_, index) => forbid(index, agents)).join('\n')
  const sources = grants.map((grant) => ({ grant, when: { text: CONDITION, source: grant.source } }))
  const parsed = await parsePolicies([{ file: 'bench.cedar', text }], sources, catalogue)
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.reason.slice(0, 3)))
  const policies = compilePolicies(JSON.parse(JSON.stringify(parsed.value)))
  const budgets = new BudgetBook()
  const exposure = seenBefore()
  const flows = new Map(
    [...(catalogue.upstreams.get(upstreamName('payments'))?.tools ?? [])].map(([name, tool]) => [
      `payments/${name}`,
      compileFlow(tool, new Set()),
    ]),
  )
  const authorities = Array.from({ length: agents }, (_, agent): Authority => {
    const name = agentName(`agent-${agent}`)
    const own = grants.filter((grant) => grant.agent === name)
    return {
      agent: name,
      owner: OWNER,
      environment: TEST,
      rung: 'normal',
      grants: own,
      policies,
      budgets,
      exposure,
      flows,
    }
  })
  const requests = Array.from({ length: REQUESTS }, (_, index) => {
    const grant = grants[index % grants.length]
    const authority = authorities.find(({ agent }) => agent === grant?.agent)
    if (!grant || !authority) throw new RangeError('no grant')
    return { action: makeAction(grant, index), authority }
  })
  return { bundle: parsed.value, requests }
}

/** What the calls name as destinations, as a trusted field said it. */
function seenBefore(): Exposure {
  const exposure = new Exposure()
  const orders = Array.from({ length: 40 }, (_, index) => `order-${index}`)
  const accounts = Array.from({ length: REQUESTS }, (_, index) => `DE${index}`)
  const trusted = compileFlow(
    { declared: { name: toolName('list'), effect: 'read', returns: [{ path: [], labels: [] }] } },
    new Set(),
  )
  const where = { action: 'a_00000000000000000000' as ActionId, tool: 'payments/list' }
  exposure.recordAnswer(trusted, readingOf([orders, accounts]), where)
  return exposure
}

const LABELS: readonly Label[] = [UNTRUSTED, 'confidential:customers' as Label] // as the configuration writes it
const CONDITION = 'context.args.amount.lessThanOrEqual(decimal("50.00")) && context.args.currency == "EUR"'
const OWNER = personName('maria@shop.example')
const TEST = environmentName('test')
const DIGEST = sha256('a'.repeat(64))
const INPUT_SCHEMA = {
  type: 'object',
  properties: {
    amount: { type: 'number' },
    currency: { type: 'string' },
    order: { type: 'string' },
    count: { type: 'integer' },
    tags: { type: 'array', items: { type: 'string' } },
    to: { type: 'object', properties: { iban: { type: 'string' }, name: { type: 'string' } }, required: ['iban'] },
  },
  required: ['amount', 'currency', 'order', 'to'],
}

function makeCatalogue(): Catalogue {
  const tools = Array.from({ length: TOOLS }, (_, index): CatalogueTool => {
    const name = toolName(`tool.${index}`)
    return {
      declared: {
        name,
        effect: 'write',
        accepts: [...LABELS],
        destinations: [{ path: [{ name: 'to' }, { name: 'iban' }], values: [] }],
        content: [[{ name: 'tags' }], [{ name: 'to' }, { name: 'name' }], [{ name: 'currency' }]],
      },
      pinned: { name, digest: DIGEST, definition: {}, input: INPUT_SCHEMA },
    }
  })
  const name = upstreamName('payments')
  const byName = new Map(tools.map((tool) => [tool.declared.name, tool]))
  return { upstreams: new Map([[name, { name, environment: TEST, tools: byName }]]) }
}

function makeGrant(index: number, agents: number): Grant {
  return {
    id: grantId(`g_${index}`),
    agent: agentName(`agent-${index % agents}`),
    upstream: upstreamName('payments'),
    tools: new Set([toolName(toolOf(index, agents))]),
    budgets: [{ kind: 'calls', max: 1_000_000_000, window: { kind: 'sliding', ms: 60_000 } }],
    expiresAtMs: NOW_MS + 3_600_000,
    grantedBy: OWNER,
    source: { file: 'firebreak.yaml', line: index + 1, column: 1 },
  }
}

/** Each agent's policies are about tools of their own, and each tool is in those of many agents. */
function toolOf(index: number, agents: number): string {
  return `tool.${(Math.floor(index / agents) + 7 * index) % TOOLS}`
}

function forbid(index: number, agents: number): string {
  const agent = `principal == Agent::"agent-${index % agents}"`
  const tool = `action == Action::"payments/${toolOf(index, agents)}"`
  switch ((index + Math.floor(index / agents)) % 4) {
    case 0:
      return `forbid(${agent}, ${tool}, resource) when { context.args.amount.greaterThan(decimal("45.00")) };`
    case 1:
      return `forbid(${agent}, ${tool}, resource) when { context.args has tags && context.args.tags.contains("blocked") };`
    case 2:
      return `forbid(principal, ${tool}, resource) when { context.args.to.iban like "XX${index}*" };`
    default:
      return `forbid(${agent}, action, resource) when { context.args.order == "order-${index}" };`
  }
}

function makeAction({ agent, upstream, tools }: Grant, index: number): Action {
  const [tool = toolName('none')] = tools
  return {
    id: 'a_00000000000000000000' as ActionId,
    cellId: 'c_0000000000000000' as CellId,
    agent,
    environment: TEST,
    upstream,
    upstreamEnvironment: TEST,
    operation: 'tool',
    tool,
    args: {
      amount: (index % 550) / 10,
      currency: index % 10 === 0 ? 'USD' : 'EUR',
      order: `order-${index % 40}`,
      count: index,
      tags: index % 7 === 0 ? ['blocked', 'b'] : ['a', 'b'],
      to: { iban: `DE${index}`, name: 'Jo' },
    },
    effect: 'write',
    definition: DIGEST,
  }
}

interface Timed {
  readonly us: number
  readonly samples: number
}

type Ours = Timed & { readonly p99Us: number; readonly allowed: number }
type Cedar = Timed & { readonly disagreements: number }

/**
 * The median of short rounds, which other processes on the machine do not reach into; and single decisions for the tail.
 */
function timeOurs({ requests }: World, untilMs: number): Ours {
  let allowed = 0
  const rounds: number[] = []
  for (let pass = 0; pass < 10 || (pass < PASSES && Date.now() < untilMs); pass++) {
    allowed = 0
    for (let from = 0; from < requests.length; from += ROUND) {
      const startMs = performance.now()
      for (const { action, authority } of requests.slice(from, from + ROUND)) {
        if (decide(action, authority, NOW_MS).verdict === 'allow') allowed++
      }
      // The first passes compile the code and make the slices.
      if (pass >= 5) rounds.push(((performance.now() - startMs) * 1_000) / ROUND)
    }
  }
  const single = requests.map(({ action, authority }) => {
    const start = process.hrtime.bigint()
    decide(action, authority, NOW_MS)
    return Number(process.hrtime.bigint() - start) / 1_000
  })
  const samples = rounds.length * ROUND
  return { us: quantile(rounds, 0.5), p99Us: quantile(single, 0.99), samples, allowed: allowed / requests.length }
}

/** Single decisions after a session, in rounds until the time is up; the first of them compile the code. */
function timeHistory({ requests }: World, untilMs: number) {
  const tickets = Array.from({ length: 1_000 }, (_, at) => `Answer ticket ${at} of customer-${at}@mail.example.`)
  const task = { text: tickets.join(' ').slice(0, LIMITS.taskCharactersMax), givenBy: OWNER }
  const { exposure, bytes } = afterSession(task)
  const asked = requests.map(({ action, authority }, index) => ({
    action: { ...action, args: argumentsOf(action.args, index) },
    authority: { ...authority, exposure, task },
  }))
  const times: number[] = []
  let held = 0
  for (let pass = 0; pass < 6 || (pass < PASSES && Date.now() < untilMs); pass++) {
    held = 0
    for (const { action, authority } of asked) {
      const start = process.hrtime.bigint()
      const { verdict, reasons } = decide(action, authority, NOW_MS)
      const tookUs = Number(process.hrtime.bigint() - start) / 1_000
      if (verdict === 'hold' || reasons.some(({ kind }) => kind === 'destination' || kind === 'link')) held++
      if (pass >= 5) times.push(tookUs)
    }
  }
  return { p50: quantile(times, 0.5), p95: quantile(times, 0.95), bytes, held: held / asked.length }
}

/** One in ten has an account that it was not told, one in ten a link. */
function argumentsOf(args: Action['args'], index: number): Action['args'] {
  const [iban, portal] = [index % 10 === 3 ? `XX${index}` : `DE${index}`, index % 10 === 7 ? 'elsewhere' : 'portal']
  return { ...args, to: { iban, name: `Jo, see https://${portal}.example/orders/${index % 40}` } }
}

/** Mail that anyone could have written, records of customers, and lists whose accounts and links are trusted. */
function afterSession(task: Task) {
  const exposure = new Exposure(new Map(), task)
  const flowOf = (returns: NonNullable<CatalogueTool['declared']['returns']>) =>
    compileFlow({ declared: { name: toolName('read'), effect: 'read', returns } }, new Set())
  const [untrusted = UNTRUSTED, confidential = UNTRUSTED] = LABELS
  const mail = flowOf([{ path: [], labels: [untrusted] }])
  const records = flowOf([{ path: [], labels: [confidential] }])
  const lists = flowOf([{ path: [], labels: [] }])
  const where = { action: 'a_00000000000000000000' as ActionId, tool: 'payments/read' } // by its shape
  let bytes = 0
  const read = (flow: typeof mail, result: Json) => {
    const text = JSON.stringify(result)
    bytes += text.length
    exposure.recordAnswer(flow, readingOf({ content: [{ type: 'text', text }] }), where)
  }
  for (let i = 0; bytes < HISTORY_BYTES; i++) {
    const body = `Dear desk, order-${i % 40} came late, see www.shop-${i}.example/track. `.repeat(20)
    read(mail, { from: `customer-${i}@mail.example`, subject: `order ${i}`, body })
    read(records, {
      customer: i,
      name: `Customer ${i}`,
      street: `${i} Long Street`,
      notes: 'called twice. '.repeat(30),
    })
    const accounts = Array.from({ length: 10 }, (_, at) => `DE${(i * 10 + at) % REQUESTS}`)
    read(lists, { accounts, orders: [`order-${i % 40}`], portal: `https://portal.example/orders/${i % 40}` })
  }
  return { exposure, bytes }
}

/** `statefulIsAuthorized` on policies parsed before; the request is built outside the clock. */
function timeCedar({ bundle, requests }: World, untilMs: number): Cedar {
  const cedar: typeof import('@cedar-policy/cedar-wasm/nodejs') = createRequire(import.meta.url)(
    '@cedar-policy/cedar-wasm/nodejs',
  )
  const policies = Object.fromEntries(bundle.policies.map(({ id, json }) => [id, json])) as Record<string, never> // Cedar's own JSON
  const parsed = cedar.preparsePolicySet('bench', { staticPolicies: policies })
  if (parsed.type !== 'success') throw new Error('cedar-wasm refuses the policies')
  const step = Math.max(1, Math.floor(requests.length / CEDAR_CALLS))
  const times: number[] = []
  let disagreements = 0
  for (let index = 0; index < requests.length && (times.length < 20 || Date.now() < untilMs); index += step) {
    const request = requests[index]
    if (!request) break
    const call = cedarCall(request.action)
    const startMs = performance.now()
    const answer = cedar.statefulIsAuthorized(call)
    times.push((performance.now() - startMs) * 1_000)
    const theirs = answer.type === 'success' ? answer.response.decision : 'failure'
    if (theirs !== decide(request.action, request.authority, NOW_MS).verdict) disagreements++
  }
  return { us: quantile(times, 0.5), samples: times.length, disagreements }
}

function cedarCall({ agent, upstream, tool, args }: Action) {
  const { amount, ...rest } = args
  const decimal = { __extn: { fn: 'decimal', arg: Number(amount).toFixed(4) } }
  const action = { type: 'Action', id: `${upstream}/${tool}` }
  const groups = ['write', 'effect'].map((id) => ({ type: 'Action', id }))
  const environment = { type: 'Environment', id: TEST }
  return {
    principal: { type: 'Agent', id: agent },
    action,
    resource: { type: 'Upstream', id: upstream },
    context: { args: { ...rest, amount: decimal } } as never, // plain JSON, as Cedar's own type has it
    entities: [
      { uid: { type: 'Agent', id: agent }, attrs: { owner: OWNER }, parents: [] },
      { uid: { type: 'Upstream', id: upstream }, attrs: {}, parents: [environment] },
      { uid: action, attrs: {}, parents: groups },
    ],
    preparsedPolicySetId: 'bench',
    validateRequest: false,
  }
}

function quantile(values: readonly number[], at: number): number {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * at))] ?? Number.NaN
}

function rounded(value: number): number {
  return Number(value.toPrecision(3))
}
