import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { runs } from '../../../test/kit/runs.ts'
import { Random } from '../../../test/policy/differential/random.ts'
import { NOW_MS } from '../../../test/policy/fixture.ts'
import {
  actionIn,
  cellOf,
  changed,
  type GrantPlan,
  inputOf,
  type Plan,
  randomAttempt,
  randomPlan,
  see,
} from '../../../test/policy/reach-fixture.ts'
import type { Budget } from '../../model/budget.ts'
import type { Json } from '../../model/json.ts'
import { BudgetBook } from '../budget/budget.ts'
import { decide } from '../decide/decide.ts'
import { budgetsCover, togetherCover } from './reach-cover.ts'
import { type ReachChange, reachDiff } from './reach-diff.ts'
import { denialCovers, entailsAll } from './reach-entails.ts'

const seed = Number(process.env.FIREBREAK_SEED ?? Date.now() % 2 ** 32)
const DAY = { kind: 'sliding', ms: 86_400_000 } as const
const PAY = {
  effect: 'spend',
  accepts: ['untrusted'],
  returns: 1,
  destinations: 2,
  content: true,
  anyLinks: false,
} as const
const LOOK = { effect: 'read', accepts: [], returns: 2, destinations: 0, content: false, anyLinks: false } as const
const GRANT: GrantPlan = { upstream: 'shop', tools: ['pay', 'look'], when: 1, budgets: [], expiresMs: 3_600_000 }
const PLAN: Plan = {
  labels: ['untrusted'],
  tools: { 'shop/pay': PAY, 'shop/look': LOOK, 'mail/send': { ...LOOK, effect: 'write' }, 'mail/read': LOOK },
  grants: [GRANT],
  forbids: [0],
}

