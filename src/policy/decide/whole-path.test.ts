import assert from 'node:assert/strict'
import { it } from 'node:test'
import { runs } from '../../../test/kit/runs.ts'
import { Random } from '../../../test/policy/differential/random.ts'
import { action, authority, bundle, CATALOGUE, grant, NOW_MS } from '../../../test/policy/fixture.ts'
import type { Action } from '../../model/action.ts'
import { toolName, upstreamName } from '../../model/ids.ts'
import { isJsonObject, type Json, type JsonObject } from '../../model/json.ts'
import { Cedar } from '../cedar/load/cedar.ts'
import { cedarSchema } from '../cedar/load/cedar-schema.ts'
import { decide } from './decide.ts'

/**
 * From the text of policies and JSON arguments to a decision, beside Cedar given the same schema, entities and request,
 * written here by hand: what `differential/` leaves out (schema, groups, context, arguments).
 */
const RULES = `
  forbid(principal, action in Action::"spend", resource) when { context.args.amount.greaterThan(decimal("50.00")) };
  forbid(principal, action in Action::"effect", resource in Environment::"production") when { context.time.weekday > 5 };
  forbid(principal, action in Action::"read", resource) when { context.args.id like "secret*" };
  forbid(principal, action == Action::"payments/refund", resource) when { context.args.currency == "USD" };
  forbid(principal, action == Action::"payments/refund", resource) when { context.args.currency == "EUR" && context.args has note && context.args.note like "*!*" };
  forbid(principal, action == Action::"payments/refund", resource) when { context.args has count && context.args.count * 9007199254740991 < 0 };
  forbid(principal, action == Action::"payments/refund", resource) when { context.args has tags && context.args.tags.containsAny(["x", "y"]) };
  forbid(principal, action == Action::"payments/refund", resource) unless { context.args has to && context.args.to.iban == principal.owner };
  forbid(principal, action, resource) when { context.rung == "watched" && context.effect == "spend" };
  forbid(principal, action, resource) when { context.time.hour == 15 && context.time.minute < 30 };
`
const PAIRS = runs(600, 3_000)

it('a decision on JSON arguments is the one that Cedar makes, and only ever stricter', async (t) => {
  const seed = Number(process.env.FIREBREAK_SEED ?? Date.now() % 2 ** 32)
  t.diagnostic(`seed ${seed}`)
  const random = new Random(seed)
  const open = grant({
    upstream: upstreamName('vault'),
    tools: new Set([toolName('open')]),
    id: 'g_vault' as typeof id,
  })
  const { id } = grant()
  const rules = await bundle(RULES, undefined, [grant(), open])
  const own = authority(rules, { grants: [grant(), open] })
  const cases = Array.from({ length: PAIRS }, () => ({
    act: anyAction(random),
    nowMs: NOW_MS + random.below(10_000) * 60_000 - 300_000_000,
    rung: random.pick(['normal', 'watched'] as const),
  }))
  // A rule that errs, in each hour of half a day: chance alone may bring none.
  const args = { amount: 1, currency: 'CHF', count: 1025, to: { iban: OWNER } }
  for (let hour = 0; hour < 12; hour++)
    cases.push({ act: action({ effect: 'spend', args }), nowMs: NOW_MS + hour * 3_600_000, rung: 'normal' })

  await using cedar = new Cedar({ timeoutMs: 60_000 })
  const policies = { staticPolicies: Object.fromEntries(rules.policies.map(({ id, json }) => [id, json])) }
  const outcomes = await cedar.call([
    ['preparsePolicySet', 'set', policies],
    ['preparseSchema', 'schema', cedarSchema(rules.actions)],
    ...cases.map(
      ({ act, nowMs, rung }) =>
        [
          'statefulIsAuthorized',
          {
            principal: { type: 'Agent', id: 'desk' },
            action: { type: 'Action', id: `${act.upstream}/${act.tool}` },
            resource: { type: 'Upstream', id: act.upstream },
            context: contextJson(act, nowMs, rung),
            entities: ENTITIES,
            preparsedPolicySetId: 'set',
            preparsedSchemaName: 'schema',
            validateRequest: true,
          },
        ] as const,
    ),
  ])

  const counts = { both: 0, neither: 0, stricter: 0 }
  for (const [index, { act, nowMs, rung }] of cases.entries()) {
    const environment = own.policies.entities.get(`Upstream::"${act.upstream}"`)?.ancestors.has('Environment::"test"')
      ? own.environment
      : PRODUCTION
    const grants = own.grants.map((each) => ({ ...each, expiresAtMs: nowMs + 1 }))
    const ours = decide(
      { ...act, environment, upstreamEnvironment: environment },
      { ...own, environment, rung, grants },
      nowMs,
    )
    const { verdict, faults } = verdictOf(outcomes[index + 2])
    const context = JSON.stringify([act.tool, act.args, nowMs, rung, ours, verdict])
    if (ours.verdict === 'allow') {
      assert.equal(verdict, 'allow', context)
      counts.both++
    } else if (verdict === 'deny') counts.neither++
    else {
      assert.ok(faults > 0, `denied without need: ${context}`)
      counts.stricter++
    }
  }
  t.diagnostic(JSON.stringify(counts))
  assert.ok(counts.both > PAIRS / 10 && counts.neither > PAIRS / 10 && counts.stricter > 5)
})

