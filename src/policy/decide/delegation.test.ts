import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { runs } from '../../../test/kit/runs.ts'
import { action, authority, bundle, grant, NOW_MS } from '../../../test/policy/fixture.ts'
import {
  type Action,
  agentName,
  type DelegationId,
  type JsonPath,
  jsonPath,
  type Label,
  type Rung,
  toolName,
} from '../../model/index.ts'
import { Exposure } from '../flow/exposure.ts'
import { compileFlow } from '../flow/flow.ts'
import type { Authority, Delegation } from './authority.ts'
import { decide, decideListed, topOf } from './decide.ts'
import type { ArgumentLimit, Restriction } from './restriction.ts'

/** A small generator with a seed, so that a failure can be run again. */
function randomFrom(seed: number): (below: number) => number {
  let state = seed >>> 0
  return (below) => {
    state = (Math.imul(state ^ (state >>> 15), 0x2c1b3c6d) + 0x9e3779b9) >>> 0
    let mixed = state
    mixed = Math.imul(mixed ^ (mixed >>> 12), 0x297a2d39)
    return ((mixed ^ (mixed >>> 15)) >>> 0) % below
  }
}

const path = (text: string): JsonPath => jsonPath(text) ?? []
const AGENTS = ['desk', 'helper', 'clerk'].map(agentName)
const LABELS = ['untrusted', 'confidential:customers'] as Label[]
const POLICIES = `
  forbid (principal, action, resource) when { context.delegationDepth > 3 };
  forbid (principal == Agent::"clerk", action == Action::"payments/refund", resource) when { context.args.currency == "USD" };
  forbid (principal, action == Action::"payments/refund", resource) when { context.labels.contains("confidential:customers") };
`

interface Level {
  readonly agent: (typeof AGENTS)[number]
  readonly rung: Rung
  readonly revoked: boolean
  readonly restriction: Restriction
}

/** What the chain means, without any of the code that decides: plain conditions on the first words of each level. */
function expected(levels: readonly Level[], { tool, args }: Action, exposure: Exposure): boolean {
  const amount = Number(args.amount)
  if (tool !== 'refund' && tool !== 'orders.get') return false
  if (tool === 'refund' && (amount > 50 || exposure.labels.has('confidential:customers' as Label))) return false
  if (levels.length > 3) return false
  return levels.every(({ agent, rung, revoked, restriction }) => {
    if (revoked || NOW_MS >= restriction.expiresAtMs) return false
    if (rung !== 'normal' && rung !== 'watched' && !(rung === 'restricted' && tool === 'orders.get')) return false
    if (agent === 'clerk' && tool === 'refund' && args.currency === 'USD') return false
    if (restriction.tools && !restriction.tools.has(`payments/${tool}`)) return false
    if (restriction.labels && [...exposure.labels.keys()].some((label) => !restriction.labels?.has(label))) return false
    return restriction.arguments.every(({ tool: about, path: place, oneOf, maxUnits }) => {
      if (about !== `payments/${tool}`) return true
      const [step] = place
      const value = step === undefined || step === 'items' ? undefined : args[step.name]
      if (value === undefined) return false
      if (oneOf && !oneOf.includes(value)) return false
      return maxUnits === undefined || (typeof value === 'number' && value >= 0 && value * 10_000 <= Number(maxUnits))
    })
  })
}

describe('S5: delegation', () => {
  it('S5: random chains: what passes is what every level alone lets pass, and nothing else', async () => {
    const seed = Number(process.env.SEED ?? Date.now() % 2 ** 31)
    const random = randomFrom(seed)
    const pick = <T>(items: readonly T[]): T => items[random(items.length)] as T
    const policies = await bundle(
      POLICIES,
      'context.args has amount && context.args.amount.lessThanOrEqual(decimal("50.00"))',
      [grant({ tools: new Set([toolName('refund')]) })],
    )
    const declared = {
      name: toolName('refund'),
      effect: 'spend',
      content: [[]],
      anyLinks: true,
      accepts: LABELS,
    } as const
    const flow = compileFlow({ declared }, new Set())
    const root = authority(policies, { agent: agentName('desk'), flows: { get: () => flow } })
    const chains = runs(6_000, 100_000)
    const counts = { allowed: 0, denied: 0 }
    for (let i = 0; i < chains; i++) {
      const exposure = new Exposure(
        new Map(
          LABELS.filter(() => random(4) === 0).map((label) => [label, { tool: 'x', path: '$', labels: [label] }]),
        ),
      )
      const levels = Array.from({ length: 1 + random(4) }, (): Level => {
        const limits: ArgumentLimit[] = []
        if (random(3) === 0)
          limits.push({ tool: 'payments/refund', path: path('$.amount'), maxUnits: BigInt(random(60)) * 10_000n })
        if (random(3) === 0)
          limits.push({ tool: 'payments/refund', path: path('$.currency'), oneOf: ['EUR', 'GBP'].slice(random(2)) })
        return {
          agent: pick(AGENTS),
          rung:
            random(12) === 0 ? pick(['restricted', 'quarantined', 'frozen', 'killed', 'watched'] as const) : 'normal',
          revoked: random(15) === 0,
          restriction: {
            ...(random(2) === 0 && { tools: new Set(random(4) === 0 ? ['payments/orders.get'] : ['payments/refund']) }),
            ...(random(4) === 0 && { labels: new Set(LABELS.slice(0, random(3))) }),
            arguments: limits,
            budgets: [],
            expiresAtMs: random(15) === 0 ? NOW_MS : NOW_MS + 1_000,
          },
        }
      })
      const args = { amount: random(60), currency: pick(['EUR', 'USD', 'GBP']) }
      const tried = action({ args, spend: { units: BigInt(Number(args.amount)) * 10_000n, currency: 'EUR' } })
      const chain = levels.reduce<{ at: Authority; depth: number }>(
        ({ at, depth }, { agent, rung, revoked, restriction }) => {
          const above: Delegation = {
            id: `d_${i}-${depth}` as DelegationId,
            depth: depth + 1,
            restriction,
            from: () => at,
            revokedAtMs: () => (revoked ? NOW_MS - 1 : undefined),
          }
          return { at: { ...at, agent, rung, grants: [], above, exposure }, depth: depth + 1 }
        },
        { at: { ...root, exposure }, depth: 0 },
      ).at
      const decided = decide(tried, chain, NOW_MS)
      const shown = decideListed(tried, chain, NOW_MS)
      const allowed = decided.verdict === 'allow'
      const wanted = expected(levels, tried, exposure)
      assert.equal(
        allowed,
        wanted,
        `SEED=${seed}, chain ${i}: ${JSON.stringify({ args, levels: levels.map(({ restriction: _, ...rest }) => rest), decided }, (_, v) => (typeof v === 'bigint' ? `${v}` : v))}`,
      )
      if (allowed) {
        // A list shows what a call can do, and the agent that was granted something stands at the top.
        assert.equal(shown.verdict, 'allow')
        assert.equal(topOf(chain).agent, 'desk')
        assert.equal(decided.reasons[0].grant, 'g_desk')
      } else assert.ok(decided.reasons.length > 0)
      counts[allowed ? 'allowed' : 'denied']++
    }
    assert.ok(counts.allowed > chains / 20 && counts.denied > chains / 20, JSON.stringify(counts))
  })
})
