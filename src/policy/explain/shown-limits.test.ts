import assert from 'node:assert/strict'
import { randomInt } from 'node:crypto'
import { describe, it } from 'node:test'
import { Ajv2020 } from 'ajv/dist/2020.js'
import fc from 'fast-check'
import {
  action,
  authority,
  CATALOGUE,
  CEDAR,
  catalogue,
  DIGEST,
  grant,
  NOW_MS,
  REFUND_SCHEMA,
} from '../../../test/policy/fixture.ts'
import { grantId, toolName, upstreamName } from '../../model/ids.ts'
import { isJsonObject, type Json, type JsonObject } from '../../model/json.ts'
import { parseWith } from '../cedar/load/parse.ts'
import { decide } from '../decide/decide.ts'
import type { GrantSource } from '../decide/grant-permit.ts'
import { shownInput } from './shown-limits.ts'

const REFUND = { upstream: upstreamName('payments'), operation: 'tool', tool: toolName('refund') } as const
/** One for all schemas: each new one compiles the schema of schemas anew. */
const AJV = new Ajv2020({ strict: false })
const REFUND_ONLY = new Set([toolName('refund')])

/** Conditions as people write them; of each its own grant, so that Cedar reads all of them at once. */
async function bounded(conditions: readonly string[], input: JsonObject = REFUND_SCHEMA) {
  const shop = catalogue({
    payments: {
      environment: 'test',
      tools: {
        refund: {
          declared: { name: toolName('refund'), effect: 'spend' },
          pinned: { name: toolName('refund'), digest: DIGEST, definition: {}, input },
        },
      },
    },
  })
  const grants = conditions.map(
    (when, i): GrantSource => ({
      grant: grant({ id: grantId(`g_desk-${i}`), tools: REFUND_ONLY }),
      when: { text: when, source: { file: 'firebreak.yaml', line: i + 1, column: 1 } },
    }),
  )
  const bundle = await parseWith(CEDAR, [], grants, shop)
  assert.ok(bundle.ok, JSON.stringify(bundle))
  return grants.map(({ grant: own }) => {
    const able = authority(bundle.value, { grants: [own] })
    const shown = shownInput(input, REFUND, able, NOW_MS)
    return {
      shown,
      allows: (args: JsonObject) => decide(action({ args }), able, NOW_MS).verdict === 'allow',
      fits: AJV.compile(shown),
    }
  })
}

async function shownFor(condition: string, input?: JsonObject): Promise<JsonObject> {
  const [only] = await bounded([condition], input)
  assert.ok(only)
  return only.shown
}