const PRODUCTION = 'production' as Action['environment']
const OWNER = 'maria@shop.example'
const ENTITIES = [
  { uid: { type: 'Agent', id: 'desk' }, attrs: { owner: OWNER }, parents: [] },
  { uid: { type: 'Upstream', id: 'payments' }, attrs: {}, parents: [{ type: 'Environment', id: 'test' }] },
  { uid: { type: 'Upstream', id: 'vault' }, attrs: {}, parents: [{ type: 'Environment', id: 'production' }] },
  { uid: { type: 'Environment', id: 'test' }, attrs: {}, parents: [] },
  { uid: { type: 'Environment', id: 'production' }, attrs: {}, parents: [] },
]

function anyAction(random: Random): Action {
  const [upstream, tool] = random.pick([
    ['payments', 'refund'],
    ['payments', 'refund'],
    ['payments', 'orders.get'],
    ['vault', 'open'],
  ] as const)
  const effect = CATALOGUE.upstreams.get(upstreamName(upstream))?.tools.get(toolName(tool))?.declared.effect ?? 'read'
  const args = tool === 'refund' ? refundArgs(random) : { id: random.pick(['secret', 'secret/1', 'Secret', 'open']) }
  return action({ upstream: upstreamName(upstream), tool: toolName(tool), effect, args })
}

function refundArgs(random: Random): JsonObject {
  const all: readonly (readonly [string, Json])[] = [
    ['count', random.pick([0, 1, -1, 1025, -1025])],
    ['note', random.pick(['', 'hi', 'hi!', '!'])],
    ['tags', random.pick([[], ['x'], ['z', 'z'], ['a', 'b', 'y']])],
    ['urgent', random.chance(0.5)],
  ]
  const amount = random.pick([0, 1, 49.99, 50, 50.0001, 1e14, 3.1])
  const to = { iban: random.chance(0.9) ? OWNER : 'elsewhere' }
  return {
    amount,
    currency: random.pick(['EUR', 'EUR', 'USD', 'CHF']),
    ...Object.fromEntries(random.some(all, 0.5)),
    ...(random.chance(0.9) && { to }),
  }
}

function contextJson({ args, effect, upstream }: Action, nowMs: number, rung: string) {
  const date = new Date(nowMs)
  const { amount, ...rest } = args
  const decimal = typeof amount === 'number' && {
    amount: { __extn: { fn: 'decimal', arg: Number.isInteger(amount) ? `${amount}.0` : String(amount) } },
  }
  return {
    args: { ...rest, ...decimal },
    effect,
    environment: upstream === 'vault' ? 'production' : 'test',
    owner: OWNER,
    rung,
    labels: [],
    delegationDepth: 0,
    time: {
      ms: nowMs,
      hour: date.getUTCHours(),
      minute: date.getUTCMinutes(),
      weekday: date.getUTCDay() === 0 ? 7 : date.getUTCDay(),
    },
  }
}

function verdictOf(outcome: Awaited<ReturnType<Cedar['call']>>[number] | undefined) {
  const answer = outcome && 'answer' in outcome ? (outcome.answer as Json) : null
  const response = isJsonObject(answer) ? answer.response : undefined
  assert.ok(isJsonObject(response) && isJsonObject(response.diagnostics), JSON.stringify(answer))
  const { errors } = response.diagnostics
  return { verdict: response.decision, faults: Array.isArray(errors) ? errors.length : 0 }
}
