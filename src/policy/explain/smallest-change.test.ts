import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { runs } from '../../../test/kit/runs.ts'
import { Random } from '../../../test/policy/differential/random.ts'
import { NOW_MS } from '../../../test/policy/fixture.ts'
import {
  type Attempt,
  actionIn,
  cellOf,
  inputOf,
  type Plan,
  randomAttempt,
  randomPlan,
  see,
  type TestCell,
} from '../../../test/policy/reach-fixture.ts'
import type { Budget } from '../../model/budget.ts'
import { toolName, upstreamName } from '../../model/ids.ts'
import { decide } from '../decide/decide.ts'
import { issuedBy } from '../flow/flow.ts'
import type { ReachInput } from '../reach/reach.ts'
import { findSmallestChange, type SmallestChange } from './smallest-change.ts'

const seed = Number(process.env.FIREBREAK_SEED ?? Date.now() % 2 ** 32)
const TOOL = {
  effect: 'spend',
  accepts: ['untrusted'],
  returns: 1,
  destinations: 1,
  content: true,
  anyLinks: false,
} as const
const EUROS: Budget = {
  kind: 'spend',
  maxUnits: 300_000n,
  currency: 'EUR',
  window: { kind: 'sliding', ms: 86_400_000 },
}
const PLAN: Plan = {
  labels: [],
  tools: {
    'shop/pay': TOOL,
    'shop/look': { ...TOOL, effect: 'read' },
    'mail/send': { ...TOOL, effect: 'write' },
    'mail/read': TOOL,
  },
  grants: [{ upstream: 'shop', tools: ['pay'], when: 1, budgets: [], expiresMs: 3_600_000 }],
  forbids: [],
}