describe('S15: limits that a grant sets are shown in the schema', () => {
  const cases: readonly (readonly [
    condition: string,
    name: string,
    shown: JsonObject,
    required?: readonly string[],
  ])[] = [
    ['context.args.amount.lessThanOrEqual(decimal("50.00"))', 'amount', { type: 'number', maximum: 50 }],
    ['context.args.amount.lessThan(decimal("50.00"))', 'amount', { type: 'number', exclusiveMaximum: 50 }],
    ['decimal("-1.5").lessThan(context.args.amount)', 'amount', { type: 'number', exclusiveMinimum: -1.5 }],
    ['context.args.amount == decimal("3.00")', 'amount', { type: 'number', enum: [3] }],
    ['context.args.currency == "EUR"', 'currency', { type: 'string', enum: ['EUR'] }],
    ['["EUR", "USD"].contains(context.args.currency)', 'currency', { type: 'string', enum: ['EUR', 'USD'] }],
    [
      'context.args.currency == "EUR" || "USD" == context.args.currency',
      'currency',
      { type: 'string', enum: ['EUR', 'USD'] },
    ],
    [
      '["EUR", "USD"].contains(context.args.currency) && context.args.currency == "USD"',
      'currency',
      { type: 'string', enum: ['USD'] },
    ],
    [
      'context.args.currency == "EUR" && context.args.currency == "USD"',
      'currency',
      { type: 'string', enum: ['EUR'], not: {} },
    ],
    [
      'context.args has count && context.args.count >= -5 && 7 > context.args.count',
      'count',
      { type: 'integer', minimum: -5, exclusiveMaximum: 7 },
      ['amount', 'currency', 'count'],
    ],
    [
      'context.args has urgent && !context.args.urgent',
      'urgent',
      { type: 'boolean', enum: [false] },
      ['amount', 'currency', 'urgent'],
    ],
    [
      'context.args has note && context.args.note like "re: *\\*?"',
      'note',
      { type: 'string', pattern: '^re: [\\s\\S]*\\*\\?$' },
      ['amount', 'currency', 'note'],
    ],
    [
      'if context.args has note then context.args.note == "x" else true',
      'note',
      { type: 'string', enum: ['x'] },
      ['amount', 'currency'],
    ],
    [
      '!(context.args has note) || context.args has note && context.args.note == "x"',
      'note',
      { type: 'string', enum: ['x'] },
      ['amount', 'currency'],
    ],
    [
      'context.args has tags && ["a", "b"].containsAll(context.args.tags)',
      'tags',
      { type: 'array', items: { type: 'string', enum: ['a', 'b'] } },
      ['amount', 'currency', 'tags'],
    ],
    [
      'context.args has tags && context.args.tags.containsAll(["a", "b"])',
      'tags',
      { type: 'array', items: { type: 'string' }, contains: { enum: ['a'] }, allOf: [{ contains: { enum: ['b'] } }] },
      ['amount', 'currency', 'tags'],
    ],
    [
      'context.args has to && context.args.to.iban == "DE1"',
      'to',
      {
        type: 'object',
        properties: { iban: { type: 'string', enum: ['DE1'] }, name: { type: ['string', 'null'] } },
        required: ['iban'],
      },
      ['amount', 'currency', 'to'],
    ],
    [
      'if context.args has to.name then context.args.to.name == "x" else true',
      'to',
      {
        type: 'object',
        properties: { iban: { type: 'string' }, name: { type: ['string', 'null'], enum: ['x', null] } },
        required: ['iban'],
      },
      ['amount', 'currency'],
    ],
  ]
  it('each form, at the argument that it is about', async () => {
    const found = await bounded(cases.map(([condition]) => condition))
    for (const [i, [condition, name, expected, required = ['amount', 'currency']]] of cases.entries()) {
      const shown = found[i]?.shown
      assert.deepEqual(isJsonObject(shown?.properties) && shown.properties[name], expected, condition)
      assert.deepEqual(shown?.required, required, condition)
    }
  })

  it('what is not understood adds nothing, and what stands beside it is shown', async () => {
    const unknown = [
      'context.args.amount.lessThan(decimal("1.0")) || context.args.currency == "EUR"',
      'context.environment == "test"',
      'context.args.currency == context.owner',
      'context.args.currency != "EUR"',
      'principal.owner == "maria@shop.example"',
      'context.args.currency == "EUR" || true',
      'if context.rung == "normal" then context.args.currency == "EUR" else true',
    ]
    for (const { shown } of await bounded(unknown)) assert.deepEqual(shown, REFUND_SCHEMA)
    const shown = await shownFor(`${unknown[1]} && context.args.currency == "EUR"`)
    assert.deepEqual(isJsonObject(shown.properties) && shown.properties.currency, { type: 'string', enum: ['EUR'] })
  })

  it('the schema’s own limits stay, the tighter of two is shown', async () => {
    const input: JsonObject = {
      type: 'object',
      properties: {
        amount: { type: 'number', maximum: 20 },
        currency: { enum: ['EUR', 'GBP'] },
        note: { type: 'string', pattern: '^a' },
        to: { $ref: '#/$defs/to' },
      },
      required: ['amount', 'currency', 'note', 'to'],
      $defs: { to: { type: 'object', properties: { iban: { type: 'string' } }, required: ['iban'] } },
    }
    const shown = await shownFor(
      'context.args.amount.lessThanOrEqual(decimal("50.00")) && ["USD", "GBP"].contains(context.args.currency) && context.args.note like "*z" && context.args.to.iban == "DE1"',
      input,
    )
    assert.deepEqual(shown.properties, {
      amount: { type: 'number', maximum: 20 },
      currency: { enum: ['GBP'] },
      note: { type: 'string', pattern: '^a', allOf: [{ pattern: '^[\\s\\S]*z$' }] },
      to: { allOf: [{ $ref: '#/$defs/to' }], properties: { iban: { enum: ['DE1'] } }, required: ['iban'] },
    })
  })

  it('two grants that cover a tool show neither limit, and an expired one counts no more', async () => {
    const both = [grant({ tools: REFUND_ONLY }), grant({ id: grantId('g_other'), tools: REFUND_ONLY })] as const
    const when = { text: 'context.args.currency == "EUR"', source: both[0].source }
    const bundle = await parseWith(CEDAR, [], [{ grant: both[0], when }, { grant: both[1] }], CATALOGUE)
    assert.ok(bundle.ok)
    const shown = (grants: typeof both | readonly []) =>
      shownInput(REFUND_SCHEMA, REFUND, authority(bundle.value, { grants }), NOW_MS)
    assert.deepEqual(shown(both), REFUND_SCHEMA)
    const [first, second] = both
    assert.notDeepEqual(shown([first, { ...second, expiresAtMs: NOW_MS }] as const), REFUND_SCHEMA)
    assert.deepEqual(shown([]), REFUND_SCHEMA)
  })
})

