import { decimalText } from '../../../src/model/money.ts'
import type { Entity } from '../../../src/policy/cedar/value.ts'
import { cedarString } from '../../../src/policy/cedar/vocabulary.ts'
import type { Random } from './random.ts'
import { ATTRIBUTES, DECIMAL_UNITS, ENTITIES, LONGS, TEXTS } from './universe.ts'

/** Cedar text with its literals kept apart, so that one of them can be changed and the rest stays. */
export interface Expression {
  /** The operator at its root, by the name that Cedar's JSON policy format has for it. */
  readonly operator: string
  /** Texts between which the literals stand: one more than there are literals. */
  readonly texts: readonly string[]
  readonly literals: readonly Literal[]
}

export type Literal =
  | { readonly kind: 'long'; readonly value: bigint }
  | { readonly kind: 'text'; readonly value: string }
  /** What stands inside `decimal("…")`: often no decimal at all. */
  | { readonly kind: 'decimal'; readonly value: string }
  /** Parts of a `like` pattern: `undefined` is `*`. */
  | { readonly kind: 'pattern'; readonly value: readonly (string | undefined)[] }

type Kind = 'bool' | 'long' | 'text' | 'decimal' | 'entity' | 'set' | 'record'
const KINDS: readonly Kind[] = ['bool', 'long', 'text', 'decimal', 'entity', 'set', 'record']

export function textOf({ texts, literals }: Expression): string {
  return texts.reduce((all, text, index) => {
    const literal = literals[index - 1]
    return `${all}${literal ? literalText(literal) : ''}${text}`
  })
}

/** Each operator's name, and how to write one at random whose operands have the types that it wants. */
export const ROOTS: Readonly<
  Record<string, readonly [result: Kind, write: (random: Random, depth: number) => Expression]>
> = {
  '&&': ['bool', infix('&&', 'bool', 'bool')],
  '||': ['bool', infix('||', 'bool', 'bool')],
  '!': ['bool', (random, depth) => join('!', '!(', expression(random, 'bool', depth), ')')],
  '==': ['bool', alike('==')],
  '!=': ['bool', alike('!=')],
  '<': ['bool', ordered('<')],
  '<=': ['bool', ordered('<=')],
  '>': ['bool', ordered('>')],
  '>=': ['bool', ordered('>=')],
  '+': ['long', infix('+', 'long', 'long')],
  '-': ['long', infix('-', 'long', 'long')],
  '*': ['long', infix('*', 'long', 'long')],
  neg: ['long', (random, depth) => join('neg', '-(', expression(random, 'long', depth), ')')],
  in: ['bool', inExpression],
  is: ['bool', isExpression],
  has: ['bool', hasExpression],
  '.': ['long', (random) => attributeOf(random, random.pick(KINDS))],
  like: ['bool', likeExpression],
  contains: ['bool', containsExpression],
  containsAll: ['bool', ofTwoSets('containsAll')],
  containsAny: ['bool', ofTwoSets('containsAny')],
  isEmpty: ['bool', (random, depth) => join('isEmpty', '(', expression(random, 'set', depth), ').isEmpty()')],
  'if-then-else': ['long', (random, depth) => ifExpression(random, random.pick(KINDS), depth)],
  Set: ['set', setExpression],
  Record: ['record', recordExpression],
  decimal: ['decimal', decimalExpression],
  lessThan: ['bool', method('lessThan', 'decimal', 'decimal')],
  lessThanOrEqual: ['bool', method('lessThanOrEqual', 'decimal', 'decimal')],
  greaterThan: ['bool', method('greaterThan', 'decimal', 'decimal')],
  greaterThanOrEqual: ['bool', method('greaterThanOrEqual', 'decimal', 'decimal')],
}

export const OPERATORS: readonly string[] = Object.keys(ROOTS)

/** Each at least once; more often those in which a bug shows only now and then. */
export const OPERATORS_WEIGHED: readonly string[] = [
  ...OPERATORS,
  ...['like', 'like', 'like', 'Record', 'Record', '==', '==', '!=', 'has', 'contains', '+', 'decimal', '<', 'neg'],
  ...['in', 'in', '&&', 'lessThan', 'lessThanOrEqual', 'greaterThan', 'greaterThanOrEqual'],
]

