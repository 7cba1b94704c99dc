import type { Action, Effect } from '../../src/model/action.ts'
import type { Grant } from '../../src/model/grant.ts'
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
} from '../../src/model/ids.ts'
import type { JsonObject } from '../../src/model/json.ts'
import type { Source } from '../../src/model/source.ts'
import type { Catalogue, CatalogueTool } from '../../src/model/tool.ts'
import { BudgetBook } from '../../src/policy/budget/budget.ts'
import type { PolicyBundle } from '../../src/policy/cedar/bundle.ts'
import { compilePolicies } from '../../src/policy/cedar/compile.ts'
import { Cedar } from '../../src/policy/cedar/load/cedar.ts'
import { parseWith } from '../../src/policy/cedar/load/parse.ts'
import type { PolicySource } from '../../src/policy/cedar/load/written.ts'
import type { Authority } from '../../src/policy/decide/authority.ts'
import type { GrantSource } from '../../src/policy/decide/grant-permit.ts'
import { Exposure } from '../../src/policy/flow/exposure.ts'
import { compileFlow } from '../../src/policy/flow/flow.ts'

/** A small shop for tests: `payments` in test, `vault` in production, and an agent that may use some of the first. */
export const DIGEST = sha256('a'.repeat(64))
export const NOW_MS = Date.UTC(2026, 10, 22, 15, 30) // a Sunday

export const REFUND_SCHEMA: JsonObject = {
  type: 'object',
  properties: {
    amount: { type: 'number' },
    currency: { type: 'string' },
    count: { type: 'integer' },
    note: { type: 'string' },
    urgent: { type: 'boolean' },
    tags: { type: 'array', items: { type: 'string' } },
    to: {
      type: 'object',
      properties: { iban: { type: 'string' }, name: { type: ['string', 'null'] } },
      required: ['iban'],
    },
    anything: {},
  },
  required: ['amount', 'currency'],
}

export const CATALOGUE: Catalogue = catalogue({
  payments: {
    environment: 'test',
    tools: {
      'orders.get': tool('orders.get', 'read', idSchema()),
      refund: tool('refund', 'spend', REFUND_SCHEMA),
      unseen: tool('unseen', 'write'),
    },
  },
  vault: { environment: 'production', tools: { open: tool('open', 'irreversible', idSchema()) } },
})

function idSchema(): JsonObject {
  return { type: 'object', properties: { id: { type: 'string' } }, required: ['id'] }
}

function tool(name: string, effect: Effect, input?: JsonObject): CatalogueTool {
  const declared = { name: toolName(name), effect }
  return input ? { declared, pinned: { name: declared.name, digest: DIGEST, definition: {}, input } } : { declared }
}

export function catalogue(
  upstreams: Record<string, { readonly environment: string; readonly tools: Record<string, CatalogueTool> }>,
): Catalogue {
  return {
    upstreams: new Map(
      Object.entries(upstreams).map(([name, { environment, tools }]) => [
        upstreamName(name),
        {
          name: upstreamName(name),
          environment: environmentName(environment),
          tools: new Map(Object.entries(tools).map(([name, tool]) => [toolName(name), tool])),
        },
      ]),
    ),
  }
}

export const GRANT_SOURCE: Source = { file: 'firebreak.yaml', line: 30, column: 9 }

export function grant(changes: Partial<Grant> = {}): Grant {
  return {
    id: grantId('g_desk'),
    agent: agentName('desk'),
    upstream: upstreamName('payments'),
    tools: new Set(['orders.get', 'refund'].map(toolName)),
    budgets: [],
    expiresAtMs: NOW_MS + 3_600_000,
    grantedBy: personName('maria@shop.example'),
    source: GRANT_SOURCE,
    ...changes,
  }
}

export function action(changes: Partial<Action> = {}): Action {
  return {
    id: 'a_00000000000000000000' as ActionId,
    cellId: 'c_0000000000000000' as CellId,
    agent: agentName('desk'),
    environment: environmentName('test'),
    upstream: upstreamName('payments'),
    upstreamEnvironment: environmentName('test'),
    operation: 'tool',
    tool: toolName('refund'),
    args: { amount: 10, currency: 'EUR' },
    effect: 'spend',
    definition: DIGEST,
    spend: { units: 100_000n, currency: 'EUR' },
    ...changes,
  }
}

/** One thread for all that a test file parses: each new one loads Cedar's library anew. */
export const CEDAR = new Cedar({ timeoutMs: 60_000 })

/** As a person wrote it: one file of policies, and one grant with a condition. */
export async function bundle(
  policies: string,
  when?: string,
  grants: readonly Grant[] = [grant()],
  shop: Catalogue = CATALOGUE,
): Promise<PolicyBundle> {
  const sources: readonly PolicySource[] = policies === '' ? [] : [{ file: 'policies/shop.cedar', text: policies }]
  const parsed = await parseWith(
    CEDAR,
    sources,
    grants.map((each) => withCondition(each, when)),
    shop,
  )
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.reason, undefined, 2))
  return parsed.value
}

export function withCondition(grant: Grant, when: string | undefined): GrantSource {
  return when === undefined ? { grant } : { grant, when: { text: when, source: { ...GRANT_SOURCE, line: 33 } } }
}

/** No argument leads anywhere: for what is not about labels and destinations. */
const CARRIED_ONLY = compileFlow(
  { declared: { name: toolName('refund'), effect: 'spend', content: [[]], anyLinks: true } },
  new Set(),
)

export function authority(
  policies: PolicyBundle,
  changes: Partial<Authority> = {},
): Authority & { readonly budgets: BudgetBook } {
  return {
    agent: agentName('desk'),
    owner: personName('maria@shop.example'),
    environment: environmentName('test'),
    rung: 'normal',
    grants: [grant()],
    policies: compilePolicies(policies),
    exposure: new Exposure(),
    flows: { get: () => CARRIED_ONLY },
    ...changes,
    budgets: changes.budgets instanceof BudgetBook ? changes.budgets : new BudgetBook(),
  }
}