/** One demand of a condition, and values around it. */
const demands: readonly (readonly [argument: string, text: string, values: readonly Json[]])[] = [
  ['amount', 'context.args.amount.lessThanOrEqual(decimal("50.00"))', [49.9999, 50, 50.0001]],
  ['amount', 'context.args.amount.lessThan(decimal("0.3"))', [0.2999, 0.3, 0.30000000000000004]],
  ['amount', 'context.args.amount.greaterThan(decimal("-1.5"))', [-1.5001, -1.5, -1.4999]],
  [
    'amount',
    'context.args.amount.lessThan(decimal("900719925474099.1234"))',
    [900719925474099.1, 900719925474099.2, 900719925474099],
  ],
  ['amount', 'context.args.amount.greaterThanOrEqual(decimal("900000000000000.0001"))', [9e14, 900000000000000.1]],
  ['currency', 'context.args.currency == "EUR"', ['EUR', 'eur', '']],
  ['currency', '["EUR", "US\\"D"].contains(context.args.currency)', ['EUR', 'US"D', 'USD']],
  ['count', 'context.args has count && context.args.count > 3', [3, 4, 5]],
  ['count', 'context.args has count && context.args.count <= 9007199254740991', [9007199254740991, 0]],
  [
    'note',
    'context.args has note && context.args.note like "a.*(b)|\\*"',
    ['a.x(b)|*', 'a.(b)|*', 'ax(b)|*', 'a.\n(b)|*'],
  ],
  [
    'note',
    'if context.args has note then context.args.note like "*é😀" else true',
    ['é😀', 'e\u0301😀', 'x\né😀', 'é😀\n'],
  ],
  ['urgent', 'context.args has urgent && context.args.urgent', [true, false]],
  ['urgent', '!(context.args has urgent) || (context.args has urgent && !context.args.urgent)', [true, false]],
  [
    'tags',
    'context.args has tags && ["a", "b"].containsAll(context.args.tags)',
    [[], ['a'], ['b', 'a', 'a'], ['a', 'c']],
  ],
  ['tags', 'context.args has tags && context.args.tags.containsAny(["a", "b"])', [[], ['c', 'a'], ['c']]],
  ['tags', 'if context.args has tags then context.args.tags.contains("a") else true', [[], ['a', 'a'], ['c']]],
  ['to', 'context.args has to && context.args.to.iban like "DE*"', [{ iban: 'DE1' }, { iban: 'FR1', name: null }]],
  [
    'to',
    'if context.args has to.name then context.args.to.name == "Ana" else true',
    [{ iban: 'x', name: 'Ana' }, { iban: 'x', name: 'Eve' }, { iban: 'x', name: null }, { iban: 'x' }],
  ],
]

describe('S15: a shown limit is the condition’s own', () => {
  it('what is allowed validates, and what validates is allowed, at every edge', async () => {
    const seed = randomInt(2 ** 31)
    const wanted = fc.sample(fc.uniqueArray(fc.constantFrom(...demands), { minLength: 1, maxLength: 4 }), {
      numRuns: 40,
      seed,
    })
    const found = await bounded(wanted.map((some) => some.map(([, text]) => `(${text})`).join(' && ')))
    const pinned = new Ajv2020({ strict: false }).compile(REFUND_SCHEMA)
    const absent = Symbol('absent')
    const around = (argument: string) =>
      fc.constantFrom(absent, ...demands.filter(([name]) => name === argument).flatMap(([, , values]) => values))
    const args = fc.record({
      amount: around('amount'),
      currency: around('currency'),
      count: around('count'),
      note: around('note'),
      urgent: around('urgent'),
      tags: around('tags'),
      to: around('to'),
    })
    let allowed = 0
    const property = fc.property(fc.nat(found.length - 1), args, (which, values) => {
      const given = Object.fromEntries(Object.entries(values).filter(([, value]) => value !== absent)) as JsonObject
      const one = found[which]
      if (one === undefined || !pinned(given)) return
      const allows = one.allows(given)
      if (allows) allowed++
      const what = `${JSON.stringify(wanted[which])} ${JSON.stringify(given)}`
      if (allows) assert.ok(one.fits(given), what)
      // To four places: what is finer is refused wherever it is compared, and a bound finer than doubles is rounded.
      else if (/^-?\d{1,6}(\.\d{1,4})?$/.test(String(given.amount))) assert.ok(!one.fits(given), what)
    })
    fc.assert(property, { numRuns: 5_000, seed })
    assert.ok(allowed > 200, `${allowed} were allowed: too few to say anything`)
  })
})