/** An expression that should have this type. Some have another, or none: faults are half of what is tested. */
export function expression(random: Random, kind: Kind, depth: number): Expression {
  if (random.chance(0.02)) return plain('fault', random.pick(FAULTS))
  if (random.chance(0.05)) return expression(random, random.pick(KINDS), depth)
  if (depth <= 0 || random.chance(0.3)) return random.chance(0.5) ? leaf(random, kind) : attributeOf(random, kind)
  if (random.chance(0.08)) return ifExpression(random, kind, depth - 1)
  const fitting = OPERATORS.filter((name) => ROOTS[name]?.[0] === kind && name !== '.' && name !== 'if-then-else')
  return fitting.length === 0 ? leaf(random, kind) : rooted(random, random.pick(fitting), depth - 1)
}

export function rooted(random: Random, operator: string, depth: number): Expression {
  const root = ROOTS[operator]
  if (!root) throw new RangeError(operator)
  return root[1](random, depth)
}

/** The same with one literal a little different: off by one, another case, one more place, one wildcard less. */
export function mutated(random: Random, expression: Expression): Expression {
  if (expression.literals.length === 0) return expression
  const at = random.below(expression.literals.length)
  return {
    ...expression,
    literals: expression.literals.map((each, index) => (index === at ? changed(random, each) : each)),
  }
}

function changed(random: Random, literal: Literal): Literal {
  switch (literal.kind) {
    case 'long':
      return { kind: 'long', value: safe(random.pick([literal.value + 1n, literal.value - 1n, -literal.value, 0n])) }
    case 'text':
      return { kind: 'text', value: changedText(random, literal.value) }
    case 'decimal':
      return { kind: 'decimal', value: changedDecimal(random, literal.value) }
    case 'pattern': {
      const at = random.below(literal.value.length + 1)
      const part = random.chance(0.5) ? [] : [random.chance(0.5) ? undefined : random.pick(TEXTS)]
      return { kind: 'pattern', value: literal.value.toSpliced(at, random.below(2), ...part) }
    }
  }
}

function changedText(random: Random, text: string): string {
  return random
    .pick([text.slice(1), `${text}a`, ` ${text}`, text.toUpperCase(), text.normalize('NFD'), text.normalize('NFC'), ''])
    .toWellFormed()
}

function changedDecimal(random: Random, text: string): string {
  const less = random.pick([text.slice(0, -1), text.slice(1), text.replace('.', '')]).toWellFormed()
  return random.pick([
    `${text}0`,
    `0${text}`,
    `9${text}`,
    `-${text}`,
    `+${text}`,
    less,
    ` ${text}`,
    `${text}1`,
    '1e3',
    '٣.0',
  ])
}

/** As far as Cedar's JSON policy format is exact; longer literals are refused at load. */
function safe(value: bigint): bigint {
  return BigInt.asIntN(53, value)
}

function leaf(random: Random, kind: Kind): Expression {
  switch (kind) {
    case 'bool':
      return plain('Value', random.pick(['true', 'false']))
    case 'long':
      return random.chance(0.1) ? edge(random) : literal({ kind: 'long', value: BigInt(random.pick(LONGS)) })
    case 'text':
      return literal({ kind: 'text', value: random.pick(TEXTS) })
    case 'decimal':
      return literal({
        kind: 'decimal',
        value: random.chance(0.1) ? random.pick(TEXTS) : decimalText(random.pick(DECIMAL_UNITS)),
      })
    case 'entity':
      return random.chance(0.5)
        ? plain('Var', random.pick(['principal', 'action', 'resource']))
        : plain('Value', entityText(random.pick(ENTITIES)))
    case 'set':
      return setExpression(random, 0)
    case 'record':
      return random.chance(0.3) ? plain('Var', 'context') : recordExpression(random, 0)
  }
}

/** At or next to the greatest or least of 64 bits, which no literal can be. */
function edge(random: Random): Expression {
  const sign = random.pick([1n, -1n])
  const rest = sign * random.pick([1022n, 1023n, 1024n, 1025n])
  const great = literal({ kind: 'long', value: sign * BigInt(Number.MAX_SAFE_INTEGER) })
  return join('+', '((', great, ' * 1024) + ', literal({ kind: 'long', value: rest }), ')')
}

/** One of each kind. */
const FAULTS: readonly string[] = [
  '1 + "a"',
  'context.zz',
  '9007199254740991 * 9007199254740991',
  'Team::"nobody".n',
  'decimal("a")',
]

const NAMES: Readonly<Record<Kind, readonly string[]>> = {
  bool: ['context.b', 'context.b', 'context.r["é"]'],
  long: ['context.n', 'context.m', 'context.r.n', 'principal.level', 'context.r.r.n', 'context["é"]'],
  text: ['context.s', 'context.t', 'context.r.s', 'principal.owner', 'context["we ird"]'],
  decimal: ['context.d'],
  entity: ['context.e'],
  set: ['context.list'],
  record: ['context.r', 'context.r.r', 'principal.r'],
}