describe('what would turn a decision', () => {
  const table: readonly (readonly [name: string, plan: Plan, args: Attempt['args'], changes: readonly RegExp[]])[] = [
    [
      'the value of a condition',
      PLAN,
      { amount: 60 },
      [
        /condition of grant g_0-shop \(firebreak\.yaml:10\): context\.args\.amount\.lessThan\(decimal\("50\.00"\)\) → .*"60\.0001"/,
      ],
    ],
    [
      'two values of a condition',
      PLAN,
      { amount: 60, currency: 'USD' },
      [/"60\.0001".*, and context\.args\.currency == "EUR" → context\.args\.currency == "USD"$/],
    ],
    [
      'a budget',
      { ...PLAN, grants: PLAN.grants.map((grant) => ({ ...grant, budgets: [EUROS] })) },
      { amount: 45 },
      [/the budget of g_0-shop .*: 30\.00 EUR\/day → 45\.00 EUR\/day$/],
    ],
    ['a word of the task', PLAN, { to: 'C3' }, [/a task of the owner's that names "C3": --task/]],
    ['what a tool accepts', { ...PLAN, labels: ['secret'] }, {}, [/^accepts: \[secret\] under shop\/pay/]],
    [
      'a grant',
      { ...PLAN, grants: [{ ...(PLAN.grants[0] as Plan['grants'][number]), tools: ['look'] }] },
      {},
      [/^a grant under agents\.desk\.grants: \{ upstream: shop, tools: \["pay"\]/],
    ],
    [
      'a clause that nothing fits',
      { ...PLAN, grants: PLAN.grants.map((grant) => ({ ...grant, when: 5 })) },
      {},
      [/: without context\.args has count/],
    ],
    [
      'several together, and none that is not needed',
      { ...PLAN, labels: ['secret'] },
      { amount: 50, to: 'C3' },
      [/"50\.0001"/, /accepts: \[secret\]/, /names "C3"/],
    ],
  ]
  it('of several grants the one that needs the least is changed', () => {
    const [own] = PLAN.grants
    assert.ok(own)
    const spent: Budget = { ...EUROS, maxUnits: 100_000n }
    const grants = [
      { ...own, budgets: [spent] },
      { ...own, when: 0, budgets: [] },
    ]
    const { changes } = turnIn({ ...PLAN, grants }, { amount: 60, currency: 'EUR' })
    assert.equal(changes.length, 1)
    assert.match(changes[0] ?? '', /grant g_1-shop/)
  })

  for (const [name, plan, args, wanted] of table) {
    it(`${name} is found by trying`, () => {
      const { changes, inTheWay } = turnIn(plan, { amount: 10, currency: 'EUR', ...args })
      assert.deepEqual(inTheWay, [])
      assert.equal(changes.length, wanted.length, changes.join('\n'))
      for (const [i, text] of wanted.entries()) assert.match(changes[i] ?? '', text)
    })
  }

  it('TU2: a forbid is in the way, with its author’s file and line; what else is needed stands beside it', () => {
    const { changes, inTheWay } = turnIn({ ...PLAN, forbids: [0] }, { amount: 60, currency: 'EUR' })
    assert.deepEqual(inTheWay, ['f0-0 forbids it, written at policies/shop.cedar:1: its author decides'])
    assert.deepEqual(
      changes.map((text) => text.slice(0, 29)),
      ['in the condition of grant g_0'],
    )
  })

  it('where nothing is enough, nothing is suggested', () => {
    const cell = cellOf(inputOf(PLAN))
    const action = {
      ...actionIn(cell, attemptOf({ amount: 60, currency: 'EUR' })),
      upstreamEnvironment: 'production' as never,
    }
    const change = findSmallestChange({
      action,
      authority: cell.authority,
      bundle: inputOf(PLAN).policies,
      nowMs: NOW_MS,
      tool: undefined,
      issues: new Set(),
    })
    assert.deepEqual([change.changes, change.inTheWay.length], [[], 1])
    assert.match(change.inTheWay[0] ?? '', /nothing reaches across/)
  })

  it('TU1 TU2: written into the configuration by somebody else, the changes are enough, and each is needed', (t) => {
    t.diagnostic(`seed ${seed}`)
    const random = new Random(seed)
    let [tried, written] = [0, 0]
    const worlds = runs(50, 120)
    for (let world = 0; world < worlds; world++) {
      const plan = randomPlan(random)
      const input = inputOf(plan)
      const cell = cellOf(input, 'Pay someone.')
      const history: Attempt[] = []
      for (let step = 0; step < 6; step++) {
        const attempt = randomAttempt(random, NOW_MS)
        const action = actionIn(cell, attempt)
        if (decide(action, cell.authority, NOW_MS).verdict === 'allow') {
          history.push(attempt)
          see(cell, attempt)
          continue
        }
        const change = changeAt(input, cell, attempt)
        tried++
        for (const text of change.changes) assert.doesNotMatch(text, /\bf\d-\d\b/, 'TU2')
        assert.ok(change.changes.length + change.inTheWay.length > 0)
        if (change.inTheWay.length > 0 || !change.changes.every(canWrite)) continue
        written++
        const verdict = (changes: readonly string[]) => verdictWith(plan, changes, history, attempt)
        assert.equal(verdict(change.changes), 'allow', `seed ${seed}: ${change.changes.join('\n')}`)
        for (const left of change.changes) {
          assert.notEqual(
            verdict(change.changes.filter((text) => text !== left)),
            'allow',
            `seed ${seed}: not needed: ${left}`,
          )
        }
      }
    }
    t.diagnostic(`${tried} tried, ${written} written`)
    assert.ok(written > worlds / 3, `${written} of ${tried}`)
  })
})

function attemptOf(args: Attempt['args']): Attempt {
  return { id: 'shop/pay', args, answer: {}, atMs: NOW_MS }
}

function turnIn(plan: Plan, args: Attempt['args']): SmallestChange {
  const input = inputOf(plan)
  return changeAt(input, cellOf(input), attemptOf(args))
}

function changeAt(input: ReachInput, cell: TestCell, attempt: Attempt): SmallestChange {
  const [upstream = '', tool = ''] = attempt.id.split('/')
  const tools = input.catalogue.upstreams.get(upstreamName(upstream))?.tools
  return findSmallestChange({
    action: actionIn(cell, attempt),
    authority: cell.authority,
    bundle: input.policies,
    nowMs: attempt.atMs,
    tool: tools?.get(toolName(tool)),
    issues: issuedBy(tools?.values() ?? []),
  })
}

const WRITES = {
  accepts: /^accepts: \[(\S+)\] under (\S+),/,
  names: /^a task of the owner's that names "(.*)": --task$/,
  grant: /^a grant under agents\.desk\.grants: \{ upstream: (\S+), tools: \["(\S+)"\]/,
  links: /^links: any under (\S+),/,
}

function canWrite(text: string): boolean {
  return Object.values(WRITES).some((form) => form.test(text))
}

/** The oracle: the words are read as a person would read them, and the cell lives again under the plan that they make. */
function verdictWith(plan: Plan, changes: readonly string[], history: readonly Attempt[], last: Attempt): string {
  const tools = structuredClone(plan.tools) as unknown as Record<string, { accepts: string[]; anyLinks: boolean }>
  const grants = [...plan.grants]
  let task = 'Pay someone.'
  for (const text of changes) {
    const [, label = '', under = ''] = WRITES.accepts.exec(text) ?? []
    tools[under]?.accepts.push(label)
    const named = WRITES.names.exec(text)?.[1]
    if (named !== undefined) task += ` It is "${named}".`
    const linked = tools[WRITES.links.exec(text)?.[1] ?? '']
    if (linked !== undefined) linked.anyLinks = true
    const [, upstream, tool = ''] = WRITES.grant.exec(text) ?? []
    if (upstream !== undefined) grants.push({ upstream, tools: [tool], when: 99, budgets: [], expiresMs: 3_600_000 })
  }
  const cell = cellOf(inputOf({ ...plan, tools: tools as unknown as Plan['tools'], grants }), task)
  for (const attempt of history) see(cell, attempt)
  return decide(actionIn(cell, last), cell.authority, last.atMs).verdict
}
