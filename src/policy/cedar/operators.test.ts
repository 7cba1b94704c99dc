import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { attribute, has } from './member.ts'
import { BINARY, type Evaluate, EXTENSION, ifThenElse, is, like, recordOf, setOf, UNARY } from './operators.ts'
import type { Request } from './request.ts'
import { CedarSet, Decimal, Entity, Fault, type Value, Withheld } from './value.ts'

const MAX = 2n ** 63n - 1n
const MIN = -(2n ** 63n)
const SAFE = Number.MAX_SAFE_INTEGER
const ALICE = new Entity('Agent', 'alice')
const TEAM = new Entity('Team', 'one')
const WITHHELD = new Withheld(new Fault('unrepresentable', 'not a text', '$.a'))
const LOSSY = new CedarSet([1, 2], new Fault('unrepresentable', 'order', '$.list'))
const UNKNOWN = new Fault('unknown', 'not known yet')
const BROKEN = new Fault('attribute', 'broken')
const LATER = new Fault('entity', 'later')
const REQUEST: Request = {
  principal: ALICE,
  action: ALICE,
  resource: TEAM,
  context: new Map(),
  entities: new Map([
    [ALICE.key, { attributes: new Map([['level', 3]]), ancestors: new Set([TEAM.key]) }],
    [TEAM.key, { attributes: new Map(), ancestors: new Set<string>() }],
  ]),
}

type Operand = Value | Fault | Withheld

const evaluated =
  (value: Operand): Evaluate =>
  () =>
    value as Value
const told = (value: Value | Fault) => (value instanceof Fault ? `${value.kind}: ${value.text}` : value)
const binary = (name: string, left: Operand, right: Operand) =>
  told((BINARY[name] ?? assert.fail())(evaluated(left), evaluated(right))(REQUEST))
const unary = (name: string, operand: Operand) => told((UNARY[name] ?? assert.fail())(evaluated(operand))(REQUEST))
const called = (name: string, ...args: readonly Operand[]) =>
  told((EXTENSION[name] ?? assert.fail()).make(args.map(evaluated))(REQUEST))