function attributeOf(random: Random, kind: Kind): Expression {
  if (random.chance(0.93)) return plain('.', random.pick(NAMES[kind]))
  return join(
    '.',
    '(',
    leaf(random, random.pick(['record', 'entity', 'long'])),
    `)[${cedarString(random.pick(ATTRIBUTES))}]`,
  )
}

function infix(operator: string, left: Kind, right: Kind): (random: Random, depth: number) => Expression {
  return (random, depth) =>
    join(
      operator,
      '(',
      expression(random, random.chance(0.06) ? random.pick(KINDS) : left, depth),
      `) ${operator} (`,
      expression(random, right, depth),
      ')',
    )
}

function alike(operator: string): (random: Random, depth: number) => Expression {
  return (random, depth) => {
    if (random.chance(0.05))
      return join(operator, plain('Value', 'Agent::"x"'), ` ${operator} `, plain('Value', 'Team::"x"'))
    const kind = random.pick<Kind>([...KINDS, 'set', 'set', 'record'])
    const left = expression(random, kind, depth)
    const right = random.pick([left, mutated(random, left), expression(random, kind, depth)])
    return join(operator, '(', left, `) ${operator} (`, right, ')')
  }
}

/** Only Longs can be compared; two of another type are the case to get wrong. */
function ordered(operator: string): (random: Random, depth: number) => Expression {
  return (random, depth) => {
    const kind = random.chance(0.9) ? 'long' : random.pick(KINDS)
    const same = expression(random, kind, depth)
    if (random.chance(0.25)) return join(operator, '(', same, `) ${operator} (`, same, ')')
    return infix(operator, kind, kind)(random, depth)
  }
}

function method(name: string, left: Kind, right: Kind): (random: Random, depth: number) => Expression {
  return (random, depth) =>
    join(
      name,
      '(',
      expression(random, random.chance(0.08) ? random.pick(KINDS) : left, depth),
      `).${name}(`,
      expression(random, right, depth),
      ')',
    )
}

/** Every other time of something that is surely in the set. */
function containsExpression(random: Random, depth: number): Expression {
  const kind = random.pick<Kind>(['long', 'text', 'entity', 'set', 'record'])
  const item = expression(random, kind, depth - 1)
  if (random.chance(0.5)) return method('contains', 'set', kind)(random, depth)
  return join('contains', '[', expression(random, kind, depth - 1), ', ', item, '].contains(', item, ')')
}

/** Every other time of sets that surely share something. */
function ofTwoSets(name: string): (random: Random, depth: number) => Expression {
  return (random, depth) => {
    if (random.chance(0.5)) return method(name, 'set', 'set')(random, depth)
    const kind = random.pick<Kind>(['long', 'text', 'entity'])
    const [shared, one, other] = [expression(random, kind, 0), expression(random, kind, 0), expression(random, kind, 0)]
    const right = random.chance(0.5) ? ['[', shared, ']'] : ['[', other, ', ', shared, ']']
    return join(name, '[', one, ', ', shared, `].${name}(`, ...right, ')')
  }
}

function inExpression(random: Random, depth: number): Expression {
  if (random.chance(0.04)) return join('in', '(1) in (', plain('fault', random.pick(FAULTS)), ')')
  if (random.chance(0.2))
    return plain('in', random.pick(['principal in principal', 'resource in [resource, principal]']))
  return infix('in', 'entity', random.chance(0.5) ? 'entity' : 'set')(random, depth)
}

function isExpression(random: Random, depth: number): Expression {
  const entity = expression(random, 'entity', depth)
  const type = random.pick(ENTITIES).type
  if (random.chance(0.6)) return join('is', '(', entity, `) is ${type}`)
  return join('is', '(', entity, `) is ${type} in (`, expression(random, random.pick(['entity', 'set']), depth), ')')
}

function hasExpression(random: Random, depth: number): Expression {
  const from = random.chance(0.6)
    ? plain('Var', random.pick(['context', 'principal']))
    : expression(random, 'record', depth)
  if (random.chance(0.4)) return join('has', '(', from, `) has ${cedarString(random.pick(ATTRIBUTES))}`)
  const path = Array.from({ length: 1 + random.below(3) }, () => random.pick(['n', 's', 'r', 'owner', 'level', 'zz']))
  return join('has', '(', from, `) has ${path.join('.')}`)
}

