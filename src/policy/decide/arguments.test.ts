import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { type Json, type JsonObject, LIMITS } from '../../model/index.ts'
import { CedarSet, Decimal, Withheld } from '../cedar/value.ts'
import type { ArgumentType } from './argument-type.ts'
import { argumentMapper, refuseArguments } from './arguments.ts'

describe('refuseArguments', () => {
  it('S11: a name that Cedar reserves is refused wherever it stands, and its place is told', () => {
    const cases: readonly (readonly [JsonObject, path: string | undefined])[] = [
      [{ __entity: 1 }, '$.__entity'],
      [{ a: { __extn: {} } }, '$.a.__extn'],
      [{ a: [{ b: 1 }, { c: [{ __expr: null }] }] }, '$.a[1].c[0].__expr'],
      [{ __proto: 1, _entity: 2, entity__: 3, '__entity ': 4 }, undefined],
    ]
    for (const [args, path] of cases) {
      const expected = path === undefined ? undefined : { path, problem: 'a name that Cedar reserves' }
      assert.deepEqual(refuseArguments(args), expected)
    }
  })

  it('S17: as deep as the limit and no deeper; nothing at the bottom is no level of its own', () => {
    const nested = (levels: number, bottom: Json): Json => (levels === 0 ? bottom : { in: nested(levels - 1, bottom) })
    const deepest = nested(LIMITS.jsonDepthMax - 1, [null, 'x']) as JsonObject
    assert.equal(refuseArguments(deepest), undefined)
    const refused = refuseArguments(nested(LIMITS.jsonDepthMax - 1, [[]]) as JsonObject)
    assert.equal(refused?.path, `$${'.in'.repeat(LIMITS.jsonDepthMax - 1)}[0]`)
    assert.match(refused.problem, /^nested more than 32 deep$/)
  })

  it('S17: as many values as the limit and no more', () => {
    const list = (length: number): JsonObject => ({ list: Array(length).fill(null) })
    assert.equal(refuseArguments(list(LIMITS.jsonNodesMax - 1)), undefined)
    assert.deepEqual(refuseArguments(list(LIMITS.jsonNodesMax)), {
      path: `$.list[${LIMITS.jsonNodesMax - 1}]`,
      problem: `more than ${LIMITS.jsonNodesMax} values`,
    })
    const members = (count: number) => Object.fromEntries(Array.from({ length: count }, (_, i) => [`m${i}`, 0]))
    assert.equal(refuseArguments(members(LIMITS.jsonNodesMax)), undefined)
    assert.notEqual(refuseArguments(members(LIMITS.jsonNodesMax + 1)), undefined)
  })
})