describe('what a change of the configuration makes possible', () => {
  const euros = (units: number): Budget => ({
    kind: 'spend',
    maxUnits: BigInt(units) * 10_000n,
    currency: 'EUR',
    window: DAY,
  })
  const wider: readonly (readonly [name: string, from: Plan, to: Plan, text: RegExp])[] = [
    [
      'another tool',
      PLAN,
      { ...PLAN, grants: [...PLAN.grants, { ...GRANT, upstream: 'mail', tools: ['send'], when: 99 }] },
      /mail\/send becomes possible: write/,
    ],
    [
      'a weaker condition',
      PLAN,
      withGrant({ when: 0 }),
      /shop\/pay is permitted if .*lessThanOrEqual.*; it was only if .*lessThan/,
    ],
    ['no condition', PLAN, withGrant({ when: 99 }), /shop\/pay is permitted unconditionally/],
    [
      'a larger budget',
      withGrant({ budgets: [euros(10)] }),
      withGrant({ budgets: [euros(11)] }),
      /budget 11\.00 EUR.*it was 10\.00 EUR/,
    ],
    ['no budget', withGrant({ budgets: [euros(10)] }), PLAN, /budget unlimited/],
    ['a longer life', PLAN, withGrant({ expiresMs: 28_800_000 }), /lasts 480 minutes of a run; it was 60/],
    [
      'a forbid that is gone',
      PLAN,
      { ...PLAN, forbids: [] },
      /no longer forbidden where f0-0 \(policies\/shop\.cedar:1\)/,
    ],
    ['another destination', PLAN, withPay({ destinations: 3 }), /\$\.to may always be "B2"/],
    [
      'a destination that may be left out',
      withPay({ destinations: 4 }),
      withPay({ destinations: 2 }),
      /\$\.to may be left out, null or empty/,
    ],
    ['links anywhere', PLAN, withPay({ anyLinks: true }), /\$\.note is only carried, its links not judged/],
    [
      'another label accepted',
      { ...PLAN, labels: ['secret'] },
      { ...withPay({ accepts: ['untrusted', 'secret'] }), labels: ['secret'] },
      /accepts secret/,
    ],
    [
      'a field that is trusted now',
      PLAN,
      { ...PLAN, tools: { ...PLAN.tools, 'shop/look': { ...LOOK, returns: 1 } } },
      /shop\/look \$ of what it returns no longer counts as untrusted: .*name destinations/,
    ],
    ['a workspace that is trusted now', PLAN, { ...PLAN, labels: [] }, /workspace no longer counts as untrusted/],
    ['an effect that is called a read', PLAN, withPay({ effect: 'read' }), /counts as read, and was spend/],
    [
      'two grants for one',
      withGrant({ budgets: [euros(10)] }),
      {
        ...PLAN,
        grants: [
          { ...GRANT, tools: ['pay'], budgets: [euros(10)] },
          { ...GRANT, tools: ['look', 'pay'], budgets: [euros(10)] },
        ],
      },
      /together allow more/,
    ],
  ]
  for (const [name, from, to, text] of wider) {
    it(`${name} widens, and is said; the way back does not`, () => {
      const [there, back] = [diff(from, to), diff(to, from)]
      assert.ok(
        there.some((change) => change.widens && text.test(wordsOf(change))),
        there.map(wordsOf).join('\n'),
      )
      assert.deepEqual(back.filter(({ widens }) => widens).map(wordsOf), WIDER_BACK[name] ?? [])
    })
  }

  it('RD3: a grant that stands in another’s place begins with a budget that nobody has used, which widens', () => {
    const [pay, look] = [
      { ...GRANT, tools: ['pay'], budgets: [euros(10)] },
      { ...GRANT, tools: ['look'], budgets: [euros(10)] },
    ]
    const plan = { ...PLAN, grants: [pay, look] }
    const swapped = diff(plan, { ...PLAN, grants: [look, pay] }).filter(({ widens }) => widens)
    assert.deepEqual(swapped.map(({ about }) => about).toSorted(), ['shop/look', 'shop/pay'])
    for (const { text } of swapped) assert.match(text, /in the account of g_[01]-shop; it was counted in that of g_/)
    const later = diff(plan, { ...PLAN, grants: [pay, look, { ...GRANT, upstream: 'mail', tools: ['read'] }] })
    assert.deepEqual(
      later.filter(({ widens }) => widens).map(({ about }) => about.split('/')[0]),
      later.filter(({ widens }) => widens).map(() => 'mail'),
    )
    const unlimited = { ...PLAN, grants: [{ ...GRANT, tools: ['pay'] }, GRANT] }
    assert.ok(!diff(unlimited, plan).some(({ widens }) => widens), 'what had no budget has no account')
  })

  it('RD1, RC2: what kept a connection back is compared as of any operation', () => {
    const relay = { ...PLAN, grants: [{ ...GRANT, upstream: 'mail', tools: ['read'], when: 99 }], forbids: [] }
    const [post, confidential, every] = [16, 17, 18].map((forbid) => ({ ...relay, forbids: [forbid] }))
    assert.ok(post && confidential && every)
    const widening = (from: Plan, to: Plan) => diff(from, to).flatMap((each) => (each.widens ? [wordsOf(each)] : []))
    const http = 'mail/http.connect:plain.example:80'
    for (const plan of [post, confidential]) {
      const [gone, ...more] = widening(plan, relay)
      assert.ok(gone?.startsWith(`${http} is no longer forbidden where`), gone)
      assert.deepEqual([more, widening(relay, plan)], [[], []])
    }
    assert.deepEqual(widening(every, relay), [`${http} becomes possible: write`])
    const send = { ...LOOK, effect: 'write', accepts: ['confidential'] } as const
    const accepting = { ...relay, tools: { ...relay.tools, 'mail/send': send } }
    assert.deepEqual(
      widening(relay, accepting).filter((each) => each.includes('accepts together')).length,
      2,
      'a tool that is granted to nobody lets the relay reach out with what it accepts',
    )
    assert.ok(!widening(accepting, relay).some((each) => each.includes('connect:')))
  })

  it('a condition that asks for a label is looked at anew when labels change', () => {
    const asking = { ...withGrant({ when: 7 }), labels: ['untrusted'] }
    const [labelled, change] = [
      { ...asking, labels: ['untrusted', 'confidential'] },
      /labels have changed, and g_0-shop/,
    ]
    assert.ok(diff(asking, labelled).some((each) => each.widens && change.test(each.text)))
    assert.ok(!diff(PLAN, { ...PLAN, labels: [...PLAN.labels, 'secret'] }).some(({ widens }) => widens))
  })

  it('a whole known value with a link that nobody named passes as a destination, and not as content', () => {
    const plan = { ...withGrant({ when: 0 }), forbids: [], labels: ['untrusted'] }
    const narrowed = { ...plan, tools: { ...plan.tools, 'shop/pay': { ...PAY, content: false } } }
    const verdicts = [plan, narrowed].map((each) => {
      const cell = cellOf(inputOf(each))
      const known = 'see www.evil.example/x'
      see(cell, { id: 'shop/look', args: {}, answer: { id: known }, atMs: NOW_MS })
      const attempt = { id: 'shop/pay', args: { amount: 1, currency: 'EUR', note: known }, answer: {}, atMs: NOW_MS }
      return decide(actionIn(cell, attempt), cell.authority, NOW_MS).verdict
    })
    assert.deepEqual(verdicts, ['hold', 'allow'])
    assert.ok(diff(plan, narrowed).some(({ widens, text }) => widens && text.startsWith('$.note')))
  })

  it('the worst is said first, and no change says nothing', () => {
    const all = diff(PLAN, {
      ...PLAN,
      labels: [],
      forbids: [],
      grants: [{ ...GRANT, when: 99, expiresMs: 28_800_000 }],
    })
    assert.deepEqual(
      all.map(({ rank }) => rank),
      all.map(({ rank }) => rank).toSorted((a, b) => a - b),
    )
    assert.deepEqual(diff(PLAN, PLAN), [])
  })

  it('RD1: where nothing widens, the old configuration allows what the new one allows, after the same history', (t) => {
    t.diagnostic(`seed ${seed}`)
    const random = new Random(seed)
    const counts = { narrower: 0, wider: 0, allowed: 0, truly: 0, connected: 0 }
    const pairs = runs(140, 350)
    for (let pair = 0; pair < pairs; pair++) {
      const plan = randomPlan(random)
      const other = changed(random, plan)
      const [before, after] = [inputOf(plan), inputOf(other)]
      const widens = reachDiff(before, after).filter((change) => change.widens)
      widens.length === 0 ? counts.narrower++ : counts.wider++
      const task = random.chance(0.5) ? 'Pay "C3", see www.known.example/y' : undefined
      let passed = false
      for (let life = 0; life < 4; life++) {
        const [old, next] = [cellOf(before, task), cellOf(after, task)]
        for (let step = 0; step < 20; step++) {
          const attempt = randomAttempt(random, NOW_MS + step * random.below(60) * 60_000)
          if (decide(actionIn(next, attempt), next.authority, attempt.atMs).verdict !== 'allow') continue
          const decided = decide(actionIn(old, attempt), old.authority, attempt.atMs)
          if (decided.verdict !== 'allow') {
            passed = true
            assert.ok(
              widens.length > 0,
              `seed ${seed}, pair ${pair}: ${JSON.stringify([attempt, decided, plan, other], bigints)}`,
            )
            break
          }
          counts.allowed++
          if (attempt.id.includes('connect:')) counts.connected++
          see(old, attempt)
          see(next, attempt)
        }
      }
      if (passed) counts.truly++
    }
    t.diagnostic(JSON.stringify(counts))
    // Both sides are met, and a diff that always cries would be of no use.
    assert.ok(
      counts.narrower > pairs / 5 &&
        counts.allowed > runs(140, 700) &&
        counts.truly > runs(2, 12) &&
        counts.connected > runs(20, 100),
      JSON.stringify(counts),
    )
  })

  it('budgets that cover another one are never used further than it, by the book’s own account', (t) => {
    t.diagnostic(`seed ${seed}`)
    const random = new Random(seed)
    let covered = 0
    for (let pair = 0; pair < 4_000 && covered < 150; pair++) {
      const [next, old] = [randomBudgets(random), randomBudgets(random)]
      if (!budgetsCover(next, old)) continue
      covered++
      const [books, [grant]] = [[new BudgetBook(), new BudgetBook()], inputOf(PLAN).grants] as const
      assert.ok(grant)
      let atMs = NOW_MS
      for (let step = 0; step < 40; step++) {
        atMs += random.below(4) * random.pick([100, 1_000, 20_000, 3_600_000])
        const cost = { spend: { units: BigInt(1 + random.below(3)), currency: random.pick(['EUR', 'USD']) } }
        if (!books[0].reserve([{ ...grant, budgets: next }], cost, atMs).ok) continue
        assert.ok(books[1].reserve([{ ...grant, budgets: old }], cost, atMs).ok, JSON.stringify([next, old], bigints))
      }
    }
    assert.ok(covered >= 150, `${covered}`)
  })
})

