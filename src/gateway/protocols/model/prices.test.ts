import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import type { ModelAsked } from './judge.ts'
import { PRICES_VERSION } from './price-list.ts'
import {
  type ModelPrice,
  modelPrices,
  mostItCosts,
  mostTokens,
  ROUNDS_MAX,
  readModelPrice,
  whatItCost,
} from './prices.ts'
import type { ModelUsage } from './usage.ts'

const PRICES = modelPrices()

const asked = (model: string, more: Partial<ModelAsked> = {}): ModelAsked => ({
  ...{ operation: 'generate', api: 'messages', model, stream: true, inputTokensMax: 1_000, outputTokensMax: 1_000 },
  ...{
    tools: [],
    waysOut: [],
    dearer: [],
    besideTokensMax: 0,
    priced: { geo: 'global' },
    leftBehind: [],
    query: {},
    sent: { path: '/', headers: [], body: undefined },
  },
  ...more,
})

const usage = (more: Partial<ModelUsage>): ModelUsage => ({
  ...{ input: 0, cacheRead: 0, cacheWrite: 0, cacheWriteLong: 0, output: 0, searches: 0 },
  ...more,
})

const own = (input: string, output: string): ModelPrice => {
  const price = readModelPrice({ input, output, inputTokensMax: 100, outputTokensMax: 10 })
  assert.ok(price.ok)
  return price.value
}

describe('modelPrices', () => {
  it('has a version, and the models of today', () => {
    assert.match(PRICES_VERSION, /^\d{4}-\d\d-\d\d$/)
    for (const model of ['claude-opus-5-5', 'gpt-6.1-sol', 'gemini-3.6-flash']) assert.ok(PRICES.has(model), model)
    assert.equal(PRICES.has('gpt-9'), false)
    assert.equal(PRICES.get('gemini-3.6-flash')?.outputTokensMax, 65_536)
  })

  it('an owner’s own prices stand before those of the list', () => {
    const prices = modelPrices(new Map([['claude-opus-5-5', own('1', '2')]]))
    assert.equal(whatItCost(prices, asked('claude-opus-5-5'), usage({ input: 1_000_000, output: 1_000_000 })), 30_000n)
  })

  it('reads decimals of six places, and nothing else', () => {
    assert.equal(own('0.000001', '3').rates.input, 1n)
    for (const text of ['-1', '1e3', '.5', '1.', '0.0000001', '', 'free', '1000000000'])
      assert.equal(readModelPrice({ input: text, output: '1', inputTokensMax: 1, outputTokensMax: 1 }).ok, false, text)
    assert.equal(readModelPrice({ input: '1', output: '1', inputTokensMax: 0, outputTokensMax: 1 }).ok, false)
  })
})

describe('whatItCost', () => {
  it('charges each kind of token at its price, in units of a ten-thousandth of a dollar', () => {
    const million = 1_000_000
    const cost = (more: Partial<ModelUsage>) => whatItCost(PRICES, asked('claude-opus-5-5'), usage(more))
    assert.equal(cost({ input: million }), 40_000n)
    assert.equal(cost({ output: million }), 200_000n)
    assert.equal(cost({ cacheRead: million }), 2_000n)
    assert.equal(cost({ cacheWrite: million }), 50_000n)
    assert.equal(cost({ cacheWriteLong: million }), 80_000n)
    assert.equal(cost({ searches: 3 }), 300n)
    assert.equal(cost({ input: million, speed: 'fast', geo: 'us' }), 88_000n)
    assert.equal(cost({ input: 1 }), 1n)
    assert.equal(cost({}), 0n)
  })

  it('charges tiers, and the whole of a long request, at theirs', () => {
    const cost = (model: string, more: Partial<ModelUsage>) => whatItCost(PRICES, asked(model), usage(more))
    assert.equal(cost('gpt-5.6-sol', { input: 272_000 }), 10_880n)
    assert.equal(cost('gpt-5.6-sol', { input: 272_001 }), 21_761n)
    assert.equal(cost('gpt-5.6-sol', { input: 100_000, tier: 'priority' }), 8_000n)
    assert.equal(cost('gpt-5.6-sol', { input: 100_000, tier: 'flex' }), 2_000n)
    assert.equal(cost('gpt-5.6-sol', { input: 1, tier: 'scale' }), undefined)
    const kept = asked('gpt-5.6-sol', { priced: { longCache: true } })
    assert.equal(whatItCost(PRICES, kept, usage({ cacheWrite: 100_000 })), 10_000n)
    assert.equal(cost('gpt-5.6-sol', { cacheWrite: 100_000 }), 5_000n)
    assert.equal(whatItCost(PRICES, kept, usage({ cacheWrite: 100_000, saysKept: true })), 5_000n)
    assert.equal(cost('nobody-knows', { input: 1 }), undefined)
    assert.equal(cost('claude-sonnet-5-5', { output: 1_000_000, model: 'claude-opus-5-5' }), 200_000n)
  })
})