describe('argumentMapper', () => {
  const kinds: Record<string, ArgumentType> = {
    text: { kind: 'string' },
    yes: { kind: 'boolean' },
    count: { kind: 'long' },
    amount: { kind: 'decimal' },
    tags: { kind: 'set', element: { kind: 'string' } },
    lists: { kind: 'set', element: { kind: 'set', element: { kind: 'long' } } },
    rows: {
      kind: 'set',
      element: record({ id: { kind: 'string' }, tags: { kind: 'set', element: { kind: 'string' } } }),
    },
    to: record({ name: { kind: 'string' }, deep: record({ er: { kind: 'long' } }) }),
    any: { kind: 'opaque', why: 'its schema allows anything' },
  }
  const map = argumentMapper(record(kinds))

  const good: readonly (readonly [name: string, Json, unknown])[] = [
    ['text', 'é', 'é'],
    ['text', '', ''],
    ['yes', false, false],
    ['yes', true, true],
    ['count', -3, -3],
    ['count', Number.MAX_SAFE_INTEGER, Number.MAX_SAFE_INTEGER],
    ['amount', 3, new Decimal(30_000n)],
    ['amount', -0.0001, new Decimal(-1n)],
    ['amount', 99_999_999_999.9999, new Decimal(999_999_999_999_999n)],
    ['amount', 100_000_000_000, new Decimal(1_000_000_000_000_000n)],
    ['amount', -100_000_000_000.25, new Decimal(-1_000_000_000_002_500n)],
    ['amount', 922_337_203_685_477, new Decimal(9_223_372_036_854_770_000n)],
    ['amount', -922_337_203_685_477, new Decimal(-9_223_372_036_854_770_000n)],
    ['tags', [], new CedarSet([])],
    ['tags', ['a'], new CedarSet(['a'])],
    ['to', {}, new Map()],
    [
      'to',
      { name: 'x', deep: { er: 1 } },
      new Map<string, unknown>([
        ['name', 'x'],
        ['deep', new Map([['er', 1]])],
      ]),
    ],
    ['to', { name: null }, new Map()],
  ]
  for (const [name, json, value] of good) {
    it(`AR1: ${name} ${JSON.stringify(json)}`, () => assert.deepEqual(map({ [name]: json }), new Map([[name, value]])))
  }

  it('AR1: what is null is absent, and only that', () => {
    assert.deepEqual([...map({ text: null, yes: false, count: 0, tags: [] }).keys()], ['yes', 'count', 'tags'])
  })

  it('AR2: of several items neither order nor repeats are known, which is told; of one there is nothing to know', () => {
    const several = map({ tags: ['b', 'a', 'b'] }).get('tags')
    assert.ok(several instanceof CedarSet)
    assert.deepEqual(several.items, ['b', 'a', 'b'])
    assert.equal(several.lossy?.kind, 'unrepresentable')
    assert.equal(several.lossy.path, '$.tags')
    const [inner] = (map({ rows: [{ tags: ['a'] }] }).get('rows') as CedarSet).items
    assert.deepEqual(inner, new Map([['tags', new CedarSet(['a'])]]))
  })

  const bad: readonly (readonly [name: string, Json, path: string, problem: RegExp])[] = [
    ['text', 5, '$.text', /well-formed text/],
    ['text', '\ud800', '$.text', /well-formed text/],
    ['yes', 'true', '$.yes', /not a boolean/],
    ['count', 1.5, '$.count', /not an integer/],
    ['count', '1', '$.count', /not an integer/],
    ['count', 2 ** 53, '$.count', /not an integer/],
    ['amount', '3', '$.amount', /four decimal places/],
    ['amount', '100000000000', '$.amount', /four decimal places/],
    ['amount', 0.00001, '$.amount', /four decimal places/],
    ['amount', 1.00005, '$.amount', /four decimal places/],
    ['amount', 1e21, '$.amount', /four decimal places/],
    ['amount', 922_337_203_685_478, '$.amount', /four decimal places/],
    ['amount', -922_337_203_685_478, '$.amount', /four decimal places/],
    ['tags', 'a', '$.tags', /not an array/],
    ['tags', ['a', null], '$.tags', /element/],
    ['tags', [5], '$.tags', /element/],
    ['lists', [[1, 2]], '$.lists', /element/],
    ['rows', [{ id: 5 }], '$.rows', /element/],
    ['rows', [{ id: 'x', tags: ['a', 'b'] }], '$.rows', /element/],
    ['rows', [{ tags: ['a', 'b'] }], '$.rows', /element/],
    ['rows', [{ other: 'x' }], '$.rows', /element/],
    ['to', [], '$.to', /not an object/],
    ['any', 'x', '$.any', /allows anything/],
    ['undeclared', 'x', '$', /does not declare/],
  ]
  for (const [name, json, path, problem] of bad) {
    it(`AR2: ${name} ${JSON.stringify(json)} is withheld`, () => {
      const found = map({ [name]: json }).get(name)
      assert.ok(found instanceof Withheld)
      assert.equal(found.fault.kind, 'unrepresentable')
      assert.equal(found.fault.path, path)
      assert.match(found.fault.text, problem)
    })
  }

  it('AR2: inside a record what is wrong is withheld by itself, at its own place', () => {
    const to = map({ to: { name: 'x', deep: { er: 'y', other: 1 } } }).get('to')
    assert.ok(to instanceof Map && to.get('name') === 'x')
    const faults = [...(to.get('deep') as ReadonlyMap<string, Withheld>)].map(([name, { fault }]) => [name, fault.path])
    assert.deepEqual(faults, [
      ['er', '$.to.deep.er'],
      ['other', '$.to.deep'],
    ])
  })
})

function record(kinds: Record<string, ArgumentType>): ArgumentType & { readonly kind: 'record' } {
  const fields = Object.entries(kinds).map(([name, type]) => [name, { type, required: false }])
  return { kind: 'record', fields: Object.fromEntries(fields) }
}