describe('conditions', () => {
  const amount: Json = { '.': { left: { '.': { left: { Var: 'context' }, attr: 'args' } }, attr: 'amount' } }
  const most = (text: string): Json => ({ lessThanOrEqual: [amount, { decimal: [{ Value: text }] }] })
  const more = (text: string): Json => ({ greaterThan: [amount, { decimal: [{ Value: text }] }] })
  const is = (text: string): Json => ({ '==': { left: { Var: 'principal' }, right: { Value: text } } })
  const among = (...texts: readonly string[]): Json => ({
    contains: { left: { Set: texts.map((Value) => ({ Value })) }, right: { Var: 'principal' } },
  })

  it('a tighter bound, a shorter list and one more clause entail the wider; never the other way', () => {
    const pairs: readonly (readonly [strong: readonly Json[], weak: readonly Json[]])[] = [
      [[most('20.00')], [most('50.00')]],
      [[{ lessThan: [amount, { decimal: [{ Value: '50.00' }] }] }], [most('50.00')]],
      [[most('50.00'), is('a')], [most('50.00')]],
      [[is('a')], [among('a', 'b')]],
      [[among('a')], [among('b', 'a')]],
      [[most('1.00')], []],
    ]
    for (const [strong, weak] of pairs) {
      assert.equal(entailsAll(strong, weak), true, JSON.stringify([strong, weak]))
      assert.equal(entailsAll(weak, strong), false, JSON.stringify([weak, strong]))
    }
    assert.equal(entailsAll([more('5.00')], [most('50.00')]), false)
    assert.equal(entailsAll([most('1.0000001')], [most('50.00')]), false, 'a bound that cannot be read bounds nothing')
  })

  it('a forbid covers another only as far as it has a value wherever that one has', () => {
    assert.equal(denialCovers([more('10.00')], [more('30.00')]), true)
    assert.equal(denialCovers([more('30.00')], [more('10.00')]), false)
    assert.equal(denialCovers([more('10.00')], [more('10.00'), is('a')]), true)
    assert.equal(
      denialCovers([is('a')], [more('10.00'), is('a')]),
      false,
      'where the amount has no value the old one denied',
    )
  })

  it('two holders cover one only with what both may use', () => {
    const calls = (max: number): Budget => ({ kind: 'calls', max, window: DAY })
    assert.equal(togetherCover([[calls(3)], [calls(4)]], [calls(7)]), true)
    assert.equal(togetherCover([[calls(4)], [calls(4)]], [calls(7)]), false)
    assert.equal(togetherCover([[calls(4)], []], [calls(7)]), false)
    const eachMinute: Budget = { kind: 'calls', max: 1, window: { kind: 'sliding', ms: 60_000 } }
    assert.equal(
      togetherCover([[eachMinute]], [calls(1_440)]),
      false,
      'a day of the book returns up to 24 minutes late',
    )
    assert.equal(togetherCover([[eachMinute]], [calls(1_464)]), true)
  })
})