/** Most patterns are made of pieces of the very text, so that they match, or nearly do. */
function likeExpression(random: Random, depth: number): Expression {
  if (random.chance(0.25)) {
    const value = Array.from({ length: random.below(5) }, () => (random.chance(0.5) ? undefined : random.pick(TEXTS)))
    return join('like', '(', expression(random, 'text', depth), ') like ', literal({ kind: 'pattern', value }), '')
  }
  const letters = Array.from({ length: random.below(6) }, () => random.pick(['a', 'b'])).join('')
  const cuts = Array.from({ length: 2 * random.below(4) }, () => random.below(letters.length + 1))
  if (random.chance(0.7)) cuts.sort()
  const pieces = Array.from({ length: cuts.length / 2 }, (_, index) =>
    letters.slice(cuts[2 * index], cuts[2 * index + 1]),
  )
  const value: (string | undefined)[] = random.chance(0.5) ? [undefined] : [letters.slice(0, random.below(3))]
  for (const piece of pieces) value.push(...(piece === '' ? [] : [piece]), undefined)
  if (random.chance(0.7)) value.push(letters.slice(random.below(letters.length + 1)))
  const pattern = random.chance(0.15) ? [letters] : value
  const text = random.chance(0.1) ? letters.toUpperCase() : letters
  return join(
    'like',
    '(',
    literal({ kind: 'text', value: text }),
    ') like ',
    literal({ kind: 'pattern', value: pattern }),
    '',
  )
}

function ifExpression(random: Random, kind: Kind, depth: number): Expression {
  const [condition, then, otherwise] = [
    expression(random, 'bool', depth),
    expression(random, kind, depth),
    expression(random, kind, depth),
  ]
  return join('if-then-else', '(if (', condition, ') then (', then, ') else (', otherwise, '))')
}

function setExpression(random: Random, depth: number): Expression {
  const kind = random.pick<Kind>(['long', 'text', 'entity', 'entity', 'long', 'set', 'decimal'])
  const items = Array.from({ length: random.below(4) }, () => expression(random, kind, depth - 1))
  return join('Set', '[', ...items.flatMap((item, index) => [index === 0 ? '' : ', ', item]), ']')
}

/** Sometimes with several faults, of which the order of the names decides. */
function recordExpression(random: Random, depth: number): Expression {
  const faulty = random.chance(0.3)
  const twins = ['😀', '\uffee'] // which UTF-16 would put the other way round
  const names =
    faulty && random.chance(0.3)
      ? twins
      : random.some(['s', 'n', 'r', 'é', 'we ird', '😀', '\uffee', 'a', '9', '10'], faulty ? 0.6 : 0.3)
  const fields = names.flatMap((name, index) => [
    `${index === 0 ? '' : ', '}${cedarString(name)}: `,
    faulty && random.chance(0.6)
      ? plain('fault', random.pick(FAULTS))
      : expression(random, random.pick(KINDS), Math.min(depth - 1, 1)),
  ])
  return join('Record', '{', ...fields, '}')
}

function decimalExpression(random: Random, depth: number): Expression {
  if (random.chance(0.6)) return { ...leaf(random, 'decimal'), operator: 'decimal' }
  return join('decimal', 'decimal(', expression(random, 'text', depth), ')')
}

function plain(operator: string, text: string): Expression {
  return { operator, texts: [text], literals: [] }
}

function literal(value: Literal): Expression {
  return { operator: 'Value', texts: ['', ''], literals: [value] }
}

/** One expression from texts and others, in their order. */
function join(operator: string, ...parts: readonly (string | Expression)[]): Expression {
  const texts = ['']
  const literals: Literal[] = []
  for (const part of parts) {
    const [head = '', ...rest] = typeof part === 'string' ? [part] : part.texts
    texts.push(`${texts.pop()}${head}`, ...rest)
    if (typeof part !== 'string') literals.push(...part.literals)
  }
  return { operator, texts, literals }
}

function literalText(literal: Literal): string {
  switch (literal.kind) {
    case 'long':
      return literal.value < 0n ? `(${literal.value})` : `${literal.value}`
    case 'text':
      return cedarString(literal.value)
    case 'decimal':
      return `decimal(${cedarString(literal.value)})`
    case 'pattern':
      return `"${literal.value.map((part) => (part === undefined ? '*' : cedarString(part).slice(1, -1).replaceAll('*', '\\*'))).join('')}"`
  }
}

export function entityText({ type, id }: Entity): string {
  return `${type}::${cedarString(id)}`
}