describe('mostTokens', () => {
  it('reads again what was sent and written, as often as the model is asked, and no more than it reads at all', () => {
    const price = own('1', '1')
    const most = (dearer: ModelAsked['dearer'], inputTokensMax: number | undefined, outputTokensMax: number) =>
      mostTokens(asked('own', { dearer, inputTokensMax, outputTokensMax }), price)
    assert.deepEqual(most([], 30, 5), { read: 30, written: 5 })
    // 30, 35, 40 … 75
    assert.deepEqual(most(['rounds'], 30, 5), { read: 525, written: 50 })
    // What it sums up has at most the 10 tokens of the model.
    assert.deepEqual(most(['sums'], 30, 5), { read: 70, written: 15 })
    assert.deepEqual(most(['rounds'], undefined, 5), { read: 1_000, written: 50 })
    const beside = asked('own', { inputTokensMax: 30, besideTokensMax: 1_000, outputTokensMax: 5 })
    assert.deepEqual(mostTokens(beside, price), { read: 1_030, written: 5 })
    assert.deepEqual(most(['rounds', 'sums'], 95, 1), { read: 95 + 19 * 100, written: 110 })
  })
})

describe('mostItCosts', () => {
  it('takes what is not bounded for as much as the model reads', () => {
    const most = mostItCosts(PRICES, asked('claude-haiku-4-5', { inputTokensMax: undefined, outputTokensMax: 0 }))
    assert.equal(most, 4_000n)
    assert.equal(mostItCosts(PRICES, asked('nobody-knows')), undefined)
    assert.equal(mostItCosts(PRICES, asked('claude-haiku-4-5', { operation: 'count' })), 0n)
    assert.equal(mostItCosts(PRICES, asked('gpt-5.4', { priced: { tier: 'scale' } })), undefined)
    assert.equal(mostItCosts(PRICES, asked('claude-haiku-4-5', { priced: { speed: 'fast' } })), undefined)
    // What its account may be set to is not known to cost what the default does.
    assert.equal(mostItCosts(PRICES, asked('gpt-5-codex', { priced: { tier: 'auto' } })), undefined)
    assert.equal(mostItCosts(PRICES, asked('gpt-5-codex', { priced: { tier: 'default' } })), 113n)
  })

  it('is never less than what it did cost, whatever the answer says within its bounds', () => {
    const models = fc.constantFrom(
      'claude-opus-5-5',
      'claude-haiku-5-5',
      'gpt-5.6-sol',
      'gpt-5.5',
      'gemini-3.1-pro-preview',
    )
    const kind = fc.constantFrom('input', 'cacheRead', 'cacheWrite', 'cacheWriteLong')
    const tokens = fc.integer({ min: 0, max: 400_000 })
    const tiers = fc.constantFrom(undefined, 'default', 'auto', 'priority')
    fc.assert(
      fc.property(
        models,
        fc.array(fc.tuple(kind, tokens)),
        tokens,
        tiers,
        fc.boolean(),
        fc.subarray(['rounds', 'sums'] as const),
        (model, parts, output, tier, cut, dearer) => {
          const sums: Record<string, number> = {}
          for (const [name, count] of parts) sums[name] = (sums[name] ?? 0) + count
          const used = usage({ ...sums, output })
          const read = used.input + used.cacheRead + used.cacheWrite + used.cacheWriteLong
          const price = PRICES.get(model)
          fc.pre(price !== undefined && read <= price.inputTokensMax)
          const priced = { ...(tier !== undefined && !model.startsWith('claude') && { tier }), longCache: cut }
          const request = asked(model, {
            inputTokensMax: cut ? read : undefined,
            outputTokensMax: output,
            priced,
            dearer,
          })
          const times = dearer.includes('rounds') ? ROUNDS_MAX : 1
          const summed = dearer.includes('sums') ? times : 0
          const again = (tokens: number) => tokens * (times + summed)
          const answered = {
            ...used,
            ...{ input: again(used.input), cacheRead: again(used.cacheRead), cacheWrite: again(used.cacheWrite) },
            ...{ cacheWriteLong: again(used.cacheWriteLong), output: output * times + summed * price.outputTokensMax },
            ...(tier === 'auto' && !model.startsWith('claude') && { tier: 'priority' }),
            geo: 'us',
          }
          const [most, cost] = [mostItCosts(PRICES, request), whatItCost(PRICES, request, answered)]
          assert.ok(most !== undefined && cost !== undefined && most >= cost, `${model}: ${most} < ${cost}`)
        },
      ),
      { numRuns: 2_000 },
    )
  })
})