describe('binary operators', () => {
  const long = (got: string) => `type: expected long, got ${got}`
  const cases: readonly (readonly [left: Operand, operator: string, right: Operand, expected: unknown])[] = [
    [true, '&&', false, false],
    [true, '&&', true, true],
    [false, '&&', BROKEN, false],
    [true, '&&', BROKEN, 'attribute: broken'],
    [BROKEN, '&&', false, 'attribute: broken'],
    [1, '&&', false, 'type: expected bool, got long'],
    [true, '&&', 'a', 'type: expected bool, got string'],
    [UNKNOWN, '&&', false, false],
    [UNKNOWN, '&&', BROKEN, false],
    [UNKNOWN, '&&', true, 'unknown: not known yet'],
    [UNKNOWN, '&&', UNKNOWN, 'unknown: not known yet'],
    [false, '||', true, true],
    [false, '||', false, false],
    [true, '||', BROKEN, true],
    [false, '||', BROKEN, 'attribute: broken'],
    [BROKEN, '||', true, 'attribute: broken'],
    [new Decimal(1n), '||', true, 'type: expected bool, got decimal'],
    [false, '||', new CedarSet([]), 'type: expected bool, got set'],
    [1, '==', 1, true],
    [1, '==', '1', false],
    [1, '!=', 1, false],
    [1, '!=', '1', true],
    [BROKEN, '==', LATER, 'attribute: broken'],
    [1, '==', LATER, 'entity: later'],
    [LOSSY, '==', 1, 'unrepresentable: order'],
    [1, '==', LOSSY, 'unrepresentable: order'],
    [LOSSY, '!=', 1, 'unrepresentable: order'],
    [1, '!=', LOSSY, 'unrepresentable: order'],
    [new Map([['a', WITHHELD]]), '==', new Map(), 'unrepresentable: not a text'],
    [1, '<', 2, true],
    [2, '<', 2, false],
    [2, '<=', 2, true],
    [3, '<=', 2, false],
    [3, '>', 2, true],
    [2, '>', 2, false],
    [2, '>=', 2, true],
    [1, '>=', 2, false],
    [SAFE, '<', MAX, true],
    [MIN, '>=', 0, false],
    ['a', '<', 2, long('string')],
    [2, '<', 'a', long('string')],
    ['a', '<', 'b', 'type: expected one of [long, datetime, duration], got string'],
    [1, '+', 2, 3],
    [1, '-', 2, -1],
    [3, '*', -2, -6],
    [SAFE, '+', 1, 2n ** 53n],
    [2n ** 53n, '-', 1, SAFE],
    [-SAFE, '-', 1, -(2n ** 53n)],
    [SAFE, '*', 2, 2n ** 54n - 2n],
    [2n ** 53n, '*', 1024, 'overflow: integer overflow while attempting to multiply 9007199254740992 and 1024'],
    [MAX - 1n, '+', 1, MAX],
    [MAX, '+', 1, `overflow: integer overflow while attempting to add ${MAX} and 1`],
    [MIN + 1n, '-', 1, MIN],
    [MIN, '-', 1, `overflow: integer overflow while attempting to subtract ${MIN} and 1`],
    [true, '+', 'a', long('bool')],
    [1, '+', 'a', long('string')],
    [ALICE, 'in', TEAM, true],
    [ALICE, 'in', ALICE, true],
    [TEAM, 'in', ALICE, false],
    [ALICE, 'in', new CedarSet([]), false],
    [ALICE, 'in', new CedarSet([ALICE, TEAM]), true],
    [TEAM, 'in', new CedarSet([TEAM, ALICE]), true],
    [TEAM, 'in', new CedarSet([ALICE]), false],
    [ALICE, 'in', new CedarSet([TEAM, 1]), 'type: expected (entity of type `any_entity_type`), got long'],
    [ALICE, 'in', 'Team', 'type: expected one of [set, (entity of type `any_entity_type`)], got string'],
    [1, 'in', BROKEN, 'attribute: broken'],
    [1, 'in', TEAM, 'type: expected (entity of type `any_entity_type`), got long'],
    [BROKEN, 'in', LATER, 'attribute: broken'],
    [new CedarSet(['a', 1]), 'contains', 1, true],
    [new CedarSet(['a', 1]), 'contains', '1', false],
    [LOSSY, 'contains', 2, true],
    ['a', 'contains', 'a', 'type: expected set, got string'],
    [new CedarSet([1]), 'contains', LOSSY, 'unrepresentable: order'],
    [new CedarSet([1, 2]), 'containsAll', new CedarSet([2]), true],
    [new CedarSet([1, 2]), 'containsAll', new CedarSet([2, 3]), false],
    [new CedarSet([1]), 'containsAll', new CedarSet([]), true],
    [new CedarSet([1, 2]), 'containsAny', new CedarSet([2, 3]), true],
    [new CedarSet([1, 2]), 'containsAny', new CedarSet([3]), false],
    [new CedarSet([1]), 'containsAny', new CedarSet([]), false],
    [1, 'containsAny', new CedarSet([1]), 'type: expected set, got long'],
    [new CedarSet([1]), 'containsAll', ALICE, 'type: expected set, got (entity of type `Agent`)'],
  ]
  for (const [index, [left, operator, right, expected]] of cases.entries()) {
    it(`${operator}, ${index}`, () => assert.deepEqual(binary(operator, left, right), expected))
  }

  it('&& and || leave out what decides nothing', () => {
    const never: Evaluate = () => assert.fail('asked')
    for (const [name, decided] of [
      ['&&', false],
      ['||', true],
    ] as const)
      assert.equal((BINARY[name] ?? assert.fail())(evaluated(decided), never)(REQUEST), decided)
    assert.ok((BINARY['&&'] ?? assert.fail())(evaluated(BROKEN), never)(REQUEST) instanceof Fault)
  })
})