/** What a change that widens widens on its way back, too. */
const WIDER_BACK: Readonly<Record<string, readonly string[]>> = {
  'an effect that is called a read': ['shop/pay counts as spend, and was read'],
  'two grants for one': [
    'shop/look counts 10.00 EUR/day in the account of g_0-shop; it was counted in that of g_1-shop (firebreak.yaml:10)',
  ],
}

function diff(from: Plan, to: Plan): readonly ReachChange[] {
  return reachDiff(inputOf(from), inputOf(to))
}

function wordsOf({ about, text }: ReachChange): string {
  return `${about} ${text}`
}

function withGrant(change: Partial<GrantPlan>): Plan {
  return { ...PLAN, grants: [{ ...GRANT, ...change }] }
}

function withPay(change: Partial<Plan['tools'][string]>): Plan {
  return { ...PLAN, tools: { ...PLAN.tools, 'shop/pay': { ...PAY, ...change } } }
}

function randomBudgets(random: Random): readonly Budget[] {
  const windows = [DAY, { kind: 'sliding', ms: 60_000 }, { kind: 'sliding', ms: 1_000 }, { kind: 'total' }] as const
  return Array.from({ length: random.below(3) }, (): Budget => {
    const [window, max] = [random.pick(windows), 1 + random.below(12)]
    if (random.chance(0.5)) return { kind: 'calls', max, window }
    return { kind: 'spend', maxUnits: BigInt(max), currency: random.pick(['EUR', 'USD']), window }
  })
}

function bigints(_: string, value: unknown): unknown {
  return typeof value === 'bigint' ? `${value}` : value
}
