import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { runs } from '../../../test/kit/runs.ts'
import { Random } from '../../../test/policy/differential/random.ts'
import { NOW_MS } from '../../../test/policy/fixture.ts'
import {
  actionIn,
  cellOf,
  inputOf,
  type Plan,
  randomAttempt,
  randomPlan,
  see,
} from '../../../test/policy/reach-fixture.ts'
import { toolName } from '../../model/ids.ts'
import type { Label } from '../../model/label.ts'
import { decimalUnits } from '../../model/money.ts'
import { decide } from '../decide/decide.ts'
import { compileFlow } from '../flow/flow.ts'
import { type Reach, type ReachedOperation, reach } from './reach.ts'
import { argumentsReach } from './reach-arguments.ts'
import { limitsPerDay, spendPerDay } from './reach-budget.ts'

const seed = Number(process.env.FIREBREAK_SEED ?? Date.now() % 2 ** 32)
const DAY = { kind: 'sliding', ms: 86_400_000 } as const
const TOOL = { effect: 'write', accepts: [], returns: 1, destinations: 0, content: true, anyLinks: false } as const
const PLAN: Plan = {
  labels: [],
  tools: {
    'shop/pay': { ...TOOL, effect: 'spend', destinations: 2, accepts: ['untrusted'] },
    'shop/look': { ...TOOL, effect: 'read', returns: 3 },
    'mail/send': { ...TOOL, accepts: ['confidential'] },
    'mail/read': { ...TOOL, effect: 'read', returns: 0 },
  },
  grants: [
    { upstream: 'shop', tools: ['pay', 'look'], when: 0, budgets: [], expiresMs: 3_600_000 },
    { upstream: 'mail', tools: ['send', 'read'], when: 99, budgets: [], expiresMs: 3_600_000 },
  ],
  forbids: [0],
}