describe('unary operators and functions', () => {
  it('negate, turn signs and ask for emptiness', () => {
    assert.deepEqual(
      [true, false, 1, BROKEN].map((value) => unary('!', value)),
      [...[false, true, 'type: expected bool, got long', 'attribute: broken']],
    )
    assert.deepEqual(
      [5, MAX, MIN, 2n ** 53n - 1n, 'a', BROKEN].map((value) => unary('neg', value)),
      [
        -5,
        -MAX,
        `overflow: integer overflow while attempting to negate ${MIN}`,
        -SAFE,
        'type: expected long, got string',
        'attribute: broken',
      ],
    )
    assert.deepEqual(
      [new CedarSet([]), LOSSY, new Map(), BROKEN].map((value) => unary('isEmpty', value)),
      [...[true, false, 'type: expected set, got record', 'attribute: broken']],
    )
  })

  it('read decimals: digits on both sides, at most four behind the point, 64 bits', () => {
    const good: Readonly<Record<string, bigint>> = {
      '1.5': 15_000n,
      '-0.0001': -1n,
      '007.10': 71_000n,
      '922337203685477.5807': MAX,
      '-922337203685477.5808': MIN,
    }
    for (const [text, units] of Object.entries(good)) assert.deepEqual(called('decimal', text), new Decimal(units))
    const large = ['922337203685477.5808', '-922337203685477.5809']
    for (const text of large) assert.equal(called('decimal', text), `extension: ${text} is too large for a decimal`)
    for (const text of ['', '1', '1.', '.5', '1.00001', '+1.0', '1.0 ', '1e3', '٣.0'])
      assert.equal(
        called('decimal', text),
        `extension: ${JSON.stringify(text)} is not a decimal with one to four places`,
      )
    assert.equal(called('decimal', 1), 'type: expected string, got long')
    assert.equal(called('decimal', BROKEN), 'attribute: broken')
  })

  it('compare decimals', () => {
    const [one, two] = [new Decimal(1n), new Decimal(2n)]
    const compared = (name: string) => [called(name, one, two), called(name, two, two), called(name, two, one)]
    assert.deepEqual(compared('lessThan'), [true, false, false])
    assert.deepEqual(compared('lessThanOrEqual'), [true, true, false])
    assert.deepEqual(compared('greaterThan'), [false, false, true])
    assert.deepEqual(compared('greaterThanOrEqual'), [false, true, true])
    assert.equal(called('lessThan', 1, 'a'), 'type: expected decimal, got long')
    assert.equal(called('lessThan', one, 'a'), 'type: expected decimal, got string')
    assert.equal(called('lessThan', BROKEN, LATER), 'attribute: broken')
    assert.equal(called('lessThan', one, LATER), 'entity: later')
    assert.deepEqual(
      Object.entries(EXTENSION).map(([name, { arity }]) => [name, arity]),
      [
        ['decimal', 1],
        ...['lessThan', 'lessThanOrEqual', 'greaterThan', 'greaterThanOrEqual'].map((name) => [name, 2]),
      ],
    )
  })
})

describe('the other operators', () => {
  it('choose, and look at nothing else', () => {
    const never: Evaluate = () => assert.fail('asked')
    assert.equal(ifThenElse(evaluated(true), evaluated(1), never)(REQUEST), 1)
    assert.equal(ifThenElse(evaluated(false), never, evaluated(2))(REQUEST), 2)
    assert.equal(told(ifThenElse(evaluated(BROKEN), never, never)(REQUEST)), 'attribute: broken')
    assert.equal(told(ifThenElse(evaluated('a'), never, never)(REQUEST)), 'type: expected bool, got string')
  })

  it('ask for the type of an entity, and nothing of its id', () => {
    const asked = (value: Operand) => told(is(evaluated(value), 'Agent')(REQUEST))
    assert.deepEqual([ALICE, new Entity('alice', 'Agent'), BROKEN].map(asked), [true, false, 'attribute: broken'])
    assert.equal(asked(new Map()), 'type: expected (entity of type `any_entity_type`), got record')
  })

  it('match texts', () => {
    const matches = (text: Operand, ...pattern: readonly (string | undefined)[]) =>
      told(like(evaluated(text), pattern)(REQUEST))
    const any = undefined
    const cases: readonly (readonly [boolean, string, ...(string | undefined)[]])[] = [
      [true, ''],
      [false, 'a'],
      [true, 'ab', 'a', 'b'],
      [false, 'abc', 'ab'],
      [false, 'cab', 'ab'],
      [true, 'abc', 'ab', any],
      [true, 'ab', 'ab', any],
      [true, 'cab', any, 'ab'],
      [false, 'cabc', any, 'ab'],
      [true, 'aXa', 'a', any, 'a'],
      [true, 'aa', 'a', any, 'a'],
      [false, 'a', 'a', any, 'a'],
      [true, 'a1b2c', 'a', any, 'b', any, 'c'],
      [false, 'a1c2b', 'a', any, 'b', any, 'c'],
      [false, 'abc', 'a', any, 'bc', any, 'c'],
      [true, 'abcc', 'a', any, 'bc', any, 'c'],
      [true, 'xbyb', any, 'b', any, 'b', any],
      [false, 'xb', any, 'b', any, 'b', any],
      [true, 'anything', any, any],
      [false, 'A', 'a'],
    ]
    for (const [expected, text, ...pattern] of cases)
      assert.equal(matches(text, ...pattern), expected, `${text} ${pattern}`)
    assert.equal(matches(1, any), 'type: expected string, got long')
    assert.equal(matches(BROKEN, any), 'attribute: broken')
  })

  it('make sets of what can be compared, up to the first fault', () => {
    assert.deepEqual(setOf([evaluated(1), evaluated('a')])(REQUEST), new CedarSet([1, 'a']))
    assert.equal(told(setOf([evaluated(LOSSY), evaluated(BROKEN)])(REQUEST)), 'unrepresentable: order')
    assert.equal(told(setOf([evaluated(BROKEN), evaluated(LATER)])(REQUEST)), 'attribute: broken')
  })

  it('make records in the order of their names’ bytes, up to the first fault', () => {
    const made = (...fields: readonly (readonly [string, Operand])[]) =>
      recordOf(fields.map(([name, value]) => [name, evaluated(value)]))(REQUEST)
    assert.deepEqual(
      made(['b', 2], ['a', 1]),
      new Map([
        ['a', 1],
        ['b', 2],
      ]),
    )
    assert.equal(told(made(['b', BROKEN], ['a', LATER])), 'entity: later')
    // UTF-16 would put them the other way round.
    assert.equal(told(made(['😀', BROKEN], ['\uffee', LATER])), 'entity: later')
  })

  it('take attributes of records and of entities that are known', () => {
    const taken = (from: Operand, name: string) => told(attribute(evaluated(from), name)(REQUEST))
    assert.equal(taken(new Map([['a', 1]]), 'a'), 1)
    assert.equal(taken(new Map(), 'a"b'), 'attribute: there is no attribute "a\\"b"')
    assert.equal(taken(new Map([['a', WITHHELD]]), 'a'), 'unrepresentable: not a text')
    assert.equal(taken(ALICE, 'level'), 3)
    assert.equal(taken(ALICE, 'a'), 'attribute: there is no attribute "a"')
    assert.equal(taken(new Entity('Agent', 'bob'), 'level'), 'entity: entity Agent::"bob" does not exist')
    assert.equal(
      taken('text', 'length'),
      'type: expected one of [record, (entity of type `any_entity_type`)], got string',
    )
    assert.equal(taken(BROKEN, 'a'), 'attribute: broken')
  })

  it('ask whether there is an attribute, step by step', () => {
    const asked = (from: Operand, ...path: readonly string[]) => told(has(evaluated(from), path)(REQUEST))
    const record = new Map<string, Value | Withheld>([
      ['a', new Map([['b', new Map()]])],
      ['bad', WITHHELD],
      ['alice', ALICE],
      ['n', 1],
    ])
    assert.deepEqual([asked(record, 'a'), asked(record, 'a', 'b'), asked(record, 'a', 'b', 'c')], [true, true, false])
    assert.deepEqual([asked(record, 'z'), asked(record, 'z', 'b'), asked(record, 'a', 'z', 'c')], [false, false, false])
    assert.deepEqual([asked(record, 'alice', 'level'), asked(record, 'alice', 'age')], [true, false])
    assert.deepEqual([asked(ALICE, 'level'), asked(new Entity('Agent', 'bob'), 'level')], [true, false])
    // It is there, though nobody can look at it.
    assert.deepEqual([asked(record, 'bad'), asked(record, 'bad', 'b')], [true, 'unrepresentable: not a text'])
    const wrong = 'type: expected one of [record, (entity of type `any_entity_type`)], got long'
    assert.deepEqual([asked(record, 'n', 'b'), asked(1, 'b'), asked(BROKEN, 'b')], [wrong, wrong, 'attribute: broken'])
  })
})