describe('reach', () => {
  it('says what can be done, on which conditions, and what may still forbid it', () => {
    const found = reach(inputOf(PLAN))
    assert.deepEqual(
      found.operations.map(({ id, effect }) => [id, effect]),
      [
        ['mail/send', 'write'],
        ['mail/read', 'read'],
        ['shop/pay', 'spend'],
        ['shop/look', 'read'],
      ],
    )
    const pay = operationIn(found, 'shop/pay')
    assert.equal(pay.permits[0]?.when, 'context.args.amount.lessThanOrEqual(decimal("50.00"))')
    assert.deepEqual(
      pay.forbids.map(({ policy }) => policy),
      ['f0-0'],
    )
    assert.deepEqual(operationIn(found, 'shop/look').forbids, [], 'a forbid on effects is not about a read')
  })

  it('tells where each argument may lead', () => {
    const pay = operationIn(reach(inputOf(PLAN)), 'shop/pay')
    const leads = Object.fromEntries(pay.arguments.map(({ path, leads: where, values }) => [path, [where, ...values]]))
    assert.deepEqual(leads, {
      '$.amount': ['free'],
      '$.count': ['free'],
      '$.currency': ['free'],
      '$.kind': ['free'],
      '$.note': ['content'],
      '$.to': ['named', 'A1'],
    })
  })

  it('a number that is declared a destination is somebody’s id; one that is not is an amount', () => {
    const path = [{ name: 'count' }]
    const declared = { name: toolName('pay'), effect: 'write', destinations: [{ path, values: ['7'] }] } as const
    const [pay] = inputOf(PLAN).catalogue.upstreams.values()
    const tool = { ...pay?.tools.get(toolName('pay')), declared }
    const found = argumentsReach(tool, compileFlow(tool, new Set()))
    assert.deepEqual(
      found
        .filter((each) => /count|amount/.test(each.path))
        .map(({ path: at, leads, values }) => [at, leads, ...values]),
      [
        ['$.amount', 'free'],
        ['$.count', 'named', '7'],
      ],
    )
  })

  it('spends without limit where no budget caps it, and says so for every currency', () => {
    assert.deepEqual(reach(inputOf(PLAN)).spend, [{ currency: 'any' }])
  })

  it('follows data from where it is read to where it may leave', () => {
    const found = reach(inputOf(PLAN))
    assert.deepEqual(operationIn(found, 'mail/send').carries, [['confidential']])
    assert.deepEqual(
      found.crossings,
      [
        { label: 'confidential', from: ['shop/look'], to: 'mail/send' },
        { label: 'untrusted', from: ['mail/read'], to: 'shop/pay' },
      ].filter(({ to }) => to !== 'mail/read'),
    )
  })

  it('a workspace whose label a tool does not accept: a person is always asked', () => {
    const found = reach(inputOf({ ...PLAN, labels: ['secret'] }))
    assert.ok(found.operations.every(({ carries }) => carries.length === 0))
    assert.deepEqual(found.labels, [{ label: 'secret', from: ['workspace'] }])
  })

  it('what is granted and cannot be done is idle, with the reason', () => {
    const irreversible = { ...PLAN.tools, 'shop/pay': { ...TOOL, effect: 'irreversible' as const } }
    const forbidden = reach(inputOf({ ...PLAN, tools: irreversible, forbids: [14] }))
    assert.deepEqual(forbidden.idle, [{ id: 'shop/pay', why: 'forbidden by f7-0, whatever its arguments' }])
    const onlyReads = reach(inputOf({ ...PLAN, grants: PLAN.grants.map((grant) => ({ ...grant, when: 9 })) }))
    assert.deepEqual(
      onlyReads.operations.map(({ id }) => id),
      ['mail/read', 'shop/look'],
    )
    assert.match(onlyReads.idle[0]?.why ?? '', /no condition/)
  })

  it('budgets add up by the day, each grant once', () => {
    const [grant] = inputOf(PLAN).grants
    assert.ok(grant)
    const euros = (
      units: bigint,
      window:
        | { readonly kind: 'sliding'; readonly ms: number }
        | { readonly kind: 'total' }
        | { readonly kind: 'calendar'; readonly unit: 'day'; readonly zone: 'UTC' },
    ) => ({ kind: 'spend', maxUnits: units * 10_000n, currency: 'EUR', window }) as const
    const held = (id: string, ...budgets: readonly ReturnType<typeof euros>[]) => ({
      ...grant,
      id: id as typeof grant.id,
      budgets,
    })
    const perDay = (...grants: readonly (typeof grant)[]) => spendPerDay(grants.map((each) => [{ ...DECLARED }, each]))
    assert.deepEqual(perDay(held('a', euros(100n, DAY))), [{ currency: 'EUR', perDay: '100.00' }])
    assert.deepEqual(perDay(held('a', euros(100n, DAY)), held('a', euros(100n, DAY))), [
      { currency: 'EUR', perDay: '100.00' },
    ])
    assert.deepEqual(perDay(held('a', euros(100n, DAY)), held('b', euros(7n, DAY))), [
      { currency: 'EUR', perDay: '107.00' },
    ])
    assert.deepEqual(perDay(held('a', euros(2n, { kind: 'sliding', ms: 3_600_000 }))), [
      { currency: 'EUR', perDay: '48.00' },
    ])
    assert.deepEqual(perDay(held('a', euros(2n, { kind: 'sliding', ms: 3_600_000 }), euros(9n, { kind: 'total' }))), [
      { currency: 'EUR', perDay: '9.00' },
    ])
    assert.deepEqual(perDay(held('a', euros(5n, { kind: 'calendar', unit: 'day', zone: 'UTC' }))), [
      { currency: 'EUR', perDay: '10.00' },
    ])
    assert.deepEqual(perDay(held('a', euros(5n, DAY)), held('b')), [{ currency: 'any' }])
    assert.deepEqual(
      limitsPerDay([{ ...grant, budgets: [{ kind: 'calls', max: 3, window: { kind: 'sliding', ms: 60_000 } }] }]),
      { calls: 4_320 },
    )
    assert.deepEqual(limitsPerDay([{ ...grant, budgets: [{ kind: 'calls', max: 3, window: DAY }] }, grant]), {})
  })

  it('RE1: whatever a random cell was allowed is in it, with what it carried, named and spent', (t) => {
    t.diagnostic(`seed ${seed}`)
    const random = new Random(seed)
    let allowed = 0
    const worlds = runs(50, 100)
    for (let world = 0; world < worlds; world++) {
      const input = inputOf(randomPlan(random))
      const found = reach(input)
      const cell = cellOf(input, random.chance(0.5) ? 'Pay "C3", see www.known.example/y' : undefined)
      for (let step = 0; step < 40; step++) {
        const attempt = randomAttempt(random, NOW_MS + step * 60_000)
        const action = actionIn(cell, attempt)
        if (decide(action, cell.authority, attempt.atMs).verdict !== 'allow') continue
        allowed++
        const carried = [...cell.authority.exposure.labels.keys()]
        holds(found, attempt.id, carried, action.spend)
        see(cell, attempt)
      }
    }
    assert.ok(allowed > runs(50, 200), `only ${allowed} were allowed`)
  })
})

const DECLARED = { name: 'pay' as never, effect: 'spend', amount: '$.amount', currency: '$.currency' } as const

function operationIn({ operations }: Reach, id: string): ReachedOperation {
  const found = operations.find((each) => each.id === id)
  assert.ok(found, `${id} is not in the reach`)
  return found
}

/** RE1, for one action. */
function holds(
  found: Reach,
  id: string,
  carried: readonly Label[],
  spend: { readonly units: bigint; readonly currency: string } | undefined,
): void {
  // A connection brings no labels, and spends nothing.
  if (found.connections.some((each) => each.id === id)) return
  const operation = operationIn(found, id)
  const fits = operation.carries.some((set) => carried.every((label) => set.includes(label)))
  assert.ok(fits, `${id} was done with ${carried}; said: ${JSON.stringify(operation.carries)}`)
  for (const label of carried)
    assert.ok(
      found.labels.some((each) => each.label === label),
      label,
    )
  if (spend === undefined) return
  const line = operation.spend.find(({ currency }) => currency === 'any' || currency === spend.currency)
  assert.ok(line, `${id} spent ${spend.currency}`)
  const most = line.perDay === undefined ? undefined : decimalUnits(line.perDay)
  assert.ok(most === undefined || (most.ok && spend.units <= most.value), `${id} spent ${spend.units}`)
}
